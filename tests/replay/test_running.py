"""One pass by several copies, against Lightning's own validation."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from zoo import CLASSES, Classifier, Images, fitted

from lightning_trt.replay import Replay, Step, Subject, copy_of, place, subject_of_fit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Guess(nn.Module):
    """Another net for the classifier's boundary."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.linspace(-1, 1, 64 * CLASSES).reshape(64, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape `(batch, CLASSES)`."""
        return images.flatten(1) @ self.weight


class Broken(nn.Module):
    """An engine that fails."""

    def forward(self, images: Tensor) -> Tensor:
        """Nothing."""
        raise ValueError(f"cannot take {len(images)}")


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Classifier, Images]:
    """A Trainer after its fit, with module and data."""
    module, data = Classifier(), Images()
    return fitted(module, data, tmp_path_factory.mktemp("fit")), module, data


@pytest.fixture
def subject(fit: tuple[Any, Classifier, Images]) -> Subject:
    """The subject of the fit, at its best checkpoint."""
    trainer, module, _ = fit
    return subject_of_fit(trainer, module, checkpoint=trainer.checkpoint_callback.best_model_path)


def with_engine(subject: Subject, engine: nn.Module) -> Any:
    """A copy with an engine at the net."""
    made = copy_of(subject.module, share=True)
    place(made, "model", engine)
    return made


def test_reference_equals_validate(fit: tuple[Any, Classifier, Images], subject: Subject) -> None:
    """The reference has the very numbers that Trainer.validate gives."""
    trainer, module, data = fit
    replay = Replay(subject, {"torch-fp32": copy_of(subject.module)})

    replay.run()

    trainer.validate(copy.deepcopy(module), datamodule=data, ckpt_path="best", verbose=False)
    assert replay.metrics["torch-fp32"] == {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_engine_answers_at_its_boundary(subject: Subject) -> None:
    """A candidate's numbers are its engine's, and the reference keeps its own."""
    alone = Replay(subject, {"torch-fp32": copy_of(subject.module)})
    alone.run()

    both = Replay(subject, {"torch-fp32": copy_of(subject.module), "guess": with_engine(subject, Guess())})
    both.run()

    assert both.metrics["torch-fp32"] == alone.metrics["torch-fp32"]
    assert both.metrics["guess"] != both.metrics["torch-fp32"]


def test_failing_candidate_is_left_out(subject: Subject) -> None:
    """An engine that raises costs only its own numbers."""
    replay = Replay(subject, {"torch-fp32": copy_of(subject.module), "broken": with_engine(subject, Broken())})

    replay.run()

    assert str(replay.failures["broken"]) == "cannot take 8"
    assert list(replay.metrics) == ["torch-fp32"]


def test_failing_reference_raises(subject: Subject) -> None:
    """Without a reference there is nothing to compare with."""
    replay = Replay(subject, {"torch-fp32": with_engine(subject, Broken())})

    with pytest.raises(ValueError, match="cannot take 8"):
        replay.run()


def test_around_sees_every_step_of_every_copy(subject: Subject) -> None:
    """The context is entered around each copy's step, with the batch's place and size."""
    seen: list[tuple[str, Step]] = []

    @contextmanager
    def around(name: str, step: Step, _batch: object) -> Iterator[None]:
        seen.append((name, step))
        yield

    Replay(subject, {name: copy_of(subject.module) for name in ("one", "two")}).run(around=around)

    assert seen[:2] == [("one", Step(0, 0, 8)), ("two", Step(0, 0, 8))]
    assert seen[-1] == ("two", Step(6, 0, 5))


def test_advance_counts_dataset_items(subject: Subject) -> None:
    """Progress is told in dataset items, the ragged last batch by its own size."""
    counted: list[int] = []

    Replay(subject, {"torch-fp32": copy_of(subject.module)}).run(advance=counted.append)

    assert counted == [8, 8, 8, 8, 8, 8, 5]
