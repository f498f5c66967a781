"""`manifest.json`: what belongs to an engine, beside its plan; read and checked before the plan is opened.

A candidate with several boundaries has one engine folder for each, and a manifest above them that lists every file.
Opens without torch and onnx.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import Boundary, Engine, Recipe, TensorSpec
from lightning_trt.errors import DigestMismatchError, ForeignEngineError, ManifestError, StorageError
from lightning_trt.precision import DType, Precision, PrecisionHome
from lightning_trt.runtime.structure import from_json, to_json
from lightning_trt.storage import is_inside, json_of, sha256_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lightning_trt.artifacts import Candidate, Structure

__all__ = ["MANIFEST", "SCHEMA", "Manifest", "check_files", "check_host", "read", "write", "write_candidate"]

MANIFEST = "manifest.json"
"""Name of the file."""

SCHEMA = 1
"""The schema that is written, and the only one that is read."""

_DTYPES = frozenset({
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "complex128",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The engines of a folder by boundary name, and the digest of every file by its path below the folder."""

    folder: Path
    engines: Mapping[str, Engine]
    files: Mapping[str, str]


def write(engine: Engine) -> Path:
    """Path of the manifest, written into the engine's folder, where every file of the engine already lies."""
    return _write(engine.folder, {"backend": engine.backend, **_told(engine)})


def write_candidate(candidate: Candidate) -> Path:
    """Path of the manifest above the engine folders of a candidate with several boundaries."""
    engines = {
        name: engine.folder.relative_to(candidate.folder).as_posix() for name, engine in candidate.engines.items()
    }
    about = {"precision": candidate.precision.value, "calibrator": candidate.calibrator, "engines": engines}
    return _write(candidate.folder, about)


def read(folder: Path | str) -> Manifest:
    """The manifest in `folder`, and those below it; no other file is looked at.

    Raises:
        ManifestError: It is missing, unreadable, of another schema, or names files outside the folder.
    """
    where = Path(folder)
    document = _document(where / MANIFEST)
    if "engines" not in document:
        return _with_one_engine(document, where)
    with _told_by(where):
        files = _files(document, where)
        names = [_inside(where, name) for name in document["engines"].values()]
        if not names:
            raise ValueError("it has no engine")
    # One level alone: a manifest above that named itself would be read without end.
    below = [_with_one_engine(_document(where / name / MANIFEST), where / name) for name in names]
    engines = {name: engine for each in below for name, engine in each.engines.items()}
    # Also where the one above leaves them out: no engine is opened whose digest nobody looked at.
    inner = {
        f"{name}/{file}": digest for name, each in zip(names, below, strict=True) for file, digest in each.files.items()
    }
    return Manifest(folder=where, engines=engines, files={**inner, **files})


def check_files(manifest: Manifest) -> None:
    """Raise `DigestMismatchError` unless every file is, byte by byte, the one that was built."""
    home = manifest.folder.resolve()
    for name, expected in manifest.files.items():
        path = manifest.folder / name
        _check_stays(path, home)
        try:
            found = sha256_of(path)
        except StorageError as error:
            raise DigestMismatchError(
                f"{path} belongs to the engine and cannot be read: {error} Copy the whole folder, or export again."
            ) from error
        if found != expected:
            raise DigestMismatchError(
                f"{path} has the sha256 {found[:12]}..., the manifest says {expected[:12]}...: it is not the file that "
                f"was built. Take the folder as it was written, or {_way_back(manifest, path)}."
            )


def _check_stays(path: Path, home: Path) -> None:
    """Raise where a link leads out of the folder: what it leads to may be exchanged without anybody seeing it here."""
    try:
        place = path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise DigestMismatchError(f"{path} is a link that leads nowhere: {error}. Copy the whole folder.") from error
    if not place.is_relative_to(home):
        raise DigestMismatchError(
            f"{path} is a link to {place}, outside the engine's folder. Copy the folder with what its links lead to: "
            "cp -rL."
        )


def check_host(engine: Engine, *, environment: Mapping[str, str]) -> None:
    """Raise `ForeignEngineError` unless `environment`, that of the backend here, is what the engine was built for."""
    for key, built_for in engine.environment.items():
        here = environment.get(key, "none")
        if here != built_for:
            raise ForeignEngineError(
                f"the engine in {engine.folder} was built for {key.replace('_', ' ')} {built_for}; here it is {here}. "
                "Such engines cannot be moved: load it where it was built, or build one here from the ONNX beside it "
                f"with lightning_trt.rebuild({str(engine.folder)!r})."
            )


def _way_back(manifest: Manifest, path: Path) -> str:
    """How to come to a file like the one at `path`; a plan can be built from the ONNX beside it."""
    is_plan = any(path == engine.folder / engine.file for engine in manifest.engines.values())
    return (
        f"build it again with lightning_trt.rebuild({str(manifest.folder)!r})"
        if is_plan and path.suffix != ".onnx"
        else "export again"
    )


def _write(folder: Path, about: Mapping[str, object]) -> Path:
    below = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    files = {path.relative_to(folder).as_posix(): sha256_of(path) for path in below}
    document = {"schema": SCHEMA, **about, "files": files}
    return write_whole(folder / MANIFEST, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _told(engine: Engine) -> dict[str, object]:
    return {
        "backend_version": engine.backend_version,
        "environment": dict(engine.environment),
        "options": dict(engine.options),
        **({"recipe": _told_recipe(engine.recipe)} if engine.recipe else {}),
        "precision": engine.precision.value,
        "calibrator": engine.calibrator,
        "checkpoint_sha256": engine.checkpoint_sha256,
        "build_seconds": engine.build_seconds,
        "layers": {dtype.value: count for dtype, count in engine.layers.items()},
        "notes": list(engine.notes),
        "plan": engine.file,
        "bytes": engine.bytes,
        "boundary": {
            "name": engine.boundary.name,
            "inputs": [_told_spec(spec) for spec in engine.boundary.inputs],
            "outputs": [_told_spec(spec) for spec in engine.boundary.outputs],
            "input_structure": to_json(engine.boundary.input_structure),
            "output_structure": to_json(engine.boundary.output_structure),
        },
    }


def _told_recipe(recipe: Recipe) -> dict[str, object]:
    return {
        "settings": dict(recipe.settings),
        "sizes": dict(recipe.sizes),
        "precision_lives_in": recipe.precision_lives_in.value,
    }


def _told_spec(spec: TensorSpec) -> dict[str, object]:
    return {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)}


def _document(path: Path) -> dict[str, Any]:  # JSON is untyped
    try:
        document = json_of(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ManifestError(
            f"there is no {MANIFEST} in {path.parent}; it says what the engine is and what it needs. Copy it along "
            "with the engine, or pass trust=True to open an engine file that you made yourself, unchecked."
        ) from error
    except (OSError, ValueError) as error:
        raise ManifestError(
            f"{path} cannot be read as JSON: {error}. Take it as it was written, or export again."
        ) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA or isinstance(schema, bool):
        raise ManifestError(
            f"{path} has schema {schema!r}; this version of lightning-trt reads schema {SCHEMA}. Load it with the "
            "version that wrote it, or export again."
        )
    return dict(document)


def _inside(folder: Path, name: Any) -> str:  # noqa: ANN401 - JSON is untyped
    """`name`, if it is a path below the folder."""
    if not is_inside(name):
        raise ManifestError(
            f"{folder / MANIFEST} names {name!r}, which lies outside its folder; files of an engine lie in it. It was "
            "edited: take it as it was written, or export again."
        )
    return str(name)


def _with_one_engine(document: Mapping[str, Any], folder: Path) -> Manifest:
    with _told_by(folder):
        files = _files(document, folder)
        engine = _engine(document, folder, files)
        return Manifest(folder=folder, engines={engine.boundary.name: engine}, files=files)


def _files(document: Mapping[str, Any], folder: Path) -> dict[str, str]:
    return {_inside(folder, name): str(digest) for name, digest in document["files"].items()}


@contextmanager
def _told_by(folder: Path) -> Iterator[None]:
    """A block that reads a manifest's fields; whatever is wrong with them is an error that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise ManifestError(
            f"{folder / MANIFEST} is no manifest of schema {SCHEMA}: {type(error).__name__}: {error}. It was edited or "
            "cut off; take the folder as it was written, or export again."
        ) from error


def _engine(document: Mapping[str, Any], folder: Path, files: Mapping[str, str]) -> Engine:
    plan = _inside(folder, document["plan"])
    return Engine(
        folder=folder,
        file=plan,
        sha256=files[plan],
        bytes=int(document["bytes"]),
        backend=str(document["backend"]),
        backend_version=str(document["backend_version"]),
        precision=Precision(document["precision"]),
        calibrator=_text_or_none(document["calibrator"]),
        boundary=_boundary(document["boundary"]),
        build_seconds=float(document["build_seconds"]),
        layers={DType(name): int(count) for name, count in document["layers"].items()},
        checkpoint_sha256=_text_or_none(document["checkpoint_sha256"]),
        environment=_texts(document["environment"]),
        options=_texts(document["options"]),
        recipe=_recipe(document["recipe"]) if "recipe" in document else None,
        notes=tuple(map(str, document["notes"])),
    )


def _recipe(told: Mapping[str, Any]) -> Recipe:
    return Recipe(
        settings=dict(told["settings"]),
        sizes={str(name): int(size) for name, size in told["sizes"].items()},
        precision_lives_in=PrecisionHome(told["precision_lives_in"]),
    )


def _text_or_none(told: object) -> str | None:
    if not isinstance(told, str | None):
        raise TypeError(f"{told!r} is no text")
    return told


def _texts(told: Mapping[object, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in told.items()}


def _boundary(told: Mapping[str, Any]) -> Boundary:
    inputs, outputs = (tuple(_spec(each) for each in told[side]) for side in ("inputs", "outputs"))
    takes, gives = (from_json(told[side]) for side in ("input_structure", "output_structure"))
    for specs, structure in ((inputs, takes), (outputs, gives)):
        if sorted(_indices(structure)) != list(range(len(specs))):
            raise ValueError("a structure does not hold each of its tensors once")
    return Boundary(
        name=str(told["name"]), inputs=inputs, outputs=outputs, input_structure=takes, output_structure=gives
    )


def _spec(told: Mapping[str, Any]) -> TensorSpec:
    shape = tuple(size if isinstance(size, str) else int(size) for size in told["shape"])
    if told["dtype"] not in _DTYPES:
        raise ValueError(f"{told['dtype']!r} is no data type of a tensor")
    return TensorSpec(name=str(told["name"]), dtype=str(told["dtype"]), shape=shape)


def _indices(structure: Structure) -> list[int]:
    own = [structure.index or 0] if structure.kind == "tensor" else []
    return own + [index for item in structure.items for index in _indices(item)]
