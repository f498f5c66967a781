"""A report to the user's loggers: numbers to every one, the table where a logger can show one."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

from lightning_trt.renderers import markdown
from lightning_trt.renderers.scalars import scalars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytorch_lightning.loggers import Logger

    from lightning_trt.artifacts import Report

__all__ = ["log"]

_TABLE = "trt/report"


def log(report: Report, loggers: list[Logger], *, step: int) -> None:
    """Nothing; each logger has the numbers, the settings, and the table if it can show one.

    What a logger refuses is a warning: it must not cost the report.
    """
    for logger in loggers:
        _log(report, logger, step=step)


def _log(report: Report, logger: Logger, *, step: int) -> None:
    try:
        _log_settings(logger, report.settings)
        logger.log_metrics(scalars(report), step=step)
        _log_table(logger, report, step=step)
        logger.save()
    except Exception as error:  # noqa: BLE001 - a logger's service may raise anything
        warnings.warn(
            f"{type(logger).__name__} did not take the export's results: {type(error).__name__}: {error}. They stand "
            f"in {report.path}.",
            stacklevel=2,
        )


def _log_settings(logger: Logger, settings: Mapping[str, object]) -> None:
    # TensorBoard's logger would write its hp_metric once more, over the user's; with metrics={} it does not.
    has_metrics = "metrics" in inspect.signature(logger.log_hyperparams).parameters
    more: dict[str, Any] = {"metrics": {}} if has_metrics else {}
    logger.log_hyperparams({"trt": dict(settings)}, **more)


def _log_table(logger: Any, report: Report, *, step: int) -> None:  # noqa: ANN401 - what a logger can is asked of it
    if hasattr(logger, "log_table"):
        columns, rows = _rows(report)
        logger.log_table(key=_TABLE, columns=columns, data=rows, step=step)
    elif hasattr(logger.experiment, "add_text"):
        logger.experiment.add_text(_TABLE, markdown.render(report), global_step=step)


def _rows(report: Report) -> tuple[list[str], list[list[object]]]:
    columns = ["candidate", "metric", "value", "drop", "drop_low", "drop_high", "speedup", "bytes", "verdict"]
    rows: list[list[object]] = [
        [
            name,
            metric,
            each.value,
            each.drop,
            each.drop_low,
            each.drop_high,
            candidate.speedup,
            candidate.bytes,
            candidate.verdict.value,
        ]
        for name, candidate in report.candidates.items()
        for metric, each in candidate.metrics.items()
    ]
    return columns, rows
