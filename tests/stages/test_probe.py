"""The boundary of a validation step, in every form that steps have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from zoo import Classifier, Images
from zoo import manners as m
from zoo import structures as s

from lightning_trt.errors import (
    AmbiguousBoundaryError,
    BoundaryError,
    BoundaryNotFoundError,
    NotATensorFunctionError,
    ReplayError,
)
from lightning_trt.replay import subject_of_module
from lightning_trt.stages.probe import probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_trt.stages.probe import Probed


def probed(module: Any, data: Any, names: Sequence[str] = ()) -> Mapping[str, Probed]:
    """The boundaries of an untrained module."""
    with subject_of_module(module, data) as subject:
        return probe(subject, names=names)


@pytest.mark.parametrize(
    ("module", "data", "boundary"),
    [
        pytest.param(Classifier, Images, "model", id="self(x)"),
        pytest.param(s.PlainForward, Images, "model", id="self.model.forward(x)"),
        pytest.param(s.KeywordClassifier, s.DictImages, "model", id="self.model(x, scale=s)"),
        pytest.param(s.StringsInBatch, s.DictImages, "model", id="strings"),
        pytest.param(s.TakesBatch, s.DictImages, "model", id="dict"),
        pytest.param(s.Preprocessing, Images, "", id="preprocessing"),
        pytest.param(s.EncodesOnly, Images, "model.inner", id="self.model.encode(x)"),
        pytest.param(s.Siamese, Images, "model", id="siamese"),
        pytest.param(s.NamedOutputs, Images, "model", id="namedtuple"),
        pytest.param(s.Embedder, Images, "model", id="integers"),
        pytest.param(s.Detector, s.ListImages, "model", id="lists"),
    ],
)
def test_finds_the_boundary(module: Any, data: Any, boundary: str) -> None:
    """The largest tensor function with weights that the step calls."""
    assert list(probed(module(), data())) == [boundary]


def test_two_nets_are_asked_about() -> None:
    """Several candidates are listed, with the line to write."""
    with pytest.raises(AmbiguousBoundaryError, match=r"encoder, decoder.*boundary=\('encoder', 'decoder'\)"):
        probed(s.Autoencoder(), Images())


def test_teacher_is_asked_about() -> None:
    """A teacher net is a second candidate: nobody guesses."""
    with pytest.raises(AmbiguousBoundaryError, match="model, teacher"):
        probed(s.WithTeacher(), Images())


def test_several_named_boundaries() -> None:
    """Each named boundary is described, in the order of the names."""
    found = probed(s.Autoencoder(), Images(), ("decoder", "encoder"))

    assert [(name, each.boundary.outputs[0].shape) for name, each in found.items()] == [
        ("decoder", ("batch", 4)),
        ("encoder", ("batch", 8)),
    ]


def test_unknown_name() -> None:
    """A misspelt boundary is an error with the nearest name."""
    with pytest.raises(BoundaryNotFoundError, match="Did you mean 'model'"):
        probed(Classifier(), Images(), ("modle",))


def test_name_that_is_never_called() -> None:
    """A boundary that the step does not call is an error."""
    with pytest.raises(BoundaryNotFoundError, match="never calls the boundary 'model'"):
        probed(s.EncodesOnly(), Images(), ("model",))


def test_boundary_inside_a_boundary() -> None:
    """Two boundaries, one in the other, are an error."""
    with pytest.raises(BoundaryError, match=r"'model\.inner' lies inside the boundary 'model'"):
        probed(s.EncodesOnly(), Images(), ("model", "model.inner"))


def test_named_boundary_with_strings() -> None:
    """A boundary whose arguments change from call to call in more than tensors is an error."""
    with pytest.raises(NotATensorFunctionError, match="called in"):
        probed(s.StringsInBatch(), s.DictImages(), ("",))


def test_net_out_of_reach() -> None:
    """A step that calls no submodule of the copy is an error that says so."""
    with pytest.raises(BoundaryNotFoundError, match="called no submodule"):
        probed(s.OutOfReach(), Images())


def test_weights_of_the_modules_own() -> None:
    """A step that computes with them itself calls nothing that could become an engine; the sentence says what to do."""
    with pytest.raises(BoundaryNotFoundError, match=r"parameters of its own \(weight\).*forward and call self\(x\)"):
        probed(s.OwnWeights(), Images())


def test_step_that_fetches_itself() -> None:
    """`dataloader_iter` has its own error."""
    with pytest.raises(ReplayError, match="dataloader_iter"):
        probed(m.FetchesItself(), Images())


def test_inputs_are_named_and_typed() -> None:
    """Inputs have their parameters' names, types, and the batch as dynamic axis."""
    boundary = probed(s.KeywordClassifier(), s.DictImages())["model"].boundary

    assert [(spec.name, spec.dtype, spec.shape) for spec in boundary.inputs] == [
        ("image", "float32", ("batch", 1, 8, 8)),
        ("scale", "float32", ("batch",)),
    ]


def test_outputs_are_named_by_their_keys() -> None:
    """Nested outputs have the keys and places that they stand under."""
    boundary = probed(s.KeywordClassifier(), s.DictImages())["model"].boundary

    assert [(spec.name, spec.dtype) for spec in boundary.outputs] == [
        ("logits", "float32"),
        ("more_0", "float32"),
        ("more_1", "int64"),
    ]


def test_axes_that_vary_are_dynamic() -> None:
    """An axis that was seen to change is dynamic, under one name where tensors share it."""
    tokens, mask = probed(s.Embedder(), Images())["model"].boundary.inputs

    assert tokens.shape == ("batch", "tokens_axis_1")
    assert mask.shape == tokens.shape


def test_batches_of_one_have_a_batch_axis() -> None:
    """The batch is dynamic though every batch has a single item."""
    boundary = probed(Classifier(), Images(batch_size=1))["model"].boundary

    assert boundary.inputs[0].shape == ("batch", 1, 8, 8)


def test_rows_of_several_an_item_are_the_batch() -> None:
    """A net that gets two rows for each item has a dynamic batch all the same."""
    boundary = probed(s.Pairs(), Images())["model"].boundary

    assert boundary.inputs[0].shape == ("batch", 1, 8, 8)


def test_inputs_are_of_a_real_call() -> None:
    """What the boundary got for the first batch comes with it."""
    found = probed(Classifier(), Images())["model"]

    assert [tuple(tensor.shape) for tensor in found.inputs] == [(8, 1, 8, 8)]


def test_weights_outside_are_noted() -> None:
    """What is logged with weights outside of the boundary is named, and the weights."""
    found = probed(s.WithTeacher(), Images(), ("model",))["model"]

    assert len(found.notes) == 1
    assert "val/distance depend on weights outside of the boundary (teacher.0.weight" in found.notes[0]


def test_no_note_without_weights_outside() -> None:
    """A step whose weights are all inside has no note."""
    assert probed(Classifier(), Images())["model"].notes == ()
