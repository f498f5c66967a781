"""The road, told once, in order: from what is replayed to what the report says."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from lightning_trt import calibrators
from lightning_trt.batches import batches_of, items_of
from lightning_trt.errors import ReplayError
from lightning_trt.passes import WeightRanges, equalize, save
from lightning_trt.pipeline.job import REFERENCE, Findings
from lightning_trt.pipeline.journal import Journal
from lightning_trt.pipeline.latencies import added
from lightning_trt.precision import Precision, PrecisionHome
from lightning_trt.replay import captured
from lightning_trt.runtime import TRTModule
from lightning_trt.settings import QuantizedBy
from lightning_trt.stages.build import build
from lightning_trt.stages.calibrate import calibrate
from lightning_trt.stages.export import export
from lightning_trt.stages.measure import measure
from lightning_trt.stages.probe import probe
from lightning_trt.stages.rewrite import rewrite
from lightning_trt.stages.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import nn

    from lightning_trt.artifacts import Candidate, Latency, OnnxGraph, Ranges, Scores, Statistics
    from lightning_trt.pipeline.job import Job
    from lightning_trt.pipeline.plan import Asked
    from lightning_trt.progress import Progress
    from lightning_trt.protocols import Calibrator, NativeCalibration
    from lightning_trt.settings import CalibratorName, NativeCalibrator
    from lightning_trt.stages.probe import Probed

    Engines = dict[str, dict[str, nn.Module]]

__all__ = ["walk"]


def walk(job: Job, *, into: Path, progress: Progress) -> tuple[Findings, Exception | None]:
    """What all stations found, and the error that ended every candidate at once, if one did.

    `into` is the folder that becomes the run's.
    """
    road = _Road(job=job, into=into, progress=progress)
    try:
        return road.walked(), road.end
    except Exception as error:  # noqa: BLE001 - a finished training outlives whatever it was
        road.journal.add(dict.fromkeys(road.names, error))
        return Findings(failures=road.journal.failures), error


@dataclass(slots=True, kw_only=True)
class _Road:
    """The stations of one run; `journal` holds whose engine will not come, `end` what ended all that were left."""

    job: Job
    into: Path
    progress: Progress
    journal: Journal = field(default_factory=Journal)
    end: Exception | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all candidates."""
        return tuple(each.name for each in self.job.plan.candidates)

    def walked(self) -> Findings:
        """What all stations found."""
        with self.progress.step("Finding what validation_step calls"):
            probed = probe(self.job.subject, names=self.job.settings.boundary)
        graphs = self.exported(probed)
        statistics = self.calibrated(graphs)
        candidates = self.built(graphs, statistics)
        with self.opened(candidates) as engines:
            latency = self.timed(probed, engines)
            scores = self.validated(engines)
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
                graph = export(part, each.boundary, inputs=each.inputs)
                graphs[name] = self.equalized(graph)
                save(graphs[name].model, self.folder_of(each, probed) / "model.onnx")
        return graphs

    def equalized(self, graph: OnnxGraph) -> OnnxGraph:
        """The same function for all candidates, its channels brought to one size where something is quantized."""
        is_asked = self.job.settings.calibration.equalize and self.job.plan.needs_ranges
        return replace(graph, model=equalize(graph.model)) if is_asked else graph

    def folder_of(self, one: Probed, probed: Mapping[str, Probed]) -> Path:
        """Where what belongs to one boundary and no candidate goes."""
        folder = self.into if len(probed) == 1 else self.into / one.boundary.folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def calibrated(self, graphs: Mapping[str, OnnxGraph]) -> dict[str, Statistics]:
        """Statistics of each graph, where a candidate asks for them; without them what is quantized fails."""
        asked = self.job.plan.candidates
        if not any(each.precision.is_quantized or each.precision is Precision.fp16 for each in asked):
            return {}  # nobody reads them: ranges are for the quantized, and what overflows concerns fp16
        settings, subject = self.job.settings.calibration, self.job.subject
        quantized = [each.name for each in asked if each.precision.is_quantized]
        statistics: dict[str, Statistics] = {}
        with self.journal.covering(quantized):
            indices = items_of(subject.loaders, settings.samples)
            batches = batches_of(subject.loaders, indices, batch_size=settings.batch_size)
            with self.progress.step("Calibrating", total=len(indices)) as advance:
                statistics = calibrate(
                    graphs,
                    captured(subject, tuple(graphs), batches),
                    settings=settings,
                    histograms=any(
                        self.calibrator_of(each).needs_histograms for each in asked if each.reads_statistics
                    ),
                    threads=self.job.settings.build.threads,
                    advance=advance,
                )
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
            title = f"Building {asked.name} ({number} of {len(self.names)})"
            with self.journal.covering([asked.name]), self.progress.step(title):
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
        return candidates

    def rewritten(self, graph: OnnxGraph, asked: Asked, statistics: Statistics | None) -> OnnxGraph:
        """The graph with what the backend reads in it: the precision, or Q/DQ alone where types are the builder's."""
        is_typed = self.job.plan.backend.precision_lives_in is PrecisionHome.graph
        if not is_typed and not asked.precision.is_quantized:
            return graph
        if asked.quantized_by is QuantizedBy.native:
            return replace(graph, ranges=self.native_ranges(graph, asked))
        ranges = self.calibrator_of(asked).ranges(statistics) if asked.calibrator and statistics else None
        if asked.quantized_by is QuantizedBy.cache:
            return replace(graph, ranges=ranges)
        rest = self.job.high_precision if is_typed else Precision.fp32
        chosen = self.job.settings.calibration
        weights = WeightRanges(per_tensor=chosen.weights_per_tensor, clipped=chosen.clip_weights)
        return rewrite(graph, precision=asked.precision, high_precision=rest, ranges=ranges, weights=weights)

    def native_ranges(self, graph: OnnxGraph, asked: Asked) -> Ranges:
        """The ranges that the backend's own calibrator finds, on the samples that ours see."""
        settings, subject = self.job.settings.calibration, self.job.subject
        indices = items_of(subject.loaders, settings.samples)
        batches = batches_of(subject.loaders, indices, batch_size=settings.batch_size)
        return cast("NativeCalibration", self.job.plan.backend).calibrated(
            graph,
            captured(subject, (graph.boundary.name,), batches),
            algorithm=cast("NativeCalibrator", asked.calibrator).value,
            batch_size=settings.block_size,
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

    def timed(self, probed: Mapping[str, Probed], engines: Engines) -> dict[str, tuple[Latency, ...]]:
        """Latency of the reference and of every engine, all boundaries together."""
        parts = []
        with self.journal.covering(engines), self.progress.step("Timing"):
            for name, each in probed.items():
                calls = {REFERENCE: self.reference_of(each)}
                calls |= {candidate: modules[name] for candidate, modules in engines.items()}
                measured = measure(calls, each.inputs, boundary=each.boundary, settings=self.job.settings.latency)
                self.journal.add(measured.failures)
                parts.append(measured.latencies)
        return added(parts)

    def reference_of(self, probed: Probed) -> nn.Module:
        """The module at the boundary, on the device where its inputs were seen; after a fit ours is on the CPU."""
        part = self.job.subject.module.get_submodule(probed.boundary.name)
        devices = {tensor.device for tensor in probed.inputs if tensor.device.type != "cpu"}
        return deepcopy(part).to(devices.pop()) if devices else part

    def validated(self, engines: Engines) -> Scores | None:
        """The scores of everything that runs; where the pass itself fails, nothing has any."""
        living = {name: engines[name] for name in self.journal.living(engines)}
        try:
            with self.progress.step("Validating", total=None) as advance:
                scores = validate(
                    self.job.subject,
                    engines=living,
                    settings=self.job.settings.validation,
                    monitor=self.job.checkpoint.monitor,
                    advance=advance,
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
        return tuple(dict.fromkeys(note for notes in said for note in notes))
