"""Statistics of the verdict: intervals, resampling weights, Holm, sample size. numpy and the standard library only.

Each kind of evidence has a test, and each test two faces that always agree: an interval of the true drop at a one-sided
`alpha`, and p-values of "drop >= limit" and "drop <= limit". The upper end is within a limit exactly where the first
p-value is within alpha.
"""

from __future__ import annotations

from lightning_trt.inference.binomial import binomial_cdf, mcnemar
from lightning_trt.inference.bootstrap import PercentileTest, least_resamples, resampling_weights
from lightning_trt.inference.changes import ChangedShareTest
from lightning_trt.inference.drop import FEWEST_CHANGED, DropTest, NoTest, drop_test, turned, with_interval
from lightning_trt.inference.holm import holm
from lightning_trt.inference.sample_size import growth_to_decide
from lightning_trt.inference.score import ScoreTest
from lightning_trt.inference.student import StudentTest, t_cdf, t_quantile

__all__ = [
    "FEWEST_CHANGED",
    "ChangedShareTest",
    "DropTest",
    "NoTest",
    "PercentileTest",
    "ScoreTest",
    "StudentTest",
    "binomial_cdf",
    "drop_test",
    "growth_to_decide",
    "holm",
    "least_resamples",
    "mcnemar",
    "resampling_weights",
    "t_cdf",
    "t_quantile",
    "turned",
    "with_interval",
]
