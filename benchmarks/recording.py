"""What recording costs a validation pass: time beside the same pass without it, and memory beyond its limit.

A reference and four candidates in one pass, torch on one thread, processor time, the ways in turns; a number is the
median of the turns' ratios. `classes`: the convolutional net of benchmarks/validation.py in batches of 32 images, whose
metric gets logits of ten classes. `pixels`: a net whose metric gets eleven classes for each of 48x48 pixels, 118 KB an
image, so that records are as large as they come; these are condensed to what each image adds to a confusion matrix.
Taking records apart counts under `bootstrap_seconds`, whether it is done within the pass (condensed) or after it (kept
whole): it is left out of the first ratios, and part of `all of it`.

Memory is how far a fresh process grows, looked at after each batch, while the net for pixels is validated by one copy
with 32 MiB for records and nine times as many records: kept whole, it must stay below twice the limit, and condensed,
below the limit.

Seen before records were condensed: 1.09 for pixels, for a net that computes an image in 1.0 ms. A batch of such logits,
3.1 MiB, was cloned in 2.7 ms where the clone was kept, and copied in 0.18 ms into memory that had been written to
before: what costs is new memory, page by page, and huge pages, pages asked for ahead and files were no cheaper on that
virtual machine. A first bound on memory, growth for each MiB of records, was missed (0.087 against 0.05) and gave way
to that of twice the limit.

Predicted of condensing: a copy of 3.7 MiB into memory that was used before, 0.3 ms of 30: 1.02; all of it 0.95, for the
pages that are not touched; memory: a batch and its copies, 10 MiB. Seen in a first, short try: 23 MiB, for an update of
a batch's images side by side makes more than copies; a bound of half the limit gave way to the limit.

Seen: 0.99 for classes, 1.02 for pixels; all of it 0.97; memory: 52 MiB kept whole, 19 MiB condensed.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from record import Bound, arguments, record
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassJaccardIndex
from validation import CANDIDATES, Classifier

from lightning_trt.replay import Recorder, Replay, Subject, copy_of, subject_of_module
from lightning_trt.stages.validate.algebra import NoEvidenceError
from lightning_trt.stages.validate.condensing import Condensing
from lightning_trt.stages.validate.sides import ITEM, side_of
from lightning_trt.stages.validate.traces import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from torchmetrics import Metric

    from lightning_trt.replay import Condensed, Step, Update

CLASSES = 11
SIDE = 48
BATCH_SIZE = 32
LIMIT = 32 << 20
PLENTY = 2 << 30
NAMES = ("torch-fp32", *CANDIDATES)


class Segmenter(pl.LightningModule):
    """A class for each pixel, and a Jaccard index."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        first, second, third = (nn.Conv2d(*channels, 3, padding=1) for channels in ((1, 16), (16, 16), (16, CLASSES)))
        self.model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
        self.jaccard = MulticlassJaccardIndex(CLASSES)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Nothing; the index is logged."""
        images, targets = batch
        self.jaccard.update(self.model(images), targets)
        self.log("val/jaccard", self.jaccard)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A module, and what its images are like."""

    module: Callable[[], pl.LightningModule]
    shape: tuple[int, ...]
    targets: tuple[int, ...]
    classes: int
    is_condensed: bool = False


CASES = {
    "classes": Case(module=lambda: Classifier(32), shape=(3, 64, 64), targets=(), classes=10),
    "pixels": Case(module=Segmenter, shape=(1, SIDE, SIDE), targets=(SIDE, SIDE), classes=CLASSES, is_condensed=True),
}


def loader_of(case: Case, size: int) -> DataLoader[tuple[Tensor, ...]]:
    """Random images with random classes, in memory."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(size, *case.shape, generator=generator)
    targets = torch.randint(case.classes, (size, *case.targets), generator=generator)
    return DataLoader(TensorDataset(images, targets), batch_size=BATCH_SIZE)


class Timed:
    """Condenses as validation does, and counts the processor time of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._condense = Condensing(seconds=60.0)

    def __call__(self, metric: Metric, update: Update) -> Update | Condensed:
        start = time.process_time()
        condensed = self._condense(metric, update)
        self.seconds += time.process_time() - start
        return condensed


def passed(
    subject: Subject,
    names: tuple[str, ...],
    *,
    limit: int | None,
    condense: Timed | None = None,
    advance: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Processor time of one pass by copies of the module, and of taking apart what was recorded, within it and after.

    Nothing is recorded without `limit`. `advance` is called after a batch.
    """
    copies = {name: copy_of(subject.module, share=True) for name in names}
    recorders = {
        name: Recorder(made, limit_bytes=limit, condense=condense) for name, made in copies.items() if limit is not None
    }

    def around(name: str, step: Step, _: object) -> AbstractContextManager[None]:
        return recorders[name].during(step) if recorders else nullcontext()

    replay = Replay(subject, copies)
    start = time.process_time()
    replay.run(around=around, advance=advance)
    end = time.process_time()
    within = condense.seconds if condense else 0.0
    for name, recorder in recorders.items():
        _take_apart(recorder, replay.metrics[name])
    return {"pass": end - start - within, "within": within, "after": time.process_time() - end}


def _take_apart(recorder: Recorder, metrics: dict[str, float]) -> None:
    """Nothing; each metric was, as it is for evidence. A plain logged loss is not one."""
    for name, value in metrics.items():
        with torch.no_grad(), warnings.catch_warnings(), suppress(NoEvidenceError):
            warnings.simplefilter("ignore")
            side_of(trace_of(name, recorder, value), ITEM, check_time=lambda: None)


def seconds(case: Case, *, size: int, repeats: int) -> dict[str, list[dict[str, float]]]:
    """Processor time of each way, in turns; the first turn warms up."""
    found: dict[str, list[dict[str, float]]] = {"plain": [], "recorded": []}
    with _subject(case, size) as subject:
        for _ in range(repeats + 1):
            found["plain"].append(passed(subject, NAMES, limit=None))
            found["recorded"].append(passed(subject, NAMES, limit=PLENTY, condense=Timed()))
            if case.is_condensed:
                found.setdefault("kept whole", []).append(passed(subject, NAMES, limit=PLENTY))
    return {way: values[1:] for way, values in found.items()}


def growth_mib(size: int, *, condensed: bool) -> float:
    """How far this process, a fresh one, grows while `size` images of pixels are validated and recorded."""
    torch.set_num_threads(1)
    seen: list[float] = []
    with _subject(CASES["pixels"], size) as subject:
        passed(subject, NAMES[:1], limit=None)
        before = _resident_mib()
        condense = Timed() if condensed else None
        passed(subject, NAMES[:1], limit=LIMIT, condense=condense, advance=lambda _: seen.append(_resident_mib()))
    return max(seen) - before


def _resident_mib() -> float:
    """Memory of this process that is in use now, as Linux tells it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def memory_mib(*, condensed: bool) -> float:
    """Growth of a process of its own, with nine times as many records as the limit allows."""
    size = 9 * LIMIT // ((CLASSES * 4 + 8) * SIDE * SIDE)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(growth_mib, [size], {"condensed": condensed})


def _subject(case: Case, size: int) -> Any:  # noqa: ANN401 - a context manager of a Subject
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice about workers
        return subject_of_module(case.module(), loader_of(case, size), accelerator="cpu")


def bounds_of(times: dict[str, dict[str, list[dict[str, float]]]]) -> Iterator[Bound]:
    """What time may be at most."""
    for name, ways in times.items():
        pairs = zip(ways["plain"], ways["recorded"], strict=True)
        ratio = median(recorded["pass"] / plain["pass"] for plain, recorded in pairs)
        yield Bound(name=f"recorded / plain pass, {name}", value=ratio, bound=1.05, unit="x")
        if whole := ways.get("kept whole"):
            ratio = median(sum(a.values()) / sum(b.values()) for a, b in zip(ways["recorded"], whole, strict=True))
            yield Bound(name=f"all of it, condensed / kept whole, {name}", value=ratio, bound=1.05, unit="x")


def memory_bounds() -> Iterator[Bound]:
    """What memory may be at most."""
    limit = LIMIT / (1 << 20)
    for way, most in (("kept whole", 2 * limit), ("condensed", limit)):
        grown = memory_mib(condensed=way == "condensed")
        yield Bound(name=f"memory, nine times the limit {way}", value=grown, bound=most, unit="MiB")


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    size, repeats = (64, 1) if asked.quick else (256, 5)
    times = {name: seconds(case, size=size, repeats=repeats) for name, case in CASES.items()}
    bounds = [*bounds_of(times), *memory_bounds()]
    measured = {"images": size, "batch_size": BATCH_SIZE, "seconds": times}
    return record("recording", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
