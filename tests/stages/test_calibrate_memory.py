"""Statistics of earlier passes are taken for the same graph and samples, and for no others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from stages.small_net import Samples, graph_of, inputs_of

from lightning_trt.calibrators import MinMax, Percentile
from lightning_trt.errors import NonFiniteActivationsError
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate, sight
from lightning_trt.storage import Cache

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lightning_trt.artifacts import OnnxGraph, Statistics

SETTINGS = CalibrationSettings(block_size=4)

_CALIBRATE = """import sys; from pathlib import Path
sys.path.insert(0, sys.argv[2])
from stages.small_net import Samples, graph_of, inputs_of
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.storage import Cache
cache = Cache(folder=Path(sys.argv[1]))
samples = Samples(inputs_of(10))
seen = calibrate({"net": graph_of()}, samples, settings=CalibrationSettings(), histograms=True, threads=1, cache=cache)
print(seen["net"].is_recalled)
"""


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(folder=tmp_path / "cache")


def passed(
    cache: Cache | None,
    samples: Samples | None = None,
    *,
    graph: OnnxGraph | None = None,
    settings: CalibrationSettings = SETTINGS,
    histograms: bool = True,
) -> Statistics:
    """What a pass gives, of ten samples unless others are given."""
    given = samples or Samples(inputs_of(10))
    return calibrate(
        {"net": graph or graph_of()}, given, settings=settings, histograms=histograms, threads=1, cache=cache
    )["net"]


def numbers(statistics: Statistics) -> list[Any]:
    """Every number, comparable."""
    return [
        (name, each.count, each.low, each.high, each.sample_lows.tolist(), np.flatnonzero(each.positive).tolist())
        for name, each in statistics.tensors.items()
        if each.positive is not None
    ]


class NeverRunError(Exception):
    """The graph ran."""


def never_run(*_: object, **__: object) -> None:
    """In the place of what opens the graph."""
    raise NeverRunError


def test_a_second_pass_runs_no_graph(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not even open it, and has the same numbers."""
    first = passed(cache)
    monkeypatch.setattr(sight, "Observed", never_run)

    second = passed(cache)

    assert (first.is_recalled, second.is_recalled) == (False, True)
    assert numbers(second) == numbers(first)


def test_a_second_pass_pulls_the_samples_once(cache: Cache) -> None:
    """They must be seen to be known."""
    passed(cache)
    samples = Samples(inputs_of(10))

    passed(cache, samples)

    assert samples.pulls == 1


def test_one_weight_more_or_less_is_another_graph(cache: Cache) -> None:
    """Nothing is taken over."""
    passed(cache)

    assert not passed(cache, graph=graph_of(last=12.5)).is_recalled


@pytest.mark.parametrize("row", [0, 9], ids=["in the first block", "in the last block"])
def test_one_changed_sample_is_other_data(cache: Cache, row: int) -> None:
    """Wherever it lies; what comes back are its own statistics."""
    passed(cache)
    changed = inputs_of(10)
    changed[row, 0] += 1e-3

    seen = passed(cache, Samples(changed))

    assert not seen.is_recalled
    assert numbers(seen) == numbers(passed(None, Samples(changed)))


def test_data_that_began_the_same_is_remembered_beside_it(cache: Cache) -> None:
    """The third pass finds the second's statistics."""
    changed = inputs_of(10)
    changed[9] *= 2
    passed(cache)
    passed(cache, Samples(changed))

    assert passed(cache, Samples(changed)).is_recalled
    assert passed(cache).is_recalled


def test_another_transform_is_other_data(cache: Cache) -> None:
    """Also one that only moves values."""
    passed(cache)

    assert not passed(cache, Samples(inputs_of(10).flip(1))).is_recalled


def test_other_samples_of_the_same_data_are_others(cache: Cache) -> None:
    """Nine of them are not ten."""
    passed(cache)

    assert not passed(cache, Samples(inputs_of(10), indices=range(9))).is_recalled


@pytest.mark.parametrize(
    "change",
    [{"block_size": 8}, {"samples": 10}, {"select": "first"}, {"seed": 1}],
    ids=lambda change: next(iter(change)),
)
def test_another_choice_is_another_pass(cache: Cache, change: dict[str, Any]) -> None:
    """Whatever samples are chosen by, and the size of a block."""
    passed(cache)

    assert not passed(cache, settings=replace(SETTINGS, **change)).is_recalled


def test_settings_of_a_calibrator_are_no_part_of_the_key(cache: Cache) -> None:
    """That is what a sweep over calibrators lives from."""
    passed(cache)

    assert passed(cache, settings=replace(SETTINGS, percentile=99.0, batch_size=3)).is_recalled


def test_extremes_alone_do_not_serve_who_needs_histograms(cache: Cache) -> None:
    """The graph runs, and later passes find histograms."""
    passed(cache, histograms=False)

    assert Percentile().ranges(passed(cache)).tensors
    assert passed(cache).is_recalled


def test_histograms_serve_who_needs_extremes_alone(cache: Cache) -> None:
    """They hold the extremes too."""
    ranges = MinMax().ranges(passed(cache))

    seen = passed(cache, histograms=False)

    assert seen.is_recalled
    assert MinMax().ranges(seen) == ranges


@pytest.mark.parametrize("again", ["computed", "recalled"])
def test_values_that_are_not_finite_are_an_error_again(cache: Cache, again: str) -> None:
    """With the same words, whether the graph ran or not."""
    broken = inputs_of(10)
    broken[7, 1] = float("nan")

    with pytest.raises(NonFiniteActivationsError) as first:
        passed(cache, Samples(broken))
    with pytest.raises(NonFiniteActivationsError) as second:
        passed(cache if again == "recalled" else None, Samples(broken))

    assert str(second.value) == str(first.value)


def entry_of(cache: Cache) -> Path:
    """The file of the one entry."""
    (path,) = cache.folder.rglob("statistics.npz")
    return path


def test_a_truncated_file_is_replaced(cache: Cache) -> None:
    """As if there were none."""
    passed(cache)
    entry_of(cache).write_bytes(entry_of(cache).read_bytes()[:100])

    assert not passed(cache).is_recalled
    assert passed(cache).is_recalled


def test_statistics_of_another_graph_under_this_key_are_replaced(cache: Cache, tmp_path: Path) -> None:
    """However they came there, sealed and whole."""
    other = Cache(folder=tmp_path / "other")
    passed(other, graph=graph_of(last=0.5))
    passed(cache)
    here, there = entry_of(cache).parent, entry_of(other).parent
    for name in ("statistics.npz", "entry.json"):
        (here / name).write_bytes((there / name).read_bytes())

    seen = passed(cache)

    assert not seen.is_recalled
    assert numbers(seen) == numbers(passed(None))
    assert passed(cache).is_recalled


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    """And no statistics."""
    (tmp_path / "file").write_text("x")

    with pytest.warns(UserWarning, match="were not kept for later runs: cannot create the cache folder"):
        seen = passed(Cache(folder=tmp_path / "file" / "cache"))

    assert seen.samples == 10


def test_four_processes_at_once_run_the_graph_once(cache: Cache, request: pytest.FixtureRequest) -> None:
    """The others wait for the first, and find what it kept."""
    command = [sys.executable, "-c", _CALIBRATE, str(cache.folder), str(request.config.rootpath / "tests")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    said = [process.communicate(timeout=300)[0].strip() for process in running]

    assert sorted(said) == ["False", "True", "True", "True"]


def test_a_dataset_that_fails_leaves_no_one_waiting(cache: Cache) -> None:
    """The lock ends with the pass."""

    class Failing(Samples):
        def __iter__(self) -> Any:
            yield from list(super().__iter__())[:5]
            raise OSError("no such image")

    with pytest.raises(OSError, match="no such image"):
        passed(cache, Failing(inputs_of(10)))

    assert passed(cache).samples == 10


def test_a_boundary_of_which_the_data_changed_runs_alone(cache: Cache) -> None:
    """What another boundary remembers stays."""
    text = graph_of(last=3.0)
    graphs = {"net": graph_of(), "other": replace(text, boundary=replace(text.boundary, name="other"))}

    class Both(Samples):
        def __init__(self, inputs: Tensor, others: Tensor) -> None:
            super().__init__(inputs)
            self.others = others

        def __iter__(self) -> Any:
            for one in super().__iter__():
                yield one
                yield replace(one, boundary="other", inputs=(self.others[one.index : one.index + 1],))

    changed = inputs_of(10)
    changed[9] += 1
    calibrate(graphs, Both(inputs_of(10), inputs_of(10)), settings=SETTINGS, histograms=True, threads=1, cache=cache)

    seen = calibrate(graphs, Both(inputs_of(10), changed), settings=SETTINGS, histograms=True, threads=1, cache=cache)

    assert {name: one.is_recalled for name, one in seen.items()} == {"net": True, "other": False}
