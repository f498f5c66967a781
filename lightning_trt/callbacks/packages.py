"""Lightning under its two names: `pytorch_lightning` and `lightning.pytorch` are the same code, and distinct classes.

A Trainer takes only callbacks of its own package. Which one the user's Trainer comes from is known when a callback is
made, not when ours is imported; importing both would double the time that takes.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

_NAMES = ("lightning.pytorch", "pytorch_lightning")

if TYPE_CHECKING:
    from pytorch_lightning import Callback
else:
    _LOADED = [name for name in _NAMES if name in sys.modules]
    Callback = import_module(_LOADED[0] if _LOADED else "pytorch_lightning").Callback

__all__ = ["Callback", "adopted"]

CallbackT = TypeVar("CallbackT", bound=Callback)


def adopted(kind: type[CallbackT]) -> type[CallbackT]:
    """`kind`, by now a subclass of the Callback of each of the two packages that is imported."""
    for name in _NAMES:
        parent = getattr(sys.modules.get(name), "Callback", None)
        if parent is not None and not issubclass(kind, parent):
            kind.__bases__ = (*kind.__bases__, parent)
    return kind
