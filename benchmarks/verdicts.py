"""How often verdicts and intervals are wrong, from many simulated validations whose true drop is known.

Samples turn or move with known rates (simulations.py); each repetition's evidence goes through the project's own
`drop_test`, and through its `holm` where several candidates are judged at once. The limit is the true drop: a PASS and
a FAIL are both false then. Coverage is the share of 95 % intervals that hold the true drop, counted by p-value, which
tests hold to agree with the interval. What the report calls not trusted is left out of the rates and its share told,
and so is a cell of which less than a tenth is trusted. An error rate may be alpha plus two Monte-Carlo errors, of
2,000 repetitions where there are more.

Pairs: Tango's score test with its correction, 0 to 2 points of drop never above the share of flips, 1 to 10 % flips,
200 to 20,000 samples. Coverage at most 97 % is asked where ten flips or more are expected.
Samples that decide: the number for the known drop and flips beside that at which 80 % of the repetitions decide.
Mean: one value an item that moves exponentially; macro F1 of ten classes; AUROC of two normal classes, half or a
twentieth of them positive; average precision of detections in one class. Batches: the mean in batches of 32.

Predicted before it was run: Tango's own test says FAIL falsely up to twice as often as alpha where all flips are for
the worse (exact enumeration), the corrected one not; percentile intervals are too narrow below 50 changed items.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import simulations
from record import Bound, arguments, record

from lightning_trt.artifacts import MetricReport, PairedBinary
from lightning_trt.inference import NoTest, ScoreTest, drop_test, growth_to_decide, holm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lightning_trt.artifacts import Evidence

ALPHA = 0.025
LIMIT = 0.01
RESAMPLES = 500
FEW_RESAMPLES = 200
TEN = 10


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What came of one cell: shares of the trusted repetitions, and how many were trusted."""

    family: str
    cell: dict[str, float]
    drop: float
    runs: int
    trusted: int
    false_pass: float
    false_fail: float

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the true drop."""
        return 1 - self.false_pass - self.false_fail

    @property
    def false(self) -> float:
        """The worse of both rates."""
        return max(self.false_pass, self.false_fail)


def measured(evidence: Evidence) -> MetricReport:
    """A metric that is known by its evidence alone; higher is better."""
    return MetricReport(
        value=0.0,
        drop=0.0,
        drop_low=None,
        drop_high=None,
        confidence=1 - 2 * ALPHA,
        higher_is_better=True,
        trusted=False,
        why_not=None,
        evidence=evidence,
    )


def rates(family: str, evidences: Iterable[Evidence], *, drop: float, **cell: float) -> Rates:
    """How often both verdicts are false where `drop` is the limit."""
    passes = fails = trusted = runs = 0
    for evidence, times in Counter(evidences).items():
        test = drop_test(measured(evidence))
        runs += times
        if isinstance(test, NoTest):
            continue
        trusted += times
        passes += times * (test.p_at_least(drop) <= ALPHA)
        fails += times * (test.p_at_most(drop) <= ALPHA)
    share = 1 / max(trusted, 1)
    return Rates(
        family=family,
        cell=cell,
        drop=drop,
        runs=runs,
        trusted=trusted,
        false_pass=passes * share,
        false_fail=fails * share,
    )


def of_pairs(runs: int) -> Iterator[Rates]:
    """Cells of metrics that are right or wrong of each item."""
    rng = np.random.default_rng(0)
    for n in (200, 500, 1000, 2000, 5000, 20_000):
        for flips in (0.01, 0.02, 0.05, 0.1):
            for drop in (each for each in (0.0, 0.0025, 0.005, 0.01, 0.02) if each <= flips):
                cell = {"n": n, "flips": flips}
                yield rates("pairs", simulations.pairs(rng, drop=drop, runs=runs, **cell), drop=drop, **cell)


def of_sums(runs: int) -> Iterator[Rates]:
    """Cells of metrics whose states are sums, and of batch means."""
    rng = np.random.default_rng(1)
    for n in (200, 1000, 5000, 20_000):
        for flips in (0.02, 0.1):
            for drop in (0.0, 0.02):
                cell = {"n": n, "flips": flips}
                found = simulations.mean(rng, drop=drop, runs=runs, resamples=RESAMPLES, **cell)
                yield rates("mean", found, drop=drop, **cell)
    for n in (1000, 5000, 20_000):
        for flips, drop in ((0.005, 0.005), (0.02, 0.0), (0.02, 0.02), (0.1, 0.0), (0.1, 0.02), (0.1, 0.1)):
            cell = {"n": n, "flips": flips}
            yield rates("batches", simulations.batches(rng, drop=drop, runs=runs, **cell), drop=drop, **cell)
    for n in (200, 1000):
        for flips, drop in ((0.05, 0.0), (0.05, 0.02), (0.1, 0.01)):
            cell = {"n": n, "flips": flips}
            found = simulations.f1(rng, drop=drop, runs=runs, resamples=FEW_RESAMPLES, **cell)
            yield rates("f1", found, drop=drop, **cell)


def of_lists(runs: int) -> Iterator[Rates]:
    """Cells of metrics that keep their inputs."""
    rng = np.random.default_rng(2)
    for n in (200, 1000, 2000):
        for positives in (0.5, 0.05):
            for flips, spread in ((1.0, 1.0), (1.0, 1.05), (0.1, 1.5)):
                cell = {"n": n, "positives": positives, "flips": flips, "spread": spread}
                found = simulations.auroc(rng, runs=runs, resamples=FEW_RESAMPLES, **cell)
                drop = simulations.auroc_drop(flips=flips, spread=spread)
                yield rates("auroc", found, drop=drop, **cell)
    for n in (200, 500, 1000):
        for flips, lost in ((1.0, 0.0), (1.0, 0.01), (0.1, 0.02)):
            cell = {"n": n, "flips": flips, "lost": lost}
            found = simulations.average_precision(rng, runs=runs, resamples=FEW_RESAMPLES, **cell)
            drop = simulations.average_precision_drop(flips=flips, lost=lost)
            yield rates("average precision", found, drop=drop, **cell)


def of_families(runs: int) -> list[dict[str, float]]:
    """How often any of several candidates, all at the limit, is judged falsely after Holm's correction."""
    rng = np.random.default_rng(3)
    found = []
    for size in (1, 3, 10):
        false = [0, 0]
        tests = [ScoreTest(n=e.n, worse=e.worse, better=e.better) for e in _at_limit(rng, runs * size)]
        for family in (tests[start : start + size] for start in range(0, len(tests), size)):
            above, below = ([getattr(each, side)(LIMIT) for each in family] for side in ("p_at_least", "p_at_most"))
            false[0] += min(holm(above)) <= ALPHA
            false[1] += min(holm(below)) <= ALPHA
        found.append({"candidates": size, "any_false_pass": false[0] / runs, "any_false_fail": false[1] / runs})
    return found


def _at_limit(rng: np.random.Generator, runs: int) -> Iterator[PairedBinary]:
    return simulations.pairs(rng, n=2000, flips=0.05, drop=LIMIT, runs=runs)


def of_sizes(runs: int) -> list[dict[str, float]]:
    """The number of samples that decides by the formula, and the one that does in simulation, at 80 %."""
    found = []
    for flips in (0.02, 0.05, 0.1):
        for drop in (0.0, 0.0025, 0.02):
            pilot = 10**10
            worse, better = (round(pilot * (flips + sign * drop) / 2) for sign in (1, -1))
            test = ScoreTest(n=pilot, worse=worse, better=better)
            at_drop, at_limit = test.error(drop), test.error(LIMIT)
            growth, _ = growth_to_decide(drop, error=at_drop, limit=LIMIT, alpha=ALPHA, error_at_limit=at_limit)
            formula = pilot * growth
            found.append({"flips": flips, "drop": drop, "formula": formula, "simulated": _decides(flips, drop, runs)})
    return found


def _decides(flips: float, drop: float, runs: int) -> float:
    """Samples at which 80 % of the repetitions decide, by bisection."""
    low, high = 50.0, 100_000.0
    while high / low > 1.01:
        n = round(math.sqrt(low * high))
        rng = np.random.default_rng(4)
        counts = Counter(simulations.pairs(rng, n=n, flips=flips, drop=drop, runs=runs))
        side = "p_at_least" if drop < LIMIT else "p_at_most"
        power = sum(times * (getattr(drop_test(measured(e)), side)(LIMIT) <= ALPHA) for e, times in counts.items())
        low, high = (low, n) if power >= 0.8 * runs else (n, high)
    return high


def allowed_rate(runs: int) -> float:
    """Alpha and two Monte-Carlo errors, of 2,000 repetitions where there are more."""
    return ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / min(runs, 2000))


def bounds_of(cells: list[Rates]) -> list[Bound]:
    """The worst cell of each family, beside what is asked."""
    bounds = []
    for family in dict.fromkeys(each.family for each in cells):
        its = [each for each in cells if each.family == family and each.trusted >= each.runs / 10]
        worst = max(each.false for each in its)
        least = min(each.coverage for each in its)
        allowed = allowed_rate(min(each.runs for each in its))
        bounds.append(Bound(name=f"{family}: false PASS or FAIL", value=worst, bound=allowed, unit=""))
        bounds.append(Bound(name=f"{family}: least coverage", value=least, bound=0.93, unit="", is_least=True))
    pairs = [each for each in cells if each.family == "pairs" and each.cell["n"] * each.cell["flips"] >= TEN]
    if pairs:
        most = max(each.coverage for each in pairs)
        bounds.append(Bound(name="pairs: most coverage, ten flips expected", value=most, bound=0.97, unit=""))
    return bounds


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0], part=tuple(PARTS))
    runs = 20 if asked.quick else PARTS[asked.part][1]
    cells = list(PARTS[asked.part][0](runs))
    bounds, told = bounds_of(cells), {}
    if asked.part == "pairs":
        more, told = of_many(runs)
        bounds += more
    shown = [
        {
            "metric": each.family,
            **each.cell,
            "drop": each.drop,
            "trusted": each.trusted / each.runs,
            "false_pass": each.false_pass,
            "false_fail": each.false_fail,
            "coverage": each.coverage,
        }
        for each in cells
    ]
    return record(
        f"statistics_{asked.part}",
        bounds=bounds,
        measured={"alpha": ALPHA, "runs": runs, "cells": shown, **told},
        method=__doc__,
        quick=asked.quick,
        out=asked.out,
        said=["--part", asked.part],
    )


def of_many(runs: int) -> tuple[list[Bound], dict[str, object]]:
    """Holm and the samples that decide, with their bounds."""
    families, sizes = of_families(min(runs, 2000)), of_sizes(min(runs, 4000))
    worst = max(max(each["any_false_pass"], each["any_false_fail"]) for each in families)
    ratio = max(abs(math.log(each["formula"] / each["simulated"])) for each in sizes)
    bounds = [
        Bound(name="Holm, up to ten candidates: any false verdict", value=worst, bound=allowed_rate(runs), unit=""),
        Bound(name="samples that decide: formula against simulation", value=math.expm1(ratio), bound=0.15, unit=""),
    ]
    return bounds, {"families": families, "sizes": sizes}


PARTS = {"pairs": (of_pairs, 20_000), "sums": (of_sums, 2000), "lists": (of_lists, 400)}


if __name__ == "__main__":
    sys.exit(main())
