"""The other way to score: the caller's own metrics and predict function in the place of validation_step."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from lightning_trt.errors import MetricNotLoggedError, ReplayError, SettingsError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytorch_lightning import LightningModule

__all__ = ["Predict", "Scoring"]

ModuleT = TypeVar("ModuleT", bound="LightningModule")

Predict = Callable[[Any, Any], tuple[Any, ...]]
"""From a module and a batch to what a metric's update takes: outputs and targets, mostly."""

_EXAMPLE = "predict=lambda module, batch: (module(batch[0]), batch[1])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """Metrics by name, and the function whose results each of them is updated with.

    Example:
        >>> from torchmetrics.regression import MeanAbsoluteError
        >>> from lightning_trt.replay import Scoring
        >>> scoring = Scoring.of({"mae": MeanAbsoluteError()}, lambda module, batch: (module(batch[0]), batch[1]))
        >>> list(scoring.metrics)
        ['mae']
    """

    metrics: Mapping[str, Metric]
    predict: Predict

    @classmethod
    def of(cls, metrics: object, predict: object) -> Scoring | None:
        """What a caller gave as `metrics` and `predict`; None where both are None.

        Raises:
            SettingsError: One without the other, or something else than metrics by name and a function of two.
        """
        if metrics is None and predict is None:
            return None
        if metrics is None or predict is None:
            given, missing = ("predict", "metrics") if metrics is None else ("metrics", "predict")
            raise SettingsError(
                f"{given} is given and {missing} is not; they go together: predict makes what the metrics compare, as "
                f"in metrics={{'acc': accuracy}}, {_EXAMPLE}. Leave both out to score by validation_step."
            )
        return cls(metrics=_checked_metrics(metrics), predict=_checked_predict(predict))

    def check_known(self, names: Iterable[str]) -> None:
        """Raise where a metric is asked for that none of `metrics` computes.

        Raises:
            MetricNotLoggedError: With the names that there are.
        """
        for name in names:
            if not any(name == known or name.startswith(f"{known}/") for known in self.metrics):
                raise MetricNotLoggedError(
                    f"{name!r} is asked for, and metrics= has no such metric. {nearest(name, self.metrics)} What "
                    "validation_step logs is not measured besides: leave metrics and predict out for that."
                )

    def applied_to(self, module: ModuleT) -> ModuleT:
        """`module` itself, a copy of the user's, which from now on validates by predict and by copies of the metrics.

        Its own hooks around validation are not called any more; those that batches go through are.
        """
        kind = type(module)
        for name in ("validation_step", *_HOOKS):
            vars(module).pop(name, None)  # set on the object, they would hide those of the class
        # The function stays out of the object: copying the module must not copy what the function holds.
        methods = {"_predict": staticmethod(self.predict), "__module__": kind.__module__}
        module.__class__ = type(kind.__name__, (_Scored, kind), methods)
        made: Any = module
        made._scoring_names = tuple(self.metrics)
        made._scoring_metrics = nn.ModuleList(copy.deepcopy(metric) for metric in self.metrics.values())
        for metric in made._scoring_metrics:
            metric.reset()
        return module

    @property
    def described(self) -> dict[str, Any]:
        """Names of the metrics and of the function, as the report keeps them."""
        name = getattr(self.predict, "__qualname__", type(self.predict).__qualname__)
        return {"metrics": list(self.metrics), "predict": f"{getattr(self.predict, '__module__', '')}.{name}"}


class _Scored:
    """What a scored copy does in the place of its own validation; mixed into the module's class, before it."""

    _predict: Predict
    _scoring_names: tuple[str, ...]
    _scoring_metrics: Sequence[Metric]
    log: Callable[..., None]

    def validation_step(self, batch: object, batch_idx: int, dataloader_idx: int = 0) -> None:  # noqa: ARG002 - Lightning's
        """Nothing; every metric is updated with what predict makes of the batch."""
        given = self._predict(self, batch)
        if not isinstance(given, tuple | list):
            raise ReplayError(
                f"predict gave a {type(given).__name__}; expected a tuple of what the update of each metric takes, "
                f"mostly outputs and targets: {_EXAMPLE}."
            )
        for name, metric in zip(self._scoring_names, self._scoring_metrics, strict=True):
            _update(name, metric, tuple(given))

    def on_validation_epoch_start(self) -> None:
        """Nothing; the metrics begin anew."""
        for metric in self._scoring_metrics:
            metric.reset()

    def on_validation_epoch_end(self) -> None:
        """Nothing; every number that the metrics compute is logged."""
        for name, metric in zip(self._scoring_names, self._scoring_metrics, strict=True):
            for full_name, value in _numbers(name, metric.compute()):
                self.log(full_name, value)

    def _do_nothing(self, *_: object) -> None:
        pass

    on_validation_start = on_validation_end = on_validation_batch_start = on_validation_batch_end = _do_nothing


_HOOKS = tuple(name for name in vars(_Scored) if name.startswith("on_"))


def _update(name: str, metric: Metric, given: tuple[Any, ...]) -> None:
    try:
        metric.update(*given)
    except Exception as error:  # whatever the metric's own checks raise
        raise ReplayError(
            f"metrics[{name!r}] cannot be updated with what predict gave ({', '.join(map(_shown, given))}): "
            f"{type(error).__name__}: {error}. Let predict give what {type(metric).__name__}.update takes."
        ) from error


def _shown(value: object) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _numbers(name: str, result: Any) -> Iterator[tuple[str, Tensor]]:
    """Every number in `result`, under its key or place below `name`; a single one under `name` itself."""
    if isinstance(result, Mapping | list | tuple) or (isinstance(result, Tensor) and result.numel() != 1):
        for key, part in result.items() if isinstance(result, Mapping) else enumerate(result):
            yield from _numbers(f"{name}/{key}", part)
        return
    value = torch.as_tensor(result)
    # As it is where possible: by being the very tensor that a metric computed, a value is known to come from it.
    yield name, value if value.is_floating_point() else value.float()


def _checked_metrics(metrics: object) -> dict[str, Metric]:
    if isinstance(metrics, MetricCollection):
        metrics = dict(metrics.items())
    if not isinstance(metrics, Mapping) or not metrics:
        raise SettingsError(
            f"metrics is {_said(metrics)}; it must be a mapping from names to torchmetrics Metrics, e.g. "
            "{'acc': accuracy}, or a MetricCollection. To choose among what validation_step logs, write "
            "validation={'metrics': [names]}."
        )
    for name, metric in metrics.items():
        if not isinstance(name, str) or not name or not isinstance(metric, Metric):
            raise SettingsError(
                f"metrics has {name!r}: {_said(metric)}; each must be an object of a torchmetrics Metric, by a name."
            )
    return dict(metrics)


def _checked_predict(predict: object) -> Predict:
    if not callable(predict):
        raise SettingsError(f"predict is {_said(predict)}; it must be a function of module and batch: {_EXAMPLE}.")
    try:
        inspect.signature(predict).bind(None, None)
    except TypeError as error:
        raise SettingsError(f"predict must take module and batch ({error}), as in {_EXAMPLE}.") from error
    except ValueError:  # a function in C that does not tell
        pass
    return predict


def _said(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"{value!r:.80}"
