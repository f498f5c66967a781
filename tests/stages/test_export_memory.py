"""A conversion of an earlier run is taken for the same program, and for no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import torch
from passes.exported import run
from torch import Tensor, nn
from zoo.boundaries import boundary_of

from lightning_trt.passes import save
from lightning_trt.stages.export import export
from lightning_trt.stages.export.memory import remembered
from lightning_trt.storage import Cache

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_trt.artifacts import OnnxGraph


class Scaled(nn.Module):
    """A linear layer, times a number that is in no weight."""

    def __init__(self, *, scale: float = 2.0, weight: float = 0.5, offset: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        nn.init.constant_(self.layer.weight, weight)
        nn.init.constant_(self.layer.bias, 0.25)
        self.scale = scale
        self.offset = torch.full((3,), offset)

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        return self.layer(x) * self.scale + self.offset


class Shifted(Scaled):
    """The same weights, and other code."""

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        return self.layer(x) + self.scale + self.offset


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(folder=tmp_path / "cache")


def exported(module: nn.Module, cache: Cache) -> OnnxGraph:
    """The ONNX of a module that takes a matrix of its own type."""
    x = torch.ones(2, 4, dtype=next(module.parameters()).dtype)
    boundary, inputs = boundary_of(module.eval(), x)
    return export(module, boundary, inputs=inputs, cache=cache)


def is_recalled(graph: OnnxGraph) -> bool:
    """Whether an earlier run converted it."""
    return any("converted by an earlier run" in note for note in graph.notes)


def test_the_same_program_is_converted_once(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second graph computes what the first does, and torch does not convert."""
    first = exported(Scaled(), cache)
    monkeypatch.delattr(torch.onnx, "export")

    second = exported(Scaled(), cache)

    given = {"input_0": torch.randn(5, 4).numpy()}
    assert (is_recalled(first), is_recalled(second)) == (False, True)
    assert run(first.model, given)["output_0"].tolist() == run(second.model, given)["output_0"].tolist()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Scaled(weight=0.25), id="weights"),
        pytest.param(Scaled(scale=3.0), id="a number in the code"),
        pytest.param(Scaled(offset=1.0), id="a constant tensor"),
        pytest.param(Shifted(), id="code"),
        pytest.param(Scaled().double(), id="type"),
    ],
)
def test_another_program_is_converted_anew(cache: Cache, other: nn.Module) -> None:
    """Whatever differs."""
    exported(Scaled(), cache)

    assert not is_recalled(exported(other, cache))


def test_another_version_of_torch_converts_anew(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exporter may write another graph."""
    exported(Scaled(), cache)
    monkeypatch.setattr(torch, "__version__", "2.99.0")

    assert not is_recalled(exported(Scaled(), cache))


def test_a_damaged_entry_is_made_again(cache: Cache) -> None:
    """Half a file is as if there were none."""
    exported(Scaled(), cache)
    (path,) = cache.folder.rglob("model.onnx")
    path.write_bytes(path.read_bytes()[:100])

    found = [is_recalled(exported(Scaled(), cache)) for _ in range(2)]

    assert found == [False, True]


def test_what_was_found_is_checked_like_what_was_made(cache: Cache) -> None:
    """A whole entry that computes something else is refused, and the module traced."""
    exported(Scaled(), cache)
    (key,) = cache.keys("onnx-1")
    wrong = exported(Scaled(weight=0.125), Cache(folder=cache.folder / "other")).model
    cache.discard("onnx-1", key)
    cache.add("onnx-1", key, lambda into: save(wrong, into / "model.onnx"))

    graph = exported(Scaled(), cache)

    assert "through TorchScript, because" in graph.notes[-1]


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    """The export goes on without it."""
    (tmp_path / "file").touch()

    with pytest.warns(UserWarning, match="the ONNX was not kept for later runs"):
        graph = exported(Scaled(), Cache(folder=tmp_path / "file"))

    assert graph.program is not None


def test_of_four_at_once_one_converts(cache: Cache) -> None:
    """The others wait for it, and take what it made."""
    model = exported(Scaled(), cache).model

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: remembered(cache, "key", lambda: model)[1], range(4)))

    assert sorted(found) == [False, True, True, True]
