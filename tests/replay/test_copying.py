"""Copies that never reach the original."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from zoo import CLASSES, Classifier
from zoo.manners import KeepsThings

from lightning_trt.errors import BoundaryNotFoundError
from lightning_trt.replay import copy_of, metrics_of, place

IMAGES = torch.linspace(-1, 1, 128).reshape(2, 1, 8, 8)


def spoil(module: nn.Module) -> None:
    """Set all weights to zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()


def test_copy_has_weights_of_its_own() -> None:
    """Weights that are changed in the copy stay in the original."""
    module = Classifier().eval()
    before = module(IMAGES)

    spoil(copy_of(module))

    assert torch.equal(module(IMAGES), before)


def test_shared_copy_has_the_weights_themselves() -> None:
    """A sharing copy costs no memory for parameters."""
    module = Classifier()

    made = copy_of(module, share=True)

    assert all(one is other for one, other in zip(module.parameters(), made.parameters(), strict=True))


def test_copy_evaluates() -> None:
    """The copy is in evaluation mode, the original in its own."""
    module = Classifier().train()

    assert not copy_of(module).training
    assert module.training


def test_metrics_are_reset_and_local() -> None:
    """The copy's metrics hold nothing, and wait for no other process."""
    module = Classifier()
    module.accuracy.update(torch.zeros(3, CLASSES), torch.zeros(3, dtype=torch.long))

    (metric,) = metrics_of(copy_of(module))

    assert metric.update_count == 0
    assert not metric.sync_on_compute
    assert module.accuracy.update_count == 1


def test_metrics_in_plain_containers_are_found() -> None:
    """Metrics in dicts and lists are the copy's own as well."""
    module = Classifier()
    module.loose = {"acc": [module.accuracy.clone()]}

    assert len(list(metrics_of(module))) == 2


def test_tensor_with_history_is_copied() -> None:
    """A loss kept as attribute, alone or in a list, does not stand in the way."""
    module = Classifier()
    module.last = module(IMAGES).sum()
    module.history = [module.last]

    made: Any = copy_of(module)

    assert made.last.item() == module.last.item()
    assert not made.history[0].requires_grad


def test_uncopyable_attribute_is_named() -> None:
    """What cannot be copied is shared, and said so."""
    module = KeepsThings()

    with pytest.warns(UserWarning, match="^lock of KeepsThings cannot be copied"):
        made = copy_of(module)

    assert made.lock is module.lock


@pytest.mark.filterwarnings("ignore:.*cannot be copied.*")
def test_lambda_over_self_reaches_the_copy() -> None:
    """A function among the attributes that holds the module holds the copy afterwards."""
    module = KeepsThings()

    made = copy_of(module)

    assert made.net_of() is made.model


def test_patched_forward_reaches_the_copy() -> None:
    """A `forward` that was wrapped before the copy computes with the copy's weights."""
    module = Classifier().eval()
    inner = module.model.forward
    module.model.forward = lambda images: inner(images) * 2
    made = copy_of(module)
    spoil(made)

    assert not made(IMAGES).any()
    assert module(IMAGES).any()


@pytest.mark.parametrize("part", ["module", "net", "forward"])
def test_compiled_copy_has_weights_of_its_own(part: str) -> None:
    """Nothing that torch.compile bound to the original is left in the copy."""
    module = Classifier().eval()
    if part == "module":
        module.compile(backend="eager")
    elif part == "net":
        module.model.compile(backend="eager")
    else:
        module.model.forward = torch.compile(module.model.forward, backend="eager")
    made = copy_of(module)
    spoil(made)

    assert not made(IMAGES).any()
    assert module(IMAGES).any()


def test_placed_engine_answers() -> None:
    """The engine answers for the boundary, called by attribute or by `forward`."""
    made = copy_of(Classifier())

    place(made, "model", nn.Flatten())

    assert torch.equal(made(IMAGES), IMAGES.flatten(1))
    assert torch.equal(made.model.forward(IMAGES), IMAGES.flatten(1))


def test_place_at_own_forward() -> None:
    """`""` is the LightningModule's own forward."""
    made = copy_of(Classifier())

    place(made, "", nn.Flatten())

    assert torch.equal(made(IMAGES), IMAGES.flatten(1))


def test_place_at_unknown_boundary() -> None:
    """A misspelt boundary is an error with the nearest name."""
    with pytest.raises(BoundaryNotFoundError, match="Did you mean 'model'"):
        place(copy_of(Classifier()), "modle", nn.Flatten())
