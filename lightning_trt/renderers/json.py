"""`report.json`, schema 1: a report as text that other programs read, and back.

The schema is written down in `report.schema.json`, beside this file. It may grow optional fields, and never changes or
drops one. JSON has no NaN and no infinity: such a number is null, and `not_finite` tells by JSON pointer which of the
two it was.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, SupportsFloat, SupportsIndex, cast

from lightning_trt.artifacts import BatchMeans, Bootstrap, PairedBinary
from lightning_trt.errors import ReportError
from lightning_trt.renderers._reading import report_of
from lightning_trt.renderers._tree import Node
from lightning_trt.storage import json_of

if TYPE_CHECKING:
    from lightning_trt.artifacts import Attribution, CandidateReport, CheckpointReport, MetricReport, Report

__all__ = ["SCHEMA", "from_text", "to_text"]

SCHEMA = 1
"""The schema that is written, and the only one that is read."""

_MAX_LINE = 100
_KINDS = {PairedBinary: "paired-binary", Bootstrap: "bootstrap", BatchMeans: "batch-means"}


def to_text(report: Report) -> str:
    """`report` as the text of `report.json`, schema 1; paths are relative to `report.path`."""
    document = {
        "schema": SCHEMA,
        "lightning_trt": report.version,
        "created": report.created,
        "checkpoint": _checkpoint(report.checkpoint, folder=report.path),
        "environment": _plain(report.environment),
        "data": _plain(report.data),
        "reference": _plain(report.reference),
        "candidates": [_candidate(each, folder=report.path) for each in report.candidates.values()],
        "gate": _plain(report.gate),
        "chosen": report.chosen,
        "verdict": report.verdict.value,
        "notes": list(report.notes),
        "settings": _plain(report.settings),
        "model": report.model,
        "attribution": [_attribution(each) for each in report.attribution],
    }
    if not_finite := dict(_not_finite(document)):
        document["not_finite"] = not_finite
    return _pretty(_finite(document)) + "\n"


def from_text(text: str, path: Path | str) -> Report:
    """The report that `text` holds, read from the file `path`: what is relative in it is so to that file's folder.

    Raises:
        ReportError: The text is no JSON, of another schema, or a field is missing or of the wrong type.
    """
    try:
        document = json_of(text)
    except ValueError as error:
        raise ReportError(
            f"the report {path} is not readable as JSON: {error}. It was cut off or edited; export again, or take the "
            "report.json that the run wrote."
        ) from error
    root = Node(document, where="", source=str(path))
    _check_schema(root)
    for pointer, word in root.optional_members("not_finite").items():
        root.fill(pointer, word.not_finite())
    return report_of(root, folder=Path(path).parent)


def _check_schema(root: Node) -> None:
    schema = root.get("schema").value
    if schema != SCHEMA or isinstance(schema, bool):
        raise ReportError(
            f"the report {root.source} has schema {schema!r}; this version of lightning-trt reads schema {SCHEMA}. "
            f"Read it with the version that wrote it ({root.get('lightning_trt').value}), or export again."
        )


def _checkpoint(checkpoint: CheckpointReport, *, folder: Path) -> dict[str, object]:
    path = checkpoint.path
    if path is not None and "://" not in path:
        path = _relative(Path(path), folder=folder)
    return {**_fields(checkpoint), "path": path}


def _candidate(candidate: CandidateReport, *, folder: Path) -> dict[str, object]:
    path = None if candidate.path is None else _relative(candidate.path, folder=folder)
    metrics = {name: _metric(metric) for name, metric in candidate.metrics.items()}
    return {**_fields(candidate), "path": path, "metrics": metrics}


def _attribution(step: Attribution) -> dict[str, object]:
    return {**_fields(step), "metrics": {name: _metric(metric) for name, metric in step.metrics.items()}}


def _metric(metric: MetricReport) -> dict[str, object]:
    evidence = metric.evidence
    tagged = None if evidence is None else {"kind": _KINDS[type(evidence)], **_fields(evidence)}
    return {**_fields(metric), "evidence": tagged}


def _relative(path: Path, *, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # Windows: on another drive nothing is relative
        return path.as_posix()


def _fields(record: object) -> dict[str, object]:
    names = [each.name for each in dataclasses.fields(cast("type", record))]
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: object) -> object:
    """`value` in JSON's own types; numbers of numpy become Python's."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Enum | PurePath):
        return value.value if isinstance(value, Enum) else value.as_posix()
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value):
        return _fields(value)
    return int(value) if isinstance(value, SupportsIndex) else float(cast("SupportsFloat", value))


def _not_finite(tree: object, pointer: str = "") -> Iterator[tuple[str, str]]:
    """JSON pointer (RFC 6901) and spelling of every number in `tree` that JSON cannot hold."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _not_finite(value, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _not_finite(value, f"{pointer}/{index}")
    elif isinstance(tree, float) and not math.isfinite(tree):
        yield pointer, "NaN" if math.isnan(tree) else "Infinity" if tree > 0 else "-Infinity"


def _finite(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _pretty(tree: object, indent: str = "") -> str:
    """JSON text with what fits on a line, and every list of numbers, on one line."""
    line = json.dumps(tree, ensure_ascii=False, allow_nan=False)
    if not isinstance(tree, dict | list) or not tree or len(indent) + len(line) <= _MAX_LINE:
        return line
    if isinstance(tree, list) and not any(isinstance(value, dict | list | str) for value in tree):
        return line
    inner = indent + "  "
    if isinstance(tree, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_pretty(value, inner)}" for key, value in tree.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _pretty(value, inner) for value in tree) + f"\n{indent}]"
