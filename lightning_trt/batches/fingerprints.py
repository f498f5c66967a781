"""One number for what a dataset item holds, cheap enough to take of every batch."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

import numpy as np
import torch

from lightning_trt.batches.nests import tensors_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["data_digest", "fingerprints"]

_ELEMENTS = 64
_LANE_BYTES = 8


def fingerprints(nest: object, *, count: int) -> NDArray[np.uint64]:
    """One number for each of the `count` items of a batch, whatever batch they come in; of shape `(count,)`.

    Of each tensor an item's part is summed up as integers, and 64 elements are looked at one by one. A tensor without
    an axis of `count` items is part of every item.

    Example:
        >>> import torch
        >>> from lightning_trt.batches import fingerprints
        >>> batch = torch.arange(6.0).reshape(3, 2)
        >>> bool((fingerprints(batch, count=3)[1:] == fingerprints(batch[1:], count=2)).all())
        True
    """
    digests = [blake2b(digest_size=8) for _ in range(count)]
    for tensor in tensors_of(nest):
        is_batched = tensor.ndim > 0 and tensor.shape[0] == count
        parts = _essence(tensor if is_batched else tensor.unsqueeze(0))
        for row, digest in enumerate(digests):
            digest.update(parts[row if is_batched else 0])
    return np.array([int.from_bytes(digest.digest(), "little") for digest in digests], np.uint64)


def data_digest(parts: Iterable[NDArray[np.uint64]]) -> str:
    """Digest of items in their order, from the fingerprints of one batch after the other, however they were cut.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.batches import data_digest
        >>> items = np.array([1, 2, 3], np.uint64)
        >>> data_digest([items]) == data_digest([items[:1], items[1:]])
        True
    """
    digest = sha256()
    for part in parts:
        digest.update(part.astype("<u8").tobytes())
    return digest.hexdigest()


def _essence(tensor: Tensor) -> list[bytes]:
    """For each row its type and shape, the sum of its bits, and a few elements."""
    about = f"{tensor.dtype} {tuple(tensor.shape[1:])}".encode()
    flat = tensor.detach().cpu().contiguous().reshape(tensor.shape[0], -1)
    if not flat.shape[1]:
        return [about] * len(flat)
    # As bytes, because numpy has no bfloat16.
    raw: NDArray[np.uint8] = flat.view(torch.uint8).numpy()
    whole = raw.shape[1] // _LANE_BYTES * _LANE_BYTES
    sums = raw[:, :whole].view(np.uint64).sum(axis=1, dtype=np.uint64)
    places = np.unique(np.linspace(0, flat.shape[1] - 1, _ELEMENTS).astype(np.int64))
    seen = raw.reshape(len(raw), flat.shape[1], -1)[:, places]
    return [
        about + total.tobytes() + row[whole:].tobytes() + few.tobytes()
        for total, row, few in zip(sums, raw, seen, strict=True)
    ]
