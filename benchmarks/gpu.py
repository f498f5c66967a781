"""TensorRT engines on this GPU: how long they take to build and to run, beside raw TensorRT and beside torch.

Parts of under ten minutes each, `--part` with a number or a name; parts 0 to 2 are the tests that need a GPU, and
without it all parts run, each in a process of its own. In one process and on one plan: TRTModule, and what TensorRT
gives without us (`execute_async_v3` in a loop, a CUDA graph of it replayed), in turns, five times each, medians.
Latency is until the GPU is idle again, throughput with calls one after the other; host time is that of a call that is
not waited for, told step by step too. Weights and images are random. torch is timed by gpu_peers.py in the Python named
by PEER_PYTHON. `--rehearse` runs a part on a processor, with ONNX Runtime for TensorRT and small images: it shows that
the script works, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import gpu_tests
import torch
from gpu_peers import DEVICE, SIDE, SIZES, latency_ms, model, wait
from record import Bound, record

from lightning_trt import calibrators
from lightning_trt.artifacts import BATCH, Boundary, Structure, TensorSpec
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.backends.tensorrt import TensorRT
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.runtime import TRTModule
from lightning_trt.settings import BuildSettings, CalibrationSettings, CalibratorName, TensorRTSettings
from lightning_trt.stages.build import build
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.export import export
from lightning_trt.stages.rewrite import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lightning_trt.artifacts import Engine, OnnxGraph
    from lightning_trt.protocols import Backend

ROUNDS = 5 if DEVICE == "cuda" else 1
PARTS = {
    "resnet18-fp16": ("resnet18", Precision.fp16),
    "resnet18-int8": ("resnet18", Precision.int8),
    "resnet50-fp16": ("resnet50", Precision.fp16),
    "resnet50-int8": ("resnet50", Precision.int8),
    "mobilenet-fp16": ("mobilenetv2_100", Precision.fp16),
    "mobilenet-int8": ("mobilenetv2_100", Precision.int8),
    "vit-fp16": ("vit_base_patch16_224", Precision.fp16),
    "vit-int8": ("vit_base_patch16_224", Precision.int8),
}
NAMES = (*gpu_tests.PARTS, *PARTS)
# The goal against torch is for convolutional nets: TensorRT 8.6 has no fast products here.
SPEEDUP = {"resnet50": 1.3, "mobilenetv2_100": 1.3}


@dataclass(frozen=True, kw_only=True)
class Item:
    """A random image, as the calibration station takes it."""

    boundary: str
    index: int
    inputs: tuple[torch.Tensor, ...]


def boundary() -> Boundary:
    """Images in, logits out."""
    tensor = Structure(kind="tensor", index=0)
    call = Structure(kind="tuple", items=(Structure(kind="tuple", items=(tensor,)), Structure(kind="dict")))
    return Boundary(
        name="net",
        inputs=(TensorSpec(name="images", dtype="float32", shape=(BATCH, 3, SIDE, SIDE)),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(BATCH, 1000)),),
        input_structure=call,
        output_structure=tensor,
    )


def written(graph: OnnxGraph, backend: Backend, precision: Precision) -> OnnxGraph:
    """The graph with what the backend reads in it."""
    is_typed = backend.precision_lives_in is PrecisionHome.graph
    if not is_typed and not precision.is_quantized:
        return graph
    ranges = None
    if precision.is_quantized:
        settings = CalibrationSettings(samples=16)
        generator = torch.Generator().manual_seed(1)
        items = [
            Item(boundary="net", index=index, inputs=(torch.randn(1, 3, SIDE, SIDE, generator=generator),))
            for index in range(settings.samples)
        ]
        statistics = calibrate({"net": graph}, items, settings=settings, histograms=False, threads=None)
        ranges = calibrators.find(CalibratorName.minmax, settings).ranges(statistics["net"])
    rest = backend.high_precision if is_typed else Precision.fp32
    return rewrite(graph, precision=precision, high_precision=rest, ranges=ranges)


def built(graph: OnnxGraph, backend: Backend, precision: Precision, *, into: Path, settings: BuildSettings) -> Engine:
    """The engine, as the pipeline builds it."""
    made = build(
        backend,
        {"net": graph},
        name=precision.value,
        precision=precision,
        calibrator="minmax" if precision.is_quantized else None,
        into=into,
        settings=settings,
    )
    return made.engines["net"]


class Raw:
    """TensorRT on the plan without us: fixed buffers, one stream, `run` to enqueue and `replay` as a CUDA graph."""

    def __init__(self, engine: Engine, batch: int) -> None:
        import tensorrt as trt  # noqa: PLC0415 - absent where this file is only checked

        self.runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self.plan: Any = self.runtime.deserialize_cuda_engine((engine.folder / engine.file).read_bytes())
        self.context: Any = self.plan.create_execution_context()
        self.stream = torch.cuda.Stream()
        profile = 0 if batch == 1 else self.plan.num_optimization_profiles - 1
        self.context.set_optimization_profile_async(profile, self.stream.cuda_stream)
        self.context.set_input_shape("images", (batch, 3, SIDE, SIDE))
        self.images = torch.randn(batch, 3, SIDE, SIDE, device="cuda")
        self.logits = torch.empty(batch, 1000, device="cuda")
        self.context.set_tensor_address("images", self.images.data_ptr())
        self.context.set_tensor_address("logits", self.logits.data_ptr())
        self.run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            self.context.execute_async_v3(self.stream.cuda_stream)
        self.replay = graph.replay

    def run(self) -> None:
        """Enqueue one batch."""
        self.context.execute_async_v3(self.stream.cuda_stream)


def throughput(call: Callable[[], object], batch: int, *, seconds: float = 1.0) -> float:
    """Samples per second, with calls one after the other; the GPU is waited for every 20 calls."""
    calls = 0
    wait()
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(20):
            call()
        calls += 20
        wait()
    return batch * calls / (time.perf_counter() - start)


def host_us(call: Callable[[], object], *, bursts: int = 40 if DEVICE == "cuda" else 2, burst: int = 20) -> float:
    """Median microseconds of the processor for a call; few enough in a row that the GPU's queue does not fill."""
    times = []
    for _ in range(bursts):
        wait()
        start = time.perf_counter()
        for _ in range(burst):
            call()
        times.append((time.perf_counter() - start) / burst)
    return 1e6 * median(times)


class Rehearsed:
    """What stands for raw TensorRT where there is none: the engine's own session."""

    def __init__(self, engine: Engine, batch: int, backend: Backend) -> None:
        self.session = backend.open(engine)
        self.images = torch.randn(batch, 3, SIDE, SIDE)

    def run(self) -> None:
        """One batch."""
        self.session({"images": self.images})

    replay = run


def raws(engine: Engine, backend: Backend) -> dict[int, Raw | Rehearsed]:
    """TensorRT without us, at each batch size."""
    if DEVICE == "cuda":
        return {batch: Raw(engine, batch) for batch in SIZES}
    return {batch: Rehearsed(engine, batch, backend) for batch in SIZES}


def host_steps_us(ours: TRTModule, images: torch.Tensor) -> dict[str, float]:
    """Microseconds of the processor for what a call does, each step measured for itself."""
    session = ours._session  # noqa: SLF001 - what is inside is what is measured
    named = {"images": images}
    logits = session(named)["logits"]
    own = torch.empty_like(images)
    steps: dict[str, Callable[[], object]] = {
        "TRTModule": lambda: ours(images),
        "the session in it": lambda: session(named),
        "copying the input, where it is copied": lambda: own.copy_(images),
        "copying the output": logits.clone,
    }
    if DEVICE == "cuda":
        steps["asking for the stream"] = torch.cuda.current_stream
        (call,) = [each for key, each in session._calls.items() if key[0][0] == images.shape]  # noqa: SLF001
        steps["replaying our graph"] = next(iter(call._graphs.values())).replay  # noqa: SLF001
    return {name: host_us(step) for name, step in steps.items()}


def compared(engine: Engine, backend: Backend, *, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """TRTModule beside raw TensorRT, in turns of so many seconds; and the steps of a call in microseconds."""
    ours = TRTModule(engine, open=backend.open)
    # A module whose results lie in buffers of ours copies nothing out.
    lent = TRTModule(replace(engine, options={**engine.options, "output_buffers": "4"}), open=backend.open)
    raw = raws(engine, backend)
    rounds: dict[str, list[float]] = {}
    with torch.inference_mode(), torch.cuda.stream(torch.cuda.Stream()) if DEVICE == "cuda" else nullcontext():
        for batch in SIZES:
            images = raw[batch].images
            for _ in range(12):
                ours(images)
                lent(images)
        one, many = raw[1].images, raw[32].images
        for _ in range(ROUNDS):
            for name, value in {
                "raw throughput 32": lambda: throughput(raw[32].run, 32, seconds=seconds),
                "our throughput 32": lambda: throughput(lambda: ours(many), 32, seconds=seconds),
                "raw graph throughput 32": lambda: throughput(raw[32].replay, 32, seconds=seconds),
                "raw latency 1 ms": lambda: latency_ms(raw[1].replay, seconds=seconds / 2),
                "our latency 1 ms": lambda: latency_ms(lambda: ours(one), seconds=seconds / 2),
                "raw latency 32 ms": lambda: latency_ms(raw[32].replay, seconds=seconds / 2),
                "our latency 32 ms": lambda: latency_ms(lambda: ours(many), seconds=seconds / 2),
                "raw host us": lambda: host_us(raw[1].replay),
                "our host us": lambda: host_us(lambda: ours(one)),
                "our host us, output buffers": lambda: host_us(lambda: lent(one)),
            }.items():
                rounds.setdefault(name, []).append(value())
        steps = host_steps_us(ours, one)
    with torch.inference_mode():
        rounds["our latency 1 ms, default stream"] = [latency_ms(lambda: ours(one), seconds=seconds)]
    for module in (ours, lent):
        module.close()
    return {name: median(values) for name, values in rounds.items()}, steps


def peers(name: str) -> dict[str, dict[str, float | str]]:
    """What gpu_peers.py prints, in its own Python."""
    python = os.environ.get("PEER_PYTHON", sys.executable)
    # The packages of this Python are not those of the other.
    hidden = {"PYTHONPATH", "LD_LIBRARY_PATH", "LD_PRELOAD"} if python != sys.executable else set()
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    script = Path(__file__).parent / "gpu_peers.py"
    done = subprocess.run([python, str(script), name], env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"none": {"why": done.stderr[-500:]}}
    found: dict[str, dict[str, float | str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def speedups(times: dict[str, float], others: dict[str, dict[str, float | str]]) -> Iterator[tuple[int, float]]:
    """How many times faster the engine is than the fastest peer, at each batch size."""
    for batch in SIZES:
        known = [found.get(str(batch)) for found in others.values()]
        numbers = [each for each in known if isinstance(each, float)]
        if numbers:
            yield batch, min(numbers) / times[f"our latency {batch} ms"]


def bounds(name: str, times: dict[str, float], seconds: list[float], faster: dict[int, float]) -> list[Bound]:
    """What the numbers must hold."""
    ratio = times["our throughput 32"] / times["raw throughput 32"]
    late_us = 1e3 * (times["our latency 1 ms"] - times["raw latency 1 ms"])
    host = times["our host us"] - times["raw host us"]
    limits = [
        Bound(name="throughput over execute_async_v3, batch 32", value=ratio, bound=0.98, unit="x", is_least=True),
        Bound(
            name="latency over a replayed graph, batch 1",
            value=late_us,
            bound=max(20.0, 50 * times["raw latency 1 ms"]),
            unit="us",
        ),
        Bound(name="host time of a call over a replayed graph", value=host, bound=15.0, unit="us"),
    ]
    if len(seconds) > 1:
        limits.append(Bound(name="second build / first", value=seconds[1] / seconds[0], bound=0.5, unit="x"))
    return limits + [
        Bound(name=f"faster than torch, batch {batch}", value=value, bound=SPEEDUP[name], unit="x", is_least=True)
        for batch, value in faster.items()
        if name in SPEEDUP
    ]


def measured_part(part: str, asked: argparse.Namespace) -> int:
    """Exit status of one benchmark, whose results are written."""
    name, precision = PARTS[part]
    backend: Backend = OnnxRuntime() if asked.rehearse else TensorRT()
    num_builds = asked.builds or (1 if precision.is_quantized else 2)
    timing = asked.timing or asked.out / "timing"
    settings = BuildSettings(tensorrt=TensorRTSettings(timing_cache=timing, level=asked.level))
    graph = export(model(name), boundary(), inputs=(torch.randn(2, 3, SIDE, SIDE),))
    graph = written(graph, backend, precision)
    was_warm = any(timing.glob("*.timing"))
    with tempfile.TemporaryDirectory() as folder:
        # The graph is given anew each time, as in another run.
        engines = [
            built(graph, backend, precision, into=Path(folder) / part, settings=settings) for _ in range(num_builds)
        ]
        seconds, engine = [each.build_seconds for each in engines], engines[-1]
        print(f"built in {seconds} s: {dict(engine.layers)}", flush=True)
        times, steps = compared(engine, backend, seconds=0.05 if asked.rehearse else 1.0)
    print(json.dumps(times, indent=2), flush=True)
    others = peers(name)
    faster = dict(speedups(times, others))
    measured = {
        "environment": dict(backend.environment),
        "model": name,
        "precision": precision.value,
        "build seconds": seconds,
        "timing cache was there": was_warm,
        "bytes": engine.bytes,
        "layers": {dtype.value: count for dtype, count in engine.layers.items()},
        "notes": list(engine.notes),
        "engine": times,
        "host us by step": steps,
        "torch": others,
        "times faster than the fastest of torch": faster,
    }
    return record(
        f"gpu {part}",
        bounds=bounds(name, times, seconds, faster),
        measured=measured,
        method=__doc__,
        quick=asked.rehearse,
        out=None if asked.rehearse else asked.out / f"gpu-{part}.json",
        said=["--part", part, "--level", str(asked.level), "--builds", str(num_builds)],
    )


def everything() -> int:
    """Exit status of all parts, each in a process of its own, so that none finds another's memory taken."""
    said = sys.argv[1:]
    statuses = [
        subprocess.run([sys.executable, __file__, "--part", part, *said], check=False).returncode for part in NAMES
    ]
    return max(statuses)


def main() -> int:
    """Exit status: 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", help=", ".join(f"{number}: {name}" for number, name in enumerate(NAMES)))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    parser.add_argument("--timing", type=Path, help="folder of timing caches; without it `timing` in --out")
    parser.add_argument(
        "--builds", type=int, help="2 builds again, with the timing cache of the first; 1 for int8 by default, else 2"
    )
    parser.add_argument("--rehearse", action="store_true", help="on a processor; the numbers mean nothing")
    parser.add_argument("--level", type=int, default=3, help="effort of the builder")
    asked = parser.parse_args()
    if asked.part is None:
        return everything()
    part = NAMES[int(asked.part)] if asked.part.isdigit() else asked.part
    return gpu_tests.tested(part, asked.out) if part in gpu_tests.PARTS else measured_part(part, asked)


if __name__ == "__main__":
    sys.exit(main())
