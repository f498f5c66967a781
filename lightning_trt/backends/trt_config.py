"""The builder's configuration, from our settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.errors import SettingsError, nearest
from lightning_trt.precision import Precision
from lightning_trt.settings import HardwareCompatibility

if TYPE_CHECKING:
    from typing import Any

    from lightning_trt.backends.drafts import Draft
    from lightning_trt.settings import TensorRTSettings

__all__ = ["configure", "set_effort"]


def configure(draft: Draft, precision: Precision, *, high_precision: Precision, settings: TensorRTSettings) -> None:
    """Write precision and settings into the draft's configuration.

    Raises:
        SettingsError: This TensorRT lacks what was asked for.
    """
    _set_precision(draft, precision, rest=high_precision if precision.is_quantized else precision)
    api, config = draft.trt.api, draft.config
    # Without it the inspector, our proof of precision, knows nothing but names.
    config.profiling_verbosity = api.ProfilingVerbosity.DETAILED
    if hasattr(getattr(api, "PreviewFeature", None), "PROFILE_SHARING_0806"):
        # Sessions keep a context for each shape that comes again.
        config.set_preview_feature(api.PreviewFeature.PROFILE_SHARING_0806, True)  # noqa: FBT003 - TensorRT's own
    set_effort(draft, settings)
    if settings.hardware_compatibility is not HardwareCompatibility.none:
        name = settings.hardware_compatibility.name.upper()
        config.hardware_compatibility_level = _member(api.HardwareCompatibilityLevel, name, "hardware_compatibility")


def set_effort(draft: Draft, settings: TensorRTSettings) -> None:
    """Write what the builder may use, and how hard it shall try, into the draft's configuration.

    Raises:
        SettingsError: This TensorRT lacks a tactic source that was asked for.
    """
    api, config = draft.trt.api, draft.config
    if settings.workspace_mb is not None:
        config.set_memory_pool_limit(api.MemoryPoolType.WORKSPACE, settings.workspace_mb << 20)
    if settings.level is not None:
        config.builder_optimization_level = settings.level
    if settings.tactic_sources:
        sources = [_member(api.TacticSource, name, "tactic_sources") for name in settings.tactic_sources]
        config.set_tactic_sources(sum(1 << int(source) for source in dict.fromkeys(sources)))


def _set_precision(draft: Draft, precision: Precision, *, rest: Precision) -> None:
    """Flags; those of precisions that live in the graph do not exist where it is typed."""
    is_typed = draft.trt.is_typed(draft.network)
    draft.trt.set_flag(draft.config, "TF32", on=rest is not Precision.fp32)
    if not is_typed:
        draft.trt.set_flag(draft.config, "FP16", on=rest is Precision.fp16)
        draft.trt.set_flag(draft.config, "INT8", on=precision is Precision.int8)


def _member(enum: Any, name: str, setting: str) -> Any:
    known = [each for each in dir(enum) if each.isupper()]
    if name not in known:
        raise SettingsError(f"build.tensorrt.{setting} has {name!r}, which this TensorRT lacks. {nearest(name, known)}")
    return getattr(enum, name)
