"""What the metrics of a copy were given, and what it logged: the records that evidence is made of.

A `Recorder` is put on a copy after copying, never on the user's own module. It changes no score: metrics are watched
through hooks that know whom they watch, so that a metric copied during the pass does not reach the one it came from.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from lightning_trt.batches.nests import tensors_of
from lightning_trt.replay.copying import metrics_of
from lightning_trt.replay.spilling import Spill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lightning_trt.replay.items import Step

    Condense = Callable[[Metric, "Update"], "Update | Condensed"]

__all__ = ["Condensed", "Logged", "Recorder", "Source", "Update"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What one update of a metric was given, on the CPU; `step` is None outside of a step."""

    step: Step | None
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condensed:
    """What one update adds to the states of its metric, in the place of what it was given.

    `states` are stacked by dataset item; where `why_not` says why not, they are of the whole batch, and in one row.
    """

    step: Step
    states: Mapping[str, Tensor]
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The metric that a logged value comes from, and under which key where it computes a dict."""

    metric: Metric
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One call of `self.log`.

    `value` is None where a Metric itself was logged; `num_items` is what Lightning weighs the value with; `reduce_fx`
    is a name such as `mean`.
    """

    name: str
    step: Step | None
    value: Tensor | None
    source: Source | None
    num_items: int
    reduce_fx: str
    on_step: bool
    on_epoch: bool


class Recorder:
    """What the metrics of `copy` are given and what it logs, from now on.

    At most `limit_bytes` of it are kept in memory, the rest on disk. After each step `condense` may give something
    smaller for an update of it.

    Example:
        >>> import torch
        >>> from pytorch_lightning import LightningModule
        >>> from torchmetrics import MeanMetric
        >>> from lightning_trt.replay.recording import Recorder
        >>> module = LightningModule()
        >>> module.mean = MeanMetric()
        >>> recorder = Recorder(module, limit_bytes=1_000_000)
        >>> module.mean.update(torch.tensor([1.0, 2.0]))
        >>> recorder.updates(module.mean)[0].args
        (tensor([1., 2.]),)
    """

    def __init__(self, copy: Any, *, limit_bytes: int, condense: Condense | None = None) -> None:
        self.logged: list[Logged] = []
        self.steps: list[Step] = []
        self._step: Step | None = None
        self._depth = 0
        self._bytes_left = limit_bytes
        self._metrics = tuple(metrics_of(copy))
        self._collections = tuple(part for part in copy.modules() if isinstance(part, MetricCollection))
        # By id: a torchmetrics Metric hashes by its states, which every update replaces.
        self._updates: dict[int, list[Update | Condensed | int] | None] = {id(metric): [] for metric in self._metrics}
        self._spill = Spill()
        self._condense = condense
        self._of_step: list[tuple[Metric, Update]] = []
        for metric in self._metrics:
            self._watch(metric)
        self._watch_log(copy)

    @contextmanager
    def during(self, step: Step) -> Iterator[None]:
        """While entered, what is recorded belongs to `step`."""
        self._step = step
        self.steps.append(step)
        try:
            yield
        finally:
            self._step = None
            self._condense_step()

    def updates(self, metric: Metric) -> Sequence[Update | Condensed] | None:
        """The updates of `metric` in order, or None where there was no room for them, not on disk either."""
        kept = self._updates.get(id(self._leader(metric)), [])
        return None if kept is None else tuple(self._spill.get(at) if isinstance(at, int) else at for at in kept)

    def _leader(self, metric: Metric) -> Metric:
        """Who is updated in the place of `metric`: within a compute group of a collection only the first is."""
        for collection in self._collections:
            members = dict(collection.items(keep_base=True, copy_state=False))
            for group in collection.compute_groups.values():
                if any(members.get(name) is metric for name in group):
                    leader: Metric = members[group[0]]
                    return leader
        return metric

    def _watch(self, metric: Metric) -> None:
        inner_update = metric.update

        def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if module is metric:
                self._record(metric, args, kwargs)
                self._depth += 1

        def after(module: nn.Module, *_: object) -> None:
            if module is metric:
                self._depth -= 1

        def update(*args: Any, **kwargs: Any) -> None:
            self._record(metric, args, kwargs)
            self._depth += 1
            try:
                inner_update(*args, **kwargs)
            finally:
                self._depth -= 1

        metric.register_forward_pre_hook(before, with_kwargs=True)
        metric.register_forward_hook(after, always_call=True)
        # A plain attribute, which torchmetrics leaves out of copies, as it does its own wrapped update.
        object.__setattr__(metric, "update", update)

    def _record(self, metric: Metric, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # Above zero: a forward that calls update (twice, in some metrics), or a wrapper that updates what it wraps.
        if self._depth > 0 or self._updates[id(metric)] is None:
            return
        update = Update(step=self._step, args=_kept(args), kwargs=_kept(kwargs))
        if self._condense is None or self._step is None:
            self._keep(metric, update)
        else:
            self._of_step.append((metric, update))

    def _condense_step(self) -> None:
        """Nothing; the step is over, so that its time is nobody's who measures steps, and its updates are kept."""
        while self._of_step:
            metric, update = self._of_step.pop(0)
            self._keep(metric, self._condense(metric, update) if self._condense else update)

    def _keep(self, metric: Metric, update: Update | Condensed) -> None:
        updates = self._updates[id(metric)]
        if updates is None:
            return
        num_bytes = _nbytes(update.states if isinstance(update, Condensed) else (update.args, update.kwargs))
        if num_bytes <= self._bytes_left:
            self._bytes_left -= num_bytes
            updates.append(update)
            return
        try:
            updates.append(self._spill.put(update))
        except OSError:  # a full disk costs the interval, and not the validation
            self._updates[id(metric)] = None

    def _watch_log(self, copy: Any) -> None:
        call_through: Callable[..., None] = copy.log
        parameters = signature(call_through)

        def log(*args: Any, **kwargs: Any) -> None:
            given = parameters.bind(*args, **kwargs)
            given.apply_defaults()
            self._note(given.arguments)
            call_through(*args, **kwargs)

        copy.log = log

    def _note(self, given: Mapping[str, Any]) -> None:
        value, step, reduce_fx = given["value"], self._step, given["reduce_fx"]
        self.logged.append(
            Logged(
                name=given["name"],
                step=step,
                value=None if isinstance(value, Metric) else _kept(torch.as_tensor(value)),
                source=self._source(value),
                num_items=given["batch_size"] or (step.num_items if step else 1),
                reduce_fx=reduce_fx.lower() if isinstance(reduce_fx, str) else reduce_fx.__name__,
                on_step=bool(given["on_step"]),
                on_epoch=given["on_epoch"] is not False,
            )
        )

    def _source(self, value: object) -> Source | None:
        """Where `value` comes from: users log a metric, what it computed, or what its forward gave."""
        if isinstance(value, Metric):
            return Source(metric=value)
        for metric in self._metrics:
            for result in (metric._computed, metric._forward_cache):
                if result is not None and result is value:
                    return Source(metric=metric)
                if isinstance(result, dict):
                    for key, part in result.items():
                        if part is value:
                            return Source(metric=metric, key=key)
        return None


def _nbytes(nest: object) -> int:
    return sum(tensor.nbytes for tensor in tensors_of(nest))


def _kept(nest: Any) -> Any:
    """A copy of `nest` with its tensors on the CPU, fit for use outside of inference mode."""
    if isinstance(nest, Tensor):
        with torch.inference_mode(mode=False):
            return nest.detach().to("cpu", copy=True)
    if isinstance(nest, dict):
        return {key: _kept(value) for key, value in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*map(_kept, nest))
    if isinstance(nest, list | tuple):
        return type(nest)(map(_kept, nest))
    return nest
