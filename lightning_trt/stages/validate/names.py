"""Which metrics are reported, and the error for one that was asked for and is never logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_trt.errors import MetricNotLoggedError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lightning_trt.replay import Logged, Subject

__all__ = ["check_first_step", "check_logged", "reported"]

_LATER_HOOKS = ("on_validation_batch_end", "on_validation_epoch_end", "on_validation_end")


def reported(logged: Mapping[str, float], *, asked: Sequence[str], monitor: str | None) -> tuple[str, ...]:
    """The metrics to report: those asked for and the monitored one, or all.

    Example:
        >>> from lightning_trt.stages.validate.names import reported
        >>> reported({"loss": 0.3, "acc": 0.9, "f1": 0.8}, asked=["f1"], monitor="acc")
        ('acc', 'f1')
    """
    return tuple(name for name in logged if not asked or name in {*asked, monitor})


def check_logged(asked: Iterable[str], logged: Iterable[str]) -> None:
    """Raise where a metric that was asked for is not among those logged.

    Raises:
        MetricNotLoggedError: With the names that are logged.
    """
    known = sorted(logged)
    for name in asked:
        if name not in known:
            raise MetricNotLoggedError(
                f"validation.metrics names {name!r}, and validation does not log it. {nearest(name, known)} "
                "Name one of these, or log it in validation_step; what a callback logs is not replayed."
            )


def check_first_step(asked: Iterable[str], subject: Subject, logged: Sequence[Logged]) -> None:
    """Raise after the first batch where it shows already that a metric is never logged.

    It does where there is one loader, and no later hook in which the module could log.

    Raises:
        MetricNotLoggedError: With the names that are logged.
    """
    if len(subject.loaders) == 1 and not _logs_later(subject.module):
        names = {entry.name for entry in logged if entry.on_epoch}
        check_logged(asked, names | {f"{entry.name}_epoch" for entry in logged if entry.on_step and entry.on_epoch})


def _logs_later(module: Any) -> bool:  # noqa: ANN401 - of either package
    """Whether the module has a hook of its own after the step."""
    plain = next(kind for kind in type(module).__mro__ if kind.__name__ == "LightningModule")
    return any(getattr(type(module), hook) is not getattr(plain, hook) for hook in _LATER_HOOKS)
