"""A transformer over digits read row by row: a dict of inputs, a mask, an integer input, and a length that varies.

Nothing has to be said about any of it: what `validation_step` does with its batch shows how the module is called. The
gate here is part of the training script: a CI job that runs it fails when the int8 engine loses too much.

Run it with `python examples/03_several_inputs.py [folder for the results]`.
"""

from __future__ import annotations

import sys

import torch
from pytorch_lightning import LightningDataModule, LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from lightning_trt import TRTExportCallback

Scan = dict[str, Tensor]


class Scans(LightningDataModule):
    """Digits of 8 rows, the last of them cut off at random; a batch is as long as its longest scan."""

    def setup(self, stage: str) -> None:
        images, targets = load_digits(return_X_y=True)
        generator = torch.Generator().manual_seed(0)
        rows = torch.tensor(images, dtype=torch.float32).reshape(-1, 8, 8) / 16
        lengths = torch.randint(6, 9, (len(rows),), generator=generator)
        order = torch.randperm(len(rows), generator=generator).tolist()
        scans = [(rows[index, : lengths[index]], int(targets[index])) for index in order]
        self.train, self.val = scans[:1000], scans[1000:]

    def train_dataloader(self) -> DataLoader[Scan]:
        return DataLoader(self.train, batch_size=32, shuffle=True, collate_fn=padded)

    def val_dataloader(self) -> DataLoader[Scan]:
        return DataLoader(self.val, batch_size=32, collate_fn=padded)


def padded(scans: list[tuple[Tensor, int]]) -> Scan:
    """A batch: rows of shape `(batch, length, 8)`, positions and a mask of shape `(batch, length)`, and targets."""
    longest = max(len(rows) for rows, _ in scans)
    return {
        "rows": nn.utils.rnn.pad_sequence([rows for rows, _ in scans], batch_first=True),
        "positions": torch.arange(longest).expand(len(scans), -1).contiguous(),
        "is_padding": torch.stack([torch.arange(longest) >= len(rows) for rows, _ in scans]),
        "target": torch.tensor([target for _, target in scans]),
    }


class Reader(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Embedding(8, width)
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, 10)

    def forward(self, scan: Scan) -> dict[str, Tensor]:
        tokens = self.embed(scan["rows"]) + self.places(scan["positions"])
        weights = self.query(tokens) @ self.key(tokens).transpose(1, 2) / tokens.shape[-1] ** 0.5
        weights = weights.masked_fill(scan["is_padding"].unsqueeze(1), -1e4).softmax(-1)
        tokens = self.norm(tokens + weights @ self.value(tokens))
        tokens = tokens + self.mlp(tokens)
        kept = (~scan["is_padding"]).unsqueeze(2).float()
        pooled = (tokens * kept).sum(1) / kept.sum(1)
        return {"logits": self.head(pooled), "pooled": pooled}


class DigitReader(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader()
        self.accuracy = MulticlassAccuracy(num_classes=10, average="micro")

    def training_step(self, batch: Scan) -> Tensor:
        return nn.functional.cross_entropy(self.reader(inputs_of(batch))["logits"], batch["target"])

    def validation_step(self, batch: Scan) -> None:
        self.accuracy.update(self.reader(inputs_of(batch))["logits"], batch["target"])
        self.log("val/acc", self.accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


def inputs_of(batch: Scan) -> Scan:
    return {name: tensor for name, tensor in batch.items() if name != "target"}


def main(folder: str = "demo_output/scans") -> None:
    seed_everything(0)
    callback = TRTExportCallback(
        precisions=("fp16", "int8"),
        gate={"rules": [{"metric": "val/acc", "max_drop": 0.05, "candidates": "int8-*"}]},
        dirpath=f"{folder}/engines",
    )
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=5,
        logger=False,
        callbacks=[ModelCheckpoint(dirpath=f"{folder}/checkpoints", monitor="val/acc", mode="max"), callback],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(DigitReader(), datamodule=Scans())
    print("the gate says:", callback.report.verdict.value if callback.report else "nothing")


if __name__ == "__main__":
    main(*sys.argv[1:])
