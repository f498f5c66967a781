"""What is timed beside the engines."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from zoo import Classifier, Images
from zoo.exporting import quick

from lightning_trt import export
from lightning_trt.errors import SettingsError
from lightning_trt.pipeline.beside import asked_beside, beside
from lightning_trt.settings import Beside, LatencySettings

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt import Report

BRIEF = {"batch_sizes": (1, 4), "warmup_seconds": 0.01, "seconds": 0.01}


def exported(into: Path, **latency: object) -> Report:
    """A quick export with these settings of latency."""
    return export(Classifier(), Images(), **quick(dirpath=into, latency={**BRIEF, **latency}))


def test_a_processor_times_nothing_unless_asked() -> None:
    """Compiling takes minutes there; a GPU times all."""
    assert (asked_beside(None, on_gpu=False), asked_beside(None, on_gpu=True)) == ((), tuple(Beside))


def test_what_was_asked_for_is_what_is_timed() -> None:
    """Wherever the module runs."""
    assert asked_beside((Beside.eager_fp16,), on_gpu=False) == (Beside.eager_fp16,)


def test_fp16_takes_what_the_module_takes() -> None:
    """Casts are its own, whole numbers stay, and the module itself is left alone."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3)).eval()
    images = torch.randn(4, 1, 8, 8)

    made = beside(net, asked=[Beside.eager_fp16])["eager-fp16"](images)

    assert made.dtype is torch.float16
    torch.testing.assert_close(made.float(), net(images), rtol=1e-2, atol=1e-2)
    assert net[0].weight.dtype is torch.float32


@pytest.mark.filterwarnings("ignore")  # torch's own, of its compiler
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a processor: no g++")
def test_compiled_computes_what_the_module_computes() -> None:
    """In the module's own types."""
    net = nn.Linear(4, 3).eval()
    rows = torch.randn(2, 4)

    with torch.inference_mode():
        made = beside(net, asked=[Beside.compile_fp32])["compile-fp32"](rows)

    torch.testing.assert_close(made, net(rows))


def test_the_report_has_what_was_timed_beside(tmp_path: Path) -> None:
    """At each batch size, below the reference."""
    report = exported(tmp_path, beside=["eager-fp16"])

    assert [each.batch for each in report.reference.beside["eager-fp16"]] == [1, 4]
    assert "| eager-fp16 |" in (report.path / "report.md").read_text(encoding="utf-8")


def test_what_cannot_be_compiled_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines are timed all the same."""
    monkeypatch.setattr(torch, "compile", lambda *_args, **_kwargs: _broken)

    report = exported(tmp_path, beside=["compile-fp32"])

    assert "compile-fp32 was not timed beside the engines: RuntimeError: no C++ compiler" in report.notes
    assert dict(report.reference.beside) == {}
    assert report.candidates["fp32"].latency


def test_an_unknown_way_is_refused() -> None:
    """With the nearest one."""
    with pytest.raises(SettingsError, match=r"'compile-fp61' is not a choice of beside\. Did you mean 'compile-fp16'"):
        LatencySettings(beside=("compile-fp61",))


def _broken(*_args: object, **_kwargs: object) -> None:
    raise RuntimeError("no C++ compiler\nand a long trace")
