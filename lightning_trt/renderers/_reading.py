"""From a parsed `report.json` to the typed report, field by field."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lightning_trt.artifacts import (
    Attribution,
    CandidateReport,
    CheckpointReport,
    DataReport,
    EnvironmentReport,
    GateReport,
    Latency,
    Level,
    MetricReport,
    ReferenceReport,
    Report,
    Rule,
    RuleResult,
    Verdict,
)
from lightning_trt.precision import DType, Precision
from lightning_trt.renderers._evidence import evidence_of, flips_of
from lightning_trt.renderers._tree import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lightning_trt.artifacts import Flips

__all__ = ["report_of"]

T = TypeVar("T")


def report_of(root: Node, *, folder: Path) -> Report:
    """The report that the document at `root` holds, lying in `folder`."""
    listed = [_candidate(each, folder=folder) for each in root.get("candidates").items()]
    candidates = {each.name: each for each in listed}
    chosen = _optional(root.get("chosen"), Node.text)
    if len(candidates) < len(listed):
        root.get("candidates").refuse("a list of candidates with different names")
    if chosen is not None and chosen not in candidates:
        root.get("chosen").refuse("the name of a candidate, or null")
    return Report(
        path=folder,
        created=root.get("created").text(),
        version=root.get("lightning_trt").text(),
        checkpoint=_checkpoint(root.get("checkpoint"), folder=folder),
        environment=_environment(root.get("environment")),
        data=_data(root.get("data")),
        reference=_reference(root.get("reference")),
        candidates=candidates,
        gate=_gate(root.get("gate")),
        chosen=chosen,
        verdict=root.get("verdict").choice(Verdict),
        notes=tuple(each.text() for each in root.optional_items("notes")),
        settings={key: each.value for key, each in root.optional_members("settings").items()},
        model=_if_there(root, "model", _text, default=None),
        attribution=tuple(_attribution(each) for each in root.optional_items("attribution")),
    )


def _optional(node: Node, read: Callable[[Node], T]) -> T | None:
    return None if node.is_null else read(node)


def _if_there(node: Node, key: str, read: Callable[[Node], T], *, default: T) -> T:
    found = node.members()
    return read(found[key]) if key in found else default


def _text(node: Node) -> str | None:
    return _optional(node, Node.text)


def _number(node: Node) -> float | None:
    return _optional(node, Node.number)


def _integers(node: Node) -> tuple[int, ...] | None:
    return _optional(node, lambda found: tuple(each.integer() for each in found.items()))


def _level(node: Node) -> Level:
    return node.choice(Level)


def _path(text: str, *, folder: Path) -> str:
    return text if "://" in text else os.path.normpath(folder / text)


def _checkpoint(node: Node, *, folder: Path) -> CheckpointReport:
    path = _optional(node.get("path"), Node.text)
    return CheckpointReport(
        path=None if path is None else _path(path, folder=folder),
        sha256=_optional(node.get("sha256"), Node.text),
        epoch=_optional(node.get("epoch"), Node.integer),
        monitor=_optional(node.get("monitor"), Node.text),
        score=_optional(node.get("score"), Node.number),
    )


def _environment(node: Node) -> EnvironmentReport:
    return EnvironmentReport(
        backend=node.get("backend").text(),
        backend_version=node.get("backend_version").text(),
        torch=node.get("torch").text(),
        device=node.get("device").text(),
        compute_capability=_optional(node.get("compute_capability"), Node.text),
    )


def _data(node: Node) -> DataReport:
    return DataReport(
        samples=node.get("samples").integer(),
        digest=node.get("digest").text(),
        calibration_samples=node.get("calibration_samples").integer(),
        calibration_overlap=_optional(node.get("calibration_overlap"), Node.integer),
        calibration_split=_if_there(node, "calibration_split", _text, default=None),
        calibration_select=_if_there(node, "calibration_select", _text, default=None),
        calibration_indices=_if_there(node, "calibration_indices", _integers, default=None),
        calibration_digest=_if_there(node, "calibration_digest", _text, default=None),
    )


def _reference(node: Node) -> ReferenceReport:
    return ReferenceReport(
        name=node.get("name").text(),
        metrics={name: value.number() for name, value in node.get("metrics").members().items()},
        latency=_latencies(node.get("latency")),
        beside={name: _latencies(each) for name, each in node.optional_members("beside").items()},
    )


def _latencies(node: Node) -> tuple[Latency, ...]:
    return tuple(
        Latency(
            batch=each.get("batch").integer(),
            p50_ms=each.get("p50_ms").number(),
            p90_ms=each.get("p90_ms").number(),
            p99_ms=each.get("p99_ms").number(),
            throughput=each.get("throughput").number(),
        )
        for each in node.items()
    )


def _candidate(node: Node, *, folder: Path) -> CandidateReport:
    path = _optional(node.get("path"), Node.text)
    return CandidateReport(
        name=node.get("name").text(),
        precision=node.get("precision").choice(Precision),
        calibrator=_optional(node.get("calibrator"), Node.text),
        backend=node.get("backend").text(),
        path=None if path is None else Path(_path(path, folder=folder)),
        sha256=_optional(node.get("sha256"), Node.text),
        bytes=_optional(node.get("bytes"), Node.integer),
        build_seconds=_optional(node.get("build_seconds"), Node.number),
        metrics={name: _metric(each) for name, each in node.get("metrics").members().items()},
        latency=_latencies(node.get("latency")),
        speedup=_optional(node.get("speedup"), Node.number),
        layers=_layers(node.get("layers")),
        verdict=node.get("verdict").choice(Verdict),
        reasons=tuple(each.text() for each in node.get("reasons").items()),
    )


def _layers(node: Node) -> Mapping[DType, int]:
    # A data type of a later version counts as "other", as schema 1 may grow.
    counts: Counter[DType] = Counter()
    for name, count in node.members().items():
        counts[DType(name) if name in DType.__members__ else DType.other] += count.integer()
    return dict(counts)


def _metric(node: Node) -> MetricReport:
    return MetricReport(
        value=node.get("value").number(),
        drop=node.get("drop").number(),
        drop_low=_optional(node.get("drop_low"), Node.number),
        drop_high=_optional(node.get("drop_high"), Node.number),
        confidence=node.get("confidence").number(),
        higher_is_better=_optional(node.get("higher_is_better"), Node.flag),
        trusted=node.get("trusted").flag(),
        why_not=_optional(node.get("why_not"), Node.text),
        evidence=_optional(node.get("evidence"), evidence_of),
        in_unit_interval=_if_there(node, "in_unit_interval", Node.flag, default=False),
        flips=_if_there(node, "flips", _flips, default=None),
    )


def _flips(node: Node) -> Flips | None:
    return _optional(node, flips_of)


def _attribution(node: Node) -> Attribution:
    return Attribution(
        before=node.get("before").text(),
        after=node.get("after").text(),
        metrics={name: _metric(each) for name, each in node.get("metrics").members().items()},
    )


def _gate(node: Node) -> GateReport:
    return GateReport(
        alpha=node.get("alpha").number(),
        rules=tuple(_rule(each) for each in node.get("rules").items()),
        results=tuple(_result(each) for each in node.get("results").items()),
    )


def _rule(node: Node) -> Rule:
    return Rule(
        metric=_optional(node.get("metric"), Node.text),
        max_drop=_number(node.get("max_drop")),
        max_drop_relative=_number(node.get("max_drop_relative")),
        min=_if_there(node, "min", _number, default=None),
        max=_if_there(node, "max", _number, default=None),
        min_speedup=_if_there(node, "min_speedup", _number, default=None),
        max_latency_ms=_if_there(node, "max_latency_ms", _number, default=None),
        higher_is_better=_optional(node.get("higher_is_better"), Node.flag),
        candidates=node.get("candidates").text(),
        level=_if_there(node, "level", _level, default=Level.fail),
    )


def _result(node: Node) -> RuleResult:
    return RuleResult(
        candidate=node.get("candidate").text(),
        rule=_rule(node.get("rule")),
        limit=_optional(node.get("limit"), Node.number),
        verdict=node.get("verdict").choice(Verdict),
        p_value=_optional(node.get("p_value"), Node.number),
        samples_needed=_optional(node.get("samples_needed"), _sample_range),
        found=_if_there(node, "found", _number, default=None),
    )


def _sample_range(node: Node) -> tuple[int, int | None]:
    ends = node.items()
    if len(ends) != 2:  # noqa: PLR2004 - from, to
        node.refuse("a list of two: from and to (null: more)")
    return ends[0].integer(), _optional(ends[1], Node.integer)
