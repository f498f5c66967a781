"""Records of what metrics are given and what is logged, made on real metrics and a real replay."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest
import pytorch_lightning as pl
import torch
from torchmetrics import MeanMetric, Metric, MetricCollection, MinMaxMetric, PearsonCorrCoef, SumMetric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassPrecision
from zoo import CLASSES, Classifier, Images, fitted
from zoo.scored import Plain, Scored

from lightning_trt.replay import Condensed, Logged, Recorder, Replay, Step, Subject, Update, copy_of, subject_of_fit

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

LOGITS = torch.tensor([[0.9, 0.1, 0.0, 0.0], [0.2, 0.7, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4]])
TARGETS = torch.tensor([0, 2, 3])
STEP = Step(0, 0, 3)


def module_with(metric: Any) -> Any:
    """A module that holds `metric` as an attribute."""
    module = pl.LightningModule()
    module.metric = metric
    return module


def recorded(metric: Any) -> Recorder:
    """A recorder on a module that holds `metric`."""
    return Recorder(module_with(metric), limit_bytes=10_000)


def updates_of(recorder: Recorder, metric: Metric) -> Any:
    """The records, of a metric whose records were kept."""
    updates = recorder.updates(metric)
    assert updates is not None
    return updates


@pytest.mark.parametrize("name", ["update", "__call__"])
@pytest.mark.parametrize("kind", [PearsonCorrCoef, MeanMetric], ids=["full state", "reduced state"])
def test_each_call_is_recorded_once(kind: Any, name: str) -> None:
    """Calling a metric updates it once or twice, and is one record."""
    metric = kind()
    recorder = recorded(metric)

    for _ in range(3):
        getattr(metric, name)(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.5]))

    assert len(updates_of(recorder, metric)) == 3


def test_value_is_that_of_an_unwatched_metric() -> None:
    """Recording changes no score."""
    watched, plain = (MulticlassAccuracy(CLASSES) for _ in range(2))
    recorded(watched)

    assert watched(LOGITS, TARGETS) == plain(LOGITS, TARGETS)


def test_record_keeps_what_was_given() -> None:
    """Writing into the inputs afterwards does not reach the records."""
    metric = SumMetric()
    recorder = recorded(metric)
    values = torch.tensor([1.0, 2.0])
    metric.update(values)

    values.zero_()

    assert updates_of(recorder, metric)[0].args[0].tolist() == [1.0, 2.0]


def test_record_of_an_inference_tensor_can_be_written_to() -> None:
    """Records made under inference mode are plain tensors."""
    metric = SumMetric()
    recorder = recorded(metric)

    with torch.inference_mode():
        metric.update(torch.ones(2))

    assert not updates_of(recorder, metric)[0].args[0].is_inference()


def test_record_knows_its_step() -> None:
    """What is recorded within a step belongs to it, what comes later to none."""
    metric = SumMetric()
    recorder = recorded(metric)

    with recorder.during(STEP):
        metric.update(torch.ones(3))
    metric.update(torch.ones(3))

    assert [update.step for update in updates_of(recorder, metric)] == [STEP, None]


def test_wrapper_is_recorded_and_not_what_it_wraps() -> None:
    """The outer layer alone has records."""
    inner = MulticlassAccuracy(CLASSES)
    wrapper = MinMaxMetric(inner)
    recorder = recorded(wrapper)

    wrapper.update(LOGITS, TARGETS)

    assert (len(updates_of(recorder, wrapper)), len(updates_of(recorder, inner))) == (1, 0)


def test_group_shares_the_records_of_its_first() -> None:
    """In a compute group only the first is updated, after the first batch: its records stand for all."""
    collection = MetricCollection([MulticlassPrecision(CLASSES), MulticlassF1Score(CLASSES)])
    recorder = recorded(collection)

    for _ in range(3):
        collection.update(LOGITS, TARGETS)

    for metric in collection.values(copy_state=False):
        assert len(updates_of(recorder, metric)) == 3


def test_metrics_in_plain_containers_are_found() -> None:
    """A dict of metrics is no submodule, and is watched all the same."""
    metric = SumMetric()
    recorder = recorded({"sums": [metric]})

    metric.update(torch.ones(1))

    assert len(updates_of(recorder, metric)) == 1


def test_metric_copied_later_does_not_reach_the_first() -> None:
    """A clone made during the pass counts for itself, and leaves no record."""
    metric = SumMetric()
    recorder = recorded(metric)

    metric.clone()(torch.ones(4))

    assert (metric.update_count, len(updates_of(recorder, metric))) == (0, 0)


def test_error_in_a_metric_ends_its_record() -> None:
    """After a forward that raised, the next one is recorded as ever."""
    metric = MulticlassAccuracy(CLASSES)
    recorder = recorded(metric)
    with pytest.raises(RuntimeError, match="size of tensor"):
        metric(LOGITS, TARGETS[:2])

    metric(LOGITS, TARGETS)

    assert len(updates_of(recorder, metric)) == 2


def test_records_over_the_limit_come_back_from_disk() -> None:
    """What memory is not given for is kept all the same, in order, beside what was small enough."""
    module = module_with(SumMetric())
    recorder = Recorder(module, limit_bytes=100)
    given = [torch.full((20,), 1.0), torch.full((20,), 2.0), torch.full((2,), 3.0)]

    for values in given:
        module.metric.update(values)

    assert [update.args[0].tolist() for update in updates_of(recorder, module.metric)] == [v.tolist() for v in given]


def test_updates_are_condensed_when_their_step_is_over() -> None:
    """What comes outside of a step is kept as it is."""
    module = module_with(SumMetric())
    recorder = Recorder(module, limit_bytes=100, condense=lambda *_: Condensed(step=STEP, states={}))

    with recorder.during(STEP):
        module.metric.update(torch.ones(3))
    module.metric.update(torch.ones(3))

    assert [type(update) for update in updates_of(recorder, module.metric)] == [Condensed, Update]


def test_condensed_updates_over_the_limit_come_back_from_disk() -> None:
    """They are records like all others."""
    module = module_with(SumMetric())
    condensed = Condensed(step=STEP, states={"sum_value": torch.arange(3.0)})
    recorder = Recorder(module, limit_bytes=0, condense=lambda *_: condensed)

    with recorder.during(STEP):
        module.metric.update(torch.ones(3))

    assert updates_of(recorder, module.metric)[0].states["sum_value"].tolist() == [0.0, 1.0, 2.0]


def test_full_disk_costs_the_records_and_not_the_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metric goes on counting, and its records are given up as a whole."""
    module = module_with(SumMetric())
    recorder = Recorder(module, limit_bytes=0)
    monkeypatch.setattr(tempfile, "TemporaryFile", no_space)

    module.metric.update(torch.ones(20))
    module.metric.update(torch.ones(20))

    assert (recorder.updates(module.metric), module.metric.compute().item()) == (None, 40.0)


def no_space(**_: object) -> None:
    """What a full disk answers."""
    raise OSError(28, "No space left on device")


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A finished fit."""
    module = Classifier()
    trainer = fitted(module, Images(num_samples=11), tmp_path_factory.mktemp("fit"))
    return subject_of_fit(trainer, module, checkpoint=None)


def logged_by(module: Any, subject: Subject) -> tuple[Any, list[Logged]]:
    """The copy of `module` that was replayed, and what it logged."""
    found = Subject.of(copy_of(module), trainer=subject.trainer, combined=subject.combined, remembered=None)
    replayed = copy_of(found.module)
    recorder = Recorder(replayed, limit_bytes=1_000_000)

    def around(_name: str, step: Step, _batch: object) -> AbstractContextManager[None]:
        return recorder.during(step)

    Replay(found, {"copy": replayed}).run(around=around)
    return replayed, recorder.logged


def test_scalar_is_logged_with_the_items_of_its_batch(subject: Subject) -> None:
    """Lightning weighs by them; the last batch is smaller."""
    _, logged = logged_by(Plain(), subject)

    assert [(entry.name, entry.num_items) for entry in logged] == [("val/plain", 8), ("val/plain", 3)]


def test_given_batch_size_is_the_weight(subject: Subject) -> None:
    """What the user says goes before what the batch shows."""
    _, logged = logged_by(Plain(batch_size=2), subject)

    assert [entry.num_items for entry in logged] == [2, 2]


def test_reduction_is_told_by_name(subject: Subject) -> None:
    """A function of torch and its name are the same reduction."""
    _, logged = logged_by(Plain(reduce_fx=torch.max), subject)

    assert {entry.reduce_fx for entry in logged} == {"max"}


@pytest.mark.parametrize("how", ["object", "forward", "epoch"])
def test_source_of_a_logged_value_is_found(subject: Subject, how: str) -> None:
    """The metric is known whether itself is logged, what its forward gave, or what it computed at the end."""
    replayed, logged = logged_by(Scored(MulticlassAccuracy(CLASSES), how=how), subject)

    assert logged[-1].source is not None
    assert logged[-1].source.metric is replayed.metric


def test_scalar_of_no_metric_has_no_source(subject: Subject) -> None:
    """A loss comes from nowhere that could be resampled."""
    _, logged = logged_by(Plain(), subject)

    assert logged[0].source is None
