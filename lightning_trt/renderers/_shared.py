"""What holds for several candidates, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["listed", "shared"]


def listed(names: Sequence[str]) -> str:
    """The names as a sentence lists them.

    Example:
        >>> from lightning_trt.renderers._shared import listed
        >>> listed(["fp32", "fp16", "int8-minmax"])
        'fp32, fp16 and int8-minmax'
    """
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def shared(said: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Each sentence of the pairs (name, sentence) once, behind a list of all whom it was said of.

    Example:
        >>> from lightning_trt.renderers._shared import shared
        >>> shared([("fp32", "it is slow"), ("int8", "it is wrong"), ("fp16", "it is slow")])
        (('fp32 and fp16', 'it is slow'), ('int8', 'it is wrong'))
    """
    names: dict[str, list[str]] = {}
    for name, sentence in said:
        names.setdefault(sentence, []).append(name)
    return tuple((listed(each), sentence) for sentence, each in names.items())
