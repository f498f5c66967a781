"""Single steps of one copy, through batches of the caller's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_trt.replay.evaluation import Evaluation
from lightning_trt.replay.items import Step, cloned, step_of
from lightning_trt.replay.leaving import validating
from lightning_trt.replay.shadow import shadow_of
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytorch_lightning import LightningModule

    from lightning_trt.replay.subject import Subject

__all__ = ["first_batches", "stepped"]


def stepped(subject: Subject, module: LightningModule, batches: Iterable[tuple[Any, Step]]) -> Iterator[Evaluation]:
    """Validate each batch with a copy, and give its evaluation after each.

    Between the steps nothing of validation holds: neither its grad mode nor its random state.
    """
    with temporary_folder() as folder:
        evaluation = Evaluation(shadow_of(subject, module, folder=str(folder)))
        evaluation.attend(subject.combined)
        with validating(subject.trainer):
            evaluation.start()
        for batch, step in batches:
            with validating(subject.trainer):
                evaluation.step(cloned(batch), step.batch_idx, step.dataloader_idx)
            yield evaluation


def first_batches(subject: Subject, module: LightningModule, *, per_loader: int) -> list[tuple[Any, Step]]:
    """The first batches of each loader; `module` is a copy to ask.

    Raises:
        NoSamplesError: There is none.
        ReplayError: The step asks for the iterator itself.
    """
    with validating(subject.trainer), temporary_folder() as folder:
        evaluation = Evaluation(shadow_of(subject, module, folder=str(folder), batches_per_loader=per_loader))
        evaluation.lead()
        try:
            return [(found[0], step_of(*found, loaders=subject.loaders)) for found in evaluation.fetcher]
        finally:
            evaluation.fetcher.teardown()
