"""torch without its own chatter."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's own warnings, log lines and prints: failures come as exceptions, the rest is not for users."""
    handlers = [handler for name in _loggers_of_torch() for handler in logging.getLogger(name).handlers]
    # The TorchScript exporter prints its graph when it fails, from C++, where no redirection of Python's reaches; its
    # own switch is turned on again at each export.
    printing = torch._C._jit_onnx_log  # noqa: SLF001 - torch has no public way
    torch._C._jit_onnx_log = _print_nothing  # noqa: SLF001
    for handler in handlers:
        handler.addFilter(_drop)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for handler in handlers:
            handler.removeFilter(_drop)
        torch._C._jit_onnx_log = printing  # noqa: SLF001


def _print_nothing(*_words: object) -> None:
    pass


def _drop(_record: logging.LogRecord) -> bool:
    return False


def _loggers_of_torch() -> list[str]:
    return [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in {"torch", "onnxscript"}]
