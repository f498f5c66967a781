"""The few points where ranks meet.

Rank zero leads: it does the work, asks the others for parts of it, and has the last word, which every rank gets. All of
it goes through the process group's store, which a waiting rank polls: there is no collective and no barrier, which a
rank that failed would let the others hang in, and which long work would exceed the timeout of.
"""

from __future__ import annotations

import builtins
import json
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import torch.distributed as dist

from lightning_trt import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch._C._distributed_c10d import Store

    Helping = Callable[[str, Callable[[int], None]], str]

__all__ = ["Answer", "Crew", "Errand", "WithdrawnError", "on_rank_zero"]

_POLL_SECONDS = 0.05
_PARTING_SECONDS = 10.0
_STOPS: dict[str, type[BaseException]] = {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}
_COUNTER = "lightning_trt/meetings"


class WithdrawnError(Exception):
    """Rank zero no longer wants what this rank is doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a rank brought; where `text` is None, `why_not` says why it brought nothing."""

    text: str | None = None
    why_not: str = ""


class Errand:
    """One thing that rank zero has asked one rank for."""

    def __init__(self, store: Store, key: str, *, rank: int, silence: timedelta) -> None:
        self.rank = rank
        self._store = store
        self._key = key
        self._silence = silence
        self._news = 0
        self._heard = time.monotonic()

    def answered(self) -> Answer | None:
        """The answer, None while the rank works; one that gives no sign of life is given up."""
        if self._store.check([f"{self._key}/said/{self.rank}"]):
            return Answer(**json.loads(self._store.get(f"{self._key}/said/{self.rank}")))
        if (news := self._store.add(f"{self._key}/news/{self.rank}", 0)) != self._news:
            self._news, self._heard = news, time.monotonic()
        if time.monotonic() - self._heard < self._silence.total_seconds():
            return None
        return Answer(why_not=f"rank {self.rank} gave no sign of life for {self._silence}")

    def answer(self, advance: Callable[[int], None] | None = None) -> Answer:
        """The answer, once it is there; `advance` is called with the units that were done meanwhile."""
        told = 0
        while (answer := self.answered()) is None:
            if advance is not None and self._news > told:
                advance(self._news - told)
                told = self._news
            time.sleep(_POLL_SECONDS)
        return answer

    def withdraw(self) -> None:
        """Nothing; the rank, if it still works for it, stops at its next sign of life."""
        self._store.set(f"{self._key}/withdrawn/{self.rank}", "")


class Crew:
    """The ranks that help rank zero; nobody where there is one process.

    Example:
        >>> from lightning_trt.distributed import Crew
        >>> Crew().ask("anybody there?")
        {}
    """

    def __init__(self, store: Store | None = None, *, meeting: str = "", ranks: range = range(0)) -> None:
        self._store = store
        self._meeting = meeting
        self.ranks = ranks
        self._num_asked = 0

    def ask(self, what: str, *, silence: timedelta = timedelta(minutes=5)) -> dict[int, Errand]:
        """An errand for each of the other ranks, by rank, which begin as soon as they are free.

        A rank that gives no sign of life for as long as `silence` is given up.
        """
        if self._store is None:
            return {}
        key = f"{self._meeting}/errand/{self._num_asked}"
        self._num_asked += 1
        self._store.set(f"{key}/what", what)
        return {rank: Errand(self._store, key, rank=rank, silence=silence) for rank in self.ranks}


def on_rank_zero(
    work: Callable[[Crew], str], *, helping: Helping | None = None, patience: timedelta = timedelta(hours=24)
) -> str:
    """The text that `work` gives on rank zero, on every rank; without a process group simply that of `work`.

    Every rank must call this, in the same order. While ranks work each of them looks like the only one to whoever asks
    torch: a metric that would wait for the other ranks' does not.

    Args:
        work: Done on rank zero, with the crew that it may ask.
        helping: Done on the other ranks for each errand: from what was asked, and a function to call with the number of
            units done as a sign of life, to the answer. None: they only wait.
        patience: How long they wait for the last word, from the last errand on.

    Raises:
        Exception: What `work` raised on rank zero; on the other ranks the same class where it is one of ours or of
            Python's own, else `LightningTRTError`, with the same sentence. Where rank zero is stopped, by Ctrl-C or an
            exit, so are they. What `helping` raises is told to rank zero and nobody else.

    Example:
        >>> from lightning_trt.distributed import on_rank_zero
        >>> on_rank_zero(lambda crew: f"done by {1 + len(crew.ranks)}")
        'done by 1'
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return work(Crew())
    store = dist.distributed_c10d._get_default_store()  # noqa: SLF001 - torch has no public way to the group's store
    rank, ranks = dist.get_rank(), range(1, dist.get_world_size())
    meeting = f"lightning_trt/meeting/{store.add(f'{_COUNTER}/{rank}', 1)}"
    with _alone():
        if rank == 0:
            crew = Crew(store, meeting=meeting, ranks=ranks)
            return _lead(store, meeting, lambda: work(crew), num_others=len(ranks))
        with _told_if_gone(), _leaving(store, meeting):
            return _follow(store, meeting, rank=rank, helping=helping or _no_help, patience=patience)


@contextmanager
def _alone() -> Iterator[None]:
    """While entered, torch says that there is no process group, also to torchmetrics and to the user's code."""
    is_initialized = dist.is_initialized
    dist.is_initialized = _never
    try:
        yield
    finally:
        dist.is_initialized = is_initialized


@contextmanager
def _told_if_gone() -> Iterator[None]:
    """While entered, a process group's store that ended with rank zero is an error of ours."""
    try:
        yield
    except dist.DistError as error:
        raise errors.LightningTRTError(
            f"Rank 0 is gone, and what ranks meet through with it ({error}); this rank expected its last word. Look at "
            "rank 0's log. The checkpoints that were written stay: export the best with `lightning-trt export`."
        ) from error


def _never() -> bool:
    return False


def _lead(store: Store, meeting: str, work: Callable[[], str], *, num_others: int) -> str:
    try:
        text = work()
    except Exception as error:
        _say(store, meeting, {"error": type(error).__name__, "sentence": str(error)}, num_others=num_others)
        raise
    except BaseException as stop:
        name = "KeyboardInterrupt" if isinstance(stop, KeyboardInterrupt) else "SystemExit"
        _say(store, meeting, {"error": name, "sentence": str(stop)}, num_others=num_others)
        raise
    _say(store, meeting, {"text": text}, num_others=num_others)
    return text


def _say(store: Store, meeting: str, word: dict[str, str], *, num_others: int) -> None:
    """Nothing; the last word is said, and whoever was there to hear it has."""
    store.set(meeting, json.dumps(word))
    # The store ends with this process, which may be at its end: one that is dead or busy is waited for no longer.
    until = time.monotonic() + _PARTING_SECONDS
    while store.add(f"{meeting}/left", 0) < num_others and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _follow(store: Store, meeting: str, *, rank: int, helping: Helping, patience: timedelta) -> str:
    errands, heard = 0, time.monotonic()
    while not store.check([meeting]):
        key = f"{meeting}/errand/{errands}"
        if store.check([f"{key}/what"]):
            _help(store, key, rank=rank, helping=helping)
            errands, heard = errands + 1, time.monotonic()
        elif time.monotonic() - heard > patience.total_seconds():
            raise errors.LightningTRTError(
                f"Rank 0 has not finished after {patience}; this rank expected its word. Look at rank 0's log."
            )
        else:
            time.sleep(_POLL_SECONDS)
    word = json.loads(store.get(meeting))
    if "error" not in word:
        return str(word["text"])
    raise _like(word["error"], word["sentence"])


@contextmanager
def _leaving(store: Store, meeting: str) -> Iterator[None]:
    """A block after which rank zero need not wait for this rank, however it ended."""
    try:
        yield
    finally:
        with suppress(dist.DistError):
            store.add(f"{meeting}/left", 1)


def _help(store: Store, key: str, *, rank: int, helping: Helping) -> None:
    def advance(count: int) -> None:
        store.add(f"{key}/news/{rank}", count)
        if store.check([f"{key}/withdrawn/{rank}"]):
            raise WithdrawnError

    said = {"why_not": f"rank {rank} was stopped"}
    try:
        said = {"text": helping(store.get(f"{key}/what").decode(), advance)}
    except Exception as error:  # noqa: BLE001 - whatever it is, rank zero decides what it means
        said = {"why_not": f"rank {rank}: {type(error).__name__}: {error}"}
    finally:
        # Also where the user stops this rank: rank zero need not wait for it to be silent for long.
        store.set(f"{key}/said/{rank}", json.dumps(said))


def _no_help(what: str, _advance: Callable[[int], None]) -> str:
    raise errors.LightningTRTError(
        f"This rank was asked for {what!r:.80}, and only waits. Give `on_rank_zero` a function `helping` for that."
    )


def _like(name: str, sentence: str) -> BaseException:
    """The stop that rank zero met, or the error: of its class where that is one of ours or of Python's own."""
    if name in _STOPS:
        return _STOPS[name](sentence)
    kind = getattr(errors, name, None) or getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        with suppress(TypeError):  # some of Python's own take more than a sentence
            return kind(sentence)
    return errors.LightningTRTError(f"{name} on rank 0: {sentence}")
