"""Export a finished checkpoint, without training, and use the engine: a regression, where lower is better.

Run it with `python examples/02_export_a_checkpoint.py [folder for the results]`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from pytorch_lightning import LightningDataModule, LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchmetrics import MeanAbsoluteError, MetricCollection, R2Score

from lightning_trt import export, load

Patients = DataLoader[tuple[Tensor, ...]]


class Diabetes(LightningDataModule):
    """Ten measurements of each of 442 patients, and how far the disease went in a year, standardised."""

    def setup(self, stage: str) -> None:
        measured, progression = load_diabetes(return_X_y=True)
        inputs = torch.tensor(measured, dtype=torch.float32)
        targets = torch.tensor(progression, dtype=torch.float32)
        patients = TensorDataset(inputs / inputs.std(), (targets - targets.mean()) / targets.std())
        self.train, self.val = random_split(patients, [242, 200], generator=torch.Generator().manual_seed(0))

    def train_dataloader(self) -> Patients:
        return DataLoader(self.train, batch_size=32, shuffle=True)

    def val_dataloader(self) -> Patients:
        return DataLoader(self.val, batch_size=50)


class Regressor(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(10, 32), nn.GELU(), nn.Linear(32, 1))
        self.metrics = MetricCollection({"mae": MeanAbsoluteError(), "r2": R2Score()}, prefix="val/")

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return nn.functional.mse_loss(self.network(inputs).squeeze(1), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        inputs, targets = batch
        self.metrics.update(self.network(inputs).squeeze(1), targets)
        self.log_dict(self.metrics)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


def main(folder: str = "demo_output/diabetes") -> None:
    seed_everything(0)
    keeper = ModelCheckpoint(dirpath=f"{folder}/checkpoints", monitor="val/mae", mode="min")
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=10,
        logger=False,
        callbacks=[keeper],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Regressor(), datamodule=Diabetes())

    report = export(
        Regressor(),
        Diabetes(),
        checkpoint=keeper.best_model_path,
        precisions=("fp16", "int8"),
        calibrators=("minmax",),
        gate={"metric": "val/mae", "max_drop_relative": 0.02},
        dirpath=f"{folder}/engines",
    )
    for name, candidate in report.candidates.items():
        mae = candidate.metrics["val/mae"]
        print(f"{name}: MAE {mae.value:.4f}, worse by {mae.drop:+.1e} [{mae.drop_low:+.1e}, {mae.drop_high:+.1e}]")

    # An engine is a module with the inputs and outputs of the part that it stands for: here `network`.
    engine = load(Path(report.path, "int8-minmax"))
    print("one patient:", engine(torch.zeros(1, 10)))


if __name__ == "__main__":
    main(*sys.argv[1:])
