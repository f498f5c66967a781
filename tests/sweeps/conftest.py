"""A checkpoint that all sweeps share."""

from __future__ import annotations

import pytest
from zoo import Classifier, Images, fitted
from zoo.exporting import quick

from lightning_trt import TRTExportCallback


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of one that was written with our callback."""
    root = tmp_path_factory.mktemp("fit")
    trainer = fitted(Classifier(), Images(), root, callbacks=[TRTExportCallback(**quick(dirpath=root / "trt"))])
    path: str = trainer.checkpoint_callback.best_model_path
    return path
