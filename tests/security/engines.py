"""Engines: their folders, and their files in a state dict."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from backends.engines import candidate, net
from security.odd_bytes import odd_bytes
from security.odd_trees import odd_json, odd_value

from lightning_trt.backends.onnxruntime import OnnxRuntime
from lightning_trt.loading import load
from lightning_trt.precision import Precision
from lightning_trt.settings import BuildSettings
from lightning_trt.stages.build import build
from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from torch import Tensor, nn

__all__ = ["EngineFolders", "StateDicts"]

_TOLERANCE = 0.1


@dataclass(frozen=True)
class EngineFolders:
    """A folder that is loaded and called: it answers as its engine does, or refuses."""

    folders: tuple[Path, ...]
    inputs: Tensor
    answer: Tensor

    @classmethod
    def of(cls, home: Path) -> EngineFolders:
        """An int8 engine, another run's, and one of two boundaries, in `home`."""
        folders = (*_two_runs(home), _with_two_parts(home / "real" / "both"))
        inputs = net("residual").inputs[0]
        return cls(folders=folders, inputs=inputs, answer=load(folders[0])(inputs))

    def spoil(self, into: Path, rng: Random) -> str:
        which = rng.choice((0, 0, 2))
        shutil.copytree(self.folders[which], into, dirs_exist_ok=True)
        manifest = rng.choice(sorted(into.rglob("manifest.json")))
        way = rng.choice(("manifest", "manifest", "bytes", "file", "sealed"))
        if way == "manifest":
            other = (self.folders[1] / "manifest.json").read_text(encoding="utf-8")
            said, spelt = odd_json(manifest.read_text(encoding="utf-8"), rng, other=other)
            manifest.write_bytes(spelt.encode("utf-8", "surrogatepass"))
            return f"{said} in {manifest.relative_to(into)}"
        path = manifest if way == "bytes" else rng.choice(sorted(into.rglob("model.onnx")))
        if way == "file" and rng.random() < 0.5:
            return _something_else(path, into, rng)
        said, content = odd_bytes(path.read_bytes(), rng, other=_same_file(path, into, self.folders[1]))
        path.write_bytes(content)
        if way == "sealed":
            _seal(into)
        return f"{said} in {path.relative_to(into)}, {way}"

    def read(self, folder: Path) -> str:
        module = load(folder)
        told = json.loads((folder / "manifest.json").read_bytes())
        if any(sha256_of(folder / name) != digest for name, digest in told["files"].items()):
            raise AssertionError("an engine was opened whose digests do not match")
        self._check(module)
        return "loaded"

    def _check(self, module: nn.Module) -> None:
        """Raise where it answers, and not as the engine does. A manifest that was edited may say another thing."""
        parts = list(module.children()) or [module]
        for part in parts:
            found = part(self.inputs)
            part.close()
            if torch.is_tensor(found) and found.shape != self.answer.shape:
                raise AssertionError(f"shape {found.shape}")


def _two_runs(home: Path) -> tuple[Path, Path]:
    first, other = (
        candidate(net("residual"), OnnxRuntime(), precision=precision, into=home / "real" / precision.value).folder
        for precision in (Precision.int8, Precision.fp16)
    )
    return first, other


def _with_two_parts(into: Path) -> Path:
    graph = net("residual").graph
    build(
        OnnxRuntime(),
        {"encoder": graph, "decoder": graph},
        name="fp32",
        precision=Precision.fp32,
        calibrator=None,
        into=into,
        settings=BuildSettings(threads=1),
        checkpoint_sha256=None,
    )
    return into


def _same_file(path: Path, into: Path, other: Path) -> bytes:
    beside = other / path.relative_to(into)
    return beside.read_bytes() if beside.is_file() else b""


def _something_else(path: Path, into: Path, rng: Random) -> str:
    way = rng.choice(("link outside", "link inside", "folder", "gone", "pipe", "link to itself"))
    content = path.read_bytes()
    path.unlink()
    if way == "link outside":
        outside = into.parents[1] / "outside" / "copy"
        outside.write_bytes(content)
        path.symlink_to(outside)
    elif way == "link inside":
        path.with_name("copy").write_bytes(content)
        path.symlink_to("copy")
    elif way == "folder":
        path.mkdir()
    elif way == "pipe":
        os.mkfifo(path)
    elif way == "link to itself":
        path.symlink_to(path.name)
    return f"{way} in the place of {path.relative_to(into)}"


def _seal(folder: Path) -> None:
    """Nothing; manifests have the digests of the files as they are now, the inner ones first."""
    for manifest in sorted(folder.rglob("manifest.json"), key=lambda path: -len(path.parts)):
        document: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        document["files"] = {name: sha256_of(manifest.parent / name) for name in document["files"]}
        manifest.write_text(json.dumps(document), encoding="utf-8")


@dataclass(frozen=True)
class StateDicts:
    """A state dict, saved, loaded by `weights_only` and taken by a module of the engine."""

    folder: Path
    files: dict[str, bytes]
    other: dict[str, bytes]

    @classmethod
    def of(cls, home: Path) -> StateDicts:
        """Of an int8 engine in `home`."""
        first, other = _two_runs(home)
        return cls(folder=first, files=_files(first), other=_files(other))

    def spoil(self, into: Path, rng: Random) -> str:
        state: dict[Any, Any] = {name: _tensor(content) for name, content in self.files.items()}
        name = rng.choice(list(state))
        way = rng.choice(("bytes", "bytes", "value", "name", "manifest", "whole"))
        if way == "bytes":
            said, content = odd_bytes(self.files[name], rng, other=self.other.get(name, b""))
            state[name] = _tensor(content)
        elif way == "manifest":
            said, spelt = odd_json(self.files["manifest.json"].decode(), rng)
            state["manifest.json"] = _tensor(spelt.encode("utf-8", "surrogatepass"))
        elif way == "value":
            said, state[name] = _odd_tensor(rng)
        elif way == "name":
            said, odd = rng.choice(_NAMES)
            state[odd] = state.pop(name) if rng.random() < 0.5 else state[name]
        else:
            said, state = odd_value(rng)
        torch.save({"_extra_state": state}, into / "state.pt")
        return f"{way}: {said}"

    def read(self, folder: Path) -> str:
        state = torch.load(folder / "state.pt", weights_only=True)
        module = load(self.folder)
        try:
            module.load_state_dict(state)
            module(net("residual").inputs[0])
        finally:
            module.close()
        return "loaded"


_NAMES: tuple[tuple[str, object], ...] = (
    ("path above", "../../outside/secret"),
    ("path at the root", "/outside/secret"),
    ("path of Windows", "..\\outside"),
    ("drive", "C:model.onnx"),
    ("no name", ""),
    ("folder itself", "."),
    ("below a file", "model.onnx/inner"),
    ("NUL", "a\x00b"),
    ("half a surrogate", "\ud800"),
    ("too long", "a" * 5000),
    ("number", 3),
    ("nothing", None),
)


def _odd_tensor(rng: Random) -> tuple[str, object]:
    odd = {
        "floats": torch.ones(3),
        "expanded": torch.zeros(1, dtype=torch.uint8).expand(1 << 40),
        "meta": torch.empty(3, dtype=torch.uint8, device="meta"),
        "sparse": torch.zeros(3, dtype=torch.uint8).to_sparse(),
        "scalar": torch.tensor(1, dtype=torch.uint8),
        "strided": torch.zeros(6, dtype=torch.uint8)[::2],
        "matrix": torch.zeros(2, 2, dtype=torch.uint8),
        "text": "text",
        "nothing": None,
        "list": [1, 2],
    }
    name = rng.choice(list(odd))
    return name, odd[name]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.zeros(0, dtype=torch.uint8)
