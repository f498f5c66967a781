"""One number for what a dataset item holds, cheap enough to take of every batch."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import torch
from xxhash import xxh3_64

from lightning_trt.batches.nests import tensors_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["data_digest", "fingerprints"]


def fingerprints(nest: object, *, count: int) -> NDArray[np.uint64]:
    """One number for each of the `count` items of a batch, whatever batch they come in; of shape `(count,)`.

    It is XXH3 (https://xxhash.com) of the types, shapes and bits of all that belongs to the item: other data is told at
    the speed of memory; data that was made to collide need not be. A tensor without an axis of `count` items is part of
    every item.

    Example:
        >>> import torch
        >>> from lightning_trt.batches import fingerprints
        >>> batch = torch.arange(6.0).reshape(3, 2)
        >>> bool((fingerprints(batch, count=3)[1:] == fingerprints(batch[1:], count=2)).all())
        True
    """
    digests = [xxh3_64() for _ in range(count)]
    for tensor in tensors_of(nest):
        is_batched = tensor.ndim > 0 and tensor.shape[0] == count
        rows = _bytes_of(tensor if is_batched else tensor.unsqueeze(0))
        about = f"{tensor.dtype} {tuple(tensor.shape[is_batched:])}".encode()
        for number, digest in enumerate(digests):
            digest.update(about)
            digest.update(rows[number if is_batched else 0])
    return np.array([digest.intdigest() for digest in digests], np.uint64)


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


def _bytes_of(tensor: Tensor) -> NDArray[np.uint8]:
    """What each row holds, of shape `(rows, bytes)`."""
    flat = tensor.detach().cpu().contiguous().reshape(tensor.shape[0], -1)
    # As bytes, because numpy has no bfloat16.
    raw: NDArray[np.uint8] = flat.view(torch.uint8).numpy()
    return raw
