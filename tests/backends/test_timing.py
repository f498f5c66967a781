"""Timing caches: whose they are, and what becomes of one that TensorRT refuses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx_ir as ir
import pytest
from backends.engines import net

from lightning_trt.backends.timing import cache_path, keep, offer

HERE = {"gpu": "H200", "precision": "fp16"}


class Config:
    """The part of a builder's configuration that holds its timings."""

    def __init__(self) -> None:
        self.cache: bytes | None = None

    def create_timing_cache(self, known: bytes) -> bytes | None:
        """None for what it cannot read."""
        return None if known == b"garbage" else known

    def set_timing_cache(self, cache: bytes, _ignores_mismatch: bool) -> bool:  # noqa: FBT001 - TensorRT's own
        """Whether it is of this device."""
        if cache == b"foreign":
            return False
        self.cache = cache
        return True

    def get_timing_cache(self) -> Any:
        """What was measured."""
        return SimpleNamespace(serialize=lambda: b"measured")


def draft(*said: str) -> Any:
    """A draft whose builder said this."""
    return SimpleNamespace(config=Config(), log=SimpleNamespace(lines=[("WARNING", line) for line in said]))


def path(model: ir.Model | None = None, **about: str) -> Path:
    """The cache's path without its folder."""
    return cache_path(Path("timing"), model or net("residual").graph.model, about={**HERE, **about})


def test_other_weights_share_a_cache() -> None:
    """The network of the next epoch."""
    model = net("residual").graph.model.clone()
    weight = next(value for value in model.graph.initializers.values() if value.const_value is not None)
    weight.const_value = ir.Tensor(weight.const_value.numpy() + 1)

    assert path(model) == path()


def test_another_network_has_its_own() -> None:
    """TensorRT refuses that of another."""
    assert path(net("vision").graph.model) != path()


@pytest.mark.parametrize("about", [{"gpu": "H100"}, {"precision": "int8"}], ids=["gpu", "precision"])
def test_another_gpu_or_precision_has_its_own(about: dict[str, str]) -> None:
    """Timings are a device's."""
    assert path(**about) != path()


def test_what_was_measured_is_offered_next_time(tmp_path: Path) -> None:
    """From one build to the next."""
    keep(draft(), tmp_path / "a.timing")
    second = draft()

    offer(second, tmp_path / "a.timing")

    assert second.config.cache == b"measured"


@pytest.mark.parametrize("content", [b"garbage", b"foreign"])
def test_one_that_cannot_be_used_is_not(content: bytes, tmp_path: Path) -> None:
    """The builder starts with an empty one."""
    (tmp_path / "a.timing").write_bytes(content)
    made = draft()

    offer(made, tmp_path / "a.timing")

    assert made.config.cache == b""


def test_one_that_was_refused_while_building_is_removed(tmp_path: Path) -> None:
    """The next build starts with none, and says nothing."""
    (tmp_path / "a.timing").write_bytes(b"old")

    keep(draft("Myelin error from unknown graph. The timing cache will not be used!"), tmp_path / "a.timing")

    assert not (tmp_path / "a.timing").exists()


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    """The engine is there; the next build takes its time."""
    (tmp_path / "file").write_bytes(b"")

    keep(draft(), tmp_path / "file" / "a.timing")

    assert (tmp_path / "file").read_bytes() == b""
