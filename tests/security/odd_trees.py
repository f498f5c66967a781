"""JSON documents with one thing in them that nobody expects."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

__all__ = ["ODD", "odd_json", "odd_value"]

_HERE = "@odd@"
_DEEP = 100_000
_NEARLY_TOO_DEEP = 900
ODD: dict[str, str] = {
    "null": "null",
    "true": "true",
    "minus one": "-1",
    "zero": "0",
    "fraction": "1.5",
    "infinity as a number": "1e999",
    "NaN": "NaN",
    "beyond int64": str(1 << 64),
    "beyond float": "1" + "0" * 400,
    "too many digits": "1" + "0" * 5000,
    "no text": '""',
    "NUL": '"a\\u0000b"',
    "half a surrogate": '"\\ud800"',
    "escape sequence": '"\\u001b[2J"',
    "lines": '"::error::\\r\\n<script>alert(1)</script>"',
    "path above": '"../../outside/secret"',
    "path at the root": '"/dev/zero"',
    "path of Windows": '"..\\\\..\\\\outside"',
    "its own folder": '"."',
    "long text": json.dumps("a" * 70_000),
    "import path": '"os:abort"',
    "empty list": "[]",
    "empty object": "{}",
    "deep list": "[" * _DEEP + "]" * _DEEP,
    "deep object": '{"a":' * _DEEP + "1" + "}" * _DEEP,
    "nearly too deep a list": "[" * _NEARLY_TOO_DEEP + "]" * _NEARLY_TOO_DEEP,
    "nearly too deep an object": '{"items":' * _NEARLY_TOO_DEEP + "1" + "}" * _NEARLY_TOO_DEEP,
    "wide list": "[" + ",".join(["0"] * 50_000) + "]",
    "object in place": '{"kind": "tensor", "index": 0}',
}
"""What stands in a value's place, as JSON text, by what it is."""


def odd_json(text: str, rng: Random, *, other: str = "") -> tuple[str, str]:
    """What was done, and the document `text` after it; `other` is the same document of another run."""
    tree = json.loads(text)
    places = list(_places(tree))
    if not places:
        return "odd document", rng.choice(list(ODD.values()))
    path = rng.choice(places)
    way = rng.choice(("odd", "odd", "odd", "odd", "gone", "renamed", "repeated", "moved", "another run's"))
    holder, key = _at(tree, path[:-1]), path[-1]
    said, raw = way, ""
    if way == "odd":
        name = rng.choice(list(ODD))
        said, raw, holder[key] = name, ODD[name], _HERE
    elif way == "another run's" and other:
        holder[key] = _elsewhere(json.loads(other), path, default=holder[key])
    else:
        _rearrange(tree, holder, key, way, rng)
    spelt = json.dumps(tree).replace(json.dumps(_HERE), raw)
    return f"{said} at {'/'.join(map(str, path))}", spelt


def odd_value(rng: Random) -> tuple[str, Any]:
    """A value of a type that nobody expects, and what it is."""
    name = rng.choice([name for name in ODD if "deep" not in name and "digits" not in name])
    return name, json.loads(ODD[name])


def _rearrange(tree: Any, holder: Any, key: Any, way: str, rng: Random) -> None:
    if way == "renamed" and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif way == "repeated" and isinstance(holder, list):
        holder[:] = holder * rng.choice((2, 3, 300))
    elif way == "moved":
        holder[key] = copy.deepcopy(_at(tree, rng.choice(list(_places(tree)))))
    else:
        del holder[key]


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Path of every value below the root."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, each in members for place in [(*path, key), *_places(each, (*path, key))]]


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _elsewhere(tree: Any, path: tuple[Any, ...], *, default: Any) -> Any:
    try:
        return _at(tree, path)
    except (KeyError, IndexError, TypeError):
        return default
