"""torch2trt's page on TensorRT: its snippets unchanged but for the import line, and what int8 costs by each algorithm.

A small convolutional net is trained on Fashion-MNIST. Then every snippet of the page runs as docs/from-torch2trt.md has
it, on its device and backend, with pictures in a folder; then the net is converted by each of the four algorithms with
calibration batches of 1 and 32, and each engine recognises the 10,000 test pictures beside the net, for the interval of
the paired drop. On TensorRT 8 to 10 its own calibrators run. Half and float bindings, and what the inspector says of
each layer, are looked at too. A failure is written down, and the rest goes on.

Run it with `python benchmarks/gpu_torch2trt.py`; `--parts` names some of what it looks at, for several GPUs at once,
and `--backend onnxruntime --items 2000` rehearses it on a processor.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import traceback
import warnings
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from gpu_fit import DATA, images_of
from record import Bound, record
from torch import Tensor, nn
from torch2trt_page import blocks, run

from lightning_trt.compat.torch2trt import CalibrationAlgoType, TRTModule, torch2trt
from lightning_trt.inference import ScoreTest
from lightning_trt.precision import DType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 0.01
NUM_CALIBRATION = 512
BATCH_SIZES = (1, 32)


class Run:
    """The net, its pictures, and what was found."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.on_gpu = options.backend == "tensorrt"
        self.device = torch.device("cuda" if self.on_gpu else "cpu")
        train = images_of(options.data, "train", items=options.items).tensors
        test = images_of(options.data, "t10k", items=options.items).tensors
        self.seen, self.seen_classes = self.pictures(train[0]), train[1].to(self.device)
        self.test, self.classes = self.pictures(test[0]), test[1].to(self.device)
        self.model = self.trained(options.epochs)
        self.right = self.recognised(self.model)
        self.failures: dict[str, str] = {}

    def pictures(self, grey: Tensor) -> Tensor:
        """Pictures of shape `(count, 3, 28, 28)`, from 0 to 1, on the device."""
        return (grey.unsqueeze(1) / 255.0).expand(-1, 3, -1, -1).to(self.device)

    def trained(self, epochs: int) -> nn.Module:
        """The net after so many passes over the pictures."""
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()),
            nn.Sequential(nn.Conv2d(32, 64, 3, padding=1, stride=2), nn.BatchNorm2d(64), nn.ReLU()),
            nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
            nn.Sequential(nn.Conv2d(64, 128, 3, padding=1, stride=2), nn.BatchNorm2d(128), nn.ReLU()),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)),
        ).to(self.device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(self.seen), device=self.device).split(200):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(self.seen[rows]), self.seen_classes[rows]).backward()
                optimizer.step()
        return model.eval()

    def recognised(self, model: nn.Module) -> Tensor:
        """Whether each test picture is recognised."""
        with torch.no_grad():
            logits = torch.cat([model(rows) for rows in self.test.split(1000)])
        return logits.argmax(1) == self.classes

    def tried(self, name: str, what: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What came of it; a failure is written down and goes no further."""
        started = time.perf_counter()
        try:
            found = what()
        except Exception as error:  # noqa: BLE001 - the rest goes on
            self.failures[name] = "".join(traceback.format_exception_only(error)).strip()
            traceback.print_exc()
            found = {"error": self.failures[name]}
        found["seconds"] = round(time.perf_counter() - started, 1)
        print(f"{name}: {found}", flush=True)
        return found


class Samples:
    """Pictures one by one, on the processor, as a folder's are."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows.cpu()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[Tensor]:
        return [self.rows[index : index + 1]]


def told(module: TRTModule) -> dict[str, Any]:
    """What the report of an engine says."""
    report = module.report
    assert report is not None  # noqa: S101 - torch2trt() made it
    return {
        "allowed": report.allowed,
        "layers": [f"{dtype.value} {name}" for name, dtype in report.layers],
        "counts": {dtype.value: count for dtype, count in report.counts.items()},
        "calibrator": report.calibrator,
        "calibration_samples": report.calibration_samples,
        "calibration_batches": report.calibration_batches,
        "inputs": [f"{spec.dtype}{list(spec.shape)}" for spec in module.engine.boundary.inputs],
        "outputs": [f"{spec.dtype}{list(spec.shape)}" for spec in module.engine.boundary.outputs],
    }


@contextlib.contextmanager
def inside(folder: str) -> Iterator[None]:
    """A block in that working folder, as the page's relative paths want it."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def save_pictures(rows: Tensor, folder: Path) -> None:
    """Nothing; the pictures lie in folders of classes, as `ImageFolder` wants them."""
    from PIL import Image  # noqa: PLC0415 - where it is missing, that is written down

    for number, picture in enumerate(rows.cpu()):
        path = folder / str(number % 4) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 255).byte().permute(1, 2, 0).numpy()).save(path)


def page(this: Run) -> dict[str, Any]:
    """Every snippet of the guide, in its order, and the engine that it left."""
    small = nn.Sequential(nn.AdaptiveAvgPool2d(28), deepcopy(this.model)).eval()
    large = nn.functional.interpolate(this.seen[:4], size=224)
    names: dict[str, Any] = {"torch": torch, "model": small, "data": large}
    found: dict[str, Any] = {}
    has_torchvision = False
    with tempfile.TemporaryDirectory() as folder, inside(folder):
        this.tried("pictures", lambda: save_pictures(this.seen[:64], Path("images")) or {})
        for number, (kind, text) in enumerate(blocks(), start=1):
            if kind == "here" and "class ImageFolderCalibDataset" in text and has_torchvision:
                continue  # the page's own class stands
            if "torchvision" in text:
                try:
                    run(text, names, on_gpu=this.on_gpu)
                    has_torchvision = True
                except Exception as error:  # noqa: BLE001 - torchvision is missing, or does not fit this torch
                    print(f"torchvision cannot be used here: {error}", flush=True)
                continue
            title = f"{number:02} {kind}: {text.strip().splitlines()[-1]}"
            found[title] = this.tried(title, lambda text=text: ran(text, names, this))
    return {"torchvision": has_torchvision, "snippets": found}


def ran(text: str, names: dict[str, Any], this: Run) -> dict[str, Any]:
    """What the snippet left: its warnings, and its engine if it made one, called once on its data."""
    before = names.get("model_trt")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run(text, names, on_gpu=this.on_gpu)
    found: dict[str, Any] = {"warnings": [str(each.message) for each in said if each.category is UserWarning]}
    module = names.get("model_trt")
    if module is not None and module is not before:
        size = module.engine.boundary.inputs[0].shape[0]
        data = names["data"][: size if isinstance(size, int) else None]
        with torch.no_grad():
            expected, result = names["model"](data), module(data)
        found |= told(module) if module.report is not None else {}
        found |= {
            "result": str(result.dtype),
            "expected": str(expected.dtype),
            "error": float((result - expected).abs().max()),
            "scale": float(expected.abs().max()),
        }
        if result.dtype is not expected.dtype:
            raise AssertionError(f"the engine gives {result.dtype}, the module {expected.dtype}")
    return found


def converted(this: Run, **keywords: Any) -> TRTModule:  # noqa: ANN401 - torch2trt's own
    """The net with batches of up to 100, calibrated where it is quantized; larger ones are split."""
    dataset = Samples(this.seen[:NUM_CALIBRATION]) if keywords.get("int8_mode") else None
    return torch2trt(
        this.model,
        [this.seen[:1]],
        int8_calib_dataset=dataset,
        max_batch_size=100,
        backend=this.options.backend,
        **keywords,
    )


def drop(this: Run, module: nn.Module) -> dict[str, Any]:
    """The paired drop over the test pictures, with its 95 % interval."""
    after = this.recognised(module)
    worse, better = int((this.right & ~after).sum()), int((~this.right & after).sum())
    low, high = ScoreTest(n=len(after), worse=worse, better=better).interval(0.025)
    return {"accuracy": float(after.float().mean()), "worse": worse, "better": better, "low": low, "high": high}


def quantized(this: Run, algorithm: CalibrationAlgoType, batch_size: int) -> dict[str, Any]:
    """An engine by that algorithm and calibration batch size: what it is made of, and what it costs."""
    # TensorRT's own enum where it has one, as people write it.
    with contextlib.suppress(ImportError, AttributeError):
        import tensorrt  # noqa: PLC0415 - absent where this is rehearsed

        algorithm = getattr(tensorrt.CalibrationAlgoType, algorithm.name)
    module = converted(
        this, int8_mode=True, fp16_mode=True, int8_calib_algorithm=algorithm, int8_calib_batch_size=batch_size
    )
    found = {**told(module), "drop": drop(this, module)}
    module.close()
    return found


def bindings(this: Run) -> dict[str, Any]:
    """Types of results of a float and a half module, each with fp16 and with int8 inside."""
    found = {}
    for dtype in (torch.float32, torch.float16):
        for int8 in (False, True):
            data = this.test[:8].to(dtype)
            module = torch2trt(
                deepcopy(this.model).to(dtype),
                [data],
                fp16_mode=True,
                int8_mode=int8,
                backend=this.options.backend,
                int8_calib_dataset=Samples(this.seen[:64]) if int8 else None,
                int8_calib_algorithm="minmax" if int8 else None,
            )
            result = module(data)
            with torch.no_grad():
                error = float((result.float() - this.model(this.test[:8])).abs().max())
            found[f"{dtype} {'int8' if int8 else 'fp16'}"] = {
                **told(module),
                "result": str(result.dtype),
                "error": error,
            }
            if result.dtype is not dtype:
                raise AssertionError(f"a module of {dtype} became an engine that gives {result.dtype}")
    return found


def saved(this: Run) -> dict[str, Any]:
    """Whether an engine that went through a file gives the same bits."""
    module = converted(this, fp16_mode=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model_trt.pth"
        torch.save(module.state_dict(), path)
        other = TRTModule()
        other.load_state_dict(torch.load(path, weights_only=True))
        size = path.stat().st_size
    is_equal = torch.equal(module(this.test[:100]), other(this.test[:100]))
    if not is_equal:
        raise AssertionError("the loaded engine gives other numbers")
    return {"bytes": size, "equal": is_equal, **told(module), "drop": drop(this, module)}


def algorithms(this: Run) -> dict[str, Any]:
    """What each algorithm costs at each calibration batch size."""
    return {
        f"{algorithm.name} batch {size}": this.tried(
            f"{algorithm.name} batch {size}", lambda algorithm=algorithm, size=size: quantized(this, algorithm, size)
        )
        for size in BATCH_SIZES
        for algorithm in CalibrationAlgoType
    }


PARTS: dict[str, Callable[[Run], dict[str, Any]]] = {
    "algorithms": algorithms,
    "page": page,
    "bindings": lambda this: this.tried("bindings", lambda: bindings(this)),
    "state": lambda this: this.tried("state", lambda: saved(this)),
}


def bounds(found: dict[str, Any], this: Run) -> list[Bound]:
    """The drops, the layers that prove the precision, and that nothing failed."""
    limits = [Bound(name="failures", value=len(this.failures), bound=0, unit="")]
    if "algorithms" in found:
        whole = {name: each for name, each in found["algorithms"].items() if "drop" in each}
        int8 = min((each["counts"].get(DType.int8.value, 0) for each in whole.values()), default=0)
        limits.append(Bound(name="least number of int8 layers", value=int8, bound=1, unit="layers", is_least=True))
        limits += [
            Bound(name=f"upper end of the drop, {name}", value=each["drop"]["high"], bound=LIMIT, unit="")
            for name, each in whole.items()
        ]
    if "state" in found:
        fp16 = found["state"].get("counts", {}).get(DType.fp16.value, 0)
        limits.append(Bound(name="fp16 layers of the fp16 engine", value=fp16, bound=1, unit="layers", is_least=True))
    return limits


def main() -> int:
    """Train, convert, and write down what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="tensorrt")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--items", type=int, default=None, help="pictures of each split; all by default")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS], help="what to look at; all by default")
    parser.add_argument("--quick", action="store_true", help="a rehearsal: nothing is written without --out")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    this = Run(options)
    print(f"trained: {float(this.right.float().mean()):.4f} of {len(this.test)} test pictures", flush=True)
    found = {part: PARTS[part](this) for part in options.parts}
    about = {
        "test_pictures": len(this.test),
        "accuracy": float(this.right.float().mean()),
        "gpu": torch.cuda.get_device_name() if this.on_gpu else None,
        "failures": this.failures,
    }
    said = ["--backend", options.backend, "--epochs", str(options.epochs), "--parts", *options.parts]
    return record(
        "_".join(["gpu_torch2trt", *options.parts]) if len(options.parts) < len(PARTS) else "gpu_torch2trt",
        bounds=bounds(found, this),
        measured={**about, **found},
        method="each engine and the net on the same test pictures; 95 % score interval of the paired drop (Tango); "
        f"{NUM_CALIBRATION} training pictures calibrate",
        quick=options.quick,
        out=options.out,
        said=said,
    )


if __name__ == "__main__":
    sys.exit(main())
