"""Settings reach the builder: written into the configuration of TensorRT-RTX, and read from it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from backends.engines import net

from lightning_trt.backends.drafts import add_profile, drafted
from lightning_trt.backends.shapes import profiles
from lightning_trt.backends.trt_config import _constrain, configure
from lightning_trt.errors import SettingsError
from lightning_trt.precision import Precision
from lightning_trt.runtime import _trt
from lightning_trt.settings import TensorRTSettings

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.backends.drafts import Draft

pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is not installed")


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """The residual net, read by TensorRT-RTX, which takes what TensorRT 11 takes."""
    return drafted(_trt.package("tensorrt_rtx"), net("residual").graph, into=tmp_path, is_typed=True)


def configured(draft: Draft, *, precision: Precision = Precision.fp32, **settings: Any) -> Any:
    """The draft's configuration with these settings in it."""
    configure(draft, precision, high_precision=Precision.fp16, settings=TensorRTSettings(**settings))
    return draft.config


def test_workspace_reaches_the_builder(draft: Draft) -> None:
    """In bytes."""
    config = configured(draft, workspace_mb=64)

    assert config.get_memory_pool_limit(draft.trt.api.MemoryPoolType.WORKSPACE) == 64 << 20


def test_level_reaches_the_builder(draft: Draft) -> None:
    """As it is."""
    assert configured(draft, level=1).builder_optimization_level == 1


def test_timing_iterations_reach_the_builder(draft: Draft) -> None:
    """As they are."""
    assert configured(draft, timing_iterations=4).avg_timing_iterations == 4


class Weak:
    """A network of a builder that chooses types, as far as it is asked of its layers."""

    def __init__(self, *kinds: str) -> None:
        self.layers = [SimpleNamespace(type=SimpleNamespace(name=kind), precision=None) for kind in kinds]
        self.num_layers = len(self.layers)

    def get_layer(self, index: int) -> Any:
        """The layer of that number."""
        return self.layers[index]


def bound(draft: Draft, precision: Precision, *, ranges: object = None) -> tuple[list[str], list[str | None]]:
    """Flags that are set, and the type each layer is bound to, where TensorRT 8 builds; it needs a GPU to exist."""
    flags: list[str] = []
    trt = SimpleNamespace(
        api=SimpleNamespace(DataType=SimpleNamespace(HALF="HALF", INT8="INT8")),
        is_typed=lambda _network: False,
        set_flag=lambda _config, name, *, on: flags.append(name) if on else None,
    )
    network = Weak("CONVOLUTION", "ACTIVATION", "MATRIX_MULTIPLY")
    graph = SimpleNamespace(ranges=ranges)
    _constrain(replace(draft, trt=trt, network=network, graph=graph), precision)
    return flags, [layer.precision for layer in network.layers]


@pytest.mark.parametrize(
    ("precision", "ranges", "types"),
    [
        (Precision.fp16, None, ["HALF", None, "HALF"]),
        (Precision.int8, object(), ["INT8", None, None]),
    ],
    ids=["fp16", "int8"],
)
def test_strict_types_bind_what_has_weights(
    draft: Draft, precision: Precision, ranges: object, types: list[str | None]
) -> None:
    """Before strong typing the builder obeys what is written on a layer, or fails."""
    assert bound(draft, precision, ranges=ranges) == (["OBEY_PRECISION_CONSTRAINTS"], types)


@pytest.mark.parametrize("precision", [Precision.fp32, Precision.int8], ids=["fp32", "int8 by pairs"])
def test_what_is_bound_already_stays_as_it_is(draft: Draft, precision: Precision) -> None:
    """fp32 allows no less, and Q/DQ pairs are obeyed."""
    assert bound(draft, precision) == ([], [None, None, None])


def test_a_typed_graph_takes_strict_types(draft: Draft) -> None:
    """It is strict by itself: nothing is written on its layers."""
    assert (
        configured(draft, precision=Precision.fp16, strict_types=True).flags
        == configured(draft, precision=Precision.fp16).flags
    )


def test_tactic_sources_reach_the_builder(draft: Draft) -> None:
    """By name; their numbers are the generation's own."""
    source = draft.trt.api.TacticSource.JIT_CONVOLUTIONS

    assert configured(draft, tactic_sources=("JIT_CONVOLUTIONS",)).get_tactic_sources() == 1 << int(source)


def test_a_tactic_source_that_is_gone_is_refused(draft: Draft) -> None:
    """The sentence names those that there are."""
    with pytest.raises(SettingsError, match=r"tactic_sources has 'CUBLAS', which this TensorRT lacks.*JIT_CONVOLUTION"):
        configured(draft, tactic_sources=("CUBLAS",))


@pytest.mark.parametrize("precision", [Precision.fp32, Precision.tf32], ids=lambda each: each.value)
def test_tf32_is_on_where_it_is_asked_for(draft: Draft, precision: Precision) -> None:
    """TensorRT's default is on: fp32 would not be fp32."""
    config = configured(draft, precision=precision)

    assert config.get_flag(draft.trt.api.BuilderFlag.TF32) is (precision is Precision.tf32)


def test_the_inspector_will_know_types(draft: Draft) -> None:
    """Else it knows nothing but names."""
    assert configured(draft).profiling_verbosity == draft.trt.api.ProfilingVerbosity.DETAILED


def test_every_profile_reaches_the_builder(draft: Draft) -> None:
    """The user's three."""
    asked = TensorRTSettings(profiles=tuple({"batch": [size, size, size]} for size in (1, 8, 64)))

    for sizes in profiles(draft.graph, asked):
        add_profile(draft, sizes)

    assert draft.config.num_optimization_profiles == 3
