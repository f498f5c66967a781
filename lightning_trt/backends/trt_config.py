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

_CONVOLUTIONS = frozenset({"CONVOLUTION", "DECONVOLUTION", "FULLY_CONNECTED"})
# Weakly typed networks have no int8 product of two computed tensors.
_BOUND = {
    Precision.fp16: ("HALF", _CONVOLUTIONS | {"MATRIX_MULTIPLY"}),
    Precision.int8: ("INT8", _CONVOLUTIONS),
}


def configure(draft: Draft, precision: Precision, *, high_precision: Precision, settings: TensorRTSettings) -> None:
    """Write precision and settings into the draft's configuration.

    Raises:
        SettingsError: This TensorRT lacks what was asked for.
    """
    _set_precision(draft, precision, rest=high_precision if precision.is_quantized else precision)
    if settings.strict_types:
        _constrain(draft, precision)
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
    if settings.timing_iterations is not None:
        config.avg_timing_iterations = settings.timing_iterations
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


def _constrain(draft: Draft, precision: Precision) -> None:
    """Bind convolutions and products to the precision; typed graphs, and Q/DQ pairs, bind their layers themselves."""
    if precision not in _BOUND or draft.trt.is_typed(draft.network):
        return
    if precision.is_quantized and draft.graph.ranges is None:
        return
    api = draft.trt.api
    data_type, kinds = _BOUND[precision]
    draft.trt.set_flag(draft.config, "OBEY_PRECISION_CONSTRAINTS", on=True)
    for index in range(draft.network.num_layers):
        layer = draft.network.get_layer(index)
        if layer.type.name in kinds:
            layer.precision = getattr(api.DataType, data_type)


def _member(enum: Any, name: str, setting: str) -> Any:
    known = [each for each in dir(enum) if each.isupper()]
    if name not in known:
        raise SettingsError(f"build.tensorrt.{setting} has {name!r}, which this TensorRT lacks. {nearest(name, known)}")
    return getattr(enum, name)
