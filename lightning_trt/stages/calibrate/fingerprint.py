"""A graph and its weights as one fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from xxhash import xxh3_128

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fingerprint_of"]


def fingerprint_of(model: ir.Model) -> str:
    """XXH3 of all that the model computes with: operators, how they are wired, their attributes, and weights.

    It is the key of a cache that nobody attacks, so speed decides. Not of the file: an exporter writes its version and
    the user's stack into that.
    """
    fingerprint = xxh3_128(str(sorted(model.opset_imports.items())).encode())
    fingerprint.update(
        str([[value.name for value in values] for values in (model.graph.inputs, model.graph.outputs)]).encode()
    )
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        wires = [[None if value is None else value.name for value in values] for values in (node.inputs, node.outputs)]
        fingerprint.update(f"{node.domain} {node.op_type} {wires}".encode())
        for part in _attributes(node):
            fingerprint.update(part)
    for name, value in sorted(model.graph.initializers.items()):
        tensor = value.const_value
        fingerprint.update(f"{name} {value.dtype} {value.shape}".encode())
        fingerprint.update(b"" if tensor is None else tensor.tobytes())
    return fingerprint.hexdigest()


def _attributes(node: ir.Node) -> Iterator[bytes]:
    """The node's attributes by name; graphs are left out, whose nodes are visited by themselves."""
    graphs = {ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS}
    for name, attribute in sorted(node.attributes.items()):
        if attribute.type not in graphs:
            yield name.encode()
            yield ir.serde.serialize_attribute(attribute).SerializeToString(deterministic=True)
