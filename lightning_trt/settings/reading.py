"""From what a user typed to settings, and from settings to what can be written down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

from lightning_trt.errors import SettingsError, nearest

__all__ = ["check_positive", "finite", "member", "members", "plain", "settings_of"]

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
        if word in {choice.name, choice.value}:
            return choice
    values = [str(choice.value) for choice in enum]
    raise SettingsError(f"{word!r} is not a {_spoken(enum)}. {nearest(str(word), values)}")


def _spoken(enum: type[Enum]) -> str:
    return {"Precision": "precision", "CalibratorName": "calibrator"}.get(enum.__name__, enum.__name__)


def members(enum: type[EnumT], words: str | EnumT | Sequence[str | EnumT]) -> tuple[EnumT, ...]:
    """The members that `words` name, one word or several, each once."""
    listed = [words] if isinstance(words, str | Enum) else list(words)
    return tuple(dict.fromkeys(member(enum, word) for word in listed))


def check_positive(owner: object, *names: str) -> None:
    """Raise `SettingsError` unless each of these fields of `owner` is None or above 0."""
    for name in names:
        number = getattr(owner, name)
        if number is not None and not number > 0:
            raise SettingsError(f"{type(owner).__name__}.{name} is {number!r}; it must be above 0.")


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
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SettingsError(f"{name} is {given!r}; it must be a finite number.")
    return number


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
    mapping = cast("Mapping[str, Any]", given or {})
    if not isinstance(mapping, Mapping):
        raise SettingsError(f"{given!r} is neither a {kind.__name__} nor a mapping of its fields.")
    known = [each.name for each in fields(cast("Any", kind))]
    for key in mapping:
        if key not in known:
            raise SettingsError(f"{kind.__name__} has no setting {key!r}. {nearest(str(key), known)}")
    return kind(**{str(key): value for key, value in mapping.items()})


def plain(value: object) -> Any:  # noqa: ANN401 - JSON has no better type
    """Settings as JSON holds them: dataclasses as dicts, members by value, tuples as lists, paths as text.

    Example:
        >>> from lightning_trt.settings import LatencySettings, plain
        >>> plain(LatencySettings(batch_sizes=(1,)))
        {'batch_sizes': [1], 'warmup_seconds': 0.2, 'seconds': 1.0}
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value
