"""Whether an engine has the precision that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_trt.errors import BuildError
from lightning_trt.precision import DType, Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["proved"]

_FEW = 0.1
_ADVICE = {
    Precision.int8: "Operators without a range, and those whose neighbours have none, stay in high_precision",
    Precision.fp8: "Operators without a range, and those whose neighbours have none, stay in high_precision",
}


def proved(layers: Mapping[DType, int], precision: Precision, *, is_required: bool = True) -> tuple[str, ...]:
    """What a reader of the report should know of the share of layers in that precision; empty where it is large.

    Raises:
        BuildError: No layer has it, and it is required.

    Example:
        >>> from lightning_trt.backends.proof import proved
        >>> from lightning_trt.precision import DType, Precision
        >>> proved({DType.int8: 1, DType.fp16: 30}, Precision.int8)[0].partition(":")[0]
        'only 1 of 31 layers computes in int8'
    """
    given, total = layers.get(precision.dtype, 0), sum(layers.values())
    if not total:
        return (f"the layers' types cannot be read from this engine, so that nothing proves {precision.value}",)
    counted = ", ".join(f"{count} in {dtype.value}" for dtype, count in layers.items())
    why = _ADVICE.get(precision, "Layers that normalize, sum or move values may stay in fp32")
    if not given and is_required:
        raise BuildError(
            f"{precision.value} was asked for, and no layer computes in it: {counted}. {why}. Leave this precision out "
            "for this module, export a part of it that holds convolutions or linear layers (boundary=...), or take "
            "what the builder chose (build.require_precision=false)."
        )
    if given > _FEW * total:
        return ()
    verb = "computes" if given in {0, 1} else "compute"
    few = f"only {given}" if given else "none"
    return (f"{few} of {total} layers {verb} in {precision.value}: {counted}. {why}",)
