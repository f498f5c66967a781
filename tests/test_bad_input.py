"""Bad settings, data and models: one line each says what is wrong, which error it is, and which words it says.

Whatever can be known is said when the callback is made or the fit begins; the rest at first sight, before anything is
built. Nothing is trained in any of these tests.
"""

# ruff: noqa: E501 - a row is a line

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from bad_input import Row, exports, fits, loads, makes, reads, rebuilds, saved
from torchmetrics.classification import MulticlassAccuracy
from zoo import CLASSES, Classifier, Images
from zoo.exporting import quick
from zoo.scored import predict
from zoo.troubles import CallsSpectral, CallsTwo, CallsWithWords, FSDPStrategy, Unvalidated

from lightning_trt import errors, export, export_checkpoint
from lightning_trt.errors import SettingsError

SCORED = {"metrics": {"acc": MulticlassAccuracy(CLASSES)}, "predict": predict}
MISSING = Path("/nowhere/best.ckpt")


def table(act: Any, error: type[Exception], *rows: tuple[str, str, dict[str, Any]]) -> list[Row]:
    """Rows of one way in and one error."""
    return [Row(what=what, error=error, words=words, act=act(**options)) for what, words, options in rows]


SETTINGS = table(
    makes,
    SettingsError,
    ("precision unknown", "'int9' is not a precision. Did you mean 'int8'?", {"precisions": ("int9",)}),
    ("precision in capitals", "'FP16' is not a precision. Did you mean 'fp16'?", {"precisions": ("FP16",)}),
    ("precision as bits", "8 is not a precision", {"precisions": 8}),
    ("no precision", "precisions is empty; name at least one", {"precisions": ()}),
    ("precision mapping of words", "it must be true, or false", {"precisions": {"fp16": "yes"}}),
    ("calibrator unknown", "'minmx' is not a calibrator. Did you mean 'minmax'?", {"calibrators": ("minmx",)}),
    ("int8 without calibrator", "need a calibrator, and calibrators is empty", {"calibrators": ()}),
    ("on_error unknown", "Did you mean 'raise'?", {"on_error": "rais"}),
    ("on_gate_fail unknown", "is not a choice of on_gate_fail", {"on_gate_fail": "explode"}),
    ("format unknown", "is not a choice of report_format", {"formats": ("pdf",)}),
    ("gate a bare number", "gate is 0.01; it must be a GateSettings, or a mapping", {"gate": 0.01}),
    ("gate's key unknown", "no setting 'max_drp'. Did you mean 'max_drop'?", {"gate": {"max_drp": 3}}),
    ("gate's limit a word", "must be a finite number", {"gate": {"max_drop": "little"}}),
    ("gate's limit NaN", "must be a finite number", {"gate": {"max_drop": float("nan")}}),
    ("gate's limit true", "must be a finite number", {"gate": {"max_drop": True}}),
    ("gate's alpha a half", "must lie in (0, 0.5)", {"gate": {"max_drop": 0.1, "alpha": 0.5}}),
    ("rule without a limit", "a gate rule has no limit", {"gate": {"rules": [{"metric": "val/acc"}]}}),
    ("rule with two limits", "has 2 limits", {"gate": {"rules": [{"max_drop": 0.1, "min": 0.5}]}}),
    ("rule of time on a metric", "belong to no metric", {"gate": {"rules": [{"metric": "a", "min_speedup": 2}]}}),
    ("rule on a list of candidates", "must be one text", {"gate": {"rules": [{"min": 0.1, "candidates": ["a"]}]}}),
    ("rule of an unknown level", "is not a choice of level", {"gate": {"rules": [{"min": 0.1, "level": "shout"}]}}),
    ("rule with a direction in words", "must be true or false", {"gate": {"rules": [{"min": 0, "higher_is_better": "up"}]}}),
    ("calibration's key unknown", "no setting 'sample'. Did you mean 'samples'?", {"calibration": {"sample": 3}}),
    ("no samples", "calibration.samples is 0; it must be a whole number", {"calibration": {"samples": 0}}),
    ("half a sample", "calibration.samples is 1.5; it must be a whole number", {"calibration": {"samples": 1.5}}),
    ("samples in words", "calibration.samples is 'x'", {"calibration": {"samples": "x"}}),
    ("block of nothing", "calibration.block_size is 0", {"calibration": {"block_size": 0}}),
    ("percentile a share", "it must lie in (50, 100]", {"calibration": {"percentile": 0.9999}}),
    ("quantile in percent", "it must lie in (0.5, 1]", {"calibration": {"quantile": 99.9}}),
    ("cutoff above one", "it must lie in (0, 1]", {"calibration": {"cutoff": 1.5}}),
    ("split unknown", "is not a choice of split", {"calibration": {"split": "test"}}),
    ("resamples negative", "it must be a whole number", {"validation": {"resamples": -1}}),
    ("latency for no time", "latency.seconds is 0", {"latency": {"seconds": 0}}),
    ("latency of batch 0", "each must be a whole number above 0", {"latency": {"batch_sizes": (0,)}}),
    ("latency beside a stranger", "is not a choice of beside", {"latency": {"beside": ("jax",)}}),
    ("time limit of nothing", "time_limit_seconds is 0; it must be a number above 0", {"build": {"time_limit_seconds": 0}}),
    ("threads negative", "build.threads is -1", {"build": {"threads": -1}}),
    ("TensorRT level 6", "build.tensorrt.level is 6; it must be from 0 to 5", {"build": {"tensorrt": {"level": 6}}}),
    ("axis sizes that fall", "it must be three sizes", {"build": {"tensorrt": {"axis_sizes": {"t": [1, 64, 8]}}}}),
    ("profile of two sizes", "it must be three sizes", {"build": {"tensorrt": {"profiles": ({"batch": [1, 8]},)}}}),
    ("workspace of nothing", "workspace_mb is 0", {"build": {"tensorrt": {"workspace_mb": 0}}}),
    ("metrics without predict", "they go together", {"metrics": {}}),
)  # fmt: skip

FITS = [
    *table(
        fits,
        SettingsError,
        ("backend unknown", "Did you mean 'onnxruntime'?", {"backend": "onnxruntme"}),
        ("monitor of nobody", "no ModelCheckpoint of this Trainer monitors it", {"monitor": "val/ac"}),
        ("gate on no metric", "no ModelCheckpoint of this Trainer monitors any", {"gate": {"max_drop": 0.1}, "trainer": {"monitor": None, "mode": "min"}}),
        ("strategy that shards", "shards the module over ranks", {"trainer": {"strategy": FSDPStrategy(accelerator=None, device=torch.device("cpu"))}}),
        ("platform unknown", "Known:", {"build": {"platform": "abacus"}}),
    ),
    *table(
        fits,
        errors.UnsupportedPrecisionError,
        ("tf32 on a processor", "onnxruntime gives here: fp32, ", {"precisions": ("tf32",), "backend": "onnxruntime"}),
        ("native calibration of a graph", "reads Q/DQ pairs alone", {"precisions": ("int8",), "backend": "onnxruntime", "calibration": {"samples": 8, "quantized_by": ("native",)}}),
    ),
    *table(fits, errors.MetricNotLoggedError, ("limit on a metric of nobody", "Did you mean 'acc'?", {**SCORED, "gate": {"metric": "acb", "max_drop": 0.1}})),
    *table(fits, errors.NoSamplesError, ("validation on nothing", "limit_val_batches=0", {"trainer": {"limit_val_batches": 0}})),
    *table(fits, errors.ReplayError, ("no validation_step", "Unvalidated has no validation_step", {"module": Unvalidated, "gate": None, "trainer": {"monitor": None, "mode": "min"}})),
    *table(fits, errors.BoundaryNotFoundError, ("boundary unknown", "has no submodule 'modle' to export", {"boundary": "modle"})),
]  # fmt: skip

EXPORTS = [
    *table(exports, errors.NoSamplesError, ("no validation data", "give no batch", {"data": Images(num_samples=0)})),
    *table(exports, errors.BoundaryNotFoundError, ("boundary never called", "Did you mean 'model'?", {"boundary": "modle"})),
    *table(exports, errors.AmbiguousBoundaryError, ("two parts are called", "boundary=", {"module": CallsTwo})),
    *table(exports, errors.NotATensorFunctionError, ("a part takes words", "set", {"module": CallsWithWords, "boundary": "told"})),
    *table(exports, errors.UnsupportedOperatorError, ("eigenvalues in the net", "eig", {"module": CallsSpectral, "boundary": "model"})),
    *table(exports, SettingsError, ("axis that is not there", "Known: batch", {"build": {"tensorrt": {"axis_sizes": {"lenght": [1, 2, 3]}}}})),
    *table(
        exports,
        errors.CheckpointError,
        ("checkpoint of noise", "is no readable checkpoint", {"checkpoint": b"\x00\x01\x02 not a checkpoint"}),
        ("checkpoint of nothing", "is no readable checkpoint", {"checkpoint": b""}),
        ("checkpoint without weights", "holds no state_dict", {"checkpoint": saved({"epoch": 1})}),
        ("checkpoint of another net", "does not fit Classifier", {"checkpoint": saved({"state_dict": {"other": torch.zeros(1)}})}),
        ("checkpoint with code in it", "say trust=True", {"checkpoint": saved({"state_dict": {}, "code": Row})}),
    ),
    Row(what="checkpoint absent", error=errors.CheckpointError, words="There is no checkpoint at", act=lambda _root: export_checkpoint(MISSING)),
    Row(what="checkpoint a folder", error=errors.CheckpointError, words="is a folder: expected the file", act=export_checkpoint),
    Row(what="data a class", error=errors.ReplayError, words="give an object of it, e.g. Images()", act=lambda root: export(Classifier(), Images, **quick(dirpath=root / "trt"))),
    Row(what="module a class", error=errors.ReplayError, words="give an object of it, e.g. Classifier()", act=lambda root: export(Classifier, Images(), **quick(dirpath=root / "trt"))),
]  # fmt: skip

MANIFEST = b'{"schema": 1, "backend": "onnxruntime"}'
FILES = [
    *table(
        loads,
        errors.ManifestError,
        ("engine without a manifest", "there is no manifest.json", {"model_onnx": b"x"}),
        ("manifest cut off", "cannot be read as JSON", {"manifest_json": MANIFEST[:9]}),
        ("manifest a list", "has schema None", {"manifest_json": b"[]"}),
        ("manifest of another schema", "has schema 2", {"manifest_json": b'{"schema": 2}'}),
        ("manifest without files", "is no manifest of schema 1", {"manifest_json": MANIFEST}),
        ("manifest that leads outside", "which lies outside its folder", {"manifest_json": b'{"schema": 1, "files": {"../x": "0"}}'}),
    ),
    *table(rebuilds, errors.ManifestError, ("nothing to build anew", "there is no manifest.json", {})),
    *table(
        reads,
        errors.ReportError,
        ("report cut off", "is not readable as JSON", {"content": b'{"schema": 1'}),
        ("report a list", "report.json", {"content": b"[]"}),
        ("report with nothing in it", "has no", {"content": b'{"schema": 1}'}),
    ),
]  # fmt: skip

ROWS = [*SETTINGS, *FITS, *EXPORTS, *FILES]


@pytest.mark.filterwarnings("ignore:You passed in a `val_dataloader` but have no `validation_step`")
@pytest.mark.parametrize("row", [pytest.param(row, id=row.what) for row in ROWS])
def test_bad_input_is_named_before_anything_is_built(row: Row, tmp_path: Path) -> None:
    """The error's class, and the words that say what is wrong or what would do."""
    with pytest.raises(row.error, match=re.escape(row.words)):
        row.act(tmp_path)

    assert not list((tmp_path / "trt").rglob("manifest.json"))


def test_the_table_has_sixty_kinds() -> None:
    """Each of another kind."""
    assert len({row.what for row in ROWS}) == len(ROWS) >= 60
