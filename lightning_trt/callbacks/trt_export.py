"""The callback: when training ends, engines of the best checkpoint, measured and judged."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.callbacks.checkpoints import best_of, named_by
from lightning_trt.callbacks.early import check, check_boundary
from lightning_trt.callbacks.loggers import log
from lightning_trt.callbacks.packages import Callback, adopted
from lightning_trt.distributed import on_rank_zero
from lightning_trt.errors import LightningTRTError
from lightning_trt.notices import notice
from lightning_trt.pipeline import Follower, enforce, export_fit, results_folder, show, unmade
from lightning_trt.renderers import json
from lightning_trt.renderers.scalars import scalars
from lightning_trt.replay import Scoring
from lightning_trt.settings import (
    BuildSettings,
    CalibrationSettings,
    CalibratorName,
    ExportSettings,
    GateSettings,
    LatencySettings,
    OnError,
    OnGateFail,
    ReportFormat,
    ValidationSettings,
    settings_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytorch_lightning import LightningModule, Trainer
    from torchmetrics import Metric, MetricCollection

    from lightning_trt.artifacts import Report
    from lightning_trt.distributed import Crew
    from lightning_trt.pipeline import Outcome
    from lightning_trt.precision import Precision
    from lightning_trt.replay import Predict

__all__ = ["TRTExportCallback"]

_NO_SETTINGS = {"self", "__class__", "metrics", "predict"}
"""Names in `__init__` that are no fields of the settings: objects of the caller's own."""


@adopted
class TRTExportCallback(Callback):
    """Engines of the best checkpoint when `fit` ends, each with a measured accuracy drop and a verdict.

    The user's module, metrics, DataModule and Trainer are left as they are: all work is done on copies. Results are in
    `report`, in the files below `report.path`, in `trainer.callback_metrics` as `trt/<candidate>/<metric>`,
    `trt/<candidate>/drop/<metric>` and `trt/<candidate>/p50_ms`, and with the loggers. Under `fast_dev_run` nothing is
    done. Of several such callbacks with one `dirpath` the second writes to `<dirpath>-2`, and so on.

    Args:
        precisions: Candidates to build: fp32, tf32, fp16, bf16, int8, fp8; a mapping has as true those to build, and
            None takes the default.
        calibrators: Calibrators for each quantized precision: minmax, percentile, mse, entropy, entropy2, legacy,
            mean_minmax; likewise.
        backend: `auto`, or the name of a backend.
        boundary: Dotted name of the part of the module to export, or several; empty finds it.
        monitor: Metric whose ModelCheckpoint is followed; None takes the Trainer's first.
        dirpath: Folder for the results; None takes Hydra's output folder, else `<log_dir or default_root_dir>/trt`.
        gate: Limits; None gates the monitored metric with max_drop 0.01 where it is known to lie in [0, 1].
        calibration: How statistics are gathered.
        validation: How the drop is measured.
        metrics: Torchmetrics Metrics by name, or a MetricCollection, to measure the drop of in the place of what
            `validation_step` logs, which is then not run; goes with `predict`.
        predict: Function of module and batch that gives what each metric's update takes: `(outputs, targets)`.
        latency: How latency is measured.
        build: How engines are built.
        cache: Folder of what runs share, `off` for none; None takes the environment variable LIGHTNING_TRT_CACHE, else
            `lightning-trt` in the user's cache folder.
        formats: Files of the report beside `report.json`: markdown, html, junit.
        on_error: What a failure of ours does to the fit: `report` writes it down and goes on, `raise` raises it.
        on_gate_fail: What a failed gate does: `auto` raises where `gate` is given and no sweep is running, else warns.

    Attributes:
        report: The report of the last fit on every rank; None before the first, and where none could be made.

    Raises:
        SettingsError: A setting that cannot hold; the sentence names the nearest that can.

    Example::

        trainer = Trainer(callbacks=[ModelCheckpoint(monitor="val/acc", mode="max"), TRTExportCallback()])
        trainer.fit(module, datamodule=dm)
        print(trainer.callback_metrics["trt/int8-mse/drop/val/acc"])
    """

    def __init__(  # noqa: PLR0913 - the fields of ExportSettings, one by one: LightningCLI and Hydra read the signature
        self,
        *,
        precisions: Sequence[Precision | str] | Mapping[str, bool] | None = ("fp32", "fp16", "int8"),
        calibrators: Sequence[CalibratorName | str] | Mapping[str, bool] | None = ("mse",),
        backend: str = "auto",
        boundary: str | Sequence[str] = (),
        monitor: str | None = None,
        dirpath: str | Path | None = None,
        gate: GateSettings | Mapping[str, Any] | None = None,
        calibration: CalibrationSettings | Mapping[str, Any] | None = None,
        validation: ValidationSettings | Mapping[str, Any] | None = None,
        metrics: Mapping[str, Metric] | MetricCollection | None = None,
        predict: Predict | None = None,
        latency: LatencySettings | Mapping[str, Any] | None = None,
        build: BuildSettings | Mapping[str, Any] | None = None,
        cache: str | Path | None = None,
        formats: Sequence[ReportFormat | str] = ("markdown", "html", "junit"),
        on_error: OnError | str = "report",
        on_gate_fail: OnGateFail | str = "auto",
    ) -> None:
        # Read before anything else stands here: the arguments by name, which are the fields of the settings.
        given = {name: value for name, value in locals().items() if name not in _NO_SETTINGS}
        # Here and not in a `__new__`, whose signature LightningCLI would read in the place of this one.
        adopted(TRTExportCallback)
        super().__init__()
        self.settings, self._scoring = settings_of(ExportSettings, given), Scoring.of(metrics, predict)
        self.report: Report | None = None
        self._folder = Path()
        self._origin: dict[str, str] = {}

    @property
    def state_key(self) -> str:
        """Tells two of these callbacks in one Trainer apart."""
        settings = self.settings
        return self._generate_state_key(
            precisions=[each.value for each in settings.precisions],
            calibrators=[each.value for each in settings.calibrators],
            monitor=settings.monitor,
            dirpath=None if settings.dirpath is None else str(settings.dirpath),
        )

    def state_dict(self) -> dict[str, Any]:
        """Import paths of the module and the DataModule, for whoever exports this checkpoint later."""
        return dict(self._origin)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse what cannot work, before training."""
        if stage != "fit" or _is_dry(trainer):
            return
        self._folder = self._numbered(trainer, results_folder(self.settings, trainer))
        self._origin = {"module": _import_path(pl_module)}
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is not None:
            self._origin["datamodule"] = _import_path(datamodule)
        check(trainer, pl_module, settings=self.settings, scoring=self._scoring, folder=self._folder)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a boundary that the module has not, before training."""
        if not _is_dry(trainer):
            check_boundary(pl_module, self.settings.boundary)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Export the best checkpoint on rank zero with the others' help, and tell every rank what came of it."""
        if _is_dry(trainer):
            return
        self.report = None
        try:
            said = on_rank_zero(
                lambda crew: self._exported(trainer, pl_module, crew),
                helping=Follower(trainer, pl_module, settings=self.settings, scoring=self._scoring),
            )
        except Exception as error:
            if self.settings.on_error is OnError.raises:
                raise
            if trainer.is_global_zero:
                _warn(error)
            return
        path, _, text = said.partition("\n")
        self.report = json.from_text(text, Path(path) / "report.json")
        trainer.callback_metrics.update({name: torch.tensor(value) for name, value in scalars(self.report).items()})
        enforce(self.report, settings=self.settings, speaks=trainer.is_global_zero)

    def _exported(self, trainer: Trainer, module: LightningModule, crew: Crew) -> str:
        """Where the report lies, and its text."""
        outcome = self._outcome(trainer, module, crew)
        self.report = outcome.report
        with _showing(outcome.report):
            show(outcome.report)
        with _showing(outcome.report):
            log(outcome.report, trainer.loggers, step=trainer.global_step)
        if outcome.error is not None and self.settings.on_error is OnError.raises:
            raise outcome.error
        return f"{outcome.report.path}\n{json.to_text(outcome.report)}"

    def _outcome(self, trainer: Trainer, module: LightningModule, crew: Crew) -> Outcome:
        """What came of the export; where nothing did, a report that says why, if one can be written."""
        settings = self.settings
        try:
            best = best_of(trainer, settings.monitor)
            return export_fit(
                trainer,
                module,
                checkpoint=best.checkpoint,
                notes=best.notes,
                settings=settings,
                scoring=self._scoring,
                folder=self._folder,
                crew=crew,
            )
        except Exception as error:
            about = named_by(trainer, settings.monitor)
            with suppress(Exception):
                return unmade(error, checkpoint=about, settings=settings, folder=self._folder)
            raise

    def _numbered(self, trainer: Trainer, folder: Path) -> Path:
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # an attribute that Trainer sets late
        alike = [
            each
            for each in callbacks
            if isinstance(each, TRTExportCallback) and each.settings.dirpath == self.settings.dirpath
        ]
        number = alike.index(self) + 1
        return folder if number == 1 else folder.with_name(f"{folder.name}-{number}")


def _is_dry(trainer: Any) -> bool:
    return bool(trainer.fast_dev_run)


def _import_path(thing: object) -> str:
    kind = type(thing)
    return f"{kind.__module__}.{kind.__qualname__}"


@contextmanager
def _showing(report: Report) -> Iterator[None]:
    """A block whose error is a warning: a closed terminal or a full disk must not cost results that are written."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see above
        notice(f"The export's results could not be shown: {type(error).__name__}: {error}. See {report.path}.")


def _warn(error: Exception) -> None:
    sentence = str(error) if isinstance(error, LightningTRTError) else f"{type(error).__name__}: {error}"
    notice(
        f"The export failed; the training and its checkpoints are as they were. {sentence} "
        "(on_error='raise' would have raised this.)",
    )
