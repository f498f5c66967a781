"""`lightning-trt inspect RUN --ranges`: by what each candidate was quantized, and how that fits what calibration saw.

Torch is not needed: ranges and statistics are numbers in the run's folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import read_runs
from lightning_trt.errors import SettingsError
from lightning_trt.renderers import ranges as rendered

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from pathlib import Path

    from lightning_trt.artifacts import RangeFit

__all__ = ["add_flag", "ranges_of", "show_ranges"]


def add_flag(parser: ArgumentParser) -> None:
    """Nothing; `parser` then knows `--ranges`."""
    parser.add_argument(
        "--ranges", action="store_true", help="show a run's ranges: what they clip, and which tensors lose most"
    )


def show_ranges(run: Path | str, *, most: int, as_json: bool) -> Exit:
    """0; the ranges of each int8 candidate of the run are printed, those that lose most first."""
    found = ranges_of(run)
    if as_json:
        print(rendered.document(found))
        return Exit.ok
    console = Console(highlight=False)
    for title, fits in found.items():
        console.print(rendered.table(fits, title=title, most=most))
    console.print(
        "Shares are of the values that are not zero. SNR: expected signal-to-noise ratio in int8.", style="dim"
    )
    if any(fit.snr_db is None and fit.clipped is None for fits in found.values() for fit in fits):
        console.print(
            "-: the run counted extremes alone. Export with a calibrator that needs histograms, e.g. mse.", style="dim"
        )
    return Exit.ok


def ranges_of(run: Path | str) -> dict[str, tuple[RangeFit, ...]]:
    """How the ranges of each int8 candidate of a run fit, by candidate, or `candidate boundary` where it has several.

    Raises:
        ReportError: There is no readable report.
        SettingsError: No candidate was quantized to int8.
        StorageError: Statistics or ranges are missing, damaged, or of another graph.
    """
    from lightning_trt import calibrators  # noqa: PLC0415 - the gate starts without numpy

    (report,) = read_runs([str(run)])
    found = calibrators.fits_of(report)
    if not found:
        raise SettingsError(
            f"the run {report.path} has no int8 candidate with a ranges.json beside its engine. Export int8 with this "
            "version of lightning-trt."
        )
    return found
