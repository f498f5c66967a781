"""What the other ranks do while rank zero walks the road: parts of its passes, when it asks.

They decide nothing. What one of them does not bring, rank zero does itself.
"""

from __future__ import annotations

import json
import pickle
import platform
import warnings
from contextlib import ExitStack, closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt import backends, calibrators
from lightning_trt.artifacts import OnnxGraph
from lightning_trt.errors import ReplayError, StorageError
from lightning_trt.pipeline.samples import Samples
from lightning_trt.replay import (
    loaders_of_split,
    only_batches,
    random_state_kept,
    subject_of_fit,
    without_samples,
)
from lightning_trt.runtime import TRTModule, manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytorch_lightning import LightningModule, Trainer

    from lightning_trt.replay import Scoring, Step, Subject
    from lightning_trt.settings import ExportSettings

__all__ = ["Follower", "likeness"]

MOST_BYTES = 2 << 30
"""Results of one rank that may lie unread on disk."""


class Follower:
    """Rank zero's errands, done by another rank of the same fit."""

    def __init__(
        self, trainer: Trainer, module: LightningModule, *, settings: ExportSettings, scoring: Scoring | None = None
    ) -> None:
        self._trainer = trainer
        self._module = module
        self._settings = settings
        self._scoring = scoring
        self._subject: Subject | None = None

    def __call__(self, what: str, advance: Callable[[int], None]) -> str:
        """The answer to an errand; `advance` is called with the number of items done."""
        errand = json.loads(what)
        rank = str(self._trainer.global_rank)
        with random_state_kept(), warnings.catch_warnings():
            # Rank zero warns of the same.
            warnings.simplefilter("ignore")
            if errand["verb"] == "join":
                return self._joined(Path(errand["folder"]), errand["checkpoint"])
            if rank in errand["parts"]:
                does = self._calibrate if errand["verb"] == "calibrate" else self._validate
                does(errand, rank, advance)
        return ""

    def _joined(self, folder: Path, checkpoint: str | None) -> str:
        """What this rank computes with, if it sees what rank zero writes."""
        if not folder.is_dir():
            raise StorageError(f"{folder}, where rank 0 writes, is not there on {platform.node()}")
        self._subject = subject_of_fit(self._trainer, self._module, checkpoint=checkpoint, scoring=self._scoring)
        return likeness(self._subject)

    @property
    def subject(self) -> Subject:
        """What is replayed; known once this rank has joined."""
        if self._subject is None:
            raise ReplayError("this rank has not joined")
        return self._subject

    def _calibrate(self, errand: Mapping[str, Any], rank: str, advance: Callable[[int], None]) -> None:
        """Nothing; what was seen of this rank's part stands in the folder, a file for each boundary by its number."""
        # Who trains with the callback alone loads no onnx before the fit has ended.
        from lightning_trt.stages.calibrate import observe  # noqa: PLC0415 - see above

        folder, settings = Path(errand["folder"]), self._settings
        graphs = _graphs(folder)
        samples = Samples(
            subject=self.subject,
            loaders=loaders_of_split(self.subject, settings.calibration.split),
            indices=tuple(errand["parts"][rank]),
            settings=settings.calibration,
            boundaries=tuple(graphs),
        )
        seen = observe(
            graphs,
            samples,
            settings=settings.calibration,
            histograms=errand["histograms"],
            threads=settings.build.threads,
            advance=advance,
        )
        for number, name in enumerate(graphs):
            if name in seen:
                calibrators.save(seen[name], folder / f"{rank}-{number}.npz")

    def _validate(self, errand: Mapping[str, Any], rank: str, advance: Callable[[int], None]) -> None:
        """Nothing; what the boundaries gave for this rank's part stands in the folder, a file for each batch."""
        from lightning_trt.stages.validate import foresee  # noqa: PLC0415 - see above

        subject, left_out = self.subject, errand["left_out"]
        if left_out:
            subject = without_samples(subject, left_out)
        ranges = [range(*each) for each in errand["parts"][rank]]
        shelf = _Shelf(Path(errand["folder"], rank))

        def keep(step: Step, results: object) -> None:
            shelf.put(f"{step.dataloader_idx}-{ranges[step.dataloader_idx].start + step.batch_idx}.pt", results)
            advance(step.num_items)

        with ExitStack() as stack:
            engines = {name: _opened(Path(folder), stack) for name, folder in errand["engines"].items()}
            foresee(only_batches(subject, ranges), engines=engines, boundaries=errand["boundaries"], keep=keep)


class _Shelf:
    """A folder of files that rank zero takes away as it reads them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._most_bytes = 0

    def put(self, name: str, results: object) -> None:
        """Nothing; the file is there, and whole.

        Raises:
            StorageError: Rank zero does not keep up.
        """
        part = self._folder / f"{name}.part"
        torch.save(results, part)
        self._most_bytes += part.stat().st_size
        part.rename(self._folder / name)
        if self._most_bytes > MOST_BYTES:
            # Counted only now: of many small files most were taken away long since.
            self._most_bytes = _bytes_in(self._folder)
        if self._most_bytes > MOST_BYTES:
            raise StorageError(f"{MOST_BYTES >> 30} GiB of its results wait to be read")


def _bytes_in(folder: Path) -> int:
    total = 0
    for each in folder.iterdir():
        with suppress(FileNotFoundError):
            total += each.stat().st_size
    return total


def likeness(subject: Subject) -> str:
    """Digest of what decides the bits that this rank computes: weights, and what runs them."""
    device = subject.trainer.strategy.root_device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    digest = sha256(f"{device.type} {name} {torch.get_num_threads()}".encode())
    for module in (subject.module, subject.as_trained):
        for key, tensor in module.state_dict().items():
            digest.update(key.encode())
            if torch.is_tensor(tensor):
                digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _opened(folder: Path, stack: ExitStack) -> Mapping[str, Any]:
    engines = manifest.read(folder).engines
    return {
        boundary: stack.enter_context(closing(TRTModule(engine, open=backends.find(engine.backend).open)))
        for boundary, engine in engines.items()
    }


def _graphs(folder: Path) -> dict[str, OnnxGraph]:
    import onnx_ir as ir  # noqa: PLC0415 - as in `_calibrate`

    boundaries = pickle.loads((folder / "boundaries.pickle").read_bytes())  # noqa: S301 - rank zero's own
    return {
        boundary.name: OnnxGraph(model=ir.load(folder / f"{number}.onnx"), boundary=boundary)
        for number, boundary in enumerate(boundaries)
    }
