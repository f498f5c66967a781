"""The settings as Hydra takes them: schemas made of the settings' own dataclasses, so that neither can drift.

OmegaConf knows no tuples of enums, no unions with containers, and matches an enum by its members' names. What a schema
therefore cannot say, the settings say when they are made of what Hydra composed.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, field, fields, is_dataclass, make_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from lightning_trt.settings import ExportSettings, Require, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["callback_schema", "export_schema", "schema_of", "store"]

_NAMED = ("precisions", "calibrators")
"""Settings that are a sequence of names, or a mapping of them to which groups add; None takes the settings' default."""

_OF_A_FIT = ("on_error",)
"""Settings that mean nothing without a fit."""


@cache
def schema_of(settings: type, *, without: tuple[str, ...] = ()) -> type:
    """A dataclass of the same name and fields as `settings`, in types that OmegaConf knows, with the same defaults.

    Example:
        >>> from omegaconf import OmegaConf
        >>> from lightning_trt.hydra_schema import schema_of
        >>> from lightning_trt.settings import CalibrationSettings
        >>> OmegaConf.structured(schema_of(CalibrationSettings)).quantized_by
        [<QuantizedBy.pairs: 'pairs'>]
    """
    hints = get_type_hints(settings)
    listed = [
        (each.name, _type_of(each.name, hints[each.name]), _default_of(each, hints[each.name]))
        for each in fields(settings)
        if each.name not in without
    ]
    return _schema(settings.__name__, listed)


def export_schema() -> DictConfig:
    """The schema of `lightning-trt export`: the settings, and what is exported."""
    schema = OmegaConf.structured(_of_command())
    for part in (schema.module, schema.datamodule, schema.metrics):
        # Their arguments are the user's own, which Hydra would else take with a "+" alone.
        OmegaConf.set_struct(part, value=False)
    return cast("DictConfig", schema)


def callback_schema() -> DictConfig:
    """The schema of a project's `callbacks` node with our callback in it: the settings, and what they are given to."""
    return OmegaConf.create({"trt_export": OmegaConf.structured(_of_callback())})


def store() -> None:
    """Nothing; Hydra's ConfigStore has the schema of the command."""
    ConfigStore.instance().store(name="export_schema", node=export_schema(), provider="lightning-trt")


def __getattr__(name: str) -> type:
    """A schema by the name under which a pickle refers to it.

    Launchers send configs to other processes, schemas and all. What cloudpickle cannot refer to it writes down field by
    field, and where it reads that again `dataclasses.MISSING` is another object, in the class of this process too.
    """
    made = {each.__qualname__: each for schema in (_of_command(), _of_callback()) for each in _schemas_in(schema)}
    if name not in made:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return made[name]


def _schemas_in(schema: type) -> Iterator[type]:
    """The schema, and those of its fields."""
    yield schema
    for each in fields(schema):
        for part in (each.type, *get_args(each.type)):
            if isinstance(part, type) and is_dataclass(part):
                yield from _schemas_in(part)


def _schema(name: str, listed: Iterable[tuple[str, Any, Any]], *, bases: tuple[type, ...] = ()) -> type:
    """The dataclass, which a pickle finds as `<name>Schema` of this module; `name` is what errors call it."""
    made = make_dataclass(name, listed, bases=bases, kw_only=True)
    made.__module__, made.__qualname__ = __name__, f"{name}Schema"
    return made


@cache
def _of_command() -> type:
    sweep = _schema("SweepSettings", [("require", Require, field(default=Require.any))])
    return _schema(
        "ExportSettings",
        [
            ("checkpoint", str | None, field(default=None)),
            ("module", dict[str, Any], field(default_factory=dict)),
            ("datamodule", dict[str, Any], field(default_factory=dict)),
            ("trust", bool, field(default=False)),
            ("metrics", dict[str, Any], field(default_factory=dict)),
            ("predict", str | None, field(default=None)),
            ("objective", Any, field(default=None)),
            ("sweep", sweep, field(default_factory=sweep)),
        ],
        bases=(schema_of(ExportSettings, without=_OF_A_FIT),),
    )


@cache
def _of_callback() -> type:
    return _schema(
        "TRTExportCallback",
        [
            ("_target_", str, field(default="lightning_trt.TRTExportCallback")),
            ("_convert_", str, field(default="all")),
            ("metrics", Any, field(default=None)),
            ("predict", Any, field(default=None)),
        ],
        bases=(schema_of(ExportSettings),),
    )


def _type_of(name: str, hint: Any) -> Any:  # noqa: ANN401 - types have no better type
    nested = _nested_in(hint)
    if name in _NAMED:
        return Any
    if nested is not None:
        # A key of what is not there cannot be set, so that nested settings are always there.
        return schema_of(nested)
    if get_origin(hint) in {Union, UnionType}:
        return _type_of(name, next(each for each in get_args(hint) if each is not NoneType)) | None
    if get_origin(hint) is tuple:
        return list[_type_of(name, get_args(hint)[0])]  # type: ignore[misc]  # made while the program runs
    return str if _is_spelt_otherwise(hint) else hint


def _nested_in(hint: Any) -> type | None:  # noqa: ANN401 - as above
    """The settings that `hint` says are there, or may be."""
    said = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    return next((each for each in said if isinstance(each, type) and is_dataclass(each)), None)


def _is_spelt_otherwise(hint: object) -> bool:
    """Whether it is an enum with a member whose name is not what the user types, because that is Python's word."""
    return isinstance(hint, type) and issubclass(hint, Enum) and any(each.name != each.value for each in hint)


def _default_of(setting: Field[Any], hint: Any) -> Any:  # noqa: ANN401 - `field` says that it gives the default's type
    if setting.name in _NAMED:
        return field(default=None)
    nested = _nested_in(hint)
    if nested is not None:
        return field(default_factory=schema_of(nested))
    default = setting.default_factory() if setting.default_factory is not MISSING else setting.default
    simple = plain(default)
    return field(default_factory=simple.copy) if isinstance(simple, list | dict) else field(default=simple)
