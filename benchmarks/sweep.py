"""A sweep of four calibrators, beside one run with a list of them, and what its second point costs.

What the command does, with a classifier whose ResNet-like net takes images of 32x32 with random weights, on the CPU
with onnxruntime; processor time of the process, because the machine has other work. The first run fills kernels and
imports and is not counted. The run with the list and the sweeps each begin with an empty cache. A point of a sweep
that is not its first takes ONNX and statistics from the cache, and what the reference's network gave from the memory
that points in one process share; it loads the data, runs its own candidate, times both, and writes its report. The
sweep without that memory is what points in processes of their own cost.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from record import Bound, arguments, record
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from lightning_trt import ReferenceMemory, export_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def seconds(
    checkpoint: Path,
    calibrators: Sequence[str],
    *,
    size: int,
    into: Path,
    cache: Path,
    memory: ReferenceMemory | None = None,
) -> float:
    """Processor time of one run."""
    start = time.process_time()
    export_checkpoint(
        checkpoint,
        module={"_target_": f"{__name__}.Net"},
        datamodule={"_target_": f"{__name__}.Data", "size": size},
        backend="onnxruntime",
        precisions=("int8",),
        calibrators=calibrators,
        monitor="val/acc",
        dirpath=into,
        cache=str(cache),
        on_gate_fail="warn",
        memory=memory,
    )
    return time.process_time() - start


def swept(checkpoint: Path, root: Path, *, size: int, memory: ReferenceMemory | None) -> list[float]:
    """Seconds of each point of a sweep, which begins with an empty cache."""
    return [
        seconds(checkpoint, (each,), size=size, into=root / each, cache=root / "cache", memory=memory)
        for each in CALIBRATORS
    ]


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    size = 200 if asked.quick else 2000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        torch.manual_seed(0)
        trainer = pl.Trainer(logger=False, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
        trainer.strategy.connect(Net())
        trainer.save_checkpoint(root / "net.ckpt")
        seconds(root / "net.ckpt", ("minmax",), size=200, into=root / "warm", cache=root / "cache-warm")
        together = seconds(root / "net.ckpt", CALIBRATORS, size=size, into=root / "list", cache=root / "cache-list")
        points = swept(root / "net.ckpt", root / "sweep", size=size, memory=ReferenceMemory())
        alone = swept(root / "net.ckpt", root / "alone", size=size, memory=None)
    bounds = [
        Bound(name="sweep / one run with the list", value=sum(points) / together, bound=1.3, unit="x"),
        Bound(name="second point / first", value=points[1] / points[0], bound=1.0, unit="x"),
    ]
    measured = {
        "images": size,
        "seconds_list": together,
        "seconds_points": dict(zip(CALIBRATORS, points, strict=True)),
        "seconds_points_without_memory": dict(zip(CALIBRATORS, alone, strict=True)),
        "sweep_without_memory / list": sum(alone) / together,
    }
    return record("sweep", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
