"""From what a user typed to settings, and from settings to what can be written down."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, cast

from lightning_trt.errors import SettingsError, nearest

__all__ = ["check_positive", "check_text", "finite", "finite_or_none", "member", "members", "plain", "settings_of"]

EnumT = TypeVar("EnumT", bound=Enum)
SettingsT = TypeVar("SettingsT")


def member(enum: type[EnumT], word: str | EnumT) -> EnumT:
    """The member of `enum` whose name or value is `word`.

    Raises:
        SettingsError: No member is called so; the sentence names the nearest.

    Example:
        >>> from lightning_trt.precision import Precision
        >>> from lightning_trt.settings import member
        >>> member(Precision, "int8")
        <Precision.int8: 'int8'>
    """
    if isinstance(word, enum):
        return word
    for choice in enum:
        # No set: a file may hold anything here, lists too.
        if word in (choice.name, choice.value):
            return choice
    values = [str(choice.value) for choice in enum]
    raise SettingsError(f"{word!r} is not {_choice(enum)}. {nearest(str(word).lower(), values)}")


def members(
    enum: type[EnumT], words: str | EnumT | Iterable[str | EnumT] | Mapping[EnumT | str, bool]
) -> tuple[EnumT, ...]:
    """The members that `words` name, each once: one word, several, or those that a mapping has as true.

    Example:
        >>> from lightning_trt.precision import Precision
        >>> from lightning_trt.settings.reading import members
        >>> members(Precision, {"fp16": True, "int8": False})
        (<Precision.fp16: 'fp16'>,)
    """
    if isinstance(words, Mapping):
        return tuple(name for word, is_asked in words.items() if _is_asked(name := member(enum, word), is_asked))
    listed = words if isinstance(words, Iterable) and not isinstance(words, str) else [words]
    return tuple(dict.fromkeys(member(enum, word) for word in listed))


def _is_asked(name: Enum, given: object) -> bool:
    if not isinstance(given, bool):
        raise SettingsError(
            f"{name.value} of a mapping of names is {given!r}; it must be true, or false to leave it out."
        )
    return given


def check_positive(owner: object, *names: str) -> None:
    """Raise `SettingsError` unless each of these fields of `owner` is a number above 0, or None where it may be."""
    types = {each.name: str(each.type) for each in fields(cast("Any", owner))}
    for name in names:
        number = getattr(owner, name)
        if number is None and "None" in types[name]:
            continue
        is_whole = types[name].startswith("int")
        is_number = isinstance(number, Integral if is_whole else Real)
        if not is_number or not number > 0:
            kind = "a whole number" if is_whole else "a number"
            raise SettingsError(f"{_spoken(type(owner))}.{name} is {number!r}; it must be {kind} above 0.")


def finite(given: object, *, name: str) -> float:
    """`given` as a number; text is read, since YAML takes `1e-3` for a word.

    Raises:
        SettingsError: It is none, or not finite; the sentence calls it `name`.

    Example:
        >>> from lightning_trt.settings.reading import finite
        >>> finite("1e-3", name="gate.max_drop")
        0.001
    """
    try:
        number = math.nan if isinstance(given, bool) else float(cast("Any", given))
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise SettingsError(f"{name} is {given!r}; it must be a finite number.")
    return number


def finite_or_none(given: object, *, name: str) -> float | None:
    """None as it is, and else what `finite` makes of `given`.

    Raises:
        SettingsError: What `finite` raises.

    Example:
        >>> from lightning_trt.settings.reading import finite_or_none
        >>> finite_or_none(None, name="gate.max_drop") is None
        True
    """
    return None if given is None else finite(given, name=name)


def check_text(name: str, given: object) -> None:
    """Raise `SettingsError` unless `given`, which the sentence calls `name`, is a text or None."""
    if not isinstance(given, str | None):
        raise SettingsError(f"{name} is {given!r}; it must be one text.")


def settings_of(kind: type[SettingsT], given: SettingsT | Mapping[str, Any] | None) -> SettingsT:
    """`given` as `kind`, taken as it is or from a mapping of its fields.

    Raises:
        SettingsError: An unknown key, with the nearest name.

    Example:
        >>> from lightning_trt.settings import CalibrationSettings, settings_of
        >>> settings_of(CalibrationSettings, {"samples": 64}).samples
        64
    """
    if isinstance(given, kind):
        return given
    known = [each.name for each in fields(cast("Any", kind))]
    mapping = cast("Mapping[str, Any]", {} if given is None else given)
    if not isinstance(mapping, Mapping):
        raise SettingsError(
            f"{_spoken(kind)} is {given!r}; it must be a {kind.__name__}, or a mapping of its fields: "
            f"{', '.join(known)}."
        )
    for key in mapping:
        if key not in known:
            raise SettingsError(f"{_spoken(kind)} has no setting {key!r}. {nearest(str(key), known)}")
    return kind(**{str(key): value for key, value in mapping.items()})


def plain(value: object) -> Any:  # noqa: ANN401 - JSON has no better type
    """Settings as JSON holds them: dataclasses as dicts, members by value, tuples as lists, paths as text.

    Example:
        >>> from lightning_trt.settings import LatencySettings, plain
        >>> plain(LatencySettings(batch_sizes=(1,)))
        {'batch_sizes': [1], 'warmup_seconds': 0.2, 'seconds': 1.0, 'beside': None}
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


def _choice(enum: type[Enum]) -> str:
    spoken = _spoken(enum)
    return f"a {spoken}" if spoken in {"precision", "calibrator"} else f"a choice of {spoken}"


def _spoken(kind: type) -> str:
    """What users call `kind`: the keyword that takes it, rather than its class."""
    name = kind.__name__.removesuffix("Settings").removesuffix("Name").replace("TensorRT", "Tensorrt")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
