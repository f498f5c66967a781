"""Bytes, spoilt in one of the ways in which files are: by accident, and on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = ["odd_bytes"]

_LONG = 1 << 20


def odd_bytes(content: bytes, rng: Random, *, other: bytes = b"") -> tuple[str, bytes]:
    """How it was spoilt, and `content` spoilt so; `other` is the same file of another run."""
    way = rng.choice(list(_WAYS)) if content else "random"
    return (way, other) if way == "another run's" and other else (way, _WAYS[way](content, rng))


def _cut(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _beheaded(content: bytes, rng: Random) -> bytes:
    return content[rng.randrange(len(content)) + 1 :]


def _flipped(content: bytes, rng: Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 4, 64))):
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def _overwritten(content: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(content))
    length = min(rng.choice((1, 4, 8, 100)), len(content) - start)
    filling = rng.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * length
    return content[:start] + filling + content[start + length :]


def _without_piece(content: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.choice((1, 7, 200)) :]


def _doubled_piece(content: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(content))
    piece = content[start : start + rng.choice((1, 30, 500))]
    return content[:start] + piece * rng.choice((2, 3, 50)) + content[start:]


def _inserted(content: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + rng.randbytes(rng.choice((1, 9, 99))) + content[start:]


def _exchanged(content: bytes, rng: Random) -> bytes:
    one, other = sorted(rng.randrange(len(content)) for _ in range(2))
    return content[other:] + content[one:other] + content[:one]


_WAYS: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut off": _cut,
    "beheaded": _beheaded,
    "bits flipped": _flipped,
    "overwritten": _overwritten,
    "a piece gone": _without_piece,
    "a piece repeated": _doubled_piece,
    "bytes inserted": _inserted,
    "pieces exchanged": _exchanged,
    "another run's": _flipped,
    "empty": lambda _content, _rng: b"",
    "random": lambda _content, rng: rng.randbytes(rng.choice((1, 100, 5000))),
    "oversized": lambda content, rng: content + rng.choice((b"\x00", b" ", b"[", b"a: ")) * _LONG,
}
