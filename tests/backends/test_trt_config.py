"""Settings reach the builder: written into the configuration of TensorRT-RTX, and read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from backends.engines import net

from lightning_trt.backends.drafts import add_profile, drafted
from lightning_trt.backends.shapes import profiles
from lightning_trt.backends.trt_config import configure
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
