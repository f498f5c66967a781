"""The closed choices, named as the user types them."""

from __future__ import annotations

from enum import Enum

__all__ = [
    "Beside",
    "CalibratorName",
    "HardwareCompatibility",
    "NativeCalibrator",
    "OnError",
    "OnGateFail",
    "OnInconclusive",
    "QuantizedBy",
    "ReportFormat",
    "Require",
    "Select",
    "Split",
]


class CalibratorName(Enum):
    """How statistics become ranges."""

    minmax = "minmax"
    percentile = "percentile"
    mse = "mse"
    entropy = "entropy"
    entropy2 = "entropy2"
    legacy = "legacy"
    mean_minmax = "mean_minmax"


class Beside(Enum):
    """What is timed beside the engines: the reference as a user would run it instead.

    In fp16 as it is, or compiled by `torch.compile`, in fp32 or fp16. The reference as it is in fp32 is always timed.
    """

    eager_fp16 = "eager-fp16"
    compile_fp32 = "compile-fp32"
    compile_fp16 = "compile-fp16"


class Split(Enum):
    """The data that calibration takes its samples from.

    `validate` the validation data, `train` the training data under validation's transforms, `own` what
    `calibration_dataloader()` of the DataModule, else of the module, gives.
    """

    validate = "validate"
    train = "train"
    own = "own"


class Select(Enum):
    """Which samples of a split calibrate.

    `evenly` over all of it, the `first` ones, `random` ones by a seed, or `balanced`: as many of each class.
    """

    evenly = "evenly"
    first = "first"
    random = "random"
    balanced = "balanced"


class QuantizedBy(Enum):
    """What tells TensorRT how to quantize to int8.

    `pairs` of Q/DQ in the graph, a calibration `cache` of our ranges, or its own calibrators (`native`). The last two
    end with TensorRT 10.
    """

    pairs = "pairs"
    cache = "cache"
    native = "native"


class NativeCalibrator(Enum):
    """TensorRT's own calibrators."""

    entropy2 = "entropy2"
    minmax = "minmax"
    entropy = "entropy"
    legacy = "legacy"


class HardwareCompatibility(Enum):
    """Which GPUs an engine runs on: `none` only this kind, `ampere_plus` Ampere and all later, at a cost in speed."""

    none = "none"
    ampere_plus = "ampere_plus"
    same_compute_capability = "same_compute_capability"


class OnInconclusive(Enum):
    """What an inconclusive verdict means for the run.

    `warn` says so and goes on, `fail` fails, `passed` passes in silence.
    """

    warn = "warn"
    fail = "fail"
    passed = "pass"


class OnError(Enum):
    """What a failure of ours does to the user's fit: `report` writes it down and goes on, `raises` raises it."""

    report = "report"
    raises = "raise"


class OnGateFail(Enum):
    """What a failed gate does: `auto` raises where the user set a gate and no sweep is running, else warns."""

    auto = "auto"
    raises = "raise"
    warn = "warn"


class ReportFormat(Enum):
    """A kind of file that a report is written to, beside its `report.json`."""

    markdown = "markdown"
    html = "html"
    junit = "junit"


class Require(Enum):
    """Which points of a sweep must pass the gate for the sweep to pass."""

    any = "any"
    all = "all"
