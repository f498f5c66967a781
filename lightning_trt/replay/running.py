"""One pass over the validation data by several copies of the module."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.replay.evaluation import Evaluation
from lightning_trt.replay.items import cloned, num_items
from lightning_trt.replay.leaving import optimizers_kept
from lightning_trt.replay.random_state import RandomState, random_state_kept
from lightning_trt.replay.shadow import shadow_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pytorch_lightning import LightningModule, Trainer

    from lightning_trt.replay.subject import Subject

    Around = Callable[[str, "Step", Any], AbstractContextManager[None]]

__all__ = ["Replay", "Step", "validating"]


@dataclass(frozen=True, slots=True)
class Step:
    """Which batch is being validated, and how many dataset items it holds."""

    batch_idx: int
    dataloader_idx: int
    num_items: int


class Replay:
    """One validation of several copies: each batch is loaded once and goes through all of them.

    The first copy is the reference: when it raises, the error is the caller's; another one that raises is left out of
    the rest and its error kept in `failures`. Every copy meets the same random state at each step.

    Example::

        replay = Replay(subject, {"torch-fp32": copy_of(subject.module), "int8": candidate})
        replay.run()
        replay.metrics["int8"]["val/acc"]
    """

    def __init__(
        self, subject: Subject, copies: Mapping[str, LightningModule], *, as_trained: Collection[str] = ()
    ) -> None:
        self.subject = subject
        self.copies = dict(copies)
        self.as_trained = frozenset(as_trained)
        self.metrics: dict[str, dict[str, float]] = {}
        self.failures: dict[str, Exception] = {}

    def run(self, *, around: Around | None = None, advance: Callable[[int], None] | None = None) -> None:
        """Validate all copies; `metrics` and `failures` hold what came of it.

        Args:
            around: Called with name, step and batch; the context is entered around each copy's own step.
            advance: Called with the number of dataset items after each batch.

        Raises:
            NoSamplesError: There is no batch to validate on.
            ReplayError: The step asks for the iterator itself.
        """
        self.metrics, self.failures = {}, {}
        with validating(self.subject.trainer), tempfile.TemporaryDirectory() as folder:
            running = {
                name: Evaluation(shadow_of(self.subject, made, as_trained=name in self.as_trained, folder=folder))
                for name, made in self.copies.items()
            }
            leader = next(iter(running.values()))
            leader.lead()
            try:
                for follower in list(running.values())[1:]:
                    follower.follow(leader)
                self._each(running, lambda _, evaluation: evaluation.start())
                for batch, batch_idx, dataloader_idx in leader.fetcher:
                    step = Step(batch_idx, dataloader_idx, num_items(leader.loaders, batch, batch_idx, dataloader_idx))
                    self._step(running, step, batch, around or _nothing_around)
                    if advance is not None:
                        advance(step.num_items)
                self._each(running, lambda _, evaluation: evaluation.end())
            finally:
                leader.fetcher.teardown()
            self.metrics = {name: evaluation.metrics for name, evaluation in running.items()}

    def _step(self, running: dict[str, Evaluation], step: Step, batch: object, around: Around) -> None:
        before, after = RandomState.now(), None

        def stepped(name: str, evaluation: Evaluation) -> None:
            before.restore()
            given = cloned(batch)
            with around(name, step, given):
                evaluation.step(given, step.batch_idx, step.dataloader_idx)

        def first(name: str, evaluation: Evaluation) -> None:
            nonlocal after
            stepped(name, evaluation)
            # The data goes on from where the reference alone would have left the generators.
            after = after or RandomState.now()

        self._each(running, first)
        if after is not None:
            after.restore()

    def _each(self, running: dict[str, Evaluation], action: Callable[[str, Evaluation], None]) -> None:
        """Do it with every copy that still runs; one that fails stops running, unless it is the reference."""
        reference = next(iter(self.copies))
        for name, evaluation in list(running.items()):
            try:
                action(name, evaluation)
            except Exception as error:  # noqa: PERF203 - each on its own; the user's code and engines may raise anything
                if name == reference:
                    raise
                self.failures[name] = error
                del running[name]


@contextmanager
def validating(trainer: Trainer) -> Iterator[None]:
    """Without gradients, as this Trainer validates; random state, optimizers and schedulers stay as they are."""
    without_gradients = torch.inference_mode if trainer.validate_loop.inference_mode else torch.no_grad
    with random_state_kept(), optimizers_kept(trainer), without_gradients():
        yield


def _nothing_around(_name: str, _step: Step, _batch: object) -> AbstractContextManager[None]:
    return nullcontext()
