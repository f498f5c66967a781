"""Results of boundaries that another process computed ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from stages.validate.fits import SETTINGS, Fit
from torch import Tensor, nn
from zoo import Classifier
from zoo.scored import rounded

from lightning_trt.errors import ReplayError
from lightning_trt.replay import copy_of, num_batches, only_batches
from lightning_trt.stages.validate import Foreseen, foresee, validate

if TYPE_CHECKING:
    from lightning_trt.artifacts import Scores
    from lightning_trt.replay import Step, Subject


class Counting(nn.Module):
    """A net that counts its calls."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.num_calls = 0

    def forward(self, images: Tensor) -> Tensor:
        """What the net gives."""
        self.num_calls += 1
        return self.net(images)


class Noisy(Classifier):
    """Draws random numbers in its step."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """On images with noise."""
        images, targets = batch
        super().validation_step((images + torch.randn_like(images), targets), batch_idx)


def ahead(subject: Subject, engine: nn.Module, ranges: list[range]) -> dict[tuple[int, int], Any]:
    """What was kept of those batches, by their number in the whole."""
    kept = {}

    def keep(step: Step, results: Any) -> None:
        kept[step.dataloader_idx, ranges[step.dataloader_idx].start + step.batch_idx] = results

    part = only_batches(subject, ranges)
    foresee(part, engines={"int8": {"model": engine}}, boundaries=("model",), keep=keep)
    return kept


def scores(subject: Subject, engine: nn.Module, kept: dict[tuple[int, int], Any] | None = None) -> Scores:
    """Of one candidate, with what is known ahead."""
    known = kept or {}
    foreseen = Foreseen(lambda step: known.get((step.dataloader_idx, step.batch_idx)))
    return validate(
        subject, engines={"int8": {"model": engine}}, settings=SETTINGS, monitor="val/acc", foreseen=foreseen
    )


@pytest.fixture(scope="module")
def engine(fit: Fit) -> Counting:
    """A candidate's engine."""
    return Counting(rounded(fit.module.model, step=0.2))


def test_what_is_known_ahead_is_not_computed_again(fit: Fit, engine: Counting) -> None:
    """Of 26 batches eleven are known, and the scores are the same, evidence included."""
    whole = scores(fit.subject(), engine)
    kept = ahead(fit.subject(), engine, [range(15, 26)])
    engine.num_calls = 0

    found = scores(fit.subject(), engine, kept)

    assert num_batches(fit.subject()) == (26,)
    assert engine.num_calls == 15
    assert found == whole


def test_results_for_other_inputs_are_not_taken(fit: Fit, engine: Counting) -> None:
    """The second half's, offered for the first one's batches."""
    kept = ahead(fit.subject(), engine, [range(13, 26)])
    engine.num_calls = 0

    found = scores(fit.subject(), engine, {(0, number - 13): results for (_, number), results in kept.items()})

    assert engine.num_calls == 26
    assert found == scores(fit.subject(), engine)


def test_a_step_that_draws_random_numbers_is_not_foreseen(fit: Fit, engine: Counting) -> None:
    """Elsewhere it would draw others."""
    module = Noisy()
    module.model = fit.module.model
    subject = replace(fit.subject(), module=copy_of(module))

    with pytest.raises(ReplayError, match="draws random numbers"):
        ahead(subject, engine, [range(2)])


def test_a_network_that_leaves_something_behind_is_not_foreseen(fit: Fit, engine: Counting) -> None:
    """The step may read it, and would find nothing where the network did not run."""
    subject = fit.subject()
    subject.module.model[0].register_forward_hook(lambda part, *_: setattr(part, "seen", object()))

    with pytest.raises(ReplayError, match="leaves something behind"):
        ahead(subject, engine, [range(2)])


def test_a_loader_that_shuffles_has_no_numbered_batches(fit: Fit) -> None:
    """Nor have streams and combined loaders."""
    subject = fit.subject()
    (loader,) = subject.loaders
    subject.combined.flattened = [torch.utils.data.DataLoader(loader.dataset, batch_size=8, shuffle=True)]

    assert num_batches(subject) is None
