"""What a reader of the scores should know: precision of the fit, and the self-check against the checkpoint's score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_trt.stages.validate.traces import agree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["notes_of"]


def notes_of(
    trainer: Any,  # noqa: ANN401 - of either package
    reference: Mapping[str, float],
    *,
    names: Sequence[str],
    trained: Mapping[str, float] | None,
    monitor: str | None,
) -> tuple[str, ...]:
    """The notes on the reference's scores; `trained` are those under the precision of the fit, if that is another."""
    notes = [
        f"{name} is {trained[name]:.6g} under {trainer.precision} as trained, {reference[name]:.6g} in fp32"
        for name in names
        if trained is not None and name in trained
    ]
    return (*notes, *_self_check(trainer, reference if trained is None else trained, monitor))


def _self_check(trainer: Any, values: Mapping[str, float], monitor: str | None) -> Iterator[str]:  # noqa: ANN401
    """A note where the replay does not give the score that the checkpoint was chosen by."""
    if monitor is None:
        return
    if monitor not in values:
        yield (
            f"{monitor} is monitored and was not logged by the replayed validation: a callback or the training step "
            "logs it, and these are not replayed"
        )
        return
    keepers = [keeper for keeper in trainer.checkpoint_callbacks if getattr(keeper, "monitor", None) == monitor]
    scores = [float(keeper.best_model_score) for keeper in keepers if keeper.best_model_score is not None]
    for best in scores:
        if not agree(values[monitor], best):
            yield (
                f"{monitor} is {values[monitor]:.6g} when replayed, and {best:.6g} was the score of the best "
                "checkpoint: validation is random, or a metric kept values of earlier epochs, or a callback changed it"
            )
