"""Calibration on a GPU beside the plain forward loop of the same program: ResNet-50, 512 images from memory.

Random images of 224x224 and random weights, blocks of eight images, fp32 without TensorFloat-32. The loop is what a
user would write: eight images put together, copied to the GPU and run through the exported program, with the same
kernels as ours. Calibration is all of it: samples put together, digested and copied, the program run with the tensors
counted that will carry Q/DQ, and the ranges of every calibrator read. Wall clock, in turns with the loop, until the GPU
is idle; a ratio is the median over the turns. Before, both ran once: kernels are then found, and what that first
calibration took is told besides. `--quick` rehearses it on a processor, with few small images.

Predicted before it was run: 85 M values in a block pass by, read once at 3 TB/s, 0.1 ms; half of them are counted by
atomic additions, 0.3 ms; the forward pass takes 3 ms. Replayed as a CUDA graph the host only puts samples together. So
1.1 to 1.2 for the pass; to read the ranges of 55 tensors takes a processor 0.1 to 0.2 s, as much as 40 to 60 blocks.

What came, on an H100: 1.5 for the pass. 0.2 s of it are the program's copy and its Python code, written anew for each
pass; additions wait for one another in the few bins where most values fall, three times less since programs add to
copies of the bins. The read-out took half of the loop, as predicted: so fast a GPU goes through 512 images in 0.5 s.
"""

from __future__ import annotations

import sys
import time
import warnings
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import torch
from gpu_peers import model
from record import Bound, arguments, record

from lightning_trt import calibrators
from lightning_trt.artifacts import BATCH, Boundary, Structure, TensorSpec
from lightning_trt.passes import equalized
from lightning_trt.settings import CalibrationSettings, CalibratorName
from lightning_trt.stages.calibrate import Runner, calibrate
from lightning_trt.stages.calibrate.walk import exact_arithmetic
from lightning_trt.stages.export import export

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.fx import GraphModule

    from lightning_trt.artifacts import OnnxGraph, Statistics

SETTINGS = CalibrationSettings()
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image as it reaches the boundary."""

    index: int
    inputs: tuple[Tensor, ...]
    boundary: str = "net"


def exported(side: int) -> OnnxGraph:
    """ResNet-50 with its program, equalized as by default."""
    image = Structure(kind="tensor", index=0)
    call = (Structure(kind="tuple", items=(image,)), Structure(kind="dict"))
    boundary = Boundary(
        name="net",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, 3, side, side)),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(BATCH, 1000)),),
        input_structure=Structure(kind="tuple", items=call),
        output_structure=image,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        graph = export(model("resnet50").cpu(), boundary, inputs=(torch.randn(2, 3, side, side),))
    scaled, octaves = equalized(graph.model)
    return replace(graph, model=scaled, octaves=octaves)


def seconds(work: Callable[[], object]) -> float:
    """Wall clock until the device is idle again."""
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def wait() -> None:
    """Nothing; the device is idle."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def looped(program: GraphModule, images: Tensor) -> None:
    """Nothing; the images went through the program, as in a plain loop."""
    with exact_arithmetic(), torch.no_grad():
        for start in range(0, len(images), SETTINGS.block_size):
            rows = [images[at] for at in range(start, min(start + SETTINGS.block_size, len(images)))]
            program(torch.stack(rows).to(DEVICE))


def passed(graph: OnnxGraph, images: Tensor) -> Statistics:
    """What calibration sees of the images."""
    samples = (Image(index=at, inputs=(images[at : at + 1],)) for at in range(len(images)))
    return calibrate({"net": graph}, samples, settings=SETTINGS, histograms=True, device=DEVICE)["net"]


def read(statistics: Statistics) -> None:
    """Nothing; every calibrator read its ranges."""
    for name in CalibratorName:
        calibrators.find(name, SETTINGS).ranges(statistics)


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    side, count, turns = (64, 16, 1) if asked.quick else (224, 512, 7)
    images = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    graph = exported(side)
    if reason := Runner(device=DEVICE).why_not(graph):
        raise RuntimeError(reason)
    kept: list[Statistics] = []
    cold = seconds(lambda: kept.append(passed(graph, images)))
    if graph.program is None:
        raise RuntimeError("the exporter kept no program")
    program = graph.program.module()  # on the device since the first pass
    looped(program, images)
    read(kept[0])
    found = [
        {
            "loop": seconds(lambda: looped(program, images)),
            "pass": seconds(lambda: kept.append(passed(graph, images))),
            "read-out": seconds(lambda: read(kept[-1])),
        }
        for _ in range(turns)
    ]
    ratios = {
        "pass": median(each["pass"] / each["loop"] for each in found),
        "whole": median((each["pass"] + each["read-out"]) / each["loop"] for each in found),
    }
    bounds = [
        Bound(name="calibration and read-out / plain forward loop", value=ratios["whole"], bound=1.25, unit="x"),
    ]
    measured = {
        "device": torch.cuda.get_device_name() if DEVICE.type == "cuda" else "processor",
        "images": count,
        "tensors": len(kept[0].tensors),
        "pass alone / plain forward loop": ratios["pass"],
        "seconds": found,
        "seconds of the first pass": cold,
    }
    return record("gpu_calibration", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
