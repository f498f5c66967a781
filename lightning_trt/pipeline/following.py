"""What the other ranks do while rank zero walks the road: parts of its passes, when it asks.

They decide nothing. What one of them does not bring, rank zero does itself.
"""

from __future__ import annotations

import json
import pickle
import platform
import warnings
from contextlib import ExitStack, closing
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

    from lightning_trt.replay import Step, Subject
    from lightning_trt.settings import ExportSettings

__all__ = ["Follower", "likeness"]

MOST_BYTES = 2 << 30
"""Results of one rank that may lie unread on disk."""


class Follower:
    """Rank zero's errands, done by another rank of the same fit."""

    def __init__(self, trainer: Trainer, module: LightningModule, *, settings: ExportSettings) -> None:
        self._trainer = trainer
        self._module = module
        self._settings = settings
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
                about = Path(errand["folder"]), rank, errand["parts"][rank], advance
                if errand["verb"] == "calibrate":
                    self._calibrated(*about)
                else:
                    self._validated(*about)
        return ""

    def _joined(self, folder: Path, checkpoint: str | None) -> str:
        """What this rank computes with, if it sees what rank zero writes."""
        if not folder.is_dir():
            raise StorageError(f"{folder}, where rank 0 writes, is not there on {platform.node()}")
        self._subject = subject_of_fit(self._trainer, self._module, checkpoint=checkpoint)
        return likeness(self._subject)

    @property
    def subject(self) -> Subject:
        """What is replayed; known once this rank has joined."""
        if self._subject is None:
            raise ReplayError("this rank has not joined")
        return self._subject

    def _calibrated(self, folder: Path, rank: str, items: list[int], advance: Callable[[int], None]) -> None:
        """Nothing; what was seen of `items` stands in the folder, a file for each boundary by its number."""
        # Who trains with the callback alone loads no onnx before the fit has ended.
        import onnx_ir as ir  # noqa: PLC0415 - see above

        from lightning_trt.stages.calibrate import observe  # noqa: PLC0415 - see above

        boundaries, histograms = pickle.loads((folder / "calibrate.pickle").read_bytes())  # noqa: S301 - rank zero's own
        graphs = {
            boundary.name: OnnxGraph(model=ir.load(folder / f"{number}.onnx"), boundary=boundary)
            for number, boundary in enumerate(boundaries)
        }
        settings = self._settings.calibration
        samples = Samples(
            subject=self.subject,
            loaders=loaders_of_split(self.subject, settings.split),
            indices=tuple(items),
            settings=settings,
            boundaries=tuple(graphs),
        )
        seen = observe(
            graphs,
            samples,
            settings=settings,
            histograms=histograms,
            threads=self._settings.build.threads,
            advance=advance,
        )
        for number, name in enumerate(graphs):
            if name in seen:
                calibrators.save(seen[name], folder / f"{rank}-{number}.npz")

    def _validated(self, folder: Path, rank: str, part: list[list[int]], advance: Callable[[int], None]) -> None:
        """Nothing; what the boundaries gave for the batches of `part` stands in the folder, a file for each batch."""
        from lightning_trt.stages.validate import foresee  # noqa: PLC0415 - see above

        folders, boundaries, left_out = pickle.loads((folder / "validate.pickle").read_bytes())  # noqa: S301 - the same
        ranges = [range(*each) for each in part]
        subject = without_samples(self.subject, left_out) if left_out else self.subject
        mine = folder / rank
        mine.mkdir()

        def keep(step: Step, results: object) -> None:
            target = mine / f"{step.dataloader_idx}-{ranges[step.dataloader_idx].start + step.batch_idx}.pt"
            torch.save(results, target.with_suffix(".part"))
            target.with_suffix(".part").rename(target)
            advance(step.num_items)
            if sum(each.stat().st_size for each in mine.glob("*.pt") if each.exists()) > MOST_BYTES:
                raise StorageError(f"{MOST_BYTES >> 30} GiB of its results wait to be read")

        with ExitStack() as stack:
            engines = {name: _opened(Path(where), stack) for name, where in folders.items()}
            foresee(only_batches(subject, ranges), engines=engines, boundaries=boundaries, keep=keep)


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
