"""Constants of a graph: reading them, and putting new ones in under names of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["array_of", "elements", "free_name", "is_constant", "put"]


def is_constant(value: ir.Value | None) -> bool:
    """Whether the value is an initializer with data that no caller can override."""
    return value is not None and value.const_value is not None and not value.is_graph_input()


def array_of(value: ir.Value) -> NDArray[np.generic]:
    """Data of an initializer.

    Raises:
        ValueError: The value is no initializer (`is_constant` is False).
    """
    if value.const_value is None:
        raise ValueError(f"{value.name} is no initializer, and has no data before the graph runs.")
    return value.const_value.numpy()


def elements(value: ir.Value) -> int:
    """Number of elements of an initializer, without reading its data."""
    return 0 if value.const_value is None else int(value.const_value.size)


def free_name(graph: ir.Graph, wanted: str) -> str:
    """`wanted`, with a number behind it if a value of the graph has that name already."""
    taken = set(graph.initializers) | {value.name for value in graph.inputs}
    taken |= {value.name for node in graph.all_nodes() for value in node.outputs}
    if wanted not in taken:
        return wanted
    return next(name for name in (f"{wanted}_{number}" for number in range(1, len(taken) + 2)) if name not in taken)


def put(graph: ir.Graph, name: str, array: NDArray[np.generic], dtype: ir.DataType | None = None) -> ir.Value:
    """A new initializer of `graph`, named `name` or nearly so."""
    name = free_name(graph, name)
    tensor = ir.Tensor(array, dtype=dtype, name=name)
    value = ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
    graph.register_initializer(value)
    return value
