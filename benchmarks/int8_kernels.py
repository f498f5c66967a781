"""Error and time of onnxruntime's own int8 kernels: on, in their exact mode, and off, as every session of ours has it.

A small convolutional net and a small transformer with random weights, calibrated by min-max on random inputs; our int8
graph, the rest fp32. The error is the root mean square of the difference from the fp32 graph's outputs, as a share of
their own. Time is processor time of one thread for a batch of 32; the ways take turns, and a number is the median. This
is what docs/adr/0002 rests on; there is no bound to hold.

Predicted before it was run, from a processor with AVX2 and without VNNI: on, an error of 0.1 for the transformer where
off it is 0.006, and four times the time of fp32; off, the time of fp32 and a tenth. Measured: 0.050 where off it is
0.009; on, the time of fp32 for the transformer and 2.2 times that for the convolutional net, whose error is the same in
all ways; off, 1.1 and 1.4 times the time of fp32.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import onnxruntime
import torch
from record import arguments, record
from torch import Tensor, nn

from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Structure, TensorSpec
from lightning_trt.calibrators import MinMax
from lightning_trt.precision import Precision
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.export import export
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH_SIZE = 32
KERNELS = {
    "on": {},
    "exact": {"session.x64quantprecision": "1"},
    "off": {"session.disable_quant_qdq": "1"},
}


class Attention(nn.Module):
    """One block of a transformer, and a mean over the places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.joined, self.head = nn.Linear(width, width), nn.Linear(width, 10)
        self.mixed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of shape `(batch, 10)` for `(batch, places, width)`."""
        normed = self.first(x)
        query, key, value = (
            part(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5, dim=-1)
        x = x + self.joined((weights @ value).transpose(1, 2).flatten(2))
        x = x + self.mixed(self.second(x))
        return self.head(x.mean(dim=1))


def convolutional() -> nn.Module:
    """Two convolutions and a linear layer."""
    body = (nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU())
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


@dataclass(frozen=True)
class Sample:
    """One input as it reaches the boundary."""

    boundary: str
    index: int
    inputs: tuple[Tensor, ...]


def exported(module: nn.Module, shape: tuple[int, ...]) -> OnnxGraph:
    """The module as ONNX, for inputs of `shape` behind a batch axis."""
    tensor = Structure(kind="tensor", index=0)
    call = (Structure(kind="tuple", items=(tensor,)), Structure(kind="dict"))
    boundary = Boundary(
        name="net",
        inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, *shape)),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(BATCH, 10)),),
        input_structure=Structure(kind="tuple", items=call),
        output_structure=tensor,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        return export(module.eval(), boundary, inputs=(torch.randn(2, *shape),))


def quantized(graph: OnnxGraph, shape: tuple[int, ...]) -> OnnxGraph:
    """The graph in int8, the rest fp32."""
    samples = (Sample("net", index, (torch.randn(1, *shape),)) for index in range(64))
    statistics = calibrate({"net": graph}, samples, settings=CalibrationSettings(), histograms=False, threads=1)
    ranges = MinMax().ranges(statistics["net"])
    return rewrite(graph, precision=Precision.int8, high_precision=Precision.fp32, ranges=ranges)


def session(graph: OnnxGraph, entries: dict[str, str]) -> onnxruntime.InferenceSession | None:
    """The graph on one thread with these options; None where onnxruntime cannot open it so."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    for name, value in entries.items():
        options.add_session_config_entry(name, value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        ir.save(graph.model.clone(), path)
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001 - onnxruntime's own errors share no base class
            return None


def milliseconds(opened: onnxruntime.InferenceSession, feed: dict[str, NDArray[np.float32]], calls: int) -> float:
    """Processor time of one call."""
    start = time.process_time()
    for _ in range(calls):
        opened.run(None, feed)
    return 1e3 * (time.process_time() - start) / calls


def measured_of(module: nn.Module, shape: tuple[int, ...], *, calls: int, repeats: int) -> dict[str, object]:
    """Error of each way, and time of each and of fp32; null where onnxruntime does not open the graph so."""
    graph = exported(module, shape)
    int8 = quantized(graph, shape)
    opened = {"fp32": session(graph, {}), **{name: session(int8, entries) for name, entries in KERNELS.items()}}
    working = {name: each for name, each in opened.items() if each is not None}
    feed = {"x": torch.randn(BATCH_SIZE, *shape).numpy()}
    outputs = {name: each.run(None, feed)[0] for name, each in working.items()}
    size = np.sqrt(np.mean(outputs["fp32"] ** 2))
    errors = {name: float(np.sqrt(np.mean((each - outputs["fp32"]) ** 2)) / size) for name, each in outputs.items()}
    turns = [{name: milliseconds(each, feed, calls) for name, each in working.items()} for _ in range(repeats)]
    spent = {name: median(each[name] for each in turns) for name in working}
    return {name: {"error": errors.get(name), "milliseconds": spent.get(name)} for name in opened}


def main() -> int:
    """Exit status, which is 0: there is no bound."""
    asked = arguments(__doc__.splitlines()[0])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    calls, repeats = (2, 2) if asked.quick else (20, 15)
    nets = {"convolutional": (convolutional(), (3, 32, 32)), "transformer": (Attention(64, 4), (32, 64))}
    measured = {
        name: measured_of(module, shape, calls=calls, repeats=repeats) for name, (module, shape) in nets.items()
    }
    for name, ways in measured.items():
        print(name, ways)
    return record("int8_kernels", bounds=(), measured=measured, method=__doc__, quick=asked.quick, out=asked.out)


if __name__ == "__main__":
    sys.exit(main())
