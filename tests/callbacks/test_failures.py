"""What fails after training costs neither the training nor the other candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from zoo import Classifier, Images, quiet_trainer
from zoo.exporting import quick
from zoo.troubles import Blocker, Remover

from lightning_trt import TRTExportCallback
from lightning_trt.artifacts import Verdict
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import CheckpointError, GateFailedError, MetricNotLoggedError
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from lightning_trt.artifacts import Engine, OnnxGraph

NO_SUCH_METRIC = {"validation": {"metrics": ("val/acb",)}, "gate": None}


def prepared(root: Path, *callbacks: Any, **settings: Any) -> tuple[Any, TRTExportCallback]:
    """A Trainer and the callback in it."""
    ours = TRTExportCallback(**quick(**{"dirpath": root / "trt", **settings}))
    return quiet_trainer(root, callbacks=[*callbacks, ours]), ours


def raising(*_args: Any, **_kwargs: Any) -> Any:
    """A part of ours, or of the machine, that fails."""
    raise RuntimeError("out of luck")


def fit(trainer: Any) -> None:
    """Nothing; the Trainer has fitted a classifier."""
    trainer.fit(Classifier(), datamodule=Images())


def written(root: Path) -> dict[str, Any]:
    """The one report below `root`."""
    (path,) = root.rglob("report.json")
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def test_a_failed_gate_raises_after_everything_is_written(tmp_path: Path) -> None:
    """The report, the engine, and the checkpoint are there; so is the callback's report."""
    trainer, ours = prepared(tmp_path, gate={"max_drop": -1.0})

    with pytest.raises(GateFailedError, match=r"fp32.*report\.html"):
        fit(trainer)

    assert ours.report is not None
    assert (written(tmp_path)["verdict"], ours.report.verdict) == ("fail", Verdict.failed)
    assert (ours.report.path / "fp32" / "manifest.json").is_file()
    assert Path(trainer.checkpoint_callback.best_model_path).is_file()


def test_without_a_gate_of_ones_own_doubt_is_a_warning(tmp_path: Path) -> None:
    """53 samples are too few for the default limit."""
    trainer, ours = prepared(tmp_path, gate=None)

    with pytest.warns(UserWarning, match="Inconclusive"):
        fit(trainer)

    assert ours.report is not None
    assert ours.report.verdict is Verdict.inconclusive
    assert trainer.state.finished


def test_a_failure_of_ours_is_written_down_and_the_fit_goes_on(tmp_path: Path) -> None:
    """Training result and checkpoint are as they were, and the report says what failed."""
    trainer, ours = prepared(tmp_path, **NO_SUCH_METRIC)

    with pytest.warns(UserWarning, match="MetricNotLoggedError"):
        fit(trainer)

    assert trainer.state.finished
    assert float(trainer.callback_metrics["val/acc"]) == float(trainer.checkpoint_callback.best_model_score)
    assert Path(trainer.checkpoint_callback.best_model_path).is_file()
    assert ours.report is not None
    (reason,) = ours.report.candidates["fp32"].reasons
    assert "'val/acb'" in reason
    assert "Did you mean 'val/acc'?" in reason


def test_on_error_raise_raises_it(tmp_path: Path) -> None:
    """The report is written all the same."""
    trainer, _ = prepared(tmp_path, **NO_SUCH_METRIC, on_error="raise")

    with pytest.raises(MetricNotLoggedError, match="Did you mean 'val/acc'"):
        fit(trainer)

    assert written(tmp_path)["verdict"] == "error"


def test_a_checkpoint_that_is_gone_is_reported(tmp_path: Path) -> None:
    """In a folder that says so, on the callback, and in a warning; the fit goes on."""
    trainer, ours = prepared(tmp_path, Remover(), gate=None)

    with pytest.warns(UserWarning, match="is gone"):
        fit(trainer)

    assert ours.report is not None
    assert ours.report.path.name.endswith("-failed")
    assert "is gone" in written(tmp_path)["candidates"][0]["reasons"][0]
    assert trainer.state.finished


def test_the_report_of_what_failed_goes_when_the_next_run_comes(tmp_path: Path) -> None:
    """The checkpoint is there again, and what is read of the folder is that run."""
    trainer, ours = prepared(tmp_path, gate=None)
    failed = tmp_path / "trt" / "epoch=0-step=8-failed"
    failed.mkdir(parents=True)
    (failed / "report.json").write_text("{}")

    with pytest.warns(UserWarning, match="Inconclusive"):
        fit(trainer)

    assert ours.report is not None
    assert not failed.exists()


def test_where_no_report_can_be_made_a_warning_says_why(tmp_path: Path) -> None:
    """Something stands in the way of the results' folder."""
    trainer, ours = prepared(tmp_path, Blocker(tmp_path / "trt"))

    with pytest.warns(
        UserWarning, match=r"The export failed; the training and its checkpoints are as they were.*cannot write"
    ) as seen:
        fit(trainer)

    assert ours.report is None
    (ours_alone,) = (each for each in seen if "The export failed" in str(each.message))
    assert "tests" in Path(ours_alone.filename).parts
    assert trainer.state.finished


def test_a_checkpoint_that_is_gone_raises_where_errors_do(tmp_path: Path) -> None:
    """The same error, from `fit`."""
    trainer, _ = prepared(tmp_path, Remover(), on_error="raise")

    with pytest.raises(CheckpointError, match="is gone"):
        fit(trainer)


def test_a_candidate_that_cannot_be_built_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reasons say why, the other passes and is chosen, and the run's verdict is an error."""
    build = OnnxRuntime.build

    def broken(self: OnnxRuntime, graph: OnnxGraph, **named: Any) -> Engine:
        if named["precision"] is Precision.int8:
            raise RuntimeError("out of luck")
        return build(self, graph, **named)

    monkeypatch.setattr(OnnxRuntime, "build", broken)
    trainer, ours = prepared(tmp_path, precisions=("fp32", "int8"), on_gate_fail="warn")

    with pytest.warns(UserWarning, match="out of luck"):
        fit(trainer)

    assert ours.report is not None
    candidates = ours.report.candidates
    assert candidates["int8-minmax"].verdict is Verdict.error
    assert "out of luck" in candidates["int8-minmax"].reasons[0]
    assert candidates["fp32"].verdict is Verdict.passed
    assert (ours.report.chosen, ours.report.verdict) == ("fp32", Verdict.error)


@pytest.mark.parametrize("station", ["reporting.compare", "entrances.gate"])
def test_scores_that_cannot_be_judged_leave_the_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, station: str
) -> None:
    """They are there, with the report that says why they have no verdict."""
    monkeypatch.setattr(f"lightning_trt.pipeline.{station}", raising)
    trainer, ours = prepared(tmp_path, on_gate_fail="warn")

    with pytest.warns(UserWarning, match="RuntimeError: out of luck"):
        fit(trainer)

    assert ours.report is not None
    assert (ours.report.path / "fp32" / "manifest.json").is_file()
    assert "out of luck" in written(tmp_path)["candidates"][0]["reasons"][0]


def test_a_format_that_cannot_be_rendered_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is there and passes, and the log says what is not."""
    monkeypatch.setattr("lightning_trt.renderers.markdown.render", raising)
    trainer, ours = prepared(tmp_path, formats=("markdown",))

    fit(trainer)

    assert ours.report is not None
    assert written(tmp_path)["verdict"] == "pass"
    assert "markdown left out: RuntimeError: out of luck" in capsys.readouterr().err


def test_results_that_cannot_be_shown_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a terminal that was closed: report and numbers are there."""
    monkeypatch.setattr("lightning_trt.callbacks.trt_export.show", raising)
    trainer, ours = prepared(tmp_path)

    with pytest.warns(UserWarning, match="results could not be shown: RuntimeError: out of luck"):
        fit(trainer)

    assert ours.report is not None
    assert "trt/fp32/val/acc" in trainer.callback_metrics
