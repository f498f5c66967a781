"""Condensed updates, against the same ones kept whole: real metrics, given pixels, tokens and maps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pytorch_lightning as pl
import torch
from stages.validate.fits import SETTINGS, Score
from torch import Tensor
from torchmetrics import MeanSquaredError, Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassExactMatch,
    MulticlassF1Score,
    MulticlassJaccardIndex,
)
from torchmetrics.text import Perplexity
from zoo import CLASSES
from zoo.scored import InPairs

from lightning_trt.artifacts import Bootstrap
from lightning_trt.replay import Condensed, Recorder, Step, Update
from lightning_trt.stages.validate.algebra import NoEvidenceError
from lightning_trt.stages.validate.condensing import Condensing
from lightning_trt.stages.validate.sides import BATCH, ITEM, Side, side_of
from lightning_trt.stages.validate.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_trt.replay.recording import Condense

SIDE = 24
STEPS = (Step(0, 0, 4), Step(1, 0, 4), Step(2, 0, 3), Step(0, 1, 2))
ITEMS = sum(step.num_items for step in STEPS)

Given = tuple[Tensor, ...]


def pixels(count: int) -> Given:
    """Logits of each pixel, and classes."""
    return torch.randn(count, CLASSES, SIDE, SIDE), torch.randint(CLASSES, (count, SIDE, SIDE))


def pixels_of_many_classes(count: int) -> Given:
    """As many classes as make their confusion matrix large."""
    return torch.randn(count, 100, SIDE, SIDE), torch.randint(100, (count, SIDE, SIDE))


def tokens(count: int) -> Given:
    """Logits of each token, and which it is."""
    return torch.randn(count, 20, 60), torch.randint(60, (count, 20))


def maps(count: int) -> Given:
    """A map for each item, and the true one."""
    return torch.randn(count, SIDE, SIDE), torch.randn(count, SIDE, SIDE)


def rows_of_pixels(count: int) -> Given:
    """Pixels one below the other, as some write it: no longer a row for each item."""
    logits, targets = pixels(count)
    return logits.movedim(1, -1).reshape(-1, CLASSES), targets.reshape(-1)


def labels(count: int) -> Given:
    """Logits of very many classes, and one class an item."""
    return torch.randn(count, 3000), torch.randint(3000, (count,))


def traced(metric: Metric, given: Callable[[int], Given], condense: Condense | None, *, seed: int = 0) -> Trace:
    """What is recorded of `metric` in a pass of four steps over two loaders."""
    module: Any = pl.LightningModule()
    module.metric = metric
    recorder = Recorder(module, limit_bytes=1 << 30, condense=condense)
    torch.manual_seed(seed)
    for step in STEPS:
        with recorder.during(step), torch.inference_mode():
            metric.update(*given(step.num_items))
    source = recorder._source(metric)
    value = metric.compute().item()
    return Trace(value=value, source=source, updates=recorder.updates(metric), logged=(), steps=recorder.steps)


def taken_apart(trace: Trace, *, unit: str = ITEM) -> Side:
    """The metric by unit, however long it takes."""
    return side_of(trace, unit, check_time=lambda: None)


def kinds_of(trace: Trace) -> set[type]:
    """What its records are."""
    return {type(each) for each in trace.updates or ()}


LARGE: dict[str, tuple[Callable[[], Metric], Callable[[int], Given]]] = {
    "Jaccard": (partial(MulticlassJaccardIndex, CLASSES), pixels),
    "F1 of pixels": (partial(MulticlassF1Score, CLASSES), pixels),
    "accuracy of pixels, by image": (partial(MulticlassAccuracy, CLASSES, multidim_average="global"), pixels),
    "perplexity": (Perplexity, tokens),
    "squared error of maps": (MeanSquaredError, maps),
    "not of an item alone": (InPairs, maps),
}


@pytest.mark.parametrize("name", LARGE)
def test_states_by_item_are_those_of_whole_records(name: str) -> None:
    """To the last bit where they are counts, but for rounding where they are sums."""
    make, given = LARGE[name]

    condensed, whole = (traced(make(), given, condense) for condense in (Condensing(seconds=60), None))

    assert (kinds_of(condensed), kinds_of(whole)) == ({Condensed}, {Update})
    for state, expected in states_of(taken_apart(condensed), taken_apart(whole)):
        is_count = bool((expected == expected.round()).all())
        torch.testing.assert_close(state, expected, rtol=0 if is_count else 1e-6, atol=0 if is_count else 1e-6)


def states_of(*sides: Side) -> Sequence[tuple[Tensor, ...]]:
    """The states of several sides, which all have them, by name."""
    states = [side.states for side in sides if side.states is not None]
    return [tuple(each[name] for each in states) for name in states[0]]


@pytest.mark.parametrize("name", LARGE)
def test_each_resample_has_the_value_of_whole_records(name: str) -> None:
    """So the interval is the same."""
    make, given = LARGE[name]
    repeats = torch.randint(3, (5, ITEMS))

    condensed, whole = (taken_apart(traced(make(), given, each)) for each in (Condensing(seconds=60), None))

    torch.testing.assert_close(condensed.values(repeats), whole.values(repeats), rtol=1e-6, atol=1e-9)


def test_items_that_changed_are_counted_as_ever() -> None:
    """An image of which no count moved has not changed."""
    ours, theirs = (
        taken_apart(traced(MulticlassJaccardIndex(CLASSES), pixels, Condensing(seconds=60), seed=seed))
        for seed in (0, 1)
    )

    assert (int(ours.changed(ours).sum()), int(ours.changed(theirs).sum())) == (0, ITEMS)


def test_two_updates_in_a_step_belong_to_the_same_items() -> None:
    """As where a net is called with an image and with its mirror image."""
    metric = MulticlassJaccardIndex(CLASSES)
    condensing = Condensing(seconds=60)
    twice = [condensing(metric, Update(step=STEPS[0], args=pixels(4), kwargs={})) for _ in range(2)]

    side = taken_apart(
        Trace(value=_jaccard_of(twice), source=_source(metric), updates=twice, logged=(), steps=STEPS[:1])
    )

    assert side.units.count == 4
    assert side.states is not None
    assert side.states["confmat"].sum(dim=(1, 2)).tolist() == [2 * SIDE * SIDE] * 4


def _source(metric: Metric) -> Any:
    module: Any = pl.LightningModule()
    module.metric = metric
    return Recorder(module, limit_bytes=0)._source(metric)


def _jaccard_of(condensed: Sequence[Any]) -> float:
    metric = MulticlassJaccardIndex(CLASSES)
    metric.confmat = sum(each.states["confmat"].sum(0) for each in condensed)
    metric._update_count = 1
    return metric.compute().item()


SMALL = {
    "one class an item": (partial(MulticlassAccuracy, 3000, average="micro"), labels),
    "keeps its inputs": (partial(MulticlassAUROC, CLASSES), pixels),
    "items worth 0 or 1": (partial(MulticlassExactMatch, CLASSES), pixels),
    "states nearly as large": (partial(MulticlassJaccardIndex, 100), pixels_of_many_classes),
}


@pytest.mark.filterwarnings("ignore:.*will save all.*in.* buffer:UserWarning")
@pytest.mark.parametrize("name", SMALL)
def test_other_records_stay_whole(name: str) -> None:
    """What turned is shown from them, or they are what the metric needs."""
    make, given = SMALL[name]

    assert kinds_of(traced(make(), given, Condensing(seconds=60))) == {Update}


def test_without_a_row_for_each_item_batches_are_condensed() -> None:
    """The reason is that of whole records."""
    trace = traced(MulticlassJaccardIndex(CLASSES), rows_of_pixels, Condensing(seconds=60))

    with pytest.raises(NoEvidenceError, match=r"^an update got 2304 rows for 4 items$"):
        taken_apart(trace)

    assert (kinds_of(trace), taken_apart(trace, unit=BATCH).units.count) == ({Condensed}, len(STEPS))


def test_what_there_is_no_time_for_is_condensed_by_batch() -> None:
    """And the report says so."""
    trace = traced(MulticlassJaccardIndex(CLASSES), pixels, Condensing(seconds=1e-9))

    with pytest.raises(NoEvidenceError, match=r"longer than `bootstrap_seconds` allows"):
        taken_apart(trace)

    assert taken_apart(trace, unit=BATCH).units.count == len(STEPS)


def test_copies_are_condensed_alike_within_a_step() -> None:
    """Whether there is time is asked before the first of them."""
    condensing = Condensing(seconds=1e-9)
    metrics = [MulticlassJaccardIndex(CLASSES) for _ in range(2)]

    found = [
        condensing(metric, Update(step=step, args=pixels(4), kwargs={})) for step in STEPS[:2] for metric in metrics
    ]

    assert [each.why_not is None for each in found if isinstance(each, Condensed)] == [True, True, False, False]


def test_random_numbers_go_on_as_without() -> None:
    """The data's random transforms, and the next copy, meet the same ones."""
    torch.manual_seed(0)
    expected = torch.rand(1)
    given = maps(4)
    torch.manual_seed(0)

    Condensing(seconds=60)(InPairs(), Update(step=STEPS[0], args=given, kwargs={}))

    assert torch.rand(1) == expected


def test_time_is_counted() -> None:
    """It is taken off what is left for resampling."""
    condensing = Condensing(seconds=60)

    traced(MulticlassJaccardIndex(CLASSES), pixels, condensing)

    assert condensing.spent_seconds > 0


def many_pixels(logits: Tensor, targets: Tensor) -> Given:
    """Logits of 32x32 pixels, each of which sees those of the net in another light."""
    lights = torch.linspace(-1.0, 1.0, 1024).reshape(32, 32)
    seen = logits[:, :, None, None] + lights * logits.new_tensor([1.0, -1.0, 0.5, 0.0])[:, None, None]
    return seen, targets[:, None, None].expand(-1, 32, 32)


def test_validation_resamples_pixels_by_image(score: Score) -> None:
    """Of the records nothing was kept but counts."""
    metrics = score(MulticlassJaccardIndex(CLASSES), shown=many_pixels).metrics["val/score"]

    evidence = metrics.evidence["int8"]
    assert isinstance(evidence, Bootstrap)
    assert (evidence.unit, evidence.is_additive, len(evidence.candidate)) == ("item", True, SETTINGS.resamples)
