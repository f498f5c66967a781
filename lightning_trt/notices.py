"""What a user asked for and did not get, said at the line of the user's that led to it."""

from __future__ import annotations

import inspect
import warnings

__all__ = ["notice"]

_INNER = frozenset({"lightning_trt", "pytorch_lightning", "lightning", "torch", "contextlib"})
"""Packages whose lines a user cannot change."""


def notice(sentence: str) -> None:
    """Nothing; `sentence` is a warning of the first line outside of this package, Lightning and torch that led here."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INNER:
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, UserWarning, stacklevel=level)
