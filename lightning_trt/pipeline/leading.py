"""Rank zero and its crew: parts of the passes for the others, and whatever they do not bring done here.

Results travel through files in a folder of the run that is being written, news through the process group's store.
"""

from __future__ import annotations

import json
import pickle
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt import calibrators
from lightning_trt.passes import save
from lightning_trt.pipeline.devices import calibration_device
from lightning_trt.pipeline.following import likeness
from lightning_trt.pipeline.job import REFERENCE
from lightning_trt.replay import num_batches
from lightning_trt.stages.calibrate import Runner, calibrate, observe, recall, shards
from lightning_trt.stages.validate import Foreseen, remembering
from lightning_trt.storage import cache_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytorch_lightning import LightningModule
    from torch import nn

    from lightning_trt.artifacts import Engine, OnnxGraph, Statistics
    from lightning_trt.distributed import Errand
    from lightning_trt.pipeline.job import Job
    from lightning_trt.pipeline.samples import Samples
    from lightning_trt.replay import Step, Subject
    from lightning_trt.stages.validate import Foresight

    Advance = Callable[[int], None]

__all__ = ["Leader"]

_POLL_SECONDS = 0.01


@dataclass(slots=False, kw_only=True)
class Leader:
    """Rank zero's passes, with the help of the ranks of `job.crew`; `notes` say which of them did not help, and why."""

    job: Job
    into: Path
    notes: list[str] = field(default_factory=list)
    _joining: Mapping[int, Errand] = field(default_factory=dict)

    def gather(self) -> None:
        """Nothing; the crew gets ready while this rank goes on."""
        self._joining = self._asked("join", self.into, checkpoint=self.job.checkpoint.path)

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that help: those that see the run's folder and compute with the same."""
        if not self._joining:
            return ()
        mine = likeness(self.job.subject)
        answers = {rank: errand.answer() for rank, errand in self._joining.items()}
        for rank, answer in answers.items():
            if answer.text is None:
                self.notes.append(f"{answer.why_not}; it took no part.")
            elif answer.text != mine:
                self.notes.append(f"rank {rank} has other weights, another device or other threads; it took no part.")
        return tuple(rank for rank, answer in answers.items() if answer.text == mine)

    def statistics(
        self, graphs: Mapping[str, OnnxGraph], samples: Samples, *, network: str, histograms: bool, advance: Advance
    ) -> dict[str, Statistics]:
        """What `calibrate` gives for all samples; `network` is a digest of what the boundaries compute."""
        settings, cache = self.job.settings, cache_at(self.job.settings.cache)
        # Another point's calibrator may need them, and then finds the statistics of this pass.
        histograms = histograms or (self.job.is_point and cache is not None)
        how: dict[str, Any] = {"settings": settings.calibration, "histograms": histograms}
        run: dict[str, Any] = {"threads": settings.build.threads, "advance": advance}
        device = calibration_device(settings.calibration.device, self.job.subject)
        if device is not None or not self.ranks:
            return self._alone(graphs, samples, network=network, device=device, cache=cache, **how, **run)
        if cache is not None and (known := recall(graphs, samples, **how, cache=cache)) is not None:
            return known
        mine, *theirs = shards(
            samples.indices, num_shards=1 + len(self.ranks), block_size=settings.calibration.block_size
        )
        parts = {rank: part for rank, part in zip(self.ranks, theirs, strict=True) if part}

        def look(rank: int) -> dict[str, Statistics]:
            return observe(graphs, replace(samples, indices=parts[rank]), **how, **run)

        with self._calibrating(graphs, parts, histograms=histograms, advance=advance, look=look) as others:
            return calibrate(graphs, replace(samples, indices=mine), **how, **run, cache=cache, others=others)

    def _alone(
        self,
        graphs: Mapping[str, OnnxGraph],
        samples: Samples,
        *,
        network: str,
        device: torch.device | None,
        **how: Any,  # noqa: ANN401 - what `calibrate` takes
    ) -> dict[str, Statistics]:
        """What `calibrate` gives, without the crew; what the network gave in earlier runs is not computed again."""
        reasons = [Runner(device=device).why_not(graph) for graph in graphs.values()]
        self.notes += [reason for reason in reasons if reason is not None]
        with self._remembered(network, during="calibration") as memory:
            asking = replace(samples, prepare=partial(_stand_before, memory, samples.boundaries))
            return calibrate(graphs, asking, device=device, **how)

    @contextmanager
    def _calibrating(
        self,
        graphs: Mapping[str, OnnxGraph],
        parts: Mapping[int, Sequence[int]],
        *,
        histograms: bool,
        advance: Advance,
        look: Callable[[int], dict[str, Statistics]],
    ) -> Iterator[Callable[[], Iterable[dict[str, Statistics]]]]:
        """What waits for what the ranks saw of their parts; for one that does not say, `look` tells."""
        with self._folder("calibration") as folder:
            for number, graph in enumerate(graphs.values()):
                save(graph.model, folder / f"{number}.onnx")
            boundaries = [graph.boundary for graph in graphs.values()]
            (folder / "boundaries.pickle").write_bytes(pickle.dumps(boundaries))

            def brought(rank: int, errand: Errand) -> dict[str, Statistics]:
                answer = errand.answer(advance)
                if answer.text is None:
                    errand.withdraw()
                    self.notes.append(f"{answer.why_not}; rank 0 calibrated on its part.")
                    return look(rank)
                files = {name: folder / f"{rank}-{number}.npz" for number, name in enumerate(graphs)}
                return {name: calibrators.load(path) for name, path in files.items() if path.exists()}

            with self._working("calibrate", folder, parts, histograms=histograms) as errands:
                yield lambda: (brought(rank, errand) for rank, errand in errands.items())

    @contextmanager
    def foreseen(
        self,
        subject: Subject,
        engines: Mapping[str, Mapping[str, nn.Module]],
        *,
        network: str,
        left_out: Sequence[int],
    ) -> Iterator[Foresight | None]:
        """What the crew computes ahead of the validation pass, until the block ends, or else what earlier runs left.

        `network` is a digest of what the boundaries compute.
        """
        counts = num_batches(subject) if self.ranks and engines else None
        if counts is None:
            with self._remembered(network, during="validation") as remembered:
                yield remembered
            return
        parts = _parts(counts, self.ranks)
        told: dict[str, Any] = {
            "engines": {name: str(_home(placed)) for name, placed in engines.items()},
            "boundaries": list(dict.fromkeys(boundary for placed in engines.values() for boundary in placed)),
            "left_out": list(left_out),
        }
        ranges = {rank: [(each.start, each.stop) for each in part] for rank, part in parts.items()}
        with self._folder("validation") as folder, self._working("validate", folder, ranges, **told) as errands:
            coming = _Coming(folder, parts, errands)
            try:
                yield Foreseen(coming.results)
            finally:
                self.notes += [f"{why_not}; rank 0 did the rest of its part." for why_not in coming.missed.values()]

    @contextmanager
    def _working(
        self, verb: str, folder: Path, parts: Mapping[int, object], **more: object
    ) -> Iterator[dict[int, Errand]]:
        """An errand for each rank that has a part; whoever still works behind the block works in vain, and is told."""
        asked = self._asked(verb, folder, parts=parts, **more)
        try:
            yield {rank: asked[rank] for rank in parts}
        finally:
            for errand in asked.values():
                errand.withdraw()

    @contextmanager
    def _remembered(self, network: str, *, during: str) -> Iterator[Foresight | None]:
        """What earlier runs of the same network on such a device left in the cache."""
        cache = cache_at(self.job.settings.cache)
        if cache is None:
            yield None
            return
        computes = f"torch {torch.__version__} {likeness(self.job.subject)} {network}"
        with remembering(cache, sha256(computes.encode()).hexdigest()[:32]) as memory:
            yield memory
            if memory.num_recalled:
                self.notes.append(
                    f"{during}: {memory.num_recalled} calls of the reference's network were taken from an earlier run"
                )

    def _asked(self, verb: str, folder: Path, **more: object) -> dict[int, Errand]:
        return self.job.crew.ask(json.dumps({"verb": verb, "folder": str(folder), **more}))

    @contextmanager
    def _folder(self, name: str) -> Iterator[Path]:
        folder = self.into / f"{name}-parts"
        folder.mkdir()
        try:
            yield folder
        finally:
            # Renamed first: a rank that still works finds no folder to put another file into.
            shutil.rmtree(folder.rename(folder.with_suffix(".done")), ignore_errors=True)


class _Coming:
    """The results that ranks write for the batches of their parts, read once each; `missed` says why one is missing."""

    def __init__(self, folder: Path, parts: Mapping[int, Sequence[range]], errands: Mapping[int, Errand]) -> None:
        self._folder = folder
        self._parts = parts
        self._errands = errands
        self.missed: dict[int, str] = {}

    def results(self, step: Step) -> Any:  # noqa: ANN401 - what `foresee` kept
        """The results for this batch, waited for as long as its rank works; None where nobody has any."""
        at = step.dataloader_idx, step.batch_idx
        rank = next((rank for rank, part in self._parts.items() if at[1] in part[at[0]]), None)
        if rank is None:
            return None
        path = self._folder / str(rank) / f"{at[0]}-{at[1]}.pt"
        while not path.exists():
            if rank in self.missed:
                return None
            answer = self._errands[rank].answered()
            # It may have written the file between the two looks.
            if answer is not None and not path.exists():
                self._errands[rank].withdraw()
                self.missed[rank] = answer.why_not or f"rank {rank} brought too little"
                return None
            time.sleep(_POLL_SECONDS)
        # Written by a rank of this very fit, so that nothing foreign is unpickled.
        results = torch.load(path, weights_only=False)
        path.unlink()
        return results


def _stand_before(memory: Foresight | None, boundaries: Sequence[str], module: LightningModule) -> None:
    """Nothing; the boundaries of the copy `module` ask `memory` first, where there is one."""
    if memory is not None:
        memory.stand_before({REFERENCE: module}, boundaries)


def _home(placed: Mapping[str, Any]) -> Path:
    """The folder with the manifest of a candidate's engines."""
    engines: list[Engine] = [module.engine for module in placed.values()]
    return engines[0].folder if len(engines) == 1 else engines[0].folder.parent


def _parts(counts: Sequence[int], ranks: Sequence[int]) -> dict[int, list[range]]:
    """Numbers of the batches of each loader for each rank but the first of all: one stretch each, of equal lengths.

    Rank zero has the first, in which the others get ahead of it.
    """
    total, size = sum(counts), 1 + len(ranks)
    ends = list(accumulate(counts))
    bounds = {rank: (total * place // size, total * (place + 1) // size) for place, rank in enumerate(ranks, start=1)}
    return {
        rank: [
            range(min(max(first - (end - count), 0), count), min(max(last - (end - count), 0), count))
            for end, count in zip(ends, counts, strict=True)
        ]
        for rank, (first, last) in bounds.items()
    }
