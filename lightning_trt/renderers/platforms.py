"""The support matrix for people: a table for the terminal, and the page of the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lightning_trt.platforms import CURRENT, PLATFORMS, SOURCES
from lightning_trt.precision import Precision

if TYPE_CHECKING:
    from lightning_trt.platforms import Platform

__all__ = ["markdown", "plain", "table"]

_SHOWN = (Precision.fp16, Precision.bf16, Precision.int8, Precision.fp8)
_PAGE = """# Which device has which precision

Written by `lightning-trt doctor --platforms --markdown docs/platforms.md` from `lightning_trt/platforms.py`, which the
precision check before a build reads: asking int8 for a Jetson TX2 is refused with its row as the reason. fp32 runs
everywhere, tf32 where bf16 does. What a version of TensorRT can build is a second question, which
`lightning-trt doctor` answers for the machine that it runs on.

{matrix}

The last TensorRT is the last one that runs on the device; `current` means that the newest one does. The words in
the last column are links to where the row was read.

{sources}
"""


def table() -> Table:
    """A row for each platform, in 80 columns."""
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for header in ("platform", "CC", *(each.value for each in _SHOWN), "DLA", "last TensorRT"):
        grid.add_column(header, overflow="fold")
    for each in PLATFORMS:
        names, *cells = _cells(each)
        grid.add_row(Text(names), *cells)
    return grid


def markdown() -> str:
    """The page of the docs."""
    headers = [
        "platform",
        "compute capability",
        *(each.value for each in _SHOWN),
        "DLA",
        "last TensorRT",
        "",
        "sources",
    ]
    rows = [[*_cells(each), each.note, " ".join(f"[{word}]" for word in each.sources)] for each in PLATFORMS]
    lines = [headers, ["---"] * len(headers), *rows]
    return _PAGE.format(
        matrix="\n".join(f"| {' | '.join(line)} |" for line in lines),
        sources="\n".join(f"[{word}]: {url}" for word, url in SOURCES.items()),
    )


def plain() -> list[dict[str, object]]:
    """The matrix as JSON holds it."""
    return [
        {
            "names": list(each.names),
            "compute_capability": each.compute_capability,
            "precisions": [precision.value for precision in each.precisions],
            "has_dla": each.has_dla,
            "last_tensorrt": each.last_tensorrt,
            "note": each.note,
            "sources": [SOURCES[word] for word in each.sources],
        }
        for each in PLATFORMS
    ]


def _cells(platform: Platform) -> list[str]:
    has = ["yes" if each in platform.precisions else "no" for each in _SHOWN]
    last = "current" if platform.last_tensorrt == CURRENT else platform.last_tensorrt
    return [", ".join(platform.names), platform.compute_capability, *has, "yes" if platform.has_dla else "no", last]
