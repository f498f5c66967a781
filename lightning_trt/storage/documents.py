"""JSON and YAML as they may come from anybody: plain data of a size that can be worked with, or a ValueError.

Who reads a document says what it is for and what to do next; here is only why it is none.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

__all__ = ["json_of", "yaml_of"]

_DEEPEST = 100
"""Levels of nesting. Readers walk a document by recursion, and Python ends that at some hundred calls."""

_MOST_OF_YAML = 100_000
"""Values in a YAML file, counted with all that its aliases stand for: a few lines of them can mean billions."""

_LONGEST_NUMBER = 100
_WHOLE = range(-(1 << 63), 1 << 64)


def json_of(text: str) -> Any:  # noqa: ANN401 - JSON is untyped
    """What the JSON `text` holds; numbers are finite, whole ones fit into 64 bits, and texts into UTF-8.

    Raises:
        ValueError: It is no JSON, or nests more than 100 levels, or a number or a text in it is none that we can hold.

    Example:
        >>> from lightning_trt.storage import json_of
        >>> json_of('{"samples": 512}')
        {'samples': 512}
    """
    try:
        tree = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_refuse)
    except RecursionError:
        raise _too_deep() from None
    _check(tree, most=None)
    return tree


def yaml_of(text: str) -> Any:  # noqa: ANN401 - as above
    """What the YAML `text` holds: plain data alone, whose aliases do not stand for more than 100,000 values.

    Raises:
        ValueError: It is no YAML, asks for an object, nests more than 100 levels, or holds too much.

    Example:
        >>> from lightning_trt.storage import yaml_of
        >>> yaml_of("rules: [{max_drop: 0.01}]")
        {'rules': [{'max_drop': 0.01}]}
    """
    # Imported here: the gate, which mostly reads no YAML, starts faster without it.
    import yaml  # noqa: PLC0415 - see above

    try:
        tree = yaml.safe_load(text)
    except RecursionError:
        raise _too_deep() from None
    # A tag that does not fit its value ends PyYAML in whatever way it happens to.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    _check(tree, most=_MOST_OF_YAML)
    return tree


def _check(tree: object, *, most: int | None) -> None:
    """Raise where the tree is too deep or too large, or holds a text that no file can."""
    level, num_values = [tree], 0
    for _ in range(_DEEPEST):
        level = [each for value in level for each in _members(value, most=most)]
        num_values += len(level)
        if not level:
            return
        if most is not None and num_values > most:
            raise ValueError(f"it holds more than {most:,} values")
        for each in level:
            if isinstance(each, str):
                each.encode()
    raise _too_deep()


def _members(value: object, *, most: int | None) -> Iterable[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value[: most + 1 if most else None] if isinstance(value, list) else ()


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER or (number := int(digits)) not in _WHOLE:
        raise ValueError(f"the number {digits[:20]}..., of {len(digits)} digits, does not fit into 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:20]} is larger than any that a computer calculates with")
    return number


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _too_deep() -> ValueError:
    return ValueError(f"it nests more than {_DEEPEST} levels")
