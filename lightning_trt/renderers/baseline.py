"""`baseline.json`, schema 1: small and sorted, so that a change of it reads well in a review; and back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from lightning_trt.artifacts import Baseline, BaselineEntry
from lightning_trt.errors import ReportError
from lightning_trt.renderers._tree import Node
from lightning_trt.storage import json_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["from_text", "to_text"]

_SCHEMA = 1
_REMEDY = "take the committed one, or remove it and write it anew: `lightning-trt baseline update RUN`"


def to_text(baseline: Baseline) -> str:
    """`baseline` as JSON, by model, candidate and backend; metrics that are no finite number are left out."""
    models: dict[str, dict[str, dict[str, object]]] = {}
    for (model, candidate, backend), entry in baseline.entries.items():
        models.setdefault(model, {}).setdefault(candidate, {})[backend] = _plain(entry)
    return json.dumps({"schema": _SCHEMA, "models": models}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def from_text(text: str, path: Path | str) -> Baseline:
    """The baseline that `text` holds, read from the file `path`.

    Raises:
        ReportError: The text is no JSON, of another schema, or a field is missing or of the wrong type.
    """
    try:
        document = json_of(text)
    except ValueError as error:
        raise ReportError(
            f"the baseline {path} is not readable as JSON: {error}. It was cut off or edited; {_REMEDY}."
        ) from error
    root = Node(document, where="", source=str(path), kind="baseline", remedy=_REMEDY)
    if root.get("schema").value != _SCHEMA:
        root.get("schema").refuse(f"schema {_SCHEMA}, which this version of lightning-trt reads,")
    return Baseline(
        entries={
            (model, candidate, backend): _entry(entry)
            for model, candidates in root.get("models").members().items()
            for candidate, backends in candidates.members().items()
            for backend, entry in backends.members().items()
        }
    )


def _plain(entry: BaselineEntry) -> dict[str, object]:
    return {
        "checkpoint_sha256": entry.checkpoint_sha256,
        "created": entry.created,
        "digest": entry.digest,
        "samples": entry.samples,
        "metrics": {name: value for name, value in entry.metrics.items() if math.isfinite(value)},
    }


def _entry(node: Node) -> BaselineEntry:
    checkpoint = node.get("checkpoint_sha256")
    return BaselineEntry(
        checkpoint_sha256=None if checkpoint.is_null else checkpoint.text(),
        created=node.get("created").text(),
        digest=node.get("digest").text(),
        samples=node.get("samples").integer(),
        metrics={name: _finite(value) for name, value in node.get("metrics").members().items()},
    )


def _finite(node: Node) -> float:
    number = node.number()
    if not math.isfinite(number):
        node.refuse("a finite number")
    return number
