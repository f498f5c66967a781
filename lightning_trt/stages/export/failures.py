"""What went wrong in torch's exporters, as an error of ours that names the operator and its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lightning_trt.errors import ExportError, UnsupportedOperatorError
from lightning_trt.stages.export.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import fx
    from torch.export import ExportedProgram

__all__ = ["DecidesOnDataError", "failure"]

_ESCAPE = re.compile(r"\x1b\[\d+m")
_UNKNOWN_TO_DYNAMO = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.:]+)'")
_FAILED_NODE = re.compile(r"Error when translating node %(\w+)")
_UNKNOWN_TO_TORCHSCRIPT = re.compile(r"[Oo]perator '([\w:]+)'|unrecognized namespace ([\w:]+)")
_RAISED_AT = re.compile(r'following call raised this error:\n((?: +File "[^\n]+\n(?: {4,}[^\n]+\n)?)+)')
_LINE = re.compile(r'File "[^"]+", line \d+, in \w+')


class DecidesOnDataError(ExportError):
    """The module branches on values of its tensors; a trace would hold one branch and be wrong on the other."""


def failure(error: Exception, program: ExportedProgram | None, exporter: str) -> ExportError:
    """The error to raise for what torch raised; `program` is what torch had captured before it failed."""
    messages = [_ESCAPE.sub("", str(each)) for each in _chain(error)]
    text = "\n".join(messages)
    root = messages[-1].strip().splitlines()[0].rstrip(".") if messages[-1].strip() else type(error).__name__
    if "GuardOnDataDependentSymNode" in text or "data-dependent" in root.lower():
        return DecidesOnDataError(
            f"the module decides on the values of its tensors{_raised_at(text)}, which no ONNX graph can hold: {root}. "
            "Write the decision with tensor operations (torch.where), or choose a boundary below it: boundary=..."
        )
    operator = _operator(text)
    if operator is not None:
        return UnsupportedOperatorError(
            f"the operator {operator!r}{_place(text, program)} has no ONNX form in {exporter}. "
            "Write it with other operators, or choose a boundary that leaves it outside: boundary=..."
        )
    return ExportError(
        f"{exporter} failed: {root}{_raised_at(text)}{_place(text, program)}. Change the module there, or choose "
        "another boundary: boundary=..."
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _operator(text: str) -> str | None:
    found = _UNKNOWN_TO_DYNAMO.search(text) or _UNKNOWN_TO_TORCHSCRIPT.search(text)
    return None if found is None else next(group for group in found.groups() if group)


def _raised_at(text: str) -> str:
    found = _RAISED_AT.search(text)
    # The last frame is the nearest; its source line follows where Python has it.
    return "" if found is None else f" ({found[1][found[1].rindex('File ') :].strip()})".replace("\n", ":")


def _place(text: str, program: ExportedProgram | None) -> str:
    """Module path and source line of the node that torch could not convert, as far as they are known."""
    name = _FAILED_NODE.search(text)
    node = None if name is None or program is None else _node(program, name[1])
    if node is None:
        return ""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    # The first entry is our own wrapper, and its attribute `module` the boundary.
    path = str(stack[-1][0]).removeprefix("module").removeprefix(".") if stack else ""
    kind = getattr(stack[-1][1], "__name__", str(stack[-1][1])).rpartition(".")[2] if stack else ""
    lines = [line for line in _LINE.findall(str(node.meta.get("stack_trace", ""))) if not _is_library(line)]
    where = f" in {path or 'the boundary'} ({kind})" if stack else ""
    return f"{where}{', ' + lines[-1] if lines else ''}"


def _is_library(line: str) -> bool:
    return any(part in line for part in ("/stages/export/", "/site-packages/torch/", "/dist-packages/torch/"))


def _node(program: ExportedProgram, name: str) -> fx.Node | None:
    """The node of that name, before or after torch decomposed the program."""
    with quiet():
        programs = (program, program.run_decompositions())
    nodes = [node for each in programs for node in each.graph.nodes if node.name == name]
    return nodes[0] if nodes else None
