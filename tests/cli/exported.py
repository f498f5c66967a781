"""Real exports of a tiny classifier, as a CI job would find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import Classifier, Images, fitted

import lightning_trt

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["export_good", "export_small", "export_spoilt", "trained"]

_BRIEF = {"batch_sizes": (8,), "warmup_seconds": 0.01, "seconds": 0.02}
_LOOSE = {"metric": "val/acc", "max_drop": 1.0}


def trained(root: Path) -> Classifier:
    """A classifier that is right on most of its validation images."""
    module = Classifier()
    fitted(module, Images(num_train=512, num_samples=8, batch_size=32), root, max_epochs=3)
    return module


def export_good(module: Classifier, into: Path) -> Path:
    """The run of fp16 and int8 on 2,000 images."""
    return _export(module, into, num_samples=2000, precisions=("fp16", "int8"))


def export_spoilt(module: Classifier, into: Path) -> Path:
    """The run of an int8 whose ranges hold hardly more than half of what they should."""
    return _export(
        module,
        into,
        num_samples=2000,
        precisions=("int8",),
        calibrators=("percentile",),
        calibration={"percentile": 50.01},
    )


def export_small(module: Classifier, into: Path) -> Path:
    """The run of an int8 on 40 images, too few for its limit."""
    return _export(module, into, num_samples=40, precisions=("int8",), calibration={"samples": 40})


def _export(module: Classifier, into: Path, *, num_samples: int, **options: object) -> Path:
    data = Images(num_samples=num_samples, batch_size=100)
    return lightning_trt.export(
        module, data, dirpath=into, monitor="val/acc", gate=_LOOSE, latency=_BRIEF, **options
    ).path
