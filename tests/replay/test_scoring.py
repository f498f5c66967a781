"""Metrics and a predict function of the caller's own, in the place of validation_step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix, MulticlassF1Score
from torchmetrics.wrappers import ClasswiseWrapper
from zoo import CLASSES, Classifier, Images
from zoo.scored import Stepless, predict

from lightning_trt.errors import MetricNotLoggedError, ReplayError, SettingsError
from lightning_trt.replay import Replay, Scoring, copy_of, subject_of_module

if TYPE_CHECKING:
    from collections.abc import Callable


def accuracy() -> MulticlassAccuracy:
    """What `Classifier` logs as val/acc."""
    return MulticlassAccuracy(CLASSES, average="micro")


class Meddling(Classifier):
    """Logs another number when its epoch ends."""

    def on_validation_epoch_end(self) -> None:  # noqa: D102 - Lightning's
        self.log("val/other", torch.tensor(1.0))


def scored(metrics: Any, *, module: Any = None, predict: Callable[..., Any] = predict) -> dict[str, float]:
    """What a replay logs that is scored so."""
    scoring = Scoring.of(metrics, predict)
    with subject_of_module(module or Classifier(), Images(), accelerator="cpu", scoring=scoring) as subject:
        replay = Replay(subject, {"torch-fp32": copy_of(subject.module)})
        replay.run()
    return replay.metrics["torch-fp32"]


def refusal(metrics: Any, predict: Any) -> str:
    """The sentence with which the two are refused."""
    with pytest.raises(SettingsError) as refused:
        Scoring.of(metrics, predict)
    return str(refused.value)


def test_the_value_is_that_of_validation_step() -> None:
    """The same metric on the same predictions."""
    torch.manual_seed(0)
    module = Classifier()
    with subject_of_module(module, Images(), accelerator="cpu") as subject:
        replay = Replay(subject, {"torch-fp32": copy_of(subject.module)})
        replay.run()

    assert scored({"acc": accuracy()}, module=module)["acc"] == replay.metrics["torch-fp32"]["val/acc"]


def test_nothing_else_is_logged() -> None:
    """Neither by the module's own step nor by its hooks."""
    assert list(scored({"acc": accuracy()}, module=Meddling())) == ["acc"]


def test_a_module_without_a_validation_step() -> None:
    """Is scored like any other."""
    assert 0 <= scored({"acc": accuracy()}, module=Stepless())["acc"] <= 1


def test_the_callers_metrics_are_left_alone() -> None:
    """Copies are updated."""
    metric = accuracy()

    scored({"acc": metric})

    assert not metric.update_called


def test_the_callers_module_is_left_alone() -> None:
    """Its class is the user's own, and it holds no metric of ours."""
    module = Classifier()

    scored({"acc": accuracy()}, module=module)

    assert type(module) is Classifier
    assert not hasattr(module, "_scoring_metrics")


def test_a_collections_names_have_its_prefix() -> None:
    """As it would log them itself."""
    collection = MetricCollection({"acc": accuracy(), "f1": MulticlassF1Score(CLASSES)}, prefix="val/")

    assert sorted(scored(collection)) == ["val/acc", "val/f1"]


def test_several_numbers_are_logged_by_their_place() -> None:
    """Each of a confusion matrix; together they count all items."""
    found = scored({"confusion": MulticlassConfusionMatrix(CLASSES)})

    assert {f"confusion/{i}/{j}" for i in range(CLASSES) for j in range(CLASSES)} == set(found)
    assert sum(found.values()) == 53


def test_a_mapping_is_logged_by_its_keys() -> None:
    """As the F1 of each class under its label."""
    by_class = ClasswiseWrapper(MulticlassF1Score(CLASSES, average=None), labels=["a", "b", "c", "d"], prefix="of_")

    assert sorted(scored({"f1": by_class})) == ["f1/of_a", "f1/of_b", "f1/of_c", "f1/of_d"]


def test_neither_is_none() -> None:
    """The module's own step then scores."""
    assert Scoring.of(None, None) is None


@pytest.mark.parametrize(
    ("metrics", "predict", "sentence"),
    [
        ({"acc": accuracy()}, None, "metrics is given and predict is not"),
        (None, predict, "predict is given and metrics is not"),
        ({}, predict, "metrics is {}; it must be a mapping"),
        (accuracy(), predict, "metrics is MulticlassAccuracy(); it must be a mapping"),
        (["val/acc"], predict, "validation={'metrics': [names]}"),
        ({"acc": MulticlassAccuracy}, predict, "metrics has 'acc': the class MulticlassAccuracy"),
        ({"": accuracy()}, predict, "metrics has ''"),
        ({"acc": accuracy()}, "predict", "predict is 'predict'; it must be a function"),
        ({"acc": accuracy()}, lambda batch: batch, "predict must take module and batch"),
    ],
    ids=["no predict", "no metrics", "none", "one alone", "names", "class", "empty name", "text", "one argument"],
)
def test_what_cannot_score_is_refused(metrics: Any, predict: Any, sentence: str) -> None:
    """By a sentence that shows how it is written."""
    assert sentence in refusal(metrics, predict)


def test_a_metric_that_there_is_not() -> None:
    """With the nearest name."""
    scoring = Scoring.of({"acc": accuracy()}, predict)
    assert scoring is not None

    with pytest.raises(MetricNotLoggedError, match="Did you mean 'acc'"):
        scoring.check_known(["acb"])


def test_predict_gives_no_tuple() -> None:
    """What it gave is named."""
    with pytest.raises(ReplayError, match="predict gave a Tensor; expected a tuple"):
        scored({"acc": accuracy()}, predict=lambda module, batch: module(batch[0]))


def test_predict_gives_what_a_metric_does_not_take() -> None:
    """Metric, shapes and the metric's own words are named."""
    with pytest.raises(ReplayError, match=r"metrics\['acc'\].*float32 \[8, 2\], torch.int64 \[8\].*ValueError"):
        scored({"acc": accuracy()}, predict=lambda module, batch: (module(batch[0])[:, :2], batch[1]))
