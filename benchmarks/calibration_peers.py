"""Calibration beside onnxruntime's own calibrators, on the same graph and images: time and memory.

ResNet-18 at 224x224 with random weights, one thread, processor time of a process of its own for each number of images
and each calibrator. Ours runs in blocks of eight images, onnxruntime's as its documentation shows it, one image at a
time; images are made anew in both. onnxruntime calibrates the inputs and outputs of the operators that ours puts Q/DQ
around (Conv, Gemm, Add, MaxPool, GlobalAveragePool), with its defaults: 128 bins for entropy, 2,048 for percentile.
Ours is timed with the read-out of `entropy2`, which searches 2,048 bins, and of `percentile`. Memory is the slope
between the two numbers of images.

Predicted before it was run, from the facts of an earlier measurement: onnxruntime keeps every value, 30 MiB an image,
and sorts it into histograms with numpy at the end, which costs more than the forward pass; so a factor of 2 to 3.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import onnx_ir as ir
import onnxruntime
import torch
from calibration import exported, graph_of, images
from onnxruntime.quantization.calibrate import CalibrationDataReader, CalibrationMethod, create_calibrator
from record import Bound, arguments, record

from lightning_trt.calibrators import Entropy2, Percentile
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate

OPERATORS = ["Conv", "Gemm", "Add", "MaxPool", "GlobalAveragePool"]
METHODS = {"entropy": CalibrationMethod.Entropy, "percentile": CalibrationMethod.Percentile}
OURS = {"entropy": Entropy2(), "percentile": Percentile()}


class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
    """Random images, one at a time."""

    def __init__(self, count: int) -> None:
        self._images = islice(images(), count)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {"x": image.inputs[0].numpy()}


def ours(path: Path, count: int, method: str) -> int:
    """Number of tensors with a range."""
    samples = islice(images(), count)
    graph = graph_of(ir.load(path))
    statistics = calibrate({"net": graph}, samples, settings=CalibrationSettings(), histograms=True, threads=1)
    return len(OURS[method].ranges(statistics["net"]).tensors)


def theirs(path: Path, count: int, method: str) -> int:
    """Number of tensors with a range."""
    with tempfile.TemporaryDirectory() as folder:
        augmented = str(Path(folder) / "augmented.onnx")
        calibrator = create_calibrator(
            path, OPERATORS, augmented_model_path=augmented, calibrate_method=METHODS[method]
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        # As its own session, which it opens without fusion, but on one thread.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        calibrator.infer_session = onnxruntime.InferenceSession(augmented, options, providers=["CPUExecutionProvider"])
        calibrator.collect_data(Reader(count))
        return len(calibrator.compute_data().data)


def measured_alone(path: Path, who: str, method: str, count: int) -> dict[str, float]:
    """Seconds, peak memory in MiB, and number of tensors, in a process of its own."""
    command = [sys.executable, __file__, "--alone", str(path), who, method, str(count)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def print_alone(path: str, who: str, method: str, count: int) -> int:
    """Zero; what was measured stands on the terminal as JSON."""
    torch.set_num_threads(1)
    start = time.process_time()
    tensors = {"ours": ours, "onnxruntime": theirs}[who](Path(path), count, method)
    seconds = time.process_time() - start
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "tensors": tensors}))
    return 0


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    asked = arguments(__doc__.splitlines()[0])
    counts = (8, 16) if asked.quick else (128, 256)
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        ir.save(exported().model, path)
        for method in METHODS:
            for count in counts:
                for who in ("ours", "onnxruntime"):
                    found[f"{who} {method} {count}"] = measured_alone(path, who, method, count)
    few, many = counts

    def factor(method: str, count: int) -> float:
        return found[f"onnxruntime {method} {count}"]["seconds"] / found[f"ours {method} {count}"]["seconds"]

    def slope(who: str, method: str) -> float:
        peaks = [found[f"{who} {method} {count}"]["peak_mib"] for count in counts]
        return (peaks[1] - peaks[0]) / (many - few)

    bounds = [
        Bound(
            name=f"onnxruntime / ours, {method}, {count} images",
            value=factor(method, count),
            bound=least,
            unit="x",
            is_least=True,
        )
        for method in METHODS
        for count, least in zip(counts, (2.0, 2.5), strict=True)
    ]
    bounds += [
        Bound(name=f"our memory an image, {method}", value=slope("ours", method), bound=0.05, unit="MiB")
        for method in METHODS
    ]
    slopes = {method: slope("onnxruntime", method) for method in METHODS}
    measured = {"runs": found, "onnxruntime_mib_per_image": slopes}
    return record(
        "calibration_peers", bounds=bounds, measured=measured, method=__doc__, quick=asked.quick, out=asked.out
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        sys.exit(print_alone(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
    sys.exit(main())
