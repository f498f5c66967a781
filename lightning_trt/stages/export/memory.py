"""Conversions of earlier runs: the ONNX of a program that torch captured, found by a digest of that program.

Capturing is done anew each time, as nothing else can tell what the module's code computes; converting takes several
times as long. A graph that was found is checked against the module like one that was just made.
"""

from __future__ import annotations

import warnings
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

import onnx_ir as ir
import torch
from torch.fx import GraphModule
from torch.utils._pytree import tree_leaves

from lightning_trt.errors import StorageError
from lightning_trt.passes import save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from torch.export import ExportedProgram
    from torch.fx import Node

    from lightning_trt.artifacts import Boundary
    from lightning_trt.storage import Cache

__all__ = ["digest_of", "remembered"]

_KIND = "onnx-1"
_FILE = "model.onnx"


def remembered(cache: Cache, key: str, convert: Callable[[], ir.Model]) -> tuple[ir.Model, bool]:
    """The model that belongs to `key`, and whether an earlier run converted it.

    Of several processes that want one key at once, one converts, and the others wait for it. A cache that cannot be
    used costs a warning.

    Raises:
        ExportError: What `convert` raises.
    """
    made: list[ir.Model] = []

    def fill(into: Path) -> None:
        made.append(convert())
        save(made[0], into / _FILE)

    try:
        entry = cache.add(_KIND, key, fill)
        if not made:
            # What lies beside the file is read too: the entry may go to make room for others.
            return ir.external_data.load_to_model(ir.load(entry / _FILE)), True
    except (StorageError, OSError) as error:
        warnings.warn(f"the ONNX was not kept for later runs: {error}", stacklevel=2)
    return (made[0] if made else convert()), False


def digest_of(program: ExportedProgram, boundary: Boundary, *, opset: int) -> str | None:
    """SHA-256 of all that the conversion of `program` depends on; None where an object in it is opaque.

    That is the operators, how they are wired and of what module, shapes and types, weights and constants, the names of
    inputs, outputs and axes, and the versions of what converts.
    """
    tensors: Mapping[str, object] = {**program.state_dict, **program.constants}
    if not all(isinstance(each, torch.Tensor) for each in tensors.values()):
        return None
    versions = [torch.__version__, version("onnxscript"), version("onnx-ir")]
    named = [(each.name, sorted(each.dynamic_axes.items())) for each in (*boundary.inputs, *boundary.outputs)]
    ranges = sorted(map(str, program.range_constraints.items()))
    digest = sha256(repr([versions, opset, named, ranges, str(program.graph_signature)]).encode())
    for line in _lines(program.graph_module):
        digest.update(line.encode())
    for name, tensor in sorted(program.state_dict.items()) + sorted(program.constants.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _lines(root: GraphModule) -> Iterator[str]:
    """A line for each node of the graph and of the graphs in it, as those of a branch."""
    for name, module in root.named_modules():
        if isinstance(module, GraphModule):
            yield f"{name}:\n"
            yield from (f"{node.format_node()} {_seen(node)}\n" for node in module.graph.nodes)


def _seen(node: Node) -> list[object]:
    """Types and shapes of what the node gives, and the modules that it stands in: the ONNX has their names."""
    gives = [(each.dtype, tuple(each.shape)) for each in tree_leaves(node.meta.get("val")) if hasattr(each, "dtype")]
    return [*gives, *node.meta.get("nn_module_stack", {}).values()]
