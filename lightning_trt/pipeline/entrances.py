"""The ways on to the road: after a fit, and from a finished checkpoint."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import fsspec

from lightning_trt.artifacts import CheckpointReport, Verdict
from lightning_trt.distributed import Crew
from lightning_trt.errors import SettingsError
from lightning_trt.pipeline.enforcement import enforce
from lightning_trt.pipeline.folders import is_in_sweep, results_folder, run_folder, unmade_folder
from lightning_trt.pipeline.job import Job, Outcome
from lightning_trt.pipeline.naming import check_names
from lightning_trt.pipeline.plan import planned
from lightning_trt.pipeline.reporting import assembled, sentence_of, write
from lightning_trt.pipeline.telling import show
from lightning_trt.progress import Progress, terminal_is_live
from lightning_trt.replay import Scoring, random_state_kept, subject_of_fit, subject_of_module
from lightning_trt.settings import ExportSettings, settings_of
from lightning_trt.stages.gate import gate
from lightning_trt.storage import (
    check_writable,
    clean_leftovers,
    clean_temporary,
    locked,
    reserved,
    sha256_of,
    sha256_of_stream,
    whole_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pytorch_lightning import LightningDataModule, LightningModule, Trainer
    from torch.utils.data import DataLoader
    from torchmetrics import Metric, MetricCollection
    from typing_extensions import Unpack

    from lightning_trt.artifacts import Report
    from lightning_trt.pipeline.job import Findings
    from lightning_trt.replay import Predict, Subject
    from lightning_trt.replay.checkpoints import Remembered
    from lightning_trt.settings import ExportOptions, GateSettings

__all__ = ["export", "export_fit"]


def export(
    module: LightningModule,
    data: LightningDataModule | DataLoader[Any] | Iterable[DataLoader[Any]],
    *,
    checkpoint: Path | str | None = None,
    trust: bool = False,
    metrics: Mapping[str, Metric] | MetricCollection | None = None,
    predict: Predict | None = None,
    **options: Unpack[ExportOptions],
) -> Report:
    """The report on engines of `module`, without training.

    Args:
        module: Is copied, and not changed.
        data: Where the validation samples come from: a DataModule, or validation loaders.
        checkpoint: Weights to load into the copy; None takes the module's own.
        trust: Load a checkpoint that holds more than weights and plain data, which runs code of whoever wrote it.
        metrics: Torchmetrics Metrics by name, or a MetricCollection, to measure the drop of in the place of what
            `validation_step` logs, which is then not run; goes with `predict`.
        predict: Function of module and batch that gives what each metric's update takes: `(outputs, targets)`.
        options: The fields of `ExportSettings`.

    Raises:
        SettingsError: An option that cannot hold; of a limit on a metric that was never logged the report is written.
        MetricNotLoggedError: A metric is named that validation does not log, or that `metrics` has not.
        UnsupportedPrecisionError: The backend has no such arithmetic.
        CheckpointError: The checkpoint is absent, unreadable, or does not fit the module.
        GateFailedError: The gate said no, and `on_gate_fail` lets that raise; the report is written.
        LightningTRTError: What ended all candidates at once; the report is written.

    Example::

        report = lightning_trt.export(Net(), DigitsDataModule(), checkpoint="best.ckpt", precisions=("int8",))
        engine = lightning_trt.load(report.path / "int8-mse")
    """
    settings, scoring = settings_of(ExportSettings, options), Scoring.of(metrics, predict)
    folder = results_folder(settings)
    plan = planned(settings)
    check_writable(folder)
    found = subject_of_module(module, data, checkpoint=checkpoint, trust=trust, scoring=scoring)
    with random_state_kept(), found as subject:
        about = _about(checkpoint, subject.remembered, monitor=settings.monitor)
        check_names(scoring, settings, monitor=about.monitor)
        job = Job(
            subject=subject, checkpoint=about, plan=plan, settings=settings, folder=folder, is_point=is_in_sweep()
        )
        outcome = _run(_with_digest(job), progress=Progress(speaks=True, is_live=terminal_is_live()))
    show(outcome.report)
    if outcome.error is not None:
        raise outcome.error
    enforce(outcome.report, settings=settings)
    return outcome.report


def export_fit(
    trainer: Trainer,
    module: LightningModule,
    *,
    checkpoint: CheckpointReport,
    notes: tuple[str, ...],
    settings: ExportSettings,
    scoring: Scoring | None,
    folder: Path,
    crew: Crew | None = None,
) -> Outcome:
    """What came of a finished fit: the report on engines of `checkpoint`, below `folder`.

    `crew` are the ranks that help, each through a `Follower`. The checkpoint is one that this very fit wrote; where its
    path is None the weights in memory are exported. With `scoring`, that validates in the place of validation_step.

    Raises:
        CheckpointError: The checkpoint is absent, sharded, or does not fit the module.
        NoSamplesError: There is nothing to validate on.
        StorageError: The folder cannot be written.
    """
    progress = Progress(speaks=True, is_live=terminal_is_live())
    with random_state_kept():
        subject = subject_of_fit(trainer, module, checkpoint=checkpoint.path, scoring=scoring)
        about = replace(checkpoint, epoch=subject.remembered.epoch)
        job = Job(
            subject=subject,
            checkpoint=about,
            plan=planned(settings),
            settings=settings,
            folder=folder,
            notes=notes,
            crew=crew or Crew(),
        )
        return _run(_with_digest(job), progress=progress)


def _about(checkpoint: Path | str | None, remembered: Remembered, *, monitor: str | None) -> CheckpointReport:
    """What is known of a finished checkpoint; the metric that it followed is monitored, unless another one is named."""
    followed = monitor or remembered.monitor
    return CheckpointReport(
        path=None if checkpoint is None else str(checkpoint),
        sha256=None,
        epoch=remembered.epoch,
        monitor=followed,
        score=remembered.monitored.get(followed or ""),
    )


def _run(job: Job, *, progress: Progress) -> Outcome:
    """The road walked, the report judged, and all of it written: whole, or not at all."""
    from lightning_trt.pipeline.road import walk  # noqa: PLC0415 - a training script imports the callback, and no onnx

    check_writable(job.folder.parent)
    clean_leftovers(job.folder.parent)
    clean_temporary()
    with locked(job.folder), whole_folder(job.folder) as into:
        # Engines may fill the disk; what they are and why one is missing must still find room on it.
        with reserved(into):
            findings, error = walk(job, into=into, progress=progress)
        report, doubt = _assembled(job, findings)
        report, refusal = _judged(report, settings=job.settings.gate)
        if (left_out := write(report, into, formats=job.settings.formats)) is not None:
            progress.say(left_out)
    # What an earlier try left in the place of this report.
    shutil.rmtree(unmade_folder(job.folder.parent, job.checkpoint.path), ignore_errors=True)
    return Outcome(report=report, error=error or doubt or refusal)


def _assembled(job: Job, findings: Findings) -> tuple[Report, Exception | None]:
    """The report before the gate; where the scores cannot be compared it has none, and the error says why."""
    try:
        return assembled(job, findings), None
    except Exception as error:  # noqa: BLE001 - whatever it was, what was built is kept and the report says so
        failures = dict.fromkeys(job.plan.names, error) | dict(findings.failures)
        return assembled(job, replace(findings, scores=None, failures=failures)), error


def _judged(report: Report, *, settings: GateSettings | None) -> tuple[Report, Exception | None]:
    """The report with its verdicts; where a rule cannot be applied to it nothing passes, and the error says why."""
    try:
        (judged,) = gate((report,), settings=settings)
    except SettingsError as error:
        return _refused(report, Verdict.failed, str(error)), error
    except Exception as error:  # noqa: BLE001 - as above
        return _refused(report, Verdict.error, sentence_of(error)), error
    return judged, None


def _refused(report: Report, verdict: Verdict, why: str) -> Report:
    candidates = {
        name: replace(each, verdict=verdict, reasons=(*each.reasons, why)) for name, each in report.candidates.items()
    }
    return replace(report, candidates=candidates, verdict=verdict)


def _with_digest(job: Job) -> Job:
    """The job with its checkpoint's digest, and the folder named after both."""
    path = job.checkpoint.path
    digest = _digest_of_weights(job.subject) if path is None else _digest_of(path)
    return replace(
        job,
        checkpoint=replace(job.checkpoint, sha256=None if path is None else digest),
        folder=run_folder(job.folder, path, digest=digest),
    )


def _digest_of(path: str) -> str:
    """SHA-256 of a checkpoint, wherever it lies."""
    if "://" not in path:
        return sha256_of(path)
    with fsspec.open(path, "rb") as file:
        return sha256_of_stream(file)


def _digest_of_weights(subject: Subject) -> str:
    digest = hashlib.sha256()
    for name, tensor in subject.module.named_parameters():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
