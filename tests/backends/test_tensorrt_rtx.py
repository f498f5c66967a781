"""TensorRT-RTX: typed graphs, built without a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is not installed")

from backends.conformance import Builds, each_precision
from backends.engines import built, net
from passes.nets import CASES

from lightning_trt.backends import choose
from lightning_trt.backends.rtx_plan import kernels_of
from lightning_trt.backends.tensorrt_rtx import TensorRTRTX
from lightning_trt.errors import BackendNotAvailableError, BuildError, SettingsError, UnsupportedPrecisionError
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime.gpu import gpu_here
from lightning_trt.settings import BuildSettings, HardwareCompatibility, TensorRTSettings

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import Engine

FEW = {"lstm", "gru"}  # recurrent layers are not quantized, and GRU has no bf16: only the head has the type

without_gpu = pytest.mark.skipif(gpu_here() is not None, reason="there is a GPU here")


class TestBuilds(Builds):
    """The cases of every backend that need no GPU."""

    @pytest.fixture
    def backend(self) -> TensorRTRTX:
        """The backend under test."""
        return TensorRTRTX()


def for_capabilities(*capabilities: str) -> BuildSettings:
    """Settings that build for these GPUs."""
    return BuildSettings(tensorrt=TensorRTSettings(compute_capabilities=capabilities))


def kinds(engine: Engine) -> set[tuple[str, DType]]:
    """Kind and type of its kernels."""
    return set(kernels_of((engine.folder / engine.file).read_bytes()))


@each_precision
@pytest.mark.parametrize("name", list(CASES))
def test_every_net_builds_and_its_kernels_prove_the_precision(name: str, precision: Precision, tmp_path: Path) -> None:
    """Convolutions, attention, recurrences, gates, integer inputs, for all GPUs that have the precision."""
    engine = built(net(name), TensorRTRTX(), precision=precision, into=tmp_path / "built")

    assert engine.layers[precision.dtype] >= (1 if name in FEW else 3)


@pytest.mark.parametrize(
    ("name", "kind"), [("residual", "corrltn"), ("vision", "fully_connected"), ("text", "fully_connected")]
)
def test_weighted_kernels_are_int8(name: str, kind: str, tmp_path: Path) -> None:
    """Convolutions and products take int8, not floats that were rounded before."""
    engine = built(net(name), TensorRTRTX(), precision=Precision.int8, into=tmp_path / "int8")

    assert (kind, DType.int8) in kinds(engine)


def test_few_layers_in_the_precision_are_said(tmp_path: Path) -> None:
    """A recurrent net is int8 in name only: a reader of the report must know."""
    engine = built(net("gru"), TensorRTRTX(), precision=Precision.int8, into=tmp_path / "int8")

    assert engine.notes[-1].startswith("only 1 of")


def test_no_layer_in_the_precision_is_an_error(tmp_path: Path) -> None:
    """An int8 engine without int8 is none."""
    with pytest.raises(BuildError, match="int8 was asked for, and no layer computes in it"):
        TensorRTRTX().build(
            net("residual").graph, precision=Precision.int8, into=tmp_path, settings=for_capabilities("8.6")
        )


def test_a_gpu_without_the_precision_is_refused(tmp_path: Path) -> None:
    """The sentence has what is needed and what was asked for."""
    with pytest.raises(UnsupportedPrecisionError, match=r"fp8 needs compute capability 8\.9 .* and 8\.6 was asked"):
        TensorRTRTX().build(
            net("residual").graph, precision=Precision.fp8, into=tmp_path, settings=for_capabilities("8.6")
        )


def test_a_gpu_that_it_does_not_know_is_refused(tmp_path: Path) -> None:
    """TensorRT-RTX has no Hopper."""
    with pytest.raises(SettingsError, match=r"has '9\.0'; tensorrt_rtx .* builds for 7\.5, 8\.0"):
        TensorRTRTX().build(
            net("residual").graph, precision=Precision.fp16, into=tmp_path, settings=for_capabilities("9.0")
        )


def test_hardware_compatibility_is_refused(tmp_path: Path) -> None:
    """TensorRT-RTX has other words for it."""
    settings = BuildSettings(tensorrt=TensorRTSettings(hardware_compatibility=HardwareCompatibility.ampere_plus))

    with pytest.raises(SettingsError, match="ampere_plus, which tensorrt_rtx has not: name GPUs"):
        TensorRTRTX().build(net("residual").graph, precision=Precision.fp16, into=tmp_path, settings=settings)


def test_profiles_of_the_users_build(tmp_path: Path) -> None:
    """Two batch sizes, and the builder's least effort."""
    settings = TensorRTSettings(
        profiles=({"batch": [1, 1, 1]}, {"batch": [8, 32, 64]}), level=0, compute_capabilities=("8.9",)
    )

    engine = TensorRTRTX().build(
        net("residual").graph, precision=Precision.fp32, into=tmp_path, settings=BuildSettings(tensorrt=settings)
    )

    assert engine.layers[DType.fp32] >= 5


def test_an_axis_of_unknown_size_is_refused(tmp_path: Path) -> None:
    """Nothing is guessed."""
    graph = replace(net("text").graph, sizes={})

    with pytest.raises(SettingsError, match=r"no size is known for the axis 'tokens'.*axis_sizes"):
        TensorRTRTX().build(graph, precision=Precision.fp16, into=tmp_path, settings=BuildSettings())


def test_the_log_and_the_graph_lie_beside_the_plan(tmp_path: Path) -> None:
    """What TensorRT said, and what to build from again."""
    engine = built(net("residual"), TensorRTRTX(), precision=Precision.fp16, into=tmp_path / "fp16")

    assert "Total Weights Memory" in (engine.folder / "build.log").read_text()
    assert (engine.folder / "model.onnx").is_file()


@without_gpu
def test_auto_passes_over_what_cannot_run_here() -> None:
    """It builds here and does not run here: the choice falls on what does, and says why."""
    choice = choose("auto")

    assert choice.backend.name == "onnxruntime"
    assert "tensorrt_rtx is passed over: running engines of tensorrt_rtx needs a GPU" in choice.why


@without_gpu
def test_opening_without_a_gpu_is_refused(tmp_path: Path) -> None:
    """The sentence says where it can be opened."""
    backend = TensorRTRTX()
    engine = built(net("residual"), backend, precision=Precision.fp16, into=tmp_path / "fp16")

    with pytest.raises(BackendNotAvailableError, match="on a GPU that it was built for"):
        backend.open(engine)
