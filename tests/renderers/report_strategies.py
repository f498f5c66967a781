"""Hypothesis strategies for reports, numbers that JSON cannot hold among them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from lightning_trt.artifacts import (
    Attribution,
    BatchMeans,
    Bootstrap,
    CandidateReport,
    CheckpointReport,
    ClassFlips,
    DataReport,
    EnvironmentReport,
    FlippedItem,
    Flips,
    GateReport,
    Latency,
    Level,
    MetricReport,
    PairedBinary,
    ReferenceReport,
    Report,
    Rule,
    RuleResult,
    Verdict,
)
from lightning_trt.precision import DType, Precision

__all__ = ["FOLDER", "reports"]

FOLDER = Path("/runs/one")

numbers = st.floats(width=64)
words = st.text(max_size=12)
keys = st.text(alphabet="abz/~0|<ß .", min_size=1, max_size=6)
counts = st.integers(min_value=0, max_value=10**9)
flags = st.booleans()
paths = st.sampled_from(["model", "int8-mse/model", "../elsewhere"])


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """`strategy`, or None."""
    return st.none() | strategy


def tuples_of(strategy: st.SearchStrategy[object], size: int = 2) -> st.SearchStrategy[tuple[object, ...]]:
    """Up to `size` of `strategy`."""
    return st.lists(strategy, max_size=size).map(tuple)


latencies = st.builds(Latency, batch=counts, p50_ms=numbers, p90_ms=numbers, p99_ms=numbers, throughput=numbers)
resamples = st.lists(st.tuples(numbers, numbers), max_size=3).map(
    lambda pairs: tuple(zip(*pairs, strict=True)) or ((), ())
)
evidence = st.one_of(
    st.builds(
        lambda worse, better, same: PairedBinary(n=worse + better + same, worse=worse, better=better),
        worse=counts,
        better=counts,
        same=counts,
    ),
    st.builds(BatchMeans, n=counts, mean=numbers, deviation=numbers, skewness=numbers),
    st.builds(
        lambda sides, **rest: Bootstrap(reference=sides[0], candidate=sides[1], **rest),
        sides=resamples,
        unit=st.sampled_from(["item", "batch"]),
        n=counts,
        changed=counts,
        is_mean=flags,
        is_additive=flags,
        changed_rarer=maybe(counts),
    ),
)
flipped_items = st.builds(FlippedItem, index=counts, label=maybe(counts), change=numbers)
flips = st.builds(
    Flips,
    p_value=numbers,
    worse_items=tuples_of(flipped_items),
    better_items=tuples_of(flipped_items),
    by_class=tuples_of(st.builds(ClassFlips, label=counts, n=counts, worse=counts, better=counts)),
)
metrics = st.builds(
    MetricReport,
    value=numbers,
    drop=numbers,
    drop_low=maybe(numbers),
    drop_high=maybe(numbers),
    confidence=st.floats(min_value=0.1, max_value=0.99),
    higher_is_better=maybe(flags),
    trusted=flags,
    why_not=maybe(words),
    evidence=maybe(evidence),
    in_unit_interval=flags,
    flips=maybe(flips),
)
attributions = st.builds(Attribution, before=words, after=words, metrics=st.dictionaries(keys, metrics, max_size=2))
candidates = st.builds(
    CandidateReport,
    name=keys,
    precision=st.sampled_from(Precision),
    calibrator=maybe(words),
    backend=words,
    path=maybe(paths.map(lambda path: (FOLDER / path) if path != "../elsewhere" else FOLDER.parent / "elsewhere")),
    sha256=maybe(words),
    bytes=maybe(counts),
    build_seconds=maybe(numbers),
    metrics=st.dictionaries(keys, metrics, max_size=2),
    latency=tuples_of(latencies),
    speedup=maybe(numbers),
    layers=st.dictionaries(st.sampled_from(DType), counts, max_size=2),
    verdict=st.sampled_from(Verdict),
    reasons=tuples_of(words),
)
rules = st.builds(
    Rule,
    metric=maybe(words),
    max_drop=maybe(numbers),
    max_drop_relative=maybe(numbers),
    min=maybe(numbers),
    max=maybe(numbers),
    min_speedup=maybe(numbers),
    max_latency_ms=maybe(numbers),
    higher_is_better=maybe(flags),
    candidates=words,
    level=st.sampled_from(Level),
)
results = st.builds(
    RuleResult,
    candidate=words,
    rule=rules,
    limit=maybe(numbers),
    verdict=st.sampled_from(Verdict),
    p_value=maybe(numbers),
    samples_needed=maybe(st.tuples(counts, maybe(counts))),
    found=maybe(numbers),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Reports in `FOLDER`, of every shape that schema 1 can hold."""
    listed = draw(st.lists(candidates, max_size=2, unique_by=lambda candidate: candidate.name))
    names = [candidate.name for candidate in listed]
    return Report(
        path=FOLDER,
        created=draw(words),
        version=draw(words),
        checkpoint=CheckpointReport(
            path=draw(st.sampled_from([None, "/runs/best.ckpt", "s3://bucket/best.ckpt"])),
            sha256=draw(maybe(words)),
            epoch=draw(maybe(counts)),
            monitor=draw(maybe(words)),
            score=draw(maybe(numbers)),
        ),
        environment=draw(
            st.builds(
                EnvironmentReport,
                backend=words,
                backend_version=words,
                torch=words,
                device=words,
                compute_capability=maybe(words),
            )
        ),
        data=draw(
            st.builds(
                DataReport,
                samples=counts,
                digest=words,
                calibration_samples=counts,
                calibration_overlap=maybe(counts),
                calibration_split=maybe(words),
                calibration_select=maybe(words),
                calibration_indices=maybe(tuples_of(counts)),
                calibration_digest=maybe(words),
            )
        ),
        reference=ReferenceReport(
            name=draw(words),
            metrics=draw(st.dictionaries(keys, numbers, max_size=2)),
            latency=draw(tuples_of(latencies)),
            beside=draw(st.dictionaries(keys, tuples_of(latencies), max_size=2)),
        ),
        candidates=dict(zip(names, listed, strict=True)),
        gate=GateReport(
            alpha=draw(st.floats(min_value=0.001, max_value=0.4)),
            rules=draw(tuples_of(rules)),
            results=draw(tuples_of(results)),
        ),
        chosen=draw(st.sampled_from([None, *names])),
        verdict=draw(st.sampled_from(Verdict)),
        notes=draw(tuples_of(words)),
        settings=draw(st.dictionaries(keys, st.none() | flags | counts | words | st.lists(words), max_size=2)),
        model=draw(maybe(words)),
        attribution=draw(tuples_of(attributions)),
    )
