"""A graph and its weights as one digest."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["digest_of"]


def digest_of(model: ir.Model) -> str:
    """SHA-256 of all that the model computes with: operators, how they are wired, their attributes, and weights.

    Not of the file: an exporter writes its version and the user's stack into that.
    """
    digest = sha256(str(sorted(model.opset_imports.items())).encode())
    digest.update(
        str([[value.name for value in values] for values in (model.graph.inputs, model.graph.outputs)]).encode()
    )
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        wires = [[None if value is None else value.name for value in values] for values in (node.inputs, node.outputs)]
        digest.update(f"{node.domain} {node.op_type} {wires}".encode())
        for part in _attributes(node):
            digest.update(part)
    for name, value in sorted(model.graph.initializers.items()):
        tensor = value.const_value
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(b"" if tensor is None else tensor.tobytes())
    return digest.hexdigest()


def _attributes(node: ir.Node) -> Iterator[bytes]:
    """The node's attributes by name; graphs are left out, whose nodes are visited by themselves."""
    graphs = {ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS}
    for name, attribute in sorted(node.attributes.items()):
        if attribute.type not in graphs:
            yield name.encode()
            yield ir.serde.serialize_attribute(attribute).SerializeToString(deterministic=True)
