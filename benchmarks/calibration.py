"""Calibration beside the plain forward loop of the same graph, and its memory as images are added.

ResNet-18 at 224x224 with random weights, onnxruntime on one thread, blocks of eight images, processor time of the
process. The loop runs a block after each block of the calibration, so that both meet the same machine; a ratio is the
median over the turns. Memory is the growth of a process's peak from the 64th image to the end, read-out included, as
the median of three processes. Images are made anew for each sample, in the loop too, so that the loop is what a user
would write.

Predicted before it was run: 2.0 M values of an image pass by (what will carry Q/DQ); showing them costs the forward
pass its copies out of onnxruntime, 2 to 4 %; extremes at 0.4 ns a value 2 %; the histogram at 1.5 ns a value 8 %. So
1.04 and 1.15, and no memory but two numbers an image and tensor.

What was found on the way: showing the tensors costs more than it seems, for onnxruntime writes each of them once more
in the plain layout, and so does a Size of one; for min-max the graph therefore pools them in the layout they have. And
an array kept of every block pins the memory around it, until no freed image is used again.
"""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import onnx_ir as ir
import onnxruntime
import torch
from nets import resnet18
from record import Bound, arguments, record

from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Structure, TensorSpec
from lightning_trt.calibrators import MinMax, Percentile
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.export import export

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = CalibrationSettings().block_size
MODES = {"min-max": False, "histogram": True}


@dataclass(frozen=True)
class Image:
    """One image as it reaches the boundary."""

    boundary: str
    index: int
    inputs: tuple[torch.Tensor, ...]


def graph_of(model: ir.Model) -> OnnxGraph:
    """The model with the boundary that it was exported from."""
    image = Structure(kind="tensor", index=0)
    arguments_of_call = (Structure(kind="tuple", items=(image,)), Structure(kind="dict"))
    boundary = Boundary(
        name="net",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, 3, 224, 224)),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(BATCH, 1000)),),
        input_structure=Structure(kind="tuple", items=arguments_of_call),
        output_structure=image,
    )
    return OnnxGraph(model=model, boundary=boundary)


def exported() -> OnnxGraph:
    """ResNet-18 as ONNX."""
    boundary = graph_of(ir.Model(ir.Graph([], [], nodes=[]), ir_version=10)).boundary
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        return export(resnet18(), boundary, inputs=(torch.randn(2, 3, 224, 224),))


def images() -> Iterator[Image]:
    """Random images without end, made one after the other."""
    generator = torch.Generator().manual_seed(0)
    for index in itertools.count():
        yield Image("net", index, (torch.randn(1, 3, 224, 224, generator=generator),))


def calibrated(graph: OnnxGraph, samples: Iterable[Image], *, histograms: bool) -> None:
    """Nothing; the samples were calibrated with, and ranges were read."""
    settings = CalibrationSettings()
    statistics = calibrate({"net": graph}, samples, settings=settings, histograms=histograms, threads=1)
    calibrator = Percentile() if histograms else MinMax()
    calibrator.ranges(statistics["net"])


class Loop:
    """The plain loop: images through the graph as it is, in the same blocks; `seconds` is its own processor time."""

    def __init__(self, graph: OnnxGraph) -> None:
        start = time.process_time()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            ir.save(graph.model.clone(), path, external_data="model.data")
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.seconds = time.process_time() - start

    def beside(self, samples: Iterable[Image]) -> Iterator[Image]:
        """The samples; after each block of them, one of the loop's own."""
        own = images()
        for number, sample in enumerate(samples):
            yield sample
            if number % BLOCK == BLOCK - 1:
                start = time.process_time()
                block = torch.cat([image.inputs[0] for image in islice(own, BLOCK)])
                self._session.run(None, {"x": block.numpy()})
                self.seconds += time.process_time() - start


def turn(graph: OnnxGraph, count: int, *, histograms: bool) -> tuple[float, float]:
    """Milliseconds of processor time an image, of the calibration and of the loop, which alternate block by block."""
    gc.collect()
    loop = Loop(graph)
    start, before = time.process_time(), loop.seconds
    calibrated(graph, loop.beside(islice(images(), count)), histograms=histograms)
    spent = time.process_time() - start - (loop.seconds - before)
    return 1e3 * spent / count, 1e3 * loop.seconds / count


def times(graph: OnnxGraph, count: int, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Of each mode its turns."""
    turn(graph, 2 * BLOCK, histograms=True)  # the first finds its kernels and its memory
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in MODES}
    for _ in range(repeats):
        for name, histograms in MODES.items():
            found[name].append(turn(graph, count, histograms=histograms))
    return found


def ratio(turns: list[tuple[float, float]]) -> float:
    """Median over the turns of what the mode cost beside the loop."""
    return median(ours / plain for ours, plain in turns)


def peaks_mib(graph: OnnxGraph, counts: tuple[int, int], repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Of processes of their own, which export nothing: the peak memory after as many images as the two `counts`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        ir.save(graph.model.clone(), path)

        def peaks(*, histograms: bool) -> tuple[float, float]:
            command = [sys.executable, __file__, "--peaks", str(path), *map(str, counts), str(int(histograms))]
            few, many = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            return float(few), float(many)

        return {name: [peaks(histograms=flag) for _ in range(repeats)] for name, flag in MODES.items()}


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    count, repeats, counts = (16, 1, (8, 16)) if asked.quick else (256, 3, (64, 256))
    graph = exported()
    turns = times(graph, count, repeats)
    peaks = peaks_mib(graph, counts, repeats)
    few, many = counts
    bounds = [
        Bound(name="min-max / plain forward loop", value=ratio(turns["min-max"]), bound=1.05, unit="x"),
        Bound(
            name="histogram and read-out / plain forward loop",
            value=ratio(turns["histogram"]),
            bound=1.25,
            unit="x",
        ),
        *(
            Bound(
                name=f"memory an image, {name}",
                value=median(after - before for before, after in found) / (many - few),
                bound=0.05,
                unit="MiB",
            )
            for name, found in peaks.items()
        ),
    ]
    measured = {"images": count, "milliseconds_per_image_ours_and_loop": turns, "peak_mib": peaks}
    return record("calibration", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


def print_peaks(path: str, few: int, many: int, *, histograms: bool) -> int:
    """Zero; the peak memory of this process in MiB, after `few` images and at the end, stands on the terminal."""
    torch.set_num_threads(1)

    def watched() -> Iterator[Image]:
        for number, image in enumerate(islice(images(), many)):
            if number == few:
                print(peak_mib())
            yield image

    calibrated(graph_of(ir.load(path)), watched(), histograms=histograms)
    print(peak_mib())
    return 0


def peak_mib() -> float:
    """Peak memory of this process."""
    # Not getrusage: its peak begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peaks"]:
        sys.exit(print_peaks(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), histograms=bool(int(sys.argv[5]))))
    sys.exit(main())
