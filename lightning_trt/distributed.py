"""The few points where ranks meet.

A rank that waits polls the process group's store: no collective and no barrier stands around long work, whose time
would exceed the group's timeout, and an error on rank zero reaches every rank as the same exception.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import torch.distributed as dist

from lightning_trt import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch._C._distributed_c10d import Store

__all__ = ["on_rank_zero"]

_POLL_SECONDS = 0.1
_COUNTER = "lightning_trt/meetings"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What rank zero says at a meeting: the text of its result, or the name and sentence of its error."""

    text: str | None = None
    error: str | None = None
    sentence: str = ""


def on_rank_zero(work: Callable[[], str], *, patience: timedelta = timedelta(hours=24)) -> str:
    """The text that `work` gives on rank zero, on every rank; without a process group simply `work()`.

    Every rank must call this, in the same order.

    Raises:
        Exception: What `work` raised on rank zero; on the other ranks the same class where it is one of ours, else
            `LightningTRTError`, with the same sentence.

    Example:
        >>> from lightning_trt.distributed import on_rank_zero
        >>> on_rank_zero(lambda: "done")
        'done'
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return work()
    store = dist.distributed_c10d._get_default_store()  # noqa: SLF001 - torch has no public way to the group's store
    meeting = f"lightning_trt/meeting/{store.add(f'{_COUNTER}/{dist.get_rank()}', 1)}"
    if dist.get_rank() == 0:
        return _speak(store, meeting, work)
    return _listen(store, meeting, patience)


def _speak(store: Store, meeting: str, work: Callable[[], str]) -> str:
    try:
        text = work()
    except BaseException as error:
        store.set(meeting, json.dumps({"error": type(error).__name__, "sentence": str(error)}))
        raise
    store.set(meeting, json.dumps({"text": text}))
    return text


def _listen(store: Store, meeting: str, patience: timedelta) -> str:
    deadline = time.monotonic() + patience.total_seconds()
    while not store.check([meeting]):
        if time.monotonic() > deadline:
            raise errors.LightningTRTError(
                f"Rank 0 has not finished after {patience}; this rank expected its word. Look at rank 0's log."
            )
        time.sleep(_POLL_SECONDS)
    message = _Message(**json.loads(store.get(meeting)))
    if message.error is None:
        return message.text or ""
    kind = getattr(errors, message.error, errors.LightningTRTError)
    if not (isinstance(kind, type) and issubclass(kind, errors.LightningTRTError)):
        kind = errors.LightningTRTError
    raise kind(message.sentence)
