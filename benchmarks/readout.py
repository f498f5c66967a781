"""What each calibrator costs to read the ranges of one tensor from statistics, in processor time.

ResNet-18 at 96x96 with random weights is calibrated on random images; what that counts of each tensor is read, one
tensor after the other. Each calibrator reads all of them, in turns with the others, on one thread; its number is the
median over the turns, a tensor. Beside them, the plain way to write the entropy search: a loop over the 1,921
candidates with scipy's relative entropy, over the same linear bins, on few tensors.

Predicted before it was run: percentile and legacy a cumulative sum over 16,320 bins, 0.1 ms; mse three such sums and
127 look-ups for some fifty candidates, 0.7 ms; entropy and entropy2 246,000 look-ups and 33,000 logarithms, 1.2 ms.
"""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import scipy.stats
import torch
from nets import resnet18
from record import Bound, arguments, record

from lightning_trt.artifacts import BATCH, Boundary, Structure, TensorSpec
from lightning_trt.calibrators import find
from lightning_trt.calibrators.bins import magnitudes
from lightning_trt.calibrators.clip import largest
from lightning_trt.calibrators.entropy import NUM_LINEAR, linear, span_of
from lightning_trt.settings import CalibrationSettings, CalibratorName
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.export import export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from lightning_trt.artifacts import OnnxGraph, Statistics, TensorStatistics

SIZE = 96
SETTINGS = CalibrationSettings()
BOUNDS_MS = {"entropy": 6.0, "entropy2": 6.0, "mse": 6.0}


class Image:
    """One image as it reaches the boundary."""

    boundary = "net"

    def __init__(self, index: int, inputs: tuple[torch.Tensor, ...]) -> None:
        self.index = index
        self.inputs = inputs


def images(count: int) -> Iterator[Image]:
    """Random images, made one after the other."""
    generator = torch.Generator().manual_seed(0)
    for index in range(count):
        yield Image(index, (torch.randn(1, 3, SIZE, SIZE, generator=generator),))


def exported() -> OnnxGraph:
    """ResNet-18 as ONNX."""
    image = Structure(kind="tensor", index=0)
    call = (Structure(kind="tuple", items=(image,)), Structure(kind="dict"))
    boundary = Boundary(
        name="net",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, 3, SIZE, SIZE)),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(BATCH, 1000)),),
        input_structure=Structure(kind="tuple", items=call),
        output_structure=image,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        return export(resnet18(), boundary, inputs=(torch.randn(2, 3, SIZE, SIZE),))


def split(statistics: Statistics) -> list[Statistics]:
    """The statistics of each tensor alone."""
    return [replace(statistics, tensors={name: tensor}) for name, tensor in statistics.tensors.items()]


def plain_entropy(tensor: TensorStatistics) -> int:
    """Number of bins that the plain search keeps."""
    counts = magnitudes(tensor.positive, tensor.negative)
    filled, beyond = linear(counts, largest(tensor), span=span_of(counts, largest(tensor)))
    return 128 + int(np.argmin([divergence(filled, beyond, kept) for kept in range(128, NUM_LINEAR + 1)]))


def divergence(filled: NDArray[np.float64], beyond: float, kept: int) -> float:
    """Relative entropy of the clipped distribution to the merged one, both written out."""
    clipped = filled[:kept].copy()
    clipped[-1] += filled[kept:].sum() + beyond
    ends = [-(-level * kept // 128) for level in range(129)]
    occupied = filled[:kept] > 0
    sums = np.add.reduceat(filled[:kept], ends[:-1])
    numbers = np.add.reduceat(occupied.astype(float), ends[:-1])
    merged = np.where(occupied, np.repeat(sums / np.maximum(numbers, 1), np.diff(ends)), 0)
    return float(scipy.stats.entropy(clipped, merged))


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of `work`."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    count, turns, plain = (8, 2, 1) if asked.quick else (64, 21, 5)
    found = calibrate({"net": exported()}, images(count), settings=SETTINGS, histograms=True, threads=1)
    tensors = split(found["net"])
    readers = {name.value: find(name, SETTINGS) for name in CalibratorName}

    def turn() -> dict[str, float]:
        """Milliseconds a tensor, of each calibrator."""
        return {
            name: milliseconds(lambda reader=reader: [reader.ranges(each) for each in tensors]) / len(tensors)
            for name, reader in readers.items()
        }

    turn()  # the first makes the table of levels
    rounds = [turn() for _ in range(turns)]
    spent = {name: [one[name] for one in rounds] for name in readers}
    few = [next(iter(each.tensors.values())) for each in tensors[:plain]]
    measured = {
        "tensors": len(tensors),
        "images": count,
        "milliseconds_a_tensor": spent,
        "plain_entropy_milliseconds_a_tensor": [milliseconds(lambda each=each: plain_entropy(each)) for each in few],
    }
    bounds = [
        Bound(name=f"read-out of {name}", value=median(spent[name]), bound=BOUNDS_MS.get(name, 1.0), unit="ms/tensor")
        for name in readers
    ]
    return record("readout", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
