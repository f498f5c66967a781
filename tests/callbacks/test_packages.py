"""Both packages of Lightning, LightningCLI, and several processes: each in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FIT = """
import sys
from importlib import import_module
from pathlib import Path

root, order, name = Path(sys.argv[1]), sys.argv[2].split(), sys.argv[3]
for each in order:
    import_module(each).__dir__()
package = import_module(name)

from lightning_trt import TRTExportCallback
from zoo.classifier import ClassifierSteps
from zoo.data import images_and_targets
from zoo.exporting import quick
from zoo.trainers import quiet_trainer
from torch.utils.data import DataLoader, TensorDataset

class Classifier(ClassifierSteps, package.LightningModule):
    pass

loaders = [DataLoader(TensorDataset(*images_and_targets(53, seed=seed)), batch_size=8) for seed in (1, 2)]
ours = TRTExportCallback(**quick(dirpath=root / "trt"))
assert isinstance(ours, package.Callback)
trainer = quiet_trainer(root, callbacks=[ours], package=package)
trainer.fit(Classifier(), *loaders)
assert ours.report.reference.metrics["val/acc"] == float(trainer.checkpoint_callback.best_model_score)
print("verdict:", ours.report.verdict.value)
"""

CLI = """
from lightning_trt import TRTExportCallback
from pytorch_lightning.cli import LightningCLI
from zoo import Classifier, Images

if __name__ == "__main__":
    LightningCLI(Classifier, Images)
"""

DDP = """
import json
import sys
from pathlib import Path

from lightning_trt import TRTExportCallback
from lightning_trt.renderers.json import to_text
from zoo import Classifier, Images, quiet_trainer
from zoo.exporting import quick

if __name__ == "__main__":
    root = Path(sys.argv[1])
    ours = TRTExportCallback(**quick(precisions=("fp32", "int8"), dirpath=root / "trt", gate=None))
    trainer = quiet_trainer(root, callbacks=[ours], devices=2, strategy="ddp")
    trainer.fit(Classifier(), datamodule=Images())
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("trt/")}
    text = json.dumps([to_text(ours.report), str(ours.report.path), metrics])
    Path(root, f"rank-{trainer.global_rank}.json").write_text(text)
"""


SPAWN = """
import json
import sys
from pathlib import Path

from lightning_trt import TRTExportCallback
from zoo import Classifier, Images, quiet_trainer
from zoo.exporting import quick

if __name__ == "__main__":
    root = Path(sys.argv[1])
    ours = TRTExportCallback(**quick(precisions=("fp32", "int8"), dirpath=root / "trt"))
    trainer = quiet_trainer(root, callbacks=[ours], devices=2, strategy="ddp_spawn")
    trainer.fit(Classifier(), datamodule=Images())
    metrics = {name: float(each) for name, each in trainer.callback_metrics.items()}
    (root / "metrics.json").write_text(json.dumps(metrics))
"""


def ran(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a fresh Python that ran `code` said; it must have ended well."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return run


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
@pytest.mark.parametrize("comes", ["before", "after"])
def test_a_trainer_of_either_package(tmp_path: Path, package: str, comes: str) -> None:
    """Imported before the callback, or after it."""
    ours = "lightning_trt.callbacks"
    order = f"{package} {ours}" if comes == "before" else f"{ours} {package}"

    run = ran(FIT, tmp_path, str(tmp_path), order, package)

    assert "verdict: pass" in run.stdout


def test_lightning_cli_takes_the_callback_and_its_settings(tmp_path: Path) -> None:
    """On the command line, nested settings too."""
    said = {
        "trainer": {
            "accelerator": "cpu",
            "max_epochs": "1",
            "logger": "false",
            "enable_progress_bar": "false",
            "default_root_dir": str(tmp_path),
        },
        "trainer.callbacks": {
            "precisions": "[fp32]",
            "dirpath": str(tmp_path / "trt"),
            "gate": "{metric: val/acc, max_drop: 0.9}",
            "latency.batch_sizes": "[1]",
            "latency.seconds": "0.01",
        },
    }
    arguments = [f"--{group}.{name}={value}" for group, each in said.items() for name, value in each.items()]

    ran(CLI, tmp_path, "fit", "--trainer.callbacks+=lightning_trt.TRTExportCallback", *arguments)

    (report,) = (tmp_path / "trt").rglob("report.json")
    read = json.loads(report.read_text(encoding="utf-8"))
    assert [each["name"] for each in read["candidates"]] == ["fp32"]
    assert read["verdict"] == "pass"


def test_every_rank_of_a_distributed_fit_ends_with_the_same_report(tmp_path: Path) -> None:
    """Two processes; rank zero works and speaks, the other waits, and both hold the report and its numbers."""
    run = ran(DDP, tmp_path, str(tmp_path))

    first, second = (json.loads((tmp_path / f"rank-{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1))
    assert first == second
    assert len(list((tmp_path / "trt").rglob("report.json"))) == 1
    # The sampler's padding is not counted.
    assert json.loads(first[0])["data"]["samples"] == 53
    assert first[2]["trt/int8-minmax/drop/val/acc"] < 0.9
    assert run.stderr.count("Inconclusive: ") == 1


def test_ranks_that_were_spawned_leave_files_and_numbers(tmp_path: Path) -> None:
    """The process that called fit is none of them: it has the numbers of the report that they wrote."""
    ran(SPAWN, tmp_path, str(tmp_path))

    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    (path,) = (tmp_path / "trt").rglob("report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["data"]["samples"] == 53
    for each in report["candidates"]:
        assert metrics[f"trt/{each['name']}/val/acc"] == pytest.approx(each["metrics"]["val/acc"]["value"])
