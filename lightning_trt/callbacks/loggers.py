"""A report to the user's loggers: numbers and settings to every one, and to see what it can show."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from lightning_trt.callbacks.showing import exhibit_of, show
from lightning_trt.notices import notice
from lightning_trt.renderers.scalars import scalars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytorch_lightning.loggers import Logger

    from lightning_trt.artifacts import Report
    from lightning_trt.callbacks.showing import Exhibit

__all__ = ["log"]


def log(report: Report, loggers: list[Logger], *, step: int) -> None:
    """Nothing; each logger has the numbers and the settings, and shows table, picture and page if it can.

    What a logger refuses is a warning: it must not cost the report.
    """
    if loggers:
        exhibit = exhibit_of(report)
        for logger in loggers:
            _log(report, exhibit, logger, step=step)


def _log(report: Report, exhibit: Exhibit, logger: Logger, *, step: int) -> None:
    try:
        logger.log_metrics(scalars(report), step=step)
        show(exhibit, logger, step=step)
        _log_settings(logger, report.settings)
        logger.save()
    except Exception as error:  # noqa: BLE001 - a logger's service may raise anything
        notice(
            f"{type(logger).__name__} did not take the export's results: {type(error).__name__}: {error}. They stand "
            f"in {report.path}.",
        )


def _log_settings(logger: Logger, settings: Mapping[str, object]) -> None:
    # TensorBoard's logger would write its hp_metric once more, over the user's; with metrics={} it does not.
    has_metrics = "metrics" in inspect.signature(logger.log_hyperparams).parameters
    more: dict[str, Any] = {"metrics": {}} if has_metrics else {}
    logger.log_hyperparams({"trt": dict(settings)}, **more)
