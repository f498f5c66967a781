"""A gate whose rule cannot be applied never lets a run through, and never costs its results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from zoo.classifier import Classifier
from zoo.data import Images
from zoo.trainers import fitted

from lightning_trt import TRTExportCallback
from lightning_trt.errors import GateFailedError

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT = {"metric": "val/f1", "max_drop": 0.01}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The report that was written by a fit whose gate limits what is not logged, and the error it ended with."""
    root = tmp_path_factory.mktemp("unjudged")
    callback = TRTExportCallback(
        precisions=("fp32",), dirpath=root / "trt", gate=_LIMIT, latency={"seconds": 0.01, "warmup_seconds": 0.01}
    )
    with pytest.raises(GateFailedError) as error:
        fitted(Classifier(), Images(), root, callbacks=[callback])
    return _report_below(root), str(error.value)


def test_a_limit_on_a_metric_that_is_not_logged_ends_the_run(refused: tuple[dict[str, Any], str]) -> None:
    """The sentence names the nearest metric."""
    assert "limits the metric 'val/f1', which was not logged. Did you mean" in refused[1]


def test_what_was_measured_is_written_all_the_same(refused: tuple[dict[str, Any], str]) -> None:
    """The candidate fails with its metrics in the report."""
    (candidate,) = refused[0]["candidates"]

    assert candidate["verdict"] == "fail"
    assert "val/acc" in candidate["metrics"]


def _report_below(root: Path) -> dict[str, Any]:
    (path,) = root.glob("trt/*/report.json")
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report
