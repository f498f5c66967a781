"""What a user asked for and did not get, said where `torch2trt()` was called."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

__all__ = ["notice"]

_HERE = str(Path(__file__).parent)


def notice(sentence: str) -> None:
    """Nothing; `sentence` is a warning of the first line outside of this folder that led here."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, UserWarning, stacklevel=level)
