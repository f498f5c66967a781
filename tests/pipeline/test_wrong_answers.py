"""One thing is wrong with an engine at a time: validation sees it, and the gate says no."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import torch
from cli.exported import trained
from pipeline.spoilings import IN_CALLS, IN_GRAPHS, IN_PAIRS, IN_RANGES, in_graphs
from torch import nn
from zoo import Classifier, Images
from zoo.exporting import quick

import lightning_trt
from lightning_trt.artifacts import Verdict
from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.errors import GateFailedError, LightningTRTError
from lightning_trt.pipeline import road, written
from lightning_trt.stages.export import exporters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUM_SAMPLES = 1500
_REFUSED = {Verdict.failed, Verdict.error}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all runs are, and their cache."""
    return tmp_path_factory.mktemp("spoilings")


@pytest.fixture(scope="module")
def module(home: Path) -> Classifier:
    """A classifier that is right on most images."""
    return trained(home)


def verdict(
    module: Any, home: Path, *, precision: str = "fp32", cache: str | None = None, batch_size: int = 250
) -> Verdict:
    """What the gate says of a candidate; an error before it is one too."""
    options = quick(
        precisions=(precision,),
        dirpath=home / "trt",
        cache=cache or str(home / "cache"),
        calibration={"samples": 64},
        gate={"metric": "val/acc", "max_drop": 0.03},
        on_gate_fail="raise",
        formats=(),
    )
    try:
        return lightning_trt.export(module, Images(num_samples=NUM_SAMPLES, batch_size=batch_size), **options).verdict
    except GateFailedError:
        return Verdict.failed
    except LightningTRTError:
        return Verdict.error


def wrapped(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, change: Callable[..., Any]) -> None:
    """Nothing; the station at that place is given to `change`, with its arguments."""
    station = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *args, **kwargs: change(station, *args, **kwargs))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_sound_engine_passes(module: Classifier, home: Path, precision: str) -> None:
    """Or all that follows would say nothing."""
    assert verdict(module, home, precision=precision) is Verdict.passed


@pytest.mark.parametrize("spoiling", IN_GRAPHS)
def test_spoilt_graph_fails(module: Classifier, home: Path, spoiling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between export and build."""
    edit = IN_GRAPHS[spoiling]
    wrapped(monkeypatch, road, "build", lambda build, it, graphs, **how: build(it, in_graphs(graphs, edit), **how))

    assert verdict(module, home) in _REFUSED


@pytest.mark.parametrize("spoiling", IN_PAIRS)
def test_spoilt_pair_fails(module: Classifier, home: Path, spoiling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between rewrite and build."""
    edit = IN_PAIRS[spoiling]
    wrapped(monkeypatch, road, "build", lambda build, it, graphs, **how: build(it, in_graphs(graphs, edit), **how))

    assert verdict(module, home, precision="int8") in _REFUSED


@pytest.mark.parametrize("spoiling", IN_RANGES)
def test_spoilt_ranges_fail(module: Classifier, home: Path, spoiling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between calibrate and rewrite."""
    change = IN_RANGES[spoiling]
    wrapped(
        monkeypatch,
        written,
        "rewrite",
        lambda rewrite, graph, *, ranges, **how: rewrite(
            graph, ranges=None if ranges is None else change(ranges), **how
        ),
    )

    assert verdict(module, home, precision="int8") in _REFUSED


@pytest.mark.parametrize("spoiling", IN_CALLS)
def test_spoilt_call_fails(module: Classifier, home: Path, spoiling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between engine and validation_step."""
    opened = OnnxRuntime.open
    monkeypatch.setattr(OnnxRuntime, "open", lambda self, engine: IN_CALLS[spoiling](opened(self, engine)))

    assert verdict(module, home) in _REFUSED


def test_graph_of_another_checkpoint_fails(module: Classifier, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same class, with the weights that training began with."""
    other = copy.deepcopy(module.model)
    for layer in other:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.reset_parameters()
    wrapped(monkeypatch, road, "export", lambda export, _part, boundary, **how: export(other, boundary, **how))

    assert verdict(module, home) in _REFUSED


def test_stale_graph_of_the_cache_is_not_taken(module: Classifier, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lies there under this net's digest does not compute what the net does, and the graph is made anew."""
    other = Classifier().model.eval()
    stale: list[Any] = []

    def other_first(export: Any, part: Any, boundary: Any, **how: Any) -> Any:
        stale.append(export(other, boundary, **{**how, "cache": None}).model)
        return export(part, boundary, **how)

    wrapped(monkeypatch, road, "export", other_first)
    wrapped(monkeypatch, exporters, "remembered", lambda _remembered, *_: (stale[-1], True))

    assert verdict(module, home) is Verdict.passed


def test_values_beyond_fp16_fail(module: Classifier, home: Path) -> None:
    """The net computes the same in fp32; a weight of the next layer brings it back."""
    scaled = copy.deepcopy(module)
    with torch.no_grad():
        scaled.model[3].weight.mul_(1e6)
        scaled.model[3].bias.mul_(1e6)
        scaled.model[6].weight.mul_(1e-6)

    assert verdict(scaled, home, precision="fp32") is Verdict.passed
    assert verdict(scaled, home, precision="fp16") in _REFUSED
