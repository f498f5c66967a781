"""Engines without a manifest, which somebody vouches for: made into a folder that has one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from lightning_trt import backends
from lightning_trt.backends.positions import boundary_of
from lightning_trt.errors import EngineError, SettingsError, nearest
from lightning_trt.passes import save
from lightning_trt.runtime import manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_trt.artifacts import Engine, TensorSpec

__all__ = ["adopted"]


def adopted(
    engine: object, *, into: Path, input_names: Sequence[str] | None, output_names: Sequence[str] | None
) -> Engine:
    """The engine of a plan or ONNX file, or of an engine object of TensorRT's, in the folder `into`, with a manifest.

    Its inputs are taken by position, in the order of `input_names`, else in its own.

    Raises:
        EngineError: It cannot be read.
        SettingsError: It has no input or output of such a name.
    """
    _put(engine, into)
    found = backends.adopt(into)
    boundary = boundary_of(
        _ordered(found.boundary.inputs, input_names, "input_names"),
        _ordered(found.boundary.outputs, output_names, "output_names"),
    )
    # It opens here or nowhere: what it is bound to is what is here.
    environment = backends.find(found.backend).environment
    found = replace(found, boundary=boundary, environment=environment)
    manifest.write(found)
    return found


def _put(engine: object, into: Path) -> None:
    if hasattr(engine, "serialize"):
        (into / "model.engine").write_bytes(bytes(engine.serialize()))
        return
    path = Path(str(engine))
    if not path.is_file():
        raise EngineError(f"{path} is neither a folder nor a file; expected an engine's folder, or its plan.")
    if path.suffix == ".onnx":
        # Not copied: its weights may lie beside it.
        save(ir.load(path), into / "model.onnx")
    else:
        shutil.copyfile(path, into / "model.engine")


def _ordered(specs: tuple[TensorSpec, ...], names: Sequence[str] | None, keyword: str) -> tuple[TensorSpec, ...]:
    """The tensors in the order of the names; those that no name is given for are left out of a call's results."""
    if names is None:
        return specs
    by_name = {spec.name: spec for spec in specs}
    for name in names:
        if name not in by_name:
            raise SettingsError(f"{keyword} has {name!r}, and the engine has none. {nearest(name, by_name)}")
    if keyword == "input_names" and len(names) < len(specs):
        raise SettingsError(f"{keyword} is {list(names)}, and the engine takes {list(by_name)}. Name all of them.")
    return tuple(by_name[name] for name in names)
