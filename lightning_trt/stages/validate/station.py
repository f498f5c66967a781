"""The station's story: replay all copies once, then find evidence for every metric."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.artifacts import MetricScores, Scores
from lightning_trt.replay import Recorder, Replay
from lightning_trt.stages.validate.condensing import Condensing
from lightning_trt.stages.validate.copies import AS_TRAINED, REFERENCE, copies_of
from lightning_trt.stages.validate.evidence import Question, find_evidence
from lightning_trt.stages.validate.names import check_first_step, check_logged, reported
from lightning_trt.stages.validate.notes import notes_of
from lightning_trt.stages.validate.samples import Samples, indices_of
from lightning_trt.stages.validate.traces import trace_of
from lightning_trt.stages.validate.traits import higher_is_better, in_unit_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

    from lightning_trt.replay import Step, Subject
    from lightning_trt.settings import ValidationSettings
    from lightning_trt.stages.validate.foresight import Foresight

__all__ = ["validate"]

_RECORDS_BYTES = 2 << 30


def validate(
    subject: Subject,
    *,
    engines: Mapping[str, Mapping[str, nn.Module]],
    settings: ValidationSettings,
    monitor: str | None,
    steps: Sequence[tuple[str, str]] = (),
    advance: Callable[[int], None] | None = None,
    foreseen: Foresight | None = None,
) -> Scores:
    """The scores of the module in fp32 and of every candidate, from one pass over the validation data.

    Args:
        subject: What is replayed.
        engines: By candidate and boundary, the module that stands in.
        settings: Which metrics to report, and how long to resample.
        monitor: The metric that the checkpoint was chosen by; reported whatever the settings name.
        steps: Two candidates each, between which evidence is wanted too.
        advance: Called with the number of samples after each batch.
        foreseen: Where results that were computed elsewhere or earlier come from.

    Raises:
        MetricNotLoggedError: A metric of `settings.metrics` is not logged.
        NoSamplesError: There is no batch to validate on.
    """
    watched = _Pass(subject, engines, settings=settings, foreseen=foreseen)
    watched.run(advance)
    reference = watched.replay.metrics[REFERENCE]
    check_logged(settings.metrics, reference)
    names = reported(reference, asked=settings.metrics, monitor=monitor)
    indices = indices_of(subject.loaders, watched.recorders[REFERENCE].steps)
    metrics, unit_notes = _metrics(watched, names, settings, steps=steps, indices=indices)
    trained = watched.replay.metrics.get(AS_TRAINED)
    # On a part of the data the score of the checkpoint is another, and so it is by other metrics.
    scored = None if settings.exclude_calibration_samples or subject.scoring else monitor
    return Scores(
        metrics=metrics,
        samples=watched.samples.count,
        digest=watched.samples.digest,
        indices=indices,
        failures=watched.failures,
        notes=(*notes_of(subject.trainer, reference, names=names, trained=trained, monitor=scored), *unit_notes),
    )


class _Pass:
    """The one pass: all copies, what was recorded of each, and the samples they saw."""

    def __init__(
        self,
        subject: Subject,
        engines: Mapping[str, Mapping[str, nn.Module]],
        *,
        settings: ValidationSettings,
        foreseen: Foresight | None,
    ) -> None:
        copies = copies_of(subject, engines)
        recorded = [name for name in copies if name != AS_TRAINED]
        limit = _RECORDS_BYTES // len(recorded)
        # As later, half of the time is for taking apart.
        self.condensing = condense = Condensing(seconds=settings.bootstrap_seconds / 2)
        self.recorders = {name: Recorder(copies[name], limit_bytes=limit, condense=condense) for name in recorded}
        self.settings = settings
        self.samples = Samples()
        self.replay = Replay(subject, copies, as_trained={AS_TRAINED})
        self.foreseen = foreseen
        if foreseen is not None:
            boundaries = {boundary: None for placed in engines.values() for boundary in placed}
            foreseen.stand_before(copies, tuple(boundaries))

    def run(self, advance: Callable[[int], None] | None) -> None:
        """Replay; metrics that are never logged are found after the first batch, if that can tell."""

        def advanced(num_items: int) -> None:
            if self.samples.count == num_items:
                check_first_step(self.settings.metrics, self.replay.subject, self.recorders[REFERENCE].logged)
            if advance is not None:
                advance(num_items)

        self.replay.run(around=self._around, advance=advanced)

    @property
    def failures(self) -> dict[str, str]:
        """What went wrong with the candidates that did not reach the end."""
        failed = self.replay.failures.items()
        return {name: f"{type(error).__name__}: {error}" for name, error in failed if name in self.recorders}

    @contextmanager
    def _around(self, name: str, step: Step, batch: Any) -> Iterator[None]:  # noqa: ANN401 - the user's batch
        if name == REFERENCE:
            if self.foreseen is not None:
                self.foreseen.begin(step)
            self.samples.add(batch, num_items=step.num_items)
        if name not in self.recorders:
            yield
            return
        with self.recorders[name].during(step):
            yield


def _metrics(
    watched: _Pass,
    names: tuple[str, ...],
    settings: ValidationSettings,
    *,
    steps: Sequence[tuple[str, str]],
    indices: Sequence[int] | None,
) -> tuple[dict[str, MetricScores], list[str]]:
    """The scores by metric; each may resample for its share of the time that is left."""
    deadline = perf_counter() + settings.bootstrap_seconds - watched.condensing.spent_seconds
    scores, notes = {}, []
    with warnings.catch_warnings(), torch.no_grad():
        # What metrics warn about on a few items, such as a class without examples, says nothing of the user's data.
        warnings.simplefilter("ignore")
        for done, name in enumerate(names):
            seconds = max(deadline - perf_counter(), 0.0) / (len(names) - done)
            scores[name], note = _one_metric(watched, name, settings, seconds, steps=steps, indices=indices)
            notes += [f"{name}: {note}"] if note else []
    return scores, notes


def _one_metric(
    watched: _Pass,
    name: str,
    settings: ValidationSettings,
    seconds: float,
    *,
    steps: Sequence[tuple[str, str]],
    indices: Sequence[int] | None,
) -> tuple[MetricScores, str | None]:
    traces = {
        copy: trace_of(name, recorder, watched.replay.metrics[copy][name])
        for copy, recorder in watched.recorders.items()
        if name in watched.replay.metrics.get(copy, {})
    }
    reference = traces.pop(REFERENCE)
    subject = watched.replay.subject
    better = higher_is_better(name, reference.source, subject.trainer.callbacks, modes=subject.remembered.modes)
    question = Question(higher_is_better=better, steps=steps, indices=indices)
    found = find_evidence(reference, traces, question=question, settings=settings, seconds=seconds)
    scores = MetricScores(
        reference=reference.value,
        candidates={copy: trace.value for copy, trace in traces.items()},
        higher_is_better=better,
        in_unit_interval=in_unit_interval(reference.source, [trace.value for trace in (reference, *traces.values())]),
        evidence=found.evidence,
        why_not=found.why_not,
        flips=found.flips,
        between=found.between,
    )
    return scores, found.note
