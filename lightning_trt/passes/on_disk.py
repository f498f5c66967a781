"""An ONNX model as a file, with its weights beside it where one file could not hold them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from lightning_trt.storage import removed_on_failure

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["save"]

# protobuf refuses a message of 2 GiB; what is not weights takes a part of it.
_MAX_WEIGHT_BYTES = (2 << 30) - (64 << 20)


def save(model: ir.Model, path: Path | str, *, max_weight_bytes: int = _MAX_WEIGHT_BYTES) -> tuple[Path, ...]:
    """Paths of the files that now hold the model: `path`, and `<stem>.data` where the weights exceed the limit.

    Raises:
        StorageError: They cannot be written; there is no part of them then.
    """
    target = Path(path)
    weights = sum(value.const_value.nbytes for value in _initializers(model) if value.const_value is not None)
    data = target.with_suffix(".data")
    with removed_on_failure(target, data):
        if weights <= max_weight_bytes:
            ir.save(model, target)
            return (target,)
        # A clone: the weights of what is saved become references to the file.
        ir.save(model.clone(), target, external_data=data.name)
        return (target, data)


def _initializers(model: ir.Model) -> Iterable[ir.Value]:
    return (value for graph in model.graphs() for value in graph.initializers.values())
