"""A sweep over precision and four calibrators, beside one run with lists of them, and what its second point costs.

The command itself in one process, with a classifier whose ResNet-like net takes images of 32x32 with random weights, on
the CPU with onnxruntime; processor time of the process, because the machine has other work. The first run fills kernels
and imports and is not counted. The run with the lists and the sweeps each begin with an empty cache. A point of a sweep
that is not its first takes the ONNX, the statistics and the results of the reference's network from the cache; it
captures the program, loads the data, runs its own candidate, times that beside the reference, and writes its report.
The sweep over precisions too has eight points, of which three are the same: fp16 has no calibrator.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytorch_lightning as pl
import torch
from record import Bound, arguments, record
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from lightning_trt.cli import main as command

CALIBRATORS = ("minmax", "percentile", "mse", "entropy")
CLASSES = 10


class Block(nn.Module):
    """Two convolutions and a way round them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = [[nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()] for _ in range(2)]
        self.layers = nn.Sequential(*layers[0], *layers[1][:2])

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways."""
        return torch.relu(x + self.layers(x))


class Net(pl.LightningModule):
    """Four blocks, and an Accuracy."""

    def __init__(self) -> None:
        super().__init__()
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))
        self.net = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), *(Block(32) for _ in range(4)), pool)
        self.accuracy = MulticlassAccuracy(CLASSES, average="micro")

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """One value per image."""
        images, labels = batch
        self.accuracy.update(self.net(images), labels)
        self.log("val/acc", self.accuracy)


class Data(pl.LightningDataModule):
    """Random images, the same each time."""

    def __init__(self, size: int = 2000) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(size, 3, 32, 32, generator=generator)
        self.data = TensorDataset(images, torch.randint(CLASSES, (size,), generator=generator))

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Batches of fifty."""
        return DataLoader(self.data, batch_size=50)


def seconds(checkpoint: Path, *words: str, size: int, root: Path) -> float:
    """Processor time of `lightning-trt export` with those words, from an empty cache."""
    start = time.process_time()
    code = command(
        [
            "export",
            *words,
            str(checkpoint),
            f"module._target_={__name__}.Net",
            f"datamodule._target_={__name__}.Data",
            f"datamodule.size={size}",
            "backend=onnxruntime",
            "monitor=val/acc",
            "on_gate_fail=warn",
            f"cache={root / 'cache'}",
            f"hydra.run.dir={root}",
            f"hydra.sweep.dir={root}",
        ]
    )
    if code:
        raise RuntimeError(f"{words} ended with {code}: nothing was measured.")
    return time.process_time() - start


def point_seconds(sweep: Path) -> list[float]:
    """Seconds between the reports of a sweep that ran its points one after the other."""
    written = sorted(path.stat().st_mtime for path in sweep.rglob("report.json"))
    return [after - before for before, after in pairwise(written)]


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    size = 200 if asked.quick else 2000
    several, listed = ",".join(CALIBRATORS), f"[{','.join(CALIBRATORS)}]"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        torch.manual_seed(0)
        trainer = pl.Trainer(logger=False, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
        trainer.strategy.connect(Net())
        trainer.save_checkpoint(root / "net.ckpt")
        run = partial(seconds, root / "net.ckpt", size=size)
        seconds(root / "net.ckpt", "precision=int8", "calibrator=minmax", size=200, root=root / "warm")
        one = run("precision=int8", f"calibrator={listed}", root=root / "list")
        sweep = run("-m", "precision=int8", f"calibrator={several}", root=root / "sweep")
        one_of_both = run("precision=[fp16,int8]", f"calibrator={listed}", root=root / "lists")
        sweep_of_both = run("-m", "precision=fp16,int8", f"calibrator={several}", root=root / "sweeps")
        points = point_seconds(root / "sweep")
    bounds = [
        Bound(name="sweep of calibrators / one run", value=sweep / one, bound=1.3, unit="x"),
        Bound(
            name="sweep of precisions and calibrators / one run", value=sweep_of_both / one_of_both, bound=1.3, unit="x"
        ),
    ]
    measured = {
        "images": size,
        "seconds_list": one,
        "seconds_sweep": sweep,
        "seconds_lists": one_of_both,
        "seconds_sweep_of_both": sweep_of_both,
        "wall_seconds_of_later_points": points,
    }
    return record("sweep", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
