"""The tests that need a GPU: each file in a process of its own, so that a crash of TensorRT ends that file's alone.

Outcomes are read from what pytest says test by test, which a crash does not take back.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from record import Bound, record

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PARTS", "tested"]

PARTS = {
    "tests-conformance": ["tests/backends/test_tensorrt.py"],
    "tests-builds": ["tests/backends/test_tensorrt_builds.py"],
    "tests-runtime": [
        "tests/runtime",
        "tests/cli/test_inspect.py",
        "tests/compat/test_gpu.py",
        "tests/stages/test_calibrate_gpu.py",
    ],
}
# Less than the ten minutes of a part, so that what was found by then is written.
_SECONDS = 540
_OUTCOME = re.compile(r"^(tests/.+?::.+?) (PASSED|FAILED|ERROR|SKIPPED)", re.MULTILINE)
_STARTED = re.compile(r"^(tests/.+?::\S+)", re.MULTILINE)


def tested(part: str, out: Path) -> int:
    """Exit status of the tests of `part`; outcomes and output are written into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    ends, texts = {}, []
    until = time.monotonic() + _SECONDS
    for number, path in enumerate(PARTS[part]):
        output = out / f"gpu-{part}-{number}.txt"
        ends[path] = _ran(path, output, seconds=max(until - time.monotonic(), 1))
        texts.append(output.read_text(errors="replace"))
        print(texts[-1][-4000:], flush=True)
    found = dict(_OUTCOME.findall("\n".join(texts)))
    started = {name for text in texts for name in _STARTED.findall(text)}
    named = {name.split(" ")[0] for name in found}
    failed = sorted(name for name, outcome in found.items() if outcome in {"FAILED", "ERROR"})
    broken_off = sorted(started - named)
    passed = sum(outcome == "PASSED" for outcome in found.values())
    return record(
        f"gpu {part}",
        bounds=[
            Bound(name="tests passed", value=passed, bound=1, unit="tests", is_least=True),
            Bound(name="tests failed or broken off", value=len(failed + broken_off), bound=0, unit="tests"),
        ],
        measured={
            "passed": passed,
            "skipped": sum(outcome == "SKIPPED" for outcome in found.values()),
            "failed": failed,
            "broken off": broken_off,
            "ends": ends,
        },
        method=__doc__,
        quick=False,
        out=out / f"gpu-{part}.json",
        said=["--part", part],
    )


def _ran(path: str, output: Path, *, seconds: float) -> str:
    """How the process ended; other versions of torch warn of other things, which is no failure here."""
    command = [sys.executable, "-m", "pytest", path, "-m", "gpu", "-v", "-W", "default"]
    with output.open("wb") as file:
        try:
            status = subprocess.run(command, check=False, stdout=file, stderr=file, timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            return f"out of time after {seconds:.0f} s"
    # pytest's 5: no test was left.
    return "whole" if status in {0, 1, 5} else f"status {status}"
