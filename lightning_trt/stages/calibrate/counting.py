"""Counts of tensors on the device where they are: nothing is waited for until all blocks have run.

Floats are counted and compared by their bit patterns, in whole numbers alone, so that no order of threads changes
anything. What must look at each value twice, or in several kernels, costs as much as a layer: where Triton is there,
one kernel of ours does it in one look (`kernel`).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import torch

from lightning_trt.artifacts import TensorStatistics
from lightning_trt.calibrators.bins import INF_BIN, NUM_BINS, SHIFT
from lightning_trt.calibrators.statistics import finite_extremes
from lightning_trt.stages.calibrate.tally import folded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["Counts", "count", "ordered"]

_SIGNED_BINS = 2 * NUM_BINS
_LEAST, _GREATEST = -(1 << 31), (1 << 31) - 1


class Counts:
    """Counts of the tensors `names` on `device`, in constant memory but for two numbers of each tensor and row.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from lightning_trt.stages.calibrate.counting import Counts
        >>> counts = Counts(["relu"], device=torch.device("cpu"))
        >>> extremes = counts.begin(2)
        >>> counts.add("relu", torch.tensor([[1.0, -2.0], [0.0, 3.0]]), extremes)
        >>> counts.keep(extremes)
        >>> seen = counts.statistics(np.array([4, 9]), histograms=True)["relu"]
        >>> seen.low, seen.high, seen.zeros, seen.sample_highs.tolist()
        (-2.0, 3.0, 1, [1.0, 3.0])
    """

    def __init__(self, names: Sequence[str], *, device: torch.device) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._device = device
        self._bins = torch.zeros(len(names), _SIGNED_BINS, dtype=torch.int64, device=device)
        self._extremes: list[Tensor] = []
        self._count = _kernel_for(device)

    def begin(self, num_rows: int) -> Tensor:
        """Extremes of a block of which nothing was seen, int32 of shape `(2, tensors, num_rows)`, in ordered bits."""
        extremes = torch.empty(2, len(self._places), num_rows, dtype=torch.int32, device=self._device)
        extremes[0].fill_(_GREATEST)
        extremes[1].fill_(_LEAST)
        return extremes

    def add(self, name: str, rows: Tensor, extremes: Tensor, octaves: Tensor | None = None) -> None:
        """Nothing; `rows`, float32 of shape `(rows, values)`, are counted, and their `extremes` are known.

        `octaves`, int8 of shape `(values,)`, make each value larger by as many.
        """
        place = self._places[name]
        self._count(rows, octaves, self._bins[place], extremes[0, place], extremes[1, place])

    def keep(self, extremes: Tensor) -> None:
        """Nothing; the rows of `extremes` come behind those that are kept."""
        self._extremes.append(extremes)

    def statistics(self, items: NDArray[np.int64], *, histograms: bool) -> dict[str, TensorStatistics]:
        """What was seen of each tensor, where `items` is the dataset item of each row; here the device is waited for.

        Without `histograms` only what they say of NaN and infinity is told.
        """
        bins = self._bins.cpu().numpy()
        lows, highs = _floats(torch.cat(self._extremes, dim=2).cpu().numpy())
        return {
            name: _told(bins[place], lows[place], highs[place], items, histograms=histograms)
            for name, place in self._places.items()
        }


def _told(
    bins: NDArray[np.int64],
    lows: NDArray[np.float32],
    highs: NDArray[np.float32],
    items: NDArray[np.int64],
    *,
    histograms: bool,
) -> TensorStatistics:
    by_sign = bins.reshape(2, NUM_BINS)
    sample_lows, sample_highs = folded(np.minimum, lows, items), folded(np.maximum, highs, items)
    low, high = finite_extremes(sample_lows, sample_highs)
    return TensorStatistics(
        count=int(bins.sum()),
        nans=int(by_sign[:, INF_BIN + 1 :].sum()),
        infs=int(by_sign[:, INF_BIN].sum()),
        low=low,
        high=high,
        sample_lows=sample_lows,
        sample_highs=sample_highs,
        positive=by_sign[0] if histograms else None,
        negative=by_sign[1] if histograms else None,
    )


def _floats(extremes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Ordered bits as what they stand for; NaN at both ends where one is."""
    bits: NDArray[np.int32] = extremes ^ ((extremes >> 31) & _GREATEST)
    floats = bits.view(np.float32)
    return np.where(np.isnan(floats).any(axis=0), np.float32(np.nan), floats)


def ordered(bits: Tensor) -> Tensor:
    """Patterns of float32 as int32 of the same order: NaN beyond infinity, at the end that its sign says.

    Example:
        >>> import torch
        >>> from lightning_trt.stages.calibrate.counting import ordered
        >>> ordered(torch.tensor([-1.0, -0.0, 0.0, 1.0]).view(torch.int32)).tolist()
        [-1065353217, -1, 0, 1065353216]
    """
    return bits ^ ((bits >> 31) & _GREATEST)


def count(rows: Tensor, octaves: Tensor | None, bins: Tensor, lows: Tensor, highs: Tensor) -> None:
    """Nothing; `bins` and the extremes `lows` and `highs` of each row are those of `rows` too. On any device."""
    # A power of two has no mantissa: its pattern is its exponent alone.
    values = rows if octaves is None else rows * ((octaves.to(torch.int32) + 127) << 23).view(torch.float32)
    bits = values.contiguous().view(torch.int32)
    torch.amin(ordered(bits), dim=1, out=lows)
    torch.amax(ordered(bits), dim=1, out=highs)
    places = (bits >> SHIFT).bitwise_and_(_SIGNED_BINS - 1).flatten()
    bins.index_add_(0, places, torch.ones((), dtype=torch.int64, device=bins.device).expand(places.shape))


def _kernel_for(device: torch.device) -> Callable[[Tensor, Tensor | None, Tensor, Tensor, Tensor], None]:
    """What counts on `device`."""
    if device.type != "cuda" or find_spec("triton") is None:
        return count
    from lightning_trt.stages.calibrate.kernel import Kernel  # noqa: PLC0415 - torch for CUDA brings Triton

    return Kernel(device)
