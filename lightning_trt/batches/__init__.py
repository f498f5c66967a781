"""DataModule to batches: the choice of samples, loaders over them, and what batches hold."""

from __future__ import annotations

from lightning_trt.batches.choice import balanced, chosen, drawn, items_of
from lightning_trt.batches.fingerprints import data_digest, fingerprints
from lightning_trt.batches.kept import Kept, without
from lightning_trt.batches.loaders import batches_of, counts
from lightning_trt.batches.nests import num_items, rows_of
from lightning_trt.batches.plain import head, is_stream, plain, positions, rebuilt

__all__ = [
    "Kept",
    "balanced",
    "batches_of",
    "chosen",
    "counts",
    "data_digest",
    "drawn",
    "fingerprints",
    "head",
    "is_stream",
    "items_of",
    "num_items",
    "plain",
    "positions",
    "rebuilt",
    "rows_of",
    "without",
]
