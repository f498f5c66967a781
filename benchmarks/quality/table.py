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
START, END = "<!-- measured -->", "<!-- end of measured -->"


def tables() -> str:
    """A table for each net, its twin beside it."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    plain = [name for name in found if not name.endswith("_twin")]
    return "\n\n".join(_table(name, found[name], found.get(f"{name}_twin", {"rows": {}})) for name in plain)


def _table(name: str, plain: Mapping[str, Any], twin: Mapping[str, Any]) -> str:
    metric, value = next(iter(plain["fp32"].items()))
    lines = [
        f"**{name.replace('_', ' ')}** ({plain['task']}): {metric} {100 * value:.2f}, {plain['items']:,} items.",
        "",
        "| way | drop in points | its twin |",
        "| --- | --- | --- |",
    ]
    ways = dict.fromkeys([*plain["rows"], *twin["rows"]])
    lines += [f"| {way} | {' | '.join(_cells(way, metric, (plain, twin)))} |" for way in ways]
    return "\n".join(lines)


def _cells(way: str, metric: str, measured: Iterable[Mapping[str, Any]]) -> list[str]:
    return [_cell(each["rows"].get(way), metric) for each in measured]


def _cell(row: Mapping[str, Any] | None, metric: str) -> str:
    if row is None:
        return "not measured"
    if "error" in row:
        return "failed"
    if row["signal_to_noise_db"] in {None, float("inf")}:
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
