"""The road, told once, in order: from what is replayed to what the report says."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from lightning_trt import calibrators
from lightning_trt.backends.devices import alone_on
from lightning_trt.backends.shapes import check_axes
from lightning_trt.errors import ReplayError
from lightning_trt.passes import equalized, save
from lightning_trt.pipeline.exported import exported_engines
from lightning_trt.pipeline.job import Findings
from lightning_trt.pipeline.journal import Journal
from lightning_trt.pipeline.latencies import timed
from lightning_trt.pipeline.leading import Leader
from lightning_trt.pipeline.misfits import misfit_notes, recalled_notes
from lightning_trt.pipeline.samples import chosen_samples
from lightning_trt.pipeline.written import written
from lightning_trt.precision import Precision
from lightning_trt.replay import without_samples
from lightning_trt.runtime import TRTModule
from lightning_trt.settings import QuantizedBy
from lightning_trt.stages.build import build
from lightning_trt.stages.calibrate import fingerprint_of
from lightning_trt.stages.export import export
from lightning_trt.stages.probe import probe
from lightning_trt.stages.validate import validate
from lightning_trt.storage import cache_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import nn

    from lightning_trt.artifacts import Candidate, Latency, OnnxGraph, Ranges, Scores, Statistics
    from lightning_trt.pipeline.job import Job
    from lightning_trt.pipeline.plan import Asked
    from lightning_trt.pipeline.samples import Samples
    from lightning_trt.progress import Progress
    from lightning_trt.protocols import Calibrator, NativeCalibration
    from lightning_trt.replay import Subject
    from lightning_trt.settings import CalibratorName, NativeCalibrator
    from lightning_trt.stages.probe import Probed

    Engines = dict[str, dict[str, nn.Module]]

__all__ = ["walk"]


def walk(job: Job, *, into: Path, progress: Progress) -> tuple[Findings, Exception | None]:
    """What all stations found, and the error that ended every candidate at once, if one did.

    `into` is the folder that becomes the run's.
    """
    road = _Road(job=job, into=into, progress=progress, leader=Leader(job=job, into=into))
    try:
        return road.walked(), road.end
    except Exception as error:  # noqa: BLE001 - a finished training outlives whatever it was
        road.journal.add(dict.fromkeys(job.plan.names, error))
        return Findings(failures=road.journal.failures), error


@dataclass(slots=True, kw_only=True)
class _Road:
    """The stations of one run.

    `leader` makes the passes, with whoever helps; `journal` holds whose engine will not come, `end` what ended all that
    were left. `samples` calibrate; `evaluated` is the subject without them, where they are left out of validation.
    `network` tells what was exported from other networks. `ranges` are by candidate and boundary, `remarks` what the
    report should say besides.
    """

    job: Job
    into: Path
    progress: Progress
    leader: Leader
    journal: Journal = field(default_factory=Journal)
    end: Exception | None = None
    samples: Samples | None = None
    evaluated: Subject | None = None
    network: str = ""
    ranges: dict[str, dict[str, Ranges]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def walked(self) -> Findings:
        """What all stations found."""
        self.leader.gather()
        with self.progress.step(f"Finding what {self.job.subject.step_name} calls"):
            probed = probe(self.job.subject, names=self.job.settings.boundary)
        graphs = self.exported(probed)
        self.choose_samples()
        statistics = self.calibrated(graphs)
        graphs = {name: replace(graph, program=None) for name, graph in graphs.items()}  # a copy of the weights
        candidates = self.built(graphs, statistics)
        with self.opened(candidates) as engines:
            latency = self.timed(probed, engines)
            with exported_engines(self.job, graphs) as exported:
                scores = self.validated(engines, exported)
        return Findings(
            statistics=statistics,
            candidates=candidates,
            latency=latency,
            scores=scores,
            failures=self.journal.failures,
            notes=self.notes(probed, graphs, candidates, scores),
        )

    def exported(self, probed: Mapping[str, Probed]) -> dict[str, OnnxGraph]:
        """The graph of each boundary, saved."""
        graphs = {}
        for name, each in probed.items():
            with self.progress.step(f"Exporting {name or 'forward'} to ONNX"):
                part = self.job.subject.module.get_submodule(name)
                graph = export(part, each.boundary, inputs=each.inputs, cache=cache_at(self.job.settings.cache))
                self.network += fingerprint_of(graph.model)
                graphs[name] = self.equalized(graph)
                save(graphs[name].model, self.folder_of(each, probed) / "model.onnx")
        check_axes(graphs.values(), self.job.settings.build.tensorrt)
        return graphs

    def equalized(self, graph: OnnxGraph) -> OnnxGraph:
        """The same function for all candidates, its channels brought to one size where that is asked for."""
        model, octaves = equalized(graph.model) if self.job.equalizes else (graph.model, {})
        return replace(graph, model=model, octaves=octaves)

    def folder_of(self, one: Probed, probed: Mapping[str, Probed]) -> Path:
        """Where what belongs to one boundary and no candidate goes."""
        folder = self.into if len(probed) == 1 else self.into / one.boundary.folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def choose_samples(self) -> None:
        """Nothing; the samples that calibrate are chosen, and left out of validation where that is wanted."""
        asked = self.job.plan.candidates
        if not any(each.precision.is_quantized or each.precision is Precision.fp16 for each in asked):
            return  # nobody reads statistics: ranges are for the quantized, and what overflows concerns fp16
        with self.journal.covering(self.job.plan.quantized):
            self.samples = chosen_samples(self.job.subject, self.job.settings.calibration)
        leaves_out = self.job.settings.validation.exclude_calibration_samples
        if leaves_out and self.samples is not None and self.samples.are_validated:
            self.evaluated = without_samples(self.job.subject, self.samples.indices)

    def calibrated(self, graphs: Mapping[str, OnnxGraph]) -> dict[str, Statistics]:
        """Statistics of each graph, where a candidate asks for them; without them what is quantized fails."""
        asked = self.job.plan.candidates
        if self.samples is None:
            return {}
        statistics: dict[str, Statistics] = {}
        with self.journal.covering(self.job.plan.quantized):
            with self.progress.step("Calibrating", total=len(self.samples.indices)) as advance:
                statistics = self.leader.statistics(
                    graphs,
                    replace(self.samples, boundaries=tuple(graphs)),
                    network=self.network,
                    histograms=any(self.calibrator_of(one).needs_histograms for one in asked if one.reads_statistics),
                    advance=advance,
                )
            self.remarks += recalled_notes(statistics)
            for name, each in statistics.items():
                folder = self.into if len(graphs) == 1 else self.into / graphs[name].boundary.folder
                calibrators.save(each, folder / "statistics.npz")
        return statistics

    def calibrator_of(self, asked: Asked) -> Calibrator:
        """The calibrator of a quantized candidate."""
        return calibrators.find(cast("CalibratorName", asked.calibrator), self.job.settings.calibration)

    def built(self, graphs: Mapping[str, OnnxGraph], statistics: Mapping[str, Statistics]) -> dict[str, Candidate]:
        """Every candidate that could be built."""
        candidates: dict[str, Candidate] = {}
        for number, asked in enumerate(self.job.plan.candidates, start=1):
            if asked.name in self.journal.failures:
                continue
            title = f"Building {asked.name} ({number} of {len(self.job.plan.names)})"
            with self.journal.covering([asked.name]), self.progress.step(title), alone_on(self.job.plan.backend):
                candidates[asked.name] = build(
                    self.job.plan.backend,
                    {name: self.rewritten(graph, asked, statistics.get(name)) for name, graph in graphs.items()},
                    name=asked.name,
                    precision=asked.precision,
                    calibrator=asked.calibrator.value if asked.calibrator else None,
                    into=self.into / asked.name,
                    settings=self.job.settings.build,
                    checkpoint_sha256=self.job.checkpoint.sha256,
                )
                self.save_ranges(asked)
        return candidates

    def save_ranges(self, asked: Asked) -> None:
        """Nothing; what the candidate was quantized by stands beside its engines."""
        by_boundary = self.ranges.get(asked.name, {})
        for boundary, ranges in by_boundary.items():
            folder = self.into / asked.name
            calibrators.save_ranges(
                ranges, (folder / boundary if len(by_boundary) > 1 else folder) / calibrators.RANGES_FILE
            )

    def rewritten(self, graph: OnnxGraph, asked: Asked, statistics: Statistics | None) -> OnnxGraph:
        """The graph that the backend is given for this candidate."""
        return written(
            graph,
            asked,
            backend=self.job.plan.backend,
            high_precision=self.job.high_precision,
            ranges=self.found_ranges(graph, asked, statistics),
            weights=self.job.weights,
        )

    def found_ranges(self, graph: OnnxGraph, asked: Asked, statistics: Statistics | None) -> Ranges | None:
        """What `ranges_of` says, written down."""
        ranges = self.ranges_of(graph, asked, statistics)
        if ranges is not None:
            self.ranges.setdefault(asked.name, {})[graph.boundary.folder] = ranges
        return ranges

    def ranges_of(self, graph: OnnxGraph, asked: Asked, statistics: Statistics | None) -> Ranges | None:
        """What the candidate quantizes by: found by the backend, or read out of the statistics."""
        if asked.quantized_by is QuantizedBy.native:
            return self.native_ranges(graph, asked)
        if not asked.calibrator or statistics is None:
            return None
        ranges = self.calibrator_of(asked).ranges(statistics)
        self.remarks += misfit_notes(asked, statistics, ranges, settings=self.job.settings.calibration)
        return ranges

    def native_ranges(self, graph: OnnxGraph, asked: Asked) -> Ranges:
        """The ranges that the backend's own calibrator finds, on the samples that ours see."""
        return cast("NativeCalibration", self.job.plan.backend).calibrated(
            graph,
            replace(cast("Samples", self.samples), boundaries=(graph.boundary.name,)),
            algorithm=cast("NativeCalibrator", asked.calibrator).value,
            batch_size=self.job.settings.calibration.block_size,
            settings=self.job.settings.build,
        )

    @contextmanager
    def opened(self, candidates: Mapping[str, Candidate]) -> Iterator[Engines]:
        """The modules that run each candidate's engines, by candidate and boundary, until the block ends."""
        engines: Engines = {}
        with ExitStack() as stack:
            for name, candidate in candidates.items():
                with self.journal.covering([name]):
                    engines[name] = {
                        boundary: stack.enter_context(closing(TRTModule(engine, open=self.job.plan.backend.open)))
                        for boundary, engine in candidate.engines.items()
                    }
            yield engines

    def timed(self, probed: Mapping[str, Probed], engines: Engines) -> Mapping[str, tuple[Latency, ...]]:
        """Latency of the reference, of what stands beside it and of every engine, all boundaries together."""
        with self.journal.covering(engines), self.progress.step("Timing"), alone_on(self.job.plan.backend):
            found = timed(self.job, probed, engines)
            self.journal.add(found.failures)
            self.remarks += found.notes
            return found.latencies
        return {}

    def validated(self, engines: Engines, exported: Engines) -> Scores | None:
        """The scores of everything that runs; where the pass itself fails, nothing has any."""
        living = {name: engines[name] for name in self.journal.living(engines)}
        subject, running = self.evaluated or self.job.subject, living | dict(exported)
        left_out = self.samples.indices if self.samples and self.evaluated else ()
        try:
            with (
                self.progress.step("Validating", total=None) as advance,
                self.leader.foreseen(subject, running, network=self.network, left_out=left_out) as foreseen,
            ):
                scores = validate(
                    subject,
                    engines=running,
                    settings=self.job.settings.validation,
                    monitor=self.job.checkpoint.monitor,
                    steps=self.job.steps,
                    advance=advance,
                    foreseen=foreseen,
                )
        except Exception as error:  # noqa: BLE001 - what was built is kept, and the report says why it has no scores
            self.end = error
            self.journal.add(dict.fromkeys(living, error))
            return None
        self.journal.add({name: ReplayError(sentence) for name, sentence in scores.failures.items()})
        return scores

    def notes(
        self,
        probed: Mapping[str, Probed],
        graphs: Mapping[str, OnnxGraph],
        candidates: Mapping[str, Candidate],
        scores: Scores | None,
    ) -> tuple[str, ...]:
        """What the stations want a reader to know, each sentence once."""
        engines = [engine for candidate in candidates.values() for engine in candidate.engines.values()]
        said = [*(each.notes for each in probed.values()), *(each.notes for each in graphs.values())]
        said += [*(each.notes for each in engines), scores.notes if scores else ()]
        noted = [note for notes in said for note in notes]
        return tuple(dict.fromkeys([*noted, *self.remarks, *self.leader.notes]))
