"""One pass over the validation data by several copies of the module."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from lightning_trt.replay.evaluation import Evaluation
from lightning_trt.replay.items import Step, cloned, step_of
from lightning_trt.replay.leaving import validating
from lightning_trt.replay.random_state import RandomState
from lightning_trt.replay.shadow import shadow_of
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pytorch_lightning import LightningModule

    from lightning_trt.replay.subject import Subject

    Around = Callable[[str, Step, Any], AbstractContextManager[None]]

__all__ = ["Replay"]


class Replay:
    """One validation of several copies: each batch is loaded once and goes through all of them.

    The first copy is the reference: when it raises, the error is the caller's; another one that raises is left out of
    the rest and its error kept in `failures`. Every copy meets the same random state at each step.

    Those named in `as_trained` run under the fit's own precision plugin, the others in plain float32.
    `batches_per_loader` stops early.

    Example::

        replay = Replay(subject, {"torch-fp32": copy_of(subject.module), "int8": candidate})
        replay.run()
        replay.metrics["int8"]["val/acc"]
    """

    def __init__(
        self,
        subject: Subject,
        copies: Mapping[str, LightningModule],
        *,
        as_trained: Collection[str] = (),
        batches_per_loader: int | None = None,
    ) -> None:
        self.subject = subject
        self.copies = dict(copies)
        self.as_trained = frozenset(as_trained)
        self.batches_per_loader = batches_per_loader
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
        with validating(self.subject.trainer), temporary_folder() as folder:
            running = {name: Evaluation(self._shadow(name, str(folder))) for name in self.copies}
            leader = next(iter(running.values()))
            leader.lead()
            try:
                for follower in list(running.values())[1:]:
                    follower.follow(leader)
                self._each(running, lambda _, evaluation: evaluation.start())
                for batch, batch_idx, dataloader_idx in leader.fetcher:
                    step = step_of(batch, batch_idx, dataloader_idx, loaders=self.subject.loaders)
                    self._step(running, step, batch, around or _nothing_around)
                    if advance is not None:
                        advance(step.num_items)
                self._each(running, lambda _, evaluation: evaluation.end())
            finally:
                leader.fetcher.teardown()
            self.metrics = {name: evaluation.metrics for name, evaluation in running.items()}

    def _shadow(self, name: str, folder: str) -> Any:
        return shadow_of(
            self.subject,
            self.copies[name],
            folder=folder,
            as_trained=name in self.as_trained,
            batches_per_loader=self.batches_per_loader,
        )

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


def _nothing_around(_name: str, _step: Step, _batch: object) -> AbstractContextManager[None]:
    return nullcontext()
