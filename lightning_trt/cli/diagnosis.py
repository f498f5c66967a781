"""What is here: devices, packages, and what each backend can do with them; nothing of it imports torch by itself."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

import lightning_trt
from lightning_trt import backends
from lightning_trt.errors import BackendNotAvailableError
from lightning_trt.precision import Precision
from lightning_trt.protocols import Builder

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BackendHere", "Device", "Diagnosis", "diagnosed"]

# Several distributions bring the same package.
_PACKAGES = {
    "torch": ("torch",),
    "Lightning": ("lightning", "pytorch-lightning"),
    "torchmetrics": ("torchmetrics",),
    "ONNX": ("onnx",),
    "ONNX Runtime": ("onnxruntime", "onnxruntime-gpu"),
    "TensorRT": ("tensorrt", "tensorrt-cu13", "tensorrt-cu12", "tensorrt-bindings"),
    "TensorRT-RTX": ("tensorrt-rtx", "tensorrt-rtx-cu13", "tensorrt-rtx-cu12"),
    "pycuda": ("pycuda",),
    "Hydra": ("hydra-core",),
}
_FIELDS = ("name", "driver_version", "compute_cap", "memory.total")
_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A GPU as its driver tells of it."""

    name: str
    driver: str
    compute_capability: str
    memory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendHere:
    """A backend on this machine: `why_not` says why it cannot work at all, `why_not_run` why its engines cannot.

    `precisions` has for each precision None where it can be had, else the reason; none where it cannot work.
    """

    version: str | None
    why_not: str | None
    why_not_run: str | None
    precisions: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is here: `cuda` is the newest version of CUDA that the driver runs, None without a driver."""

    system: str
    python: str
    version: str
    cuda: str | None
    devices: tuple[Device, ...]
    packages: Mapping[str, str | None]
    backends: Mapping[str, BackendHere]


def diagnosed() -> Diagnosis:
    """This machine, looked at now."""
    return Diagnosis(
        system=platform.platform(),
        python=sys.version.split()[0],
        version=lightning_trt.__version__,
        cuda=_cuda(),
        devices=_devices(),
        packages={name: _version(distributions) for name, distributions in _PACKAGES.items()},
        backends={name: _backend(name) for name in backends.names()},
    )


def _backend(name: str) -> BackendHere:
    try:
        backend = backends.find(name)
    except BackendNotAvailableError as error:
        return BackendHere(version=None, why_not=str(error), why_not_run=None, precisions={})
    return BackendHere(
        version=backend.version,
        why_not=None,
        why_not_run=backend.why_not_run() if isinstance(backend, Builder) else None,
        precisions={each.value: backend.why_not(each) for each in Precision},
    )


def _version(distributions: tuple[str, ...]) -> str | None:
    installed = (_version_of(each) for each in distributions)
    return next((version for version in installed if version is not None), None)


def _version_of(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _devices() -> tuple[Device, ...]:
    said = _asked(f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader")
    rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines()]
    return tuple(
        Device(name=row[0], driver=row[1], compute_capability=row[2], memory=row[3])
        for row in rows
        if len(row) == len(_FIELDS)
    )


def _cuda() -> str | None:
    found = re.search(r"CUDA Version\s*:\s*([\d.]+)", _asked())
    return found[1] if found else None


def _asked(*arguments: str) -> str:
    """What the driver's own tool says; nothing where there is none, or where it fails."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - the driver's tool, with words of ours
            [tool, *arguments], capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
