"""The ONNX version a graph is written in."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lightning_trt.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

__all__ = ["opset_of", "raise_opset"]

_OLDEST_OF_ONNXSCRIPT = 18


def opset_of(model: ir.Model) -> int:
    """Version of the standard operators that the graph is written in."""
    return model.opset_imports.get("", 1)


def raise_opset(model: ir.Model, least: int) -> ir.Model:
    """The same function in opset `least` or later; the names of tensors stay.

    Raises:
        ExportError: An operator of the graph has no spelling there.
    """
    raised = model.clone()
    if opset_of(raised) >= least:
        return raised
    from onnxscript.version_converter import convert_version  # noqa: PLC0415 - slow, and few graphs need it

    # onnxscript starts at 18; what is older goes through onnx's own converter first.
    steps = [_OLDEST_OF_ONNXSCRIPT] if opset_of(raised) < _OLDEST_OF_ONNXSCRIPT < least else []
    with _quiet():
        for step in (*steps, least):
            convert_version(raised, step, fallback=True)
    if opset_of(raised) != least:
        raise ExportError(
            f"the graph is written in opset {opset_of(raised)} and could not be converted to {least}. "
            f"Operators: {', '.join(sorted({node.op_type for node in raised.graph}))}. "
            "Leave out the precision that needs it, or export the module without the operator that has no newer form."
        )
    return raised


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("onnxscript.version_converter")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
