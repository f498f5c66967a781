"""Every format that we read, spoilt thousands of times: right, or refused with a sentence, and never anything else.

    python benchmarks/torture/hostile_input.py --part report

The formats and the ways to spoil them are those of the tests, `tests/security`; each part's JSON is in results/torture.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "tests")]

import torch  # noqa: E402 - after the number of its threads
from record import Bound, arguments, record  # noqa: E402 - found only now
from security.formats import attempt  # noqa: E402
from security.table import FORMATS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

_CASES, _QUICK_CASES = 10_000, 200
_EVERY = 1000


def main() -> int:
    """Exit status, 1 where a promise was broken; the JSON is written."""
    torch.set_num_threads(1)
    asked = arguments(str(__doc__), part=tuple(FORMATS))
    outcomes: Counter[str] = Counter()
    broken: dict[str, str] = {}
    num_cases = _QUICK_CASES if asked.quick else _CASES
    started = time.monotonic()
    for seed, said, outcome, why in _cases(asked.part, num_cases):
        outcomes[outcome] += 1
        if why is not None:
            broken[f"{seed}: {said}"] = why
            print(f"case {seed}, {said}: {why}", flush=True)
        if (seed + 1) % _EVERY == 0:
            print(f"{seed + 1} of {num_cases}, {len(broken)} violations", flush=True)
    return record(
        f"torture/hostile_{asked.part}",
        bounds=[
            Bound(name="cases", value=sum(outcomes.values()), bound=num_cases, unit="", is_least=True),
            Bound(name="violations", value=len(broken), bound=0, unit=""),
        ],
        measured={
            "outcomes": dict(outcomes.most_common()),
            "broken": broken,
            "minutes": round((time.monotonic() - started) / 60, 1),
        },
        method="Real files of the format are spoilt in one way a case, chosen by the case's number, and read and used "
        "in this process, which may take 1 GiB more memory and 10 s of processor time. What comes of it must be right, "
        "or an error of ours with a sentence; no file outside of the case's folder is opened, no code of a file runs.",
        quick=asked.quick,
        out=asked.out,
        said=["--part", asked.part],
    )


def _cases(part: str, num_cases: int) -> Iterator[tuple[int, str, str, str | None]]:
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        kind = FORMATS[part](Path(folder))
        for seed in range(num_cases):
            yield (seed, *attempt(kind, seed=seed, home=Path(folder)))


if __name__ == "__main__":
    raise SystemExit(main())
