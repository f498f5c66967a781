"""Formats that are text: reports, baselines, YAML, ranges and calibration caches."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from renderers.example_report import example_report, with_everything
from security.odd_bytes import odd_bytes
from security.odd_trees import odd_json

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.backends.calibration_cache import ranges_in, text_of
from lightning_trt.calibrators import load_ranges, save_ranges
from lightning_trt.cli import main
from lightning_trt.renderers.json import to_text

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

__all__ = ["Baselines", "CalibrationCaches", "GateFiles", "RangesFiles", "Reports", "command"]

_CODES = {0, 1, 2, 5}
_USAGE = 2
_LIMIT = ("--max-drop", "0.01", "--metric", "val/acc")


def command(*arguments: str) -> str:
    """Its exit code in words, one that is documented; a sentence was printed where that is 2."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    if code not in _CODES or (code == _USAGE and not err.getvalue().rstrip().endswith((".", "?"))):
        raise AssertionError(f"exit code {code} with {err.getvalue()[:300]!r}")
    if len(err.getvalue()) > 5000:
        raise AssertionError(f"{len(err.getvalue())} characters of error")
    # What a terminal or a CI's log cannot take is an error of its own.
    out.getvalue().encode()
    return f"exit code {code}"


@dataclass(frozen=True)
class Reports:
    """`report.json`, gated, rendered and compared by the commands."""

    def spoil(self, into: Path, rng: Random) -> str:
        example = example_report(into)
        text, other = to_text(rng.choice((example, with_everything(example)))), to_text(example)
        said, spoilt = _text_or_tree(text, rng, other=other)
        (into / "report.json").write_bytes(spoilt)
        return said

    def read(self, folder: Path) -> str:
        files = ("--markdown", f"{folder}/gate.md", "--junit", f"{folder}/junit.xml")
        return f"{command('gate', str(folder), *_LIMIT, *files)}, {command('inspect', str(folder))}"


@dataclass(frozen=True)
class Baselines:
    """`baseline.json`, beside a run that is sound."""

    def spoil(self, into: Path, rng: Random) -> str:
        (into / "report.json").write_text(to_text(example_report(into)), encoding="utf-8")
        command("baseline", "update", str(into), "--file", str(into / "baseline.json"), "--model", "Net")
        text = (into / "baseline.json").read_text(encoding="utf-8")
        said, spoilt = _text_or_tree(text, rng, other=text.replace("0.9", "0.1"))
        (into / "baseline.json").write_bytes(spoilt)
        return said

    def read(self, folder: Path) -> str:
        baseline = str(folder / "baseline.json")
        gate = command("gate", str(folder), *_LIMIT, "--baseline", baseline)
        return f"{gate}, {command('baseline', 'update', str(folder), '--file', baseline, '--model', 'Net')}"


_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
_YAML_ODD = (
    "*unknown", "&a [*a]", "!!python/object/apply:os.abort []", "!!int x", "!!float x", "!!bool x", "!!timestamp x",
    "!!binary x", "!!int ''", "2001-99-99", "{[]: 1}", "? [a]\n: b", "1:99:99", "0o7", ".nan", ".inf", "1e999",
    "<<: 1", "%TAG", "\x00", "\x85", "'", "@", "`", "- - -", "{" * 5000, "[" * 50_000, "a: " * 3000, "|" , "> x",
    "*a11", "!<tag:x> y",
)  # fmt: skip


@dataclass(frozen=True)
class GateFiles:
    """The YAML of a gate, beside a run that is sound."""

    def spoil(self, into: Path, rng: Random) -> str:
        (into / "report.json").write_text(to_text(example_report(into)), encoding="utf-8")
        settings = {
            "rules": [{"metric": "val/acc", "max_drop": 0.01, "candidates": "int8*"}, {"min_speedup": 1.1}],
            "alpha": 0.025,
            "on_inconclusive": "warn",
        }
        said, spoilt = _yaml_spoilt(settings, rng)
        (into / "gate.yaml").write_bytes(spoilt)
        return said

    def read(self, folder: Path) -> str:
        return command("gate", str(folder), "--config", str(folder / "gate.yaml"))


def _yaml_spoilt(settings: dict[str, object], rng: Random) -> tuple[str, bytes]:
    text = yaml.safe_dump(settings)
    way = rng.choice(("bytes", "tree", "tree", "snippet", "snippet", "laughs"))
    if way == "bytes":
        return odd_bytes(text.encode(), rng)
    if way == "tree":
        said, spelt = odd_json(json.dumps(settings), rng)
        return said, spelt.encode()
    lines = text.splitlines()
    place = rng.randrange(len(lines))
    snippet = rng.choice(_YAML_ODD) if way == "snippet" else "*a11"
    head, _, _ = lines[place].partition(":")
    lines[place] = f"{head}: {snippet}"
    before = _LAUGHS if way == "laughs" else ""
    return f"{way} {snippet[:20]!r}", (before + "\n".join(lines)).encode()


@dataclass(frozen=True)
class RangesFiles:
    """`ranges.json`."""

    def spoil(self, into: Path, rng: Random) -> str:
        path = save_ranges(_RANGES, into / "ranges.json")
        said, spoilt = _text_or_tree(path.read_text(encoding="utf-8"), rng)
        path.write_bytes(spoilt)
        return said

    def read(self, folder: Path) -> str:
        for each in load_ranges(folder / "ranges.json").tensors.values():
            _ = each.amax
        return "read"


@dataclass(frozen=True)
class CalibrationCaches:
    """TensorRT's text of ranges."""

    def spoil(self, into: Path, rng: Random) -> str:
        text = text_of(_RANGES, header="TRT-8600-EntropyCalibration2")
        said, spoilt = odd_bytes(text.encode(), rng, other=b"TRT-8600-MinMaxCalibration\nx: 3f800000\n")
        (into / "calibration.cache").write_bytes(spoilt)
        return said

    def read(self, folder: Path) -> str:
        found = ranges_in(folder / "calibration.cache")
        if not all(each.amax > 0 and each.amax < float("inf") for each in found.tensors.values()):
            raise AssertionError(f"ranges that nothing can be quantized by: {found}")
        return "read"


_RANGES = Ranges(tensors={f"node_{i}": Range(low=-float(i), high=2.0 * i) for i in range(1, 9)})


def _text_or_tree(text: str, rng: Random, *, other: str = "") -> tuple[str, bytes]:
    if rng.random() < 0.35:
        return odd_bytes(text.encode(), rng, other=other.encode())
    said, spelt = odd_json(text, rng, other=other)
    return said, spelt.encode("utf-8", "surrogatepass")
