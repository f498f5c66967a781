"""Where ranks meet: through a store, here of two threads of one process."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

import pytest
import torch.distributed as dist

from lightning_trt import distributed
from lightning_trt.distributed import Crew, WithdrawnError
from lightning_trt.errors import LightningTRTError, NoSamplesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Helping = Callable[[str, Callable[[int], None]], str]

MEETING = "meeting"
LONG = timedelta(seconds=20)


@pytest.fixture
def store() -> dist.HashStore:
    """What both ranks write to and read from."""
    return dist.HashStore()


@pytest.fixture
def other_rank() -> Iterator[ThreadPoolExecutor]:
    """Rank one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


def following(
    store: dist.Store, helping: Helping = distributed._no_help, patience: timedelta = LONG
) -> Callable[[], str]:
    """What rank one does: help until rank zero's last word, which comes back."""

    def follow() -> str:
        with distributed._told_if_gone(), distributed._leaving(store, MEETING):
            return distributed._follow(store, MEETING, rank=1, helping=helping, patience=patience)

    return follow


def led(store: dist.Store, work: Callable[[Crew], str]) -> str:
    """What rank zero does."""
    crew = Crew(store, meeting=MEETING, ranks=range(1, 2))
    return distributed._lead(store, MEETING, lambda: work(crew), num_others=0)


def test_a_rank_answers_and_both_end_with_the_last_word(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """The units that were done on the way are told to rank zero."""
    done: list[int] = []

    def counting(what: str, advance: Callable[[int], None]) -> str:
        advance(3)
        time.sleep(0.2)
        return what.upper()

    word = other_rank.submit(following(store, counting))

    said = led(store, lambda crew: str(crew.ask("parts")[1].answer(done.append).text))

    assert (said, word.result(timeout=20), sum(done)) == ("PARTS", "PARTS", 3)


def test_an_error_of_a_helping_rank_is_an_answer(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """Rank zero is told and decides; the rank goes on to wait for the last word."""

    def failing(_what: str, _advance: Callable[[int], None]) -> str:
        raise OSError("unreadable")

    word = other_rank.submit(following(store, failing))

    said = led(store, lambda crew: crew.ask("parts")[1].answer().why_not)

    assert (said, word.result(timeout=20)) == ("rank 1: OSError: unreadable",) * 2


def test_a_rank_that_only_waits_answers_so(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """Rank zero need not wait for it, and learns what was missing."""
    word = other_rank.submit(following(store))

    said = led(store, lambda crew: crew.ask("parts")[1].answer().why_not)

    assert said.startswith("rank 1: LightningTRTError: This rank was asked for 'parts', and only waits")
    assert word.result(timeout=20) == said


def test_a_rank_that_its_user_stops_answers_at_once(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """And is stopped."""

    def stopped(_what: str, _advance: Callable[[int], None]) -> str:
        raise KeyboardInterrupt

    word = other_rank.submit(following(store, stopped))

    said = led(store, lambda crew: crew.ask("parts")[1].answer().why_not)

    assert said == "rank 1 was stopped"
    with pytest.raises(KeyboardInterrupt):
        word.result(timeout=20)


def test_a_silent_rank_is_given_up(store: dist.Store) -> None:
    """Nobody is there, and rank zero does not wait for longer than it was told to."""
    said = led(store, lambda crew: crew.ask("parts", silence=timedelta(seconds=0.2))[1].answer().why_not)

    assert said.startswith("rank 1 gave no sign of life for 0:00:00.2")


def test_a_rank_that_shows_signs_of_life_is_waited_for(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """Five times as long as it may be silent."""

    def slow(_what: str, advance: Callable[[int], None]) -> str:
        for _ in range(10):
            time.sleep(0.25)
            advance(1)
        return "done"

    other_rank.submit(following(store, slow))

    said = led(store, lambda crew: str(crew.ask("parts", silence=timedelta(seconds=1.2))[1].answer().text))

    assert said == "done"


def test_a_withdrawn_errand_ends_at_the_next_sign_of_life(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """What the rank did not finish costs nobody time."""
    begun, ended = Event(), Event()

    def endless(_what: str, advance: Callable[[int], None]) -> str:
        begun.set()
        try:
            while True:
                time.sleep(0.01)
                advance(1)
        except WithdrawnError:
            ended.set()
            raise

    def withdrawing(crew: Crew) -> str:
        errand = crew.ask("parts")[1]
        begun.wait(timeout=20)
        errand.withdraw()
        return errand.answer().why_not

    other_rank.submit(following(store, endless))

    said = led(store, withdrawing)

    assert ended.is_set()
    assert said.startswith("rank 1: WithdrawnError")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(NoSamplesError("nothing there"), NoSamplesError, id="ours"),
        pytest.param(OSError("nothing there"), OSError, id="Python's"),
        pytest.param(type("Foreign", (Exception,), {})("nothing there"), LightningTRTError, id="anybody's"),
        pytest.param(KeyboardInterrupt("nothing there"), KeyboardInterrupt, id="the user's"),
        pytest.param(type("Signalled", (SystemExit,), {})("nothing there"), SystemExit, id="a stop"),
    ],
)
def test_rank_zeros_error_is_every_ranks(
    store: dist.Store, other_rank: ThreadPoolExecutor, error: BaseException, kind: type[BaseException]
) -> None:
    """With its sentence, and of its class where that can be."""

    def failing(_crew: Crew) -> str:
        raise error

    word = other_rank.submit(following(store))

    with pytest.raises(type(error), match="nothing there"):
        led(store, failing)

    with pytest.raises(kind, match="nothing there"):
        word.result(timeout=20)


def test_rank_zero_leaves_when_its_last_word_was_heard(store: dist.Store, other_rank: ThreadPoolExecutor) -> None:
    """The store may end with it: a rank that looked away for a moment would find nobody."""
    word = other_rank.submit(following(store))

    distributed._lead(store, MEETING, lambda: "done", num_others=1)

    assert store.add(f"{MEETING}/left", 0) == 1
    assert word.result(timeout=20) == "done"


def test_rank_zero_does_not_wait_for_a_rank_that_is_gone(store: dist.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """For longer than it takes to hear a word."""
    monkeypatch.setattr(distributed, "_PARTING_SECONDS", 0.2)

    assert distributed._lead(store, MEETING, lambda: "done", num_others=1) == "done"


def test_a_rank_waits_for_rank_zero_no_longer_than_it_was_told_to(store: dist.Store) -> None:
    """Where rank zero never comes."""
    with pytest.raises(LightningTRTError, match="Rank 0 has not finished"):
        following(store, patience=timedelta(seconds=0.2))()


HOST = """
import time
import torch.distributed as dist
store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
print(store.port, flush=True)
time.sleep(60)
"""


def test_a_rank_whose_rank_zero_was_killed_says_so(other_rank: ThreadPoolExecutor) -> None:
    """The store ended with the process that kept it."""
    with subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        client = dist.TCPStore("127.0.0.1", int(host.stdout.readline()), is_master=False)
        word = other_rank.submit(following(client))

        host.kill()

        with pytest.raises(LightningTRTError, match="Rank 0 is gone"):
            word.result(timeout=20)
