"""Every format that we read, spoilt: right, or refused with a sentence; never anything else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from security.formats import attempt
from security.table import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

NUM_CASES = {"report": 100, "baseline": 100, "gate-yaml": 60}
"""Of formats whose commands take long; of others two hundred."""


@pytest.mark.parametrize("name", FORMATS)
def test_spoilt_input_is_refused_with_a_sentence(name: str, tmp_path: Path) -> None:
    """In bounded time and memory, without a file opened elsewhere; the long run is `make torture`."""
    kind = FORMATS[name](tmp_path)

    results = [(seed, *attempt(kind, seed=seed, home=tmp_path)) for seed in range(NUM_CASES.get(name, 200))]

    broken = [f"case {seed}, {said}: {why}" for seed, said, _, why in results if why is not None]
    assert not broken, broken[0]
    # A format of which nothing is ever refused was not spoilt.
    assert len(Counter(outcome for _, _, outcome, _ in results)) > 1
