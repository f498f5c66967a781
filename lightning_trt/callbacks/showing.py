"""A report to the eye in each kind of logger: table, picture and page, by whatever means that logger has.

Nothing of a logger's package is imported unless that logger is in use, and then it is there.
"""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.renderers import html, markdown
from lightning_trt.storage import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pytorch_lightning.loggers import Logger

    from lightning_trt.artifacts import Report

__all__ = ["Exhibit", "exhibit_of", "show"]

_COLUMNS = ("candidate", "metric", "value", "drop", "drop_low", "drop_high", "p50_ms", "speedup", "bytes", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """What there is to see: rows under `columns`, the drops as RGB of shape `(height, width, 3)`, the page's file.

    `picture` is None where nothing was measured or matplotlib is missing; `page` is then `report.md`.
    """

    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    picture: NDArray[np.uint8] | None
    page: Path


def exhibit_of(report: Report) -> Exhibit:
    """What there is to see of `report`, which is written."""
    page = report.path / "report.html"
    return Exhibit(
        text=markdown.render(report),
        columns=_COLUMNS,
        rows=tuple(_rows(report)),
        picture=html.picture(report) if html.why_not() is None else None,
        page=page if page.exists() else report.path / "report.md",
    )


def show(exhibit: Exhibit, logger: Logger, *, step: int) -> None:
    """Nothing; `logger` then shows the exhibit, if it is of a kind that can."""
    # By name, as Lightning's two packages each have classes of their own.
    names = [kind.__name__ for kind in type(logger).__mro__]
    for name, shown in _KINDS.items():
        if name in names:
            shown(exhibit, logger, step)


def _rows(report: Report) -> list[tuple[object, ...]]:
    return [
        (
            name,
            metric,
            each.value,
            each.drop,
            each.drop_low,
            each.drop_high,
            report.p50_ms(candidate.latency),
            candidate.speedup,
            candidate.bytes,
            candidate.verdict.value,
        )
        for name, candidate in report.candidates.items()
        for metric, each in candidate.metrics.items()
    ]


def _tensorboard(exhibit: Exhibit, logger: Any, step: int) -> None:  # noqa: ANN401 - of either package of Lightning
    logger.experiment.add_text("trt/report", exhibit.text, global_step=step)
    if exhibit.picture is not None:
        logger.experiment.add_image("trt/drops", exhibit.picture, global_step=step, dataformats="HWC")
    _folder(exhibit, logger, step)


def _wandb(exhibit: Exhibit, logger: Any, step: int) -> None:  # noqa: ANN401 - the same
    from wandb import Html  # noqa: PLC0415 - it is there where its logger is

    logger.log_table(
        "trt/candidates", columns=list(exhibit.columns), data=[list(row) for row in exhibit.rows], step=step
    )
    if exhibit.picture is not None:
        logger.log_image("trt/drops", [exhibit.picture], step=step)
    if exhibit.page.suffix == ".html":
        logger.log_metrics({"trt/report": Html(exhibit.page.read_text(encoding="utf-8"), inject=False)}, step=step)


def _mlflow(exhibit: Exhibit, logger: Any, step: int) -> None:  # noqa: ANN401, ARG001 - artifacts have no step
    client, run = logger.experiment, logger.run_id
    client.log_text(run, _csv(exhibit), "trt/candidates.csv")
    if exhibit.picture is not None:
        client.log_image(run, exhibit.picture, "trt/drops.png")
    client.log_artifact(run, str(exhibit.page), "trt")


def _folder(exhibit: Exhibit, logger: Any, step: int) -> None:  # noqa: ANN401, ARG001 - files have no step
    """Files in the folder of a logger that keeps one."""
    folder = Path(logger.log_dir, "trt_report")
    write_whole(folder / "candidates.csv", _csv(exhibit))
    if exhibit.picture is not None:
        from matplotlib.image import imsave  # noqa: PLC0415 - there is a picture, so it is there

        drawn = io.BytesIO()
        imsave(drawn, exhibit.picture, format="png")
        write_whole(folder / "drops.png", drawn.getvalue())
    shutil.copyfile(exhibit.page, folder / exhibit.page.name)


def _csv(exhibit: Exhibit) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([exhibit.columns, *exhibit.rows])
    return text.getvalue()


_KINDS = {"TensorBoardLogger": _tensorboard, "WandbLogger": _wandb, "MLFlowLogger": _mlflow, "CSVLogger": _folder}
