"""What TensorRT's own calibrators are fed with; the calibrators themselves are tested on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from backends.engines import net

from lightning_trt.artifacts import Range, Ranges
from lightning_trt.backends.native import _batches, _Feed, cache_text, calibrated, reading
from lightning_trt.errors import SettingsError
from lightning_trt.runtime._trt import Package
from lightning_trt.settings import TensorRTSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One dataset item."""

    inputs: tuple[Tensor, ...]


class Base:
    """A calibrator of TensorRT's."""


@pytest.fixture
def package() -> Package:
    """A TensorRT that calibrates."""
    return Package(type("package", (), {"__version__": "9.3.0", "IInt8EntropyCalibrator2": Base}))


def tokens(samples: int) -> Iterator[Item]:
    """Items of the text net, one number for each."""
    return (Item(inputs=(torch.full((1, 7), at), torch.ones(1, 7, dtype=torch.long))) for at in range(samples))


def batches(samples: int, batch_size: int) -> list[dict[str, Any]]:
    """What comes of so many items."""
    return list(_batches(net("text").boundary, tokens(samples), batch_size=batch_size, device=CPU))


def test_items_are_put_together_in_their_order() -> None:
    """A real batch size, as the histograms of TensorRT want it."""
    first, second = batches(8, 4)

    assert first["input_0"][:, 0].tolist() == [0, 1, 2, 3]
    assert second["input_0"][:, 0].tolist() == [4, 5, 6, 7]


def test_a_last_part_is_dropped() -> None:
    """TensorRT reads whole batches from the address that it gets."""
    assert len(batches(11, 4)) == 2


def test_whole_numbers_have_32_bits() -> None:
    """Those of TensorRT 8."""
    assert batches(2, 2)[0]["input_1"].dtype is torch.int32


def test_addresses_are_in_the_order_that_tensorrt_asks_in() -> None:
    """Not in that of the boundary."""
    feed = _Feed(batch_size=2, batches=iter(batches(2, 2)))

    addresses = feed.addresses(["input_1", "input_0"])

    assert addresses == [feed.held["input_1"].data_ptr(), feed.held["input_0"].data_ptr()]


def test_the_end_is_none() -> None:
    """And nothing was wrong."""
    feed = _Feed(batch_size=2, batches=iter(()))

    assert feed.addresses(["input_0"]) is None
    assert feed.error is None


def test_an_exception_is_kept() -> None:
    """TensorRT would print it and go on."""

    def broken() -> Iterator[dict[str, Tensor]]:
        raise OSError("the disk is gone")
        yield {}

    feed = _Feed(batch_size=2, batches=broken())

    assert feed.addresses(["input_0"]) is None
    assert isinstance(feed.error, OSError)


def test_a_cache_is_written_for_the_version_that_reads_it(package: Package) -> None:
    """TensorRT passes over a header of another."""
    ranges = Ranges(tensors={"x": Range(low=-1.0, high=1.0)})
    calibrator = reading(package, cache_text(package, ranges))

    assert calibrator.read_calibration_cache() == b"TRT-9300-EntropyCalibration2\nx: 3c010204\n"


def test_a_cache_is_fed_nothing(package: Package) -> None:
    """Should TensorRT ask all the same."""
    assert reading(package, "").get_batch(["x"]) is None


def test_an_unknown_algorithm_is_refused(package: Package) -> None:
    """The sentence names the nearest."""
    with pytest.raises(SettingsError, match="Did you mean 'entropy2'"):
        calibrated(
            package, net("text").graph, tokens(1), algorithm="entropy22", batch_size=1, settings=TensorRTSettings()
        )
