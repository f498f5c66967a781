"""How every benchmark writes down what it measured: one JSON of one shape, and a small table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Bound", "arguments", "circumstances", "record"]

_PACKAGES = (
    "torch",
    "tensorrt_bindings",
    "timm",
    "pytorch-lightning",
    "torchmetrics",
    "onnx",
    "onnx-ir",
    "onnxruntime",
    "numpy",
)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A number that was measured and the most that it may be; with `is_least`, the least."""

    name: str
    value: float
    bound: float
    unit: str
    is_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the number is within its bound."""
        return self.value >= self.bound if self.is_least else self.value <= self.bound


_ROOT = Path(__file__).resolve().parents[1]


def arguments(description: str, *, part: Sequence[str] = ()) -> argparse.Namespace:
    """What the command line says: `quick`, `out`, the JSON to write or None, and `part`, where there are several."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works; its numbers are rough")
    parser.add_argument("--out", type=Path, help="JSON file to write to; else, but for a short run, in results/ here")
    if part:
        parser.add_argument("--part", choices=part, default=part[0], help="what to measure")
    return parser.parse_args()


def record(
    name: str,
    *,
    bounds: Sequence[Bound],
    measured: Mapping[str, object],
    method: str,
    quick: bool,
    out: Path | None,
    said: Sequence[str] = (),
) -> int:
    """Exit status, 1 where a bound does not hold; the table is on the terminal and the JSON at `out` or in results/.

    `said` are arguments of the command, beside `quick`, that the numbers depend on.
    """
    for bound in bounds:
        sign = ">=" if bound.is_least else "<="
        verdict = "holds" if bound.holds else "MISSED"
        print(f"{bound.name:<52} {bound.value:>9.3f} {bound.unit:<10} {sign} {bound.bound:<6g} {verdict}")
    said = [*said, *(["--quick"] if quick else [])]
    content = {
        "benchmark": name,
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": shlex.join(["python", Path(sys.argv[0]).resolve().relative_to(_ROOT).as_posix(), *said]),
        "method": method,
        **circumstances(),
        "bounds": [{**asdict(bound), "holds": bound.holds} for bound in bounds],
        "measured": measured,
    }
    out = out or (None if quick else Path(__file__).parent / "results" / f"{name}.json")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(content, indent=2) + "\n")
        print(f"written to {out}")
    return 0 if all(bound.holds for bound in bounds) else 1


def circumstances() -> dict[str, object]:
    """The machine, and the versions of what ran on it."""
    return {"machine": _machine(), "versions": _versions()}


def _machine() -> dict[str, object]:
    return {"system": platform.system(), "processor": _processor(), "cores": os.cpu_count()}


def _processor() -> str:
    """The processor's model where Linux tells it, else its architecture."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _versions() -> dict[str, str]:
    installed = {str(each.metadata["Name"]).lower(): each.version for each in distributions()}
    return {"python": platform.python_version(), **{name: installed[name] for name in _PACKAGES if name in installed}}
