"""What a person sees of a finished run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.renderers import terminal

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report

__all__ = ["show"]


def show(report: Report) -> None:
    """Nothing; the table and the summary are on the terminal."""
    console = Console()
    console.print(terminal.table(report))
    for line in terminal.short_summary(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
