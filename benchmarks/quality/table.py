"""The tables of docs/calibration.md, written there from the JSON of the bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "quality"
PAGE = ROOT / "docs" / "calibration.md"
DEFAULT = "ours: mse, equalized, per channel"
START, END = "<!-- measured -->", "<!-- end of measured -->"


def tables() -> str:
    """A table for each net, its twin beside it."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    plain = [name for name in found if not name.endswith("_twin")]
    return "\n\n".join(_table(name, found[name], found.get(f"{name}_twin", {"rows": {}})) for name in plain)


def _rank(way: str) -> tuple[bool, ...]:
    """The default first, then ours on the equalized graph, the others', and ours without equalization."""
    is_ours, is_equalized = way.startswith("ours"), "equalized" in way
    return way != DEFAULT, is_ours and not is_equalized, not is_ours


def _table(name: str, plain: Mapping[str, Any], twin: Mapping[str, Any]) -> str:
    metric, value = next(iter(plain["fp32"].items()))
    lines = [
        f"**{name.replace('_', ' ')}** ({plain['task']}): {metric} {100 * value:.2f}, {plain['items']:,} items.",
        "",
        "| way | drop in points | outputs | the twin's drop | its outputs |",
        "| --- | --- | --- | --- | --- |",
    ]
    ways = sorted({*plain["rows"], *twin["rows"]}, key=lambda way: (*_rank(way), way))
    lines += [f"| {way} | {' | '.join(_cells(way, metric, (plain, twin)))} |" for way in ways]
    return "\n".join(lines)


def _cells(way: str, metric: str, measured: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = [each["rows"].get(way) for each in measured]
    return [cell for row in rows for cell in (_drop(row, metric), _outputs(row))]


def _outputs(row: Mapping[str, Any] | None) -> str:
    """How near they are to those of fp32, and how many classes changed where there are classes."""
    if row is None or row.get("signal_to_noise_db") is None:
        return ""
    noise = f"{row['signal_to_noise_db']:.0f} dB"
    return f"{noise}, {100 * row['flipped']:.2f} % flipped" if "flipped" in row else noise


def _drop(row: Mapping[str, Any] | None, metric: str) -> str:
    if row is None:
        return "not measured"
    if "error" in row:
        return "failed"
    if row["signal_to_noise_db"] is None:
        return "nothing was quantized"
    drop, low, high = (row["metrics"][metric][key] for key in ("drop", "drop_low", "drop_high"))
    interval = "no interval" if low is None else f"[{100 * low:.2f}, {100 * high:.2f}]"
    text = f"{100 * drop:.2f} {interval}"
    return f"**{text}**" if low is not None and low > 0 else text


def main() -> None:
    """Nothing; the page holds the tables."""
    text = PAGE.read_text()
    before, after = text.split(START)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{START}\n\n{tables()}\n\n{END}{after}")


if __name__ == "__main__":
    main()
