"""The callback at the end of a real fit on a GPU: ResNet-18 on Fashion-MNIST at 224x224.

60,000 images train, all 10,000 test images validate. Every precision that the backend has, int8 by Q/DQ pairs, by a
calibration cache of our ranges and by TensorRT's own calibrators. The report is the result: report.json and report.md
are copied to the folder of the results. The images are those of Debian's package dataset-fashion-mnist, or of the
folder that `--data` names.

Run it with `python benchmarks/gpu_fit.py`; `--backend onnxruntime --items 64` rehearses it on a processor.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
from pathlib import Path

import numpy as np
import torch
from nets import resnet18
from pytorch_lightning import LightningDataModule, LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from lightning_trt import TRTExportCallback

RESULTS = Path(__file__).parent / "results"
DATA = Path("/usr/share/datasets/fashion-mnist")

Images = DataLoader[tuple[Tensor, ...]]


def images_of(folder: Path, split: str, *, items: int | None) -> TensorDataset:
    """Images of shape `(items, 28, 28)`, bytes, and their classes."""
    pixels = np.frombuffer(
        gzip.decompress((folder / f"{split}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    )
    classes = np.frombuffer(
        gzip.decompress((folder / f"{split}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )
    images = torch.from_numpy(pixels.copy()).reshape(-1, 28, 28)[:items]
    return TensorDataset(images, torch.from_numpy(classes.astype(np.int64))[:items])


class FashionMnist(LightningDataModule):
    """Bytes of 28x28; they grow to 224x224 on the device, in the hook that is made for it."""

    def __init__(self, folder: Path, *, items: int | None) -> None:
        super().__init__()
        self.folder, self.items = folder, items

    def setup(self, stage: str) -> None:
        self.train = images_of(self.folder, "train", items=self.items)
        self.val = images_of(self.folder, "t10k", items=self.items)

    def train_dataloader(self) -> Images:
        return DataLoader(self.train, batch_size=min(256, len(self.train)), shuffle=True, drop_last=True)

    def val_dataloader(self) -> Images:
        return DataLoader(self.val, batch_size=100)

    def on_after_batch_transfer(self, batch: tuple[Tensor, Tensor], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        images, targets = batch
        large = nn.functional.interpolate(images.unsqueeze(1) / 255.0, size=224, mode="bilinear")
        return large.expand(-1, 3, -1, -1).contiguous(), targets


class Classifier(LightningModule):
    """ResNet-18 from random weights."""

    def __init__(self) -> None:
        super().__init__()
        self.model = resnet18(classes=10).train()
        self.accuracy = MulticlassAccuracy(num_classes=10, average="micro")

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, targets = batch
        return nn.functional.cross_entropy(self.model(images), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        images, targets = batch
        logits = self.model(images)
        self.accuracy(logits, targets)
        self.log("val/acc", self.accuracy)
        self.log("val/loss", nn.functional.cross_entropy(logits, targets))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def callback(options: argparse.Namespace) -> TRTExportCallback:
    """Everything that the backend offers."""
    is_tensorrt = options.backend == "tensorrt"
    return TRTExportCallback(
        precisions=tuple(options.precisions) if is_tensorrt else ("fp32", "fp16", "int8"),
        calibrators=("percentile", "minmax"),
        backend=options.backend,
        gate={"metric": "val/acc", "max_drop": 0.01},
        on_gate_fail="warn",
        on_error="raise",
        dirpath=options.out / "engines",
        calibration={"quantized_by": options.quantized_by, "native": ["entropy2", "minmax"]} if is_tensorrt else {},
        build={"tensorrt": {"level": options.level, "max_batch": 128}},
        latency={"batch_sizes": (1, 32, 100)},
    )


def main() -> None:
    """Fit, export, and keep the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="tensorrt")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--items", type=int, default=None, help="images of each split; all by default")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "tf32", "fp16", "int8"])
    parser.add_argument("--quantized-by", nargs="+", default=["pairs", "cache", "native"])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--level", type=int, default=2, help="effort of TensorRT's builder")
    parser.add_argument("--out", type=Path, default=RESULTS / "gpu_fit")
    options = parser.parse_args()
    seed_everything(0)
    export = callback(options)
    trainer = Trainer(
        max_epochs=options.epochs,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(dirpath=options.out / "checkpoints", monitor="val/acc", mode="max"), export],
    )
    trainer.fit(Classifier(), datamodule=FashionMnist(options.data, items=options.items))
    assert export.report is not None  # noqa: S101 - on_error="raise" would have raised
    for name in ("report.json", "report.md"):
        shutil.copy(export.report.path / name, options.out / name)
    print(f"{options.out / 'report.json'}: {export.report.verdict.value}, chosen {export.report.chosen}")


if __name__ == "__main__":
    main()
