"""A second calibrator from cached statistics, beside the first one, which has to make them.

ResNet-18 at 224x224 with random weights, onnxruntime on one thread, blocks of eight images, processor time of the
process. Each turn begins with an empty cache: the first run pulls the images, runs the graph, keeps its statistics and
reads `mse` ranges; the second pulls the images, takes their fingerprints, finds the statistics and reads `entropy2`
ranges, the slowest to read. Images are made anew for each sample, and both runs pay for it.

Predicted before it was run: 60 ms an image for the first run; of the second 1.5 ms to make an image, 0.4 ms for its
fingerprint, and for all images together 0.2 s for the graph's digest and 0.1 s to read ranges: 0.04 at 256 images.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch
from calibration import exported, images
from record import Bound, arguments, record

from lightning_trt.calibrators import Entropy2, Mse
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.storage import Cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calibration import Image

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.protocols import Calibrator


class Images:
    """The first `count` random images, the same each time."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[Image]:
        return islice(images(), self._count)


def seconds(graph: OnnxGraph, count: int, *, cache: Cache, calibrator: Calibrator) -> tuple[float, bool]:
    """Processor time of one run, and whether it took statistics of another."""
    gc.collect()
    start = time.process_time()
    statistics = calibrate(
        {"net": graph}, Images(count), settings=CalibrationSettings(), histograms=True, threads=1, cache=cache
    )["net"]
    calibrator.ranges(statistics)
    return time.process_time() - start, statistics.is_recalled


def turn(graph: OnnxGraph, count: int) -> tuple[float, float]:
    """Seconds of the first and of the second calibrator."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder=Path(folder))
        first, was_recalled = seconds(graph, count, cache=cache, calibrator=Mse())
        second, is_recalled = seconds(graph, count, cache=cache, calibrator=Entropy2())
    if (was_recalled, is_recalled) != (False, True):
        raise RuntimeError("the first run was to make statistics, the second to take them")
    return first, second


def main() -> int:
    """Exit status: 1 where the bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    count, repeats = (16, 1) if asked.quick else (256, 3)
    graph = exported()
    turn(graph, 16)  # the first finds its kernels and its memory
    turns = [turn(graph, count) for _ in range(repeats)]
    bound = Bound(
        name="second calibrator / first",
        value=median(second / first for first, second in turns),
        bound=0.05,
        unit="x",
    )
    measured = {"images": count, "seconds_first_and_second": turns}
    return record(
        "statistics_cache", bounds=[bound], measured=measured, method=__doc__, quick=asked.quick, out=asked.out
    )


if __name__ == "__main__":
    sys.exit(main())
