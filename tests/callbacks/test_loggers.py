"""Each kind of logger shows the report in its own way: one real fit, four loggers, each with its own package."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from renderers.example_report import example_report
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from zoo import Classifier, Images
from zoo.exporting import exported

from lightning_trt.callbacks.loggers import log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_trt import Report


@dataclass(frozen=True)
class Fit:
    """A finished fit with its report and what is left of its loggers, by name."""

    report: Report
    root: Path
    loggers: dict[str, Any]

    @property
    def page(self) -> str:
        """What the run itself wrote."""
        return (self.report.path / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fit]:
    """W&B without its service, MLflow with a store of files."""
    root = tmp_path_factory.mktemp("fit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        patch.setenv("WANDB_SILENT", "true")
        loggers = {
            "csv": CSVLogger(root, name="csv"),
            "board": TensorBoardLogger(root, name="board"),
            "wandb": WandbLogger(save_dir=root, offline=True, project="trt"),
            "mlflow": MLFlowLogger(tracking_uri=f"file:{root / 'mlflow'}"),
        }
        _, report = exported(Classifier(), Images(), root, logger=list(loggers.values()), log_every_n_steps=1)
        loggers["wandb"].experiment.finish()
        yield Fit(report=report, root=root, loggers=loggers)


def width_of(picture: Path) -> int:
    """How many pixels wide it is."""
    with Image.open(picture) as opened:
        return opened.width


def artifact(fit: Fit, name: str) -> Path:
    """A file that MLflow keeps."""
    logger = fit.loggers["mlflow"]
    return Path(logger.experiment.download_artifacts(logger.run_id, f"trt/{name}", str(fit.root)))


@pytest.mark.parametrize("name", ["csv", "board"])
def test_a_logger_with_a_folder_has_files_in_it(fit: Fit, name: str) -> None:
    """Table, picture and page."""
    folder = Path(fit.loggers[name].log_dir, "trt_report")

    with (folder / "candidates.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert {(row["candidate"], row["metric"]) for row in rows} == {("fp32", "val/acc"), ("fp32", "val/loss")}
    assert float(rows[0]["value"]) == fit.report.candidates["fp32"].metrics[rows[0]["metric"]].value
    assert width_of(folder / "drops.png") == 768
    assert (folder / "report.html").read_text(encoding="utf-8") == fit.page


def test_tensorboard_shows_the_report_and_the_picture(fit: Fit) -> None:
    """As text, with its tables, and as an image."""
    board = EventAccumulator(fit.loggers["board"].log_dir).Reload()

    (text,) = board.Tensors("trt/report/text_summary")
    assert b"# lightning-trt: " in text.tensor_proto.string_val[0]
    assert [image.width for image in board.Images("trt/drops")] == [768]


def test_wandb_shows_table_picture_and_page(fit: Fit) -> None:
    """As media of its run, which it sends when it is told to."""
    (media,) = fit.root.glob("wandb/offline-run-*/files/media")

    (table,) = media.rglob("candidates*.table.json")
    (picture,) = media.rglob("drops*.png")
    (page,) = media.rglob("report*.html")
    assert json.loads(table.read_text(encoding="utf-8"))["columns"][:3] == ["candidate", "metric", "value"]
    assert width_of(picture) == 768
    assert page.read_text(encoding="utf-8") == fit.page


def test_wandb_has_the_numbers(fit: Fit) -> None:
    """In the file that it syncs, under our names."""
    (run,) = fit.root.glob("wandb/offline-run-*/run-*.wandb")

    assert b"trt/fp32/drop/val/acc" in run.read_bytes()


def test_mlflow_keeps_table_picture_and_page(fit: Fit) -> None:
    """As artifacts of the run."""
    assert artifact(fit, "candidates.csv").read_text(encoding="utf-8").startswith("candidate,metric,value,")
    assert width_of(artifact(fit, "drops.png")) == 768
    assert artifact(fit, "report.html").read_text(encoding="utf-8") == fit.page


def test_mlflow_has_the_numbers_and_the_settings(fit: Fit) -> None:
    """As metrics and parameters of the run."""
    data = fit.loggers["mlflow"].experiment.get_run(fit.loggers["mlflow"].run_id).data

    assert data.metrics["trt/fp32/val/acc"] == fit.report.candidates["fp32"].metrics["val/acc"].value
    assert any(name.startswith("trt/") for name in data.params)


class Refusing(CSVLogger):
    """A logger whose folder is gone."""

    def log_metrics(self, *_: Any, **__: Any) -> None:
        """Nothing is taken."""
        raise ConnectionError("the service is away")


def test_what_a_logger_refuses_is_a_warning(tmp_path: Path) -> None:
    """The other loggers get all, and the sentence says where the results are."""
    (tmp_path / "report.md").write_text("a report", encoding="utf-8")
    taking = CSVLogger(tmp_path, name="taking")

    with pytest.warns(UserWarning, match="Refusing did not take the export's results: ConnectionError: the service"):
        log(example_report(tmp_path), [Refusing(tmp_path, name="refusing"), taking], step=3)

    assert Path(taking.log_dir, "trt_report", "report.md").exists()


def test_no_loggers_package_is_imported_for_nothing() -> None:
    """Without such a logger neither W&B nor MLflow."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, 'tests'); "
        "from lightning_trt.callbacks.loggers import log; from renderers.example_report import example_report; "
        "log(example_report(), [], step=0); "
        "print({'wandb', 'mlflow'} & set(sys.modules))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == "set()\n"
