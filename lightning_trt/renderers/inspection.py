"""What an engine is and where its time goes: on the terminal, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_trt.artifacts import Engine, TensorSpec
    from lightning_trt.runtime.layer_times import LayerTime

__all__ = ["about", "document", "layers", "times", "to_text"]


def about(engine: Engine) -> Table:
    """What the engine's manifest says, a row for each thing."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in _facts(engine):
        grid.add_row(Text(name), Text(value))
    return grid


def layers(engine: Engine) -> Table:
    """How many layers compute in which data type, the most frequent first."""
    grid = _grid("layers", "of all", "data type")
    total = sum(engine.layers.values())
    for dtype, count in sorted(engine.layers.items(), key=lambda each: -each[1]):
        grid.add_row(str(count), f"{count / total:.0%}", dtype.value)
    return grid


def times(seen: Sequence[LayerTime], *, most: int) -> Table:
    """The slowest layers, and what the others take together."""
    grid = _grid("ms", "of all", "data type", "layer")
    total_ms = sum(each.time_ms for each in seen)
    for each in seen[:most]:
        word = each.dtype.value if each.dtype else "-"
        grid.add_row(f"{each.time_ms:.4f}", _share(each.time_ms, total_ms), word, Text(each.name))
    if rest := seen[most:]:
        rest_ms = sum(each.time_ms for each in rest)
        grid.add_row(f"{rest_ms:.4f}", _share(rest_ms, total_ms), "", f"{len(rest)} others")
    return grid


def document(engine: Engine, seen: Sequence[LayerTime], *, why_no_times: str | None) -> dict[str, Any]:
    """The same as JSON values; `why_no_times` is None where the layers were timed."""
    return {
        "folder": str(engine.folder),
        **dict(_facts(engine)),
        "layers": {dtype.value: count for dtype, count in engine.layers.items()},
        "times": [
            {"layer": each.name, "data_type": each.dtype.value if each.dtype else None, "ms": each.time_ms}
            for each in seen
        ],
        "why_no_times": why_no_times,
    }


def to_text(documents: Sequence[dict[str, Any]]) -> str:
    """The JSON of several engines' documents."""
    return json.dumps({"engines": list(documents)}, indent=2, ensure_ascii=False)


def _facts(engine: Engine) -> Iterator[tuple[str, str]]:
    yield "boundary", engine.boundary.folder
    yield "precision", engine.precision.value + (f", calibrated by {engine.calibrator}" if engine.calibrator else "")
    yield "backend", f"{engine.backend} {engine.backend_version}"
    yield from ((f"built for {name.replace('_', ' ')}", value) for name, value in engine.environment.items())
    yield "inputs", "; ".join(map(_spoken, engine.boundary.inputs))
    yield "outputs", "; ".join(map(_spoken, engine.boundary.outputs))
    yield "plan", f"{engine.file}, {engine.bytes / 2**20:.2f} MiB, sha256 {engine.sha256[:12]}"
    yield "built in", f"{engine.build_seconds:.1f} s"
    if engine.checkpoint_sha256:
        yield "checkpoint", f"sha256 {engine.checkpoint_sha256[:12]}"
    if engine.notes:
        yield "notes", "\n".join(engine.notes)


def _spoken(spec: TensorSpec) -> str:
    return f"{spec.name} {spec.dtype}[{', '.join(map(str, spec.shape))}]"


def _grid(*headers: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for header in headers:
        is_number = header in {"layers", "ms", "of all"}
        grid.add_column(header, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    return grid


def _share(part: float, total: float) -> str:
    return f"{part / total:.1%}" if total else "-"
