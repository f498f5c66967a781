"""Everything that an export can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lightning_trt.artifacts import Rule
from lightning_trt.errors import SettingsError
from lightning_trt.precision import Precision
from lightning_trt.settings.choices import (
    Beside,
    CalibratorName,
    NativeCalibrator,
    OnError,
    OnGateFail,
    OnInconclusive,
    QuantizedBy,
    ReportFormat,
    Select,
    Split,
)
from lightning_trt.settings.reading import check_positive, check_text, finite_or_none, member, members, settings_of
from lightning_trt.settings.rules import rules_of
from lightning_trt.settings.tensorrt import TensorRTSettings

__all__ = [
    "BuildSettings",
    "CalibrationSettings",
    "ExportSettings",
    "GateSettings",
    "LatencySettings",
    "ValidationSettings",
]

_PRECISIONS = (Precision.fp32, Precision.fp16, Precision.int8)
_CALIBRATORS = (CalibratorName.mse,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSettings:
    """How statistics for int8 and fp8 are gathered.

    Attributes:
        samples: Most dataset items to take.
        split: The data to take them from.
        select: Which of its items are taken.
        seed: Seed of a random choice.
        percentile: Share of values, in percent, that the percentile calibrator keeps inside the range.
        quantile: Share of values, from 0 to 1, that the legacy calibrator keeps inside the range.
        cutoff: Share of the largest magnitude, from 0 to 1, that the legacy calibrator's range reaches at most.
        batch_size: Items pulled from the data at a time; None takes the loader's own. It never changes the ranges.
        block_size: Items in one forward pass; part of what the ranges depend on.
        device: Where that runs: `auto` where the module lies if that is a CUDA device, in torch, else on the processor,
            in ONNX Runtime; `cpu`, `cuda` and `cuda:1` say where.
        equalize: Whether channels of one tensor are brought to one size before, where the graph computes the same bits.
        weights_per_tensor: Whether all output channels of a weight share one scale rather than having one each.
        clip_weights: Whether a weight's range is that of least squared error rather than all of the weight.
        quantized_by: What tells the backend how to quantize to int8, each for candidates of its own.
        native: TensorRT's calibrators to try where `quantized_by` has `native`.
    """

    samples: int = 512
    split: Split = Split.validate
    select: Select = Select.evenly
    seed: int = 0
    percentile: float = 99.99
    quantile: float = 0.99999
    cutoff: float = 1.0
    batch_size: int | None = None
    block_size: int = 8
    device: str = "auto"
    equalize: bool = True
    weights_per_tensor: bool = False
    clip_weights: bool = False
    quantized_by: tuple[QuantizedBy, ...] = (QuantizedBy.pairs,)
    native: tuple[NativeCalibrator, ...] = (NativeCalibrator.entropy2,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", member(Split, self.split))
        object.__setattr__(self, "select", member(Select, self.select))
        object.__setattr__(self, "quantized_by", members(QuantizedBy, self.quantized_by))
        object.__setattr__(self, "native", members(NativeCalibrator, self.native))
        check_positive(self, "samples", "batch_size", "block_size", "percentile")
        if not 50 < self.percentile <= 100:  # noqa: PLR2004 - below the median is no range
            raise SettingsError(f"calibration.percentile is {self.percentile}; it must lie in (50, 100], e.g. 99.99.")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 1 << 64:
            raise SettingsError(f"calibration.seed is {self.seed!r}; it must be a whole number from 0 to 2**64 - 1.")
        if not 0.5 < self.quantile <= 1:  # noqa: PLR2004 - the same
            raise SettingsError(f"calibration.quantile is {self.quantile}; it must lie in (0.5, 1].")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(self.device)):
            raise SettingsError(f"calibration.device is {self.device!r}; it must be auto, cpu, cuda, or e.g. cuda:1.")
        if not 0 < self.cutoff <= 1:
            raise SettingsError(f"calibration.cutoff is {self.cutoff}; it must lie in (0, 1].")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationSettings:
    """How the drop is measured.

    Attributes:
        metrics: Names of logged metrics to report; empty reports all that validation logs.
        exclude_calibration_samples: Whether the samples that calibrated are left out, for reference and candidates.
        resamples: Resamples of the paired bootstrap, as many as `bootstrap_seconds` allow.
        bootstrap_seconds: Time budget for all resampling of one run.
        seed: Seed of the resampling.
        exported_graph: Run the exported graph by ONNX Runtime too, on the CPU, so that a loss of the export is told
            from one of the engines; not needed with the ONNX Runtime backend, whose fp32 engine it is.
    """

    metrics: tuple[str, ...] = ()
    exclude_calibration_samples: bool = False
    resamples: int = 2000
    bootstrap_seconds: float = 60.0
    seed: int = 0
    exported_graph: bool = False

    def __post_init__(self) -> None:
        check_positive(self, "resamples", "bootstrap_seconds")
        object.__setattr__(self, "metrics", (self.metrics,) if isinstance(self.metrics, str) else tuple(self.metrics))


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySettings:
    """How latency is measured.

    Attributes:
        batch_sizes: Batch sizes to time.
        warmup_seconds: Time to run before the clock counts.
        seconds: Time to measure for, per engine and batch size.
        beside: What to time beside the engines; None takes all where the module runs on a GPU, and nothing on a
            processor, where compiling takes minutes.
    """

    batch_sizes: tuple[int, ...] = (1, 32)
    warmup_seconds: float = 0.2
    seconds: float = 1.0
    beside: tuple[Beside, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "beside", None if self.beside is None else members(Beside, self.beside))
        sizes = (self.batch_sizes,) if isinstance(self.batch_sizes, int) else tuple(self.batch_sizes)
        object.__setattr__(self, "batch_sizes", sizes)
        check_positive(self, "warmup_seconds", "seconds")
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise SettingsError(f"latency.batch_sizes is {sizes}; each must be a whole number above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """How engines are built.

    Attributes:
        high_precision: What int8 and fp8 candidates compute the rest in; None takes the backend's own choice.
        require_precision: Whether an engine of which no layer computes in the asked precision is an error; else it is a
            note.
        threads: Processor threads of a CPU engine; None leaves it to the backend.
        in_child: Whether each engine is built in a process of its own, whose crash or want of memory is that engine's
            error alone; it starts in a few seconds.
        time_limit_seconds: Time for one engine, after which its build is ended; a limit needs a process of its own, and
            brings one. None lets it take its time.
        platform: Device that the engines are for, by its name (`Jetson TX2`) or compute capability (`6.2`); a precision
            that it lacks is refused before any work. None stands for the device that builds.
        tensorrt: What the TensorRT builders can be told besides.
    """

    high_precision: Precision | None = None
    require_precision: bool = True
    threads: int | None = None
    in_child: bool = False
    time_limit_seconds: float | None = None
    platform: str | None = None
    tensorrt: TensorRTSettings = field(default_factory=TensorRTSettings)

    def __post_init__(self) -> None:
        check_positive(self, "threads", "time_limit_seconds")
        object.__setattr__(self, "tensorrt", settings_of(TensorRTSettings, self.tensorrt))
        if self.high_precision is not None:
            object.__setattr__(self, "high_precision", member(Precision, self.high_precision))
            if self.high_precision not in {Precision.fp32, Precision.fp16, Precision.bf16}:
                raise SettingsError(
                    f"build.high_precision is {self.high_precision.value}; it must be fp32, fp16 or bf16: "
                    "it is what the layers that are not quantized compute in."
                )

    @property
    def needs_child(self) -> bool:
        """Whether an engine is built in a process of its own."""
        return self.in_child or self.time_limit_seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """The limits, and what follows from them.

    A `max_drop` or `max_drop_relative` of its own is short for one rule on the monitored metric.

    Attributes:
        rules: The limits.
        max_drop: Largest drop that passes, in the metric's own units.
        max_drop_relative: Largest drop that passes, as a share of the reference.
        metric: Metric of the short form; None takes the monitored one.
        default_max_drop: Largest drop of that metric where no limit is written and it is known to lie in [0, 1]; None
            then limits nothing.
        alpha: One-sided error rate; the printed interval has confidence 1 - 2 alpha.
        on_inconclusive: What an inconclusive verdict means for the run.
    """

    rules: tuple[Rule, ...] = ()
    max_drop: float | None = None
    max_drop_relative: float | None = None
    metric: str | None = None
    default_max_drop: float | None = 0.01
    alpha: float = 0.025
    on_inconclusive: OnInconclusive = OnInconclusive.warn

    def __post_init__(self) -> None:
        object.__setattr__(self, "on_inconclusive", member(OnInconclusive, self.on_inconclusive))
        object.__setattr__(self, "rules", rules_of(self.rules))
        for name in ("max_drop", "max_drop_relative", "default_max_drop", "alpha"):
            object.__setattr__(self, name, finite_or_none(getattr(self, name), name=f"gate.{name}"))
        if self.alpha is None or not 0 < self.alpha < 0.5:  # noqa: PLR2004 - one-sided
            raise SettingsError(f"gate.alpha is {self.alpha}; it must lie in (0, 0.5).")
        check_text("gate.metric", self.metric)
        if self.max_drop is not None and self.max_drop_relative is not None:
            raise SettingsError("gate has both max_drop and max_drop_relative; give one, or write two rules.")

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """The rules, the short form among them."""
        if self.max_drop is None and self.max_drop_relative is None:
            return self.rules
        short = Rule(metric=self.metric, max_drop=self.max_drop, max_drop_relative=self.max_drop_relative)
        return (short, *self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """Everything that the callback, `export` and the command line can be told.

    Attributes:
        precisions: Candidates to build: names, or a mapping that has as true those to build; None takes the default.
        calibrators: Calibrators for each quantized precision, likewise.
        backend: `auto`, or the name of a backend.
        boundary: Dotted name of the part of the module to export, or several; empty finds it.
        monitor: Metric whose ModelCheckpoint is followed; None takes the Trainer's first.
        dirpath: Folder for the results; None takes Hydra's output folder, else `<log_dir or default_root_dir>/trt`.
        gate: Limits; None, or all at their defaults, gates the monitored metric with max_drop 0.01 where it is known to
            lie in [0, 1].
        calibration: How statistics are gathered.
        validation: How the drop is measured.
        latency: How latency is measured.
        build: How engines are built.
        cache: Folder of what runs share, `off` for none; None takes the environment variable LIGHTNING_TRT_CACHE, else
            `lightning-trt` in the user's cache folder.
        formats: Files of the report beside `report.json`, which is always written; the others can be made of it later.
        on_error: What a failure of ours does to the user's fit.
        on_gate_fail: What a failed gate does.
    """

    precisions: tuple[Precision, ...] = _PRECISIONS
    calibrators: tuple[CalibratorName, ...] = _CALIBRATORS
    backend: str = "auto"
    boundary: tuple[str, ...] = ()
    monitor: str | None = None
    dirpath: Path | None = None
    gate: GateSettings | None = None
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    latency: LatencySettings = field(default_factory=LatencySettings)
    build: BuildSettings = field(default_factory=BuildSettings)
    cache: str | None = None
    formats: tuple[ReportFormat, ...] = tuple(ReportFormat)
    on_error: OnError = OnError.report
    on_gate_fail: OnGateFail = OnGateFail.auto

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("precisions", members(Precision, _PRECISIONS if self.precisions is None else self.precisions))
        put("calibrators", members(CalibratorName, _CALIBRATORS if self.calibrators is None else self.calibrators))
        put("boundary", (self.boundary,) if isinstance(self.boundary, str) else tuple(self.boundary or ()))
        put("dirpath", None if self.dirpath is None else Path(self.dirpath))
        # A file of settings writes every default down; that is no gate of the user's yet.
        gate = settings_of(GateSettings, self.gate)
        put("gate", None if gate == GateSettings() else gate)
        put("calibration", settings_of(CalibrationSettings, self.calibration))
        put("validation", settings_of(ValidationSettings, self.validation))
        put("latency", settings_of(LatencySettings, self.latency))
        put("build", settings_of(BuildSettings, self.build))
        put("cache", None if self.cache is None else str(self.cache))
        put("formats", members(ReportFormat, self.formats))
        put("on_error", member(OnError, self.on_error))
        put("on_gate_fail", member(OnGateFail, self.on_gate_fail))
        if not self.precisions:
            raise SettingsError("precisions is empty; name at least one, e.g. precisions=('fp16',).")
        if any(precision.is_quantized for precision in self.precisions) and not self.calibrators:
            raise SettingsError("int8 and fp8 need a calibrator, and calibrators is empty; e.g. ('mse',).")
