"""The numbered examples run as a reader runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("0*.py"))
SCHEMA = ROOT / "lightning_trt" / "renderers" / "report.schema.json"
EXTRAS = ("mlxtend", "sklearn")


def missing(example: Path) -> list[str]:
    """Packages that only examples need, and that are not installed."""
    imported = re.findall(r"^from (\w+)", example.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [name for name in EXTRAS if name in imported and find_spec(name) is None]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_writes_a_valid_report(tmp_path: Path, example: Path) -> None:
    """In a fresh Python and an empty folder; every candidate has its engine, and none fails its gate."""
    if missing(example):
        pytest.skip(f"needs {', '.join(missing(example))}, which is not installed")

    run = subprocess.run(
        [sys.executable, str(example), str(tmp_path / "results")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert run.returncode == 0, run.stderr[-4000:]
    (path,) = tmp_path.rglob("report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(report)
    assert all(each["path"] for each in report["candidates"])
    assert report["verdict"] not in {"error", "fail"}
