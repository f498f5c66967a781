"""Parts of the validation data, in the batches of the whole."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch.utils.data import SequentialSampler

from lightning_trt.batches import is_stream, rebuilt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.replay.subject import Subject

__all__ = ["num_batches", "only_batches"]


def num_batches(subject: Subject) -> tuple[int, ...] | None:
    """How many batches of each loader are validated; None where a batch cannot be asked for by its number.

    It cannot of a stream, of a loader that shuffles or makes its batches itself, and of loaders that are combined.
    """
    loaders: Sequence[Any] = subject.loaders
    if subject.combined._mode != "sequential" or not all(map(_is_numbered, loaders)):
        return None
    limit = subject.trainer.limit_val_batches
    return tuple(min(len(loader), limit) if isinstance(limit, int) else int(len(loader) * limit) for loader in loaders)


def only_batches(subject: Subject, ranges: Sequence[range]) -> Subject:
    """The subject whose validation data is, of each loader, the batches whose numbers are in its range."""
    combined: Any = copy.copy(subject.combined)
    combined.flattened = [
        rebuilt(loader, loader.dataset, batch_sampler=list(loader.batch_sampler)[wanted.start : wanted.stop])
        for loader, wanted in zip(subject.loaders, ranges, strict=True)
    ]
    return replace(subject, combined=combined)


def _is_numbered(loader: Any) -> bool:
    return not is_stream(loader) and loader.batch_size is not None and isinstance(loader.sampler, SequentialSampler)
