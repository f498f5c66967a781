"""Modules that become ONNX, and modules that cannot."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from passes.exported import run
from passes.nets import CASES, Residual
from torch import Tensor, nn
from zoo.boundaries import boundary_of

from lightning_trt.errors import ExportError, ExportMismatchError, UnsupportedOperatorError
from lightning_trt.stages.export import export

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightning_trt.artifacts import OnnxGraph

NO_AXES: dict[int, str] = {}


def exported(module: nn.Module, *args: object, axes: Mapping[int, str] = NO_AXES, **kwargs: object) -> OnnxGraph:
    """The ONNX of a module, as called."""
    boundary, inputs = boundary_of(module, *args, axes=axes, **kwargs)
    return export(module, boundary, inputs=inputs)


def operators(graph: OnnxGraph) -> set[str]:
    """Operators of a graph."""
    return {node.op_type for node in graph.model.graph}


class Nested(nn.Module):
    """A dict and keyword arguments in, a nest out."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, parts: dict[str, Tensor], *, bias: Tensor, scale: float) -> dict[str, object]:
        """Scores, and what follows from them."""
        scores = self.layer(parts["x"]) * scale + bias
        return {"scores": scores, "more": (scores.argmax(1), [scores > 0])}


class Branching(nn.Module):
    """A decision on values."""

    def forward(self, x: Tensor) -> Tensor:
        """One of two branches."""
        return x if x.sum() > 0 else -x


class Decomposing(nn.Module):
    """An operator that ONNX does not have."""

    def forward(self, x: Tensor) -> Tensor:
        """Eigenvalues."""
        return torch.linalg.eigvalsh(x)


class Noisy(nn.Module):
    """Randomness in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        """Never the same twice."""
        return x + torch.rand_like(x)


class Fixed(nn.Module):
    """A batch size written into the code."""

    def forward(self, x: Tensor) -> Tensor:
        """Rows of three samples."""
        return x.reshape(3, -1)


class Attention(nn.Module):
    """Attention on three axes, which the dynamo exporter does not take."""

    def forward(self, x: Tensor) -> Tensor:
        """Self-attention."""
        return F.scaled_dot_product_attention(x, x, x)


class Twice(nn.Module):
    """The input and the same tensor twice among the outputs."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three outputs, of which two are one tensor."""
        y = x * 2
        return x, y, y


class Counting(nn.Module):
    """A buffer that each call moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """The same, counted."""
        self.calls += 1
        return x * 2


@pytest.mark.parametrize("name", CASES)
def test_export_agrees_at_a_third_batch_size(name: str) -> None:
    """Two sizes were checked by the station; the graph is right at others too."""
    case = CASES[name]
    net = case.net()
    other = case.inputs(7)

    graph = exported(net, *case.inputs(4).values(), axes=case.axes)

    feeds = {spec.name: tensor.numpy() for spec, tensor in zip(graph.boundary.inputs, other.values(), strict=True)}
    with torch.no_grad():
        np.testing.assert_allclose(run(graph.model, feeds)["output_0"], net(*other.values()).numpy(), atol=1e-5)


def test_nests_and_keywords_become_flat_inputs_and_outputs() -> None:
    """Names are the boundary's, in the order of its indices."""
    x = torch.randn(3, 4)

    graph = exported(Nested().eval(), {"x": x}, bias=torch.randn(3, 3), scale=2.0)

    assert [value.name for value in graph.model.graph.inputs] == ["input_0", "input_1"]
    assert [value.name for value in graph.model.graph.outputs] == ["output_0", "output_1", "output_2"]


def test_program_names_the_tensors_of_the_graph() -> None:
    """Calibration can run in torch: every quantized activation is a node of the program."""
    net = CASES["residual"].net()

    graph = exported(net, torch.randn(2, 3, 16, 16))

    assert graph.program is not None
    names = {node.name for node in graph.program.graph.nodes}
    assert {str(node.inputs[0].name) for node in graph.model.graph if node.op_type == "Conv"} <= names


def test_a_single_sample_still_gives_a_dynamic_batch() -> None:
    """Left alone, torch would write a size of one into the graph."""
    graph = exported(CASES["residual"].net(), torch.randn(1, 3, 16, 16))

    assert str(graph.model.graph.inputs[0].shape) == "[batch,3,16,16]"


@pytest.mark.parametrize("name", ["residual", "siamese"])
def test_batch_norms_are_folded(name: str) -> None:
    """Also where one net is called twice, which torch leaves."""
    case = CASES[name]

    graph = exported(case.net(), *case.inputs(2).values())

    assert "BatchNormalization" not in operators(graph)


def test_training_mode_is_left_out_and_left_alone() -> None:
    """Dropout and batch statistics are of training; the module stays as it was."""
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout()).train()
    boundary, inputs = boundary_of(net.eval(), torch.randn(3, 4))
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}

    graph = export(net, boundary, inputs=inputs)

    assert "Dropout" not in operators(graph)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_buffers_of_the_module_do_not_move() -> None:
    """What forward writes, it writes into our copy."""
    net = Counting().eval()
    boundary, inputs = boundary_of(net, torch.randn(3, 4))
    net.calls.zero_()

    export(net, boundary, inputs=inputs)

    assert net.calls.item() == 0


def test_random_state_stays() -> None:
    """The next random number is the one that would have come."""
    net = CASES["residual"].net()
    state = torch.get_rng_state()

    exported(net, torch.ones(2, 3, 16, 16))

    assert torch.equal(torch.get_rng_state(), state)


def test_one_tensor_as_two_outputs_has_two_names() -> None:
    """Also an input that is an output."""
    graph = exported(Twice(), torch.randn(3, 4))

    x = np.ones((2, 4), np.float32)
    assert [float(value.max()) for value in run(graph.model, {"input_0": x}).values()] == [1.0, 2.0, 2.0]


def test_half_module_keeps_half_bindings() -> None:
    """Data types of inputs and outputs follow the module."""
    graph = exported(nn.Linear(4, 4).half().eval(), torch.randn(3, 4).half())

    assert graph.model.graph.inputs[0].dtype is ir.DataType.FLOAT16


def test_notes_say_how_close_it_is() -> None:
    """With the batch sizes."""
    graph = exported(nn.Linear(4, 4).eval(), torch.randn(3, 4))

    assert "at batch sizes 3 and 1" in graph.notes[0]


def test_fallback_to_torchscript_is_reported_with_its_reason() -> None:
    """The dynamo exporter takes attention on four axes only."""
    graph = exported(Attention(), torch.randn(3, 5, 4))

    assert graph.program is None
    assert "through TorchScript, because" in graph.notes[1]
    assert "only 4D query" in graph.notes[1]


def test_unknown_operator_is_named_with_its_place() -> None:
    """Operator, module path and class."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Decomposing())).eval()

    with pytest.raises(UnsupportedOperatorError, match=r"'aten._linalg_eigh' in 1\.0 \(Decomposing\)"):
        exported(net, torch.randn(3, 4, 4))


def test_decision_on_values_is_refused_with_its_line() -> None:
    """A trace would hold one branch and be silently wrong on the other."""
    with pytest.raises(ExportError, match=r"decides on the values of its tensors .*return x if x.sum\(\) > 0"):
        exported(Branching(), torch.ones(3, 4))


def test_randomness_is_a_mismatch_with_numbers() -> None:
    """The reference and the graph draw different numbers."""
    with pytest.raises(ExportMismatchError, match=r"differs from the module's by 0\.\d+ of its scale"):
        exported(Noisy(), torch.randn(64, 4))


def test_a_module_that_takes_one_batch_size_is_refused() -> None:
    """Its own words are in the error."""

    class Single(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(3, 4)

    with pytest.raises(ExportError, match="fails on a batch of 6"):
        exported(Single(), torch.randn(3, 4))


def test_a_module_that_fails_on_one_sample_is_checked_at_another_size() -> None:
    """Twice the given batch."""
    graph = exported(Fixed(), torch.randn(3, 4))

    assert "at batch sizes 3 and 6" in graph.notes[0]


def test_export_is_quiet(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """No word of torch's on the terminal, even where both exporters fail."""
    with caplog.at_level(logging.WARNING), pytest.raises(UnsupportedOperatorError):
        exported(Decomposing(), torch.randn(3, 4, 4))

    assert capfd.readouterr() == ("", "")


def test_tolerance_is_the_callers() -> None:
    """Nothing is exact."""
    net = Residual().eval()
    boundary, inputs = boundary_of(net, torch.randn(2, 3, 16, 16))

    with pytest.raises(ExportMismatchError, match="at most 1e-12 is allowed"):
        export(net, boundary, inputs=inputs, tolerance=1e-12)
