"""How ranges fit their tensors, as a table on the terminal and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_trt.artifacts import RangeFit

__all__ = ["document", "table"]


def table(fits: Sequence[RangeFit], *, title: str, most: int) -> Table:
    """The first `most` of `fits` as something that rich prints; they come with those that lose most first."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("tensor", overflow="fold")
    for heading in ("low", "high", "clipped", "to zero", "SNR dB"):
        made.add_column(heading, justify="right", no_wrap=True)
    for fit in fits[:most]:
        numbers = (f"{fit.low:.4g}", f"{fit.high:.4g}", _share(fit.clipped), _share(fit.zeroed), _decibels(fit))
        made.add_row(*map(Text, (fit.name, *numbers)))
    if len(fits) > most:
        made.caption = f"and {len(fits) - most} that lose less"
    return made


def document(fits: Mapping[str, Sequence[RangeFit]]) -> str:
    """All fits as JSON text, by candidate; what was not measured is null.

    Example:
        >>> from lightning_trt.artifacts import RangeFit
        >>> from lightning_trt.renderers import ranges
        >>> fit = RangeFit(name="x", low=0.0, high=1.0, clipped=None, zeroed=None, snr_db=None)
        >>> print(ranges.document({"int8-minmax": [fit]}))
        {
          "int8-minmax": [
            {
              "name": "x",
              "low": 0.0,
              "high": 1.0,
              "clipped": null,
              "zeroed": null,
              "snr_db": null
            }
          ]
        }
    """
    return json.dumps({name: [asdict(each) for each in found] for name, found in fits.items()}, indent=2)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def _decibels(fit: RangeFit) -> str:
    return "-" if fit.snr_db is None else f"{fit.snr_db:.1f}"
