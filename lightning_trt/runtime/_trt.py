"""The one door to the TensorRT packages: no other file imports them, or asks which generation they are.

Generations differ in which names exist, so each question is a `hasattr`: vendor builds carry versions of their own.
Enum members are kept by name, because their numbers changed between generations. Opens without torch.
"""

from __future__ import annotations

from contextlib import suppress
from ctypes import CDLL
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lightning_trt.errors import BackendNotAvailableError, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Log", "Package", "package"]

_EXTRAS = {"tensorrt": "tensorrt", "tensorrt_rtx": "tensorrt-rtx"}
_DTYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "FP8": "float8_e4m3fn",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}
_FIRST_WITH_WIDE_NUMBERS = 10
_ERRORS = frozenset({"INTERNAL_ERROR", "ERROR"})


def package(name: str) -> Package:
    """The package called `tensorrt` or `tensorrt_rtx`.

    Raises:
        BackendNotAvailableError: It is not installed, or a library that it needs is missing.
    """
    try:
        api = import_module(name)
    except (ImportError, OSError) as error:
        raise BackendNotAvailableError(
            f"the package {name} cannot be imported: {error}. Install it: pip install 'lightning-trt[{_EXTRAS[name]}]'"
        ) from error
    return Package(api)


class Package:
    """A TensorRT package, `api`, and what its generation can do."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.version = str(api.__version__)

    @property
    def has_weak_typing(self) -> bool:
        """Whether precision can be asked of the builder (8.x to 10.x)."""
        return hasattr(self.api.BuilderFlag, "FP16")

    @property
    def has_strong_typing(self) -> bool:
        """Whether precision can be read from the graph alone (10 and later)."""
        return not self.has_weak_typing or hasattr(self.api.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")

    @property
    def has_calibrators(self) -> bool:
        """Whether TensorRT calibrates by itself, and reads calibration caches (8.x to 10.x)."""
        return hasattr(self.api, "IInt8EntropyCalibrator2")

    @property
    def has_capabilities(self) -> bool:
        """Whether compute capabilities to build for can be named (TensorRT-RTX)."""
        return hasattr(self.api, "ComputeCapability")

    def has_dtype(self, name: str) -> bool:
        """Whether tensors may be of the type that boundaries spell `name`."""
        return any(hasattr(self.api.DataType, each) for each, spelled in _DTYPES.items() if spelled == name)

    def dtype(self, data_type: object) -> str:
        """A tensor's type as boundaries spell it, `other` where they have no word for it."""
        return _DTYPES.get(str(getattr(data_type, "name", data_type)), "other")

    def network(self, builder: Any, *, is_typed: bool) -> Any:
        """An empty network; with `is_typed` its precision is that of the graph."""
        kinds = self.api.NetworkDefinitionCreationFlag
        # Where a generation lacks one of the two, it has no other kind of network.
        wanted = ["EXPLICIT_BATCH", *(["STRONGLY_TYPED"] if is_typed and self.has_weak_typing else [])]
        flags = 0
        for name in wanted:
            # EXPLICIT_BATCH is deprecated, and ignored, where strong typing exists.
            if hasattr(kinds, name) and not (name == "EXPLICIT_BATCH" and self.has_strong_typing):
                flags |= 1 << int(getattr(kinds, name))
        return builder.create_network(flags)

    def is_typed(self, network: Any) -> bool:
        """Whether the network's precision is that of the graph."""
        if not self.has_weak_typing:
            return True
        kinds = self.api.NetworkDefinitionCreationFlag
        return hasattr(kinds, "STRONGLY_TYPED") and bool(network.get_flag(kinds.STRONGLY_TYPED))

    def library_number(self) -> int:
        """Version of TensorRT's library as its calibration caches write it; bindings may carry another patch number."""
        major = self.version.partition(".")[0]
        try:
            return int(CDLL(f"libnvinfer.so.{major}").getInferLibVersion())
        except (OSError, AttributeError):
            numbers = [int(each) for each in self.version.split(".")[:3]]
            scale = 1000 if numbers[0] < _FIRST_WITH_WIDE_NUMBERS else 10000
            return numbers[0] * scale + numbers[1] * 100 + numbers[2]

    def set_flag(self, config: Any, name: str, *, on: bool) -> None:
        """Set or clear the builder's flag `name`; one that this generation lacks stays as it is."""
        if hasattr(self.api.BuilderFlag, name):
            (config.set_flag if on else config.clear_flag)(getattr(self.api.BuilderFlag, name))

    def node_of(self, error: Any, nodes: Sequence[str]) -> str:
        """Name of the ONNX node that a parser's error is about; `nodes` are those of the graph, in its order."""
        if hasattr(error, "node_name"):
            return f"{error.node_name()} ({error.node_operator()})"
        return nodes[error.node()] if 0 <= error.node() < len(nodes) else "the graph"

    def deserialized(self, runtime: Any, path: Path, *, log: Log) -> Any:
        """The engine in the file at `path`.

        Raises:
            EngineError: TensorRT cannot open it; the sentence holds what its log says.
        """
        plan = runtime.deserialize_cuda_engine(path.read_bytes())
        if plan is None:
            said = " ".join(log.errors()[:3]) or "its log holds no error"
            raise EngineError(
                f"{self.api.__name__} {self.version} cannot open {path}: {said}. Free device memory, or build it again "
                f"here with lightning_trt.rebuild({str(path.parent)!r})."
            )
        return plan

    def scratch_bytes(self, engine: Any) -> int:
        """Device memory that one execution of the engine needs, whatever its profile."""
        has_second = hasattr(engine, "device_memory_size_v2")
        return int(engine.device_memory_size_v2 if has_second else engine.device_memory_size)

    def context(self, engine: Any, *, scratch: int, num_bytes: int) -> Any:
        """An execution context that works in the device memory at the address `scratch`; None if there is no memory."""
        if hasattr(self.api, "ExecutionContextAllocationStrategy"):
            context = engine.create_execution_context(self.api.ExecutionContextAllocationStrategy.USER_MANAGED)
        else:
            context = engine.create_execution_context_without_device_memory()
        if context is None:
            return None
        if hasattr(context, "set_device_memory"):
            context.set_device_memory(scratch, num_bytes)
        else:
            context.device_memory = scratch
        return context

    def log(self, path: Path | None = None) -> Log:
        """A log that keeps what TensorRT says, and writes each line to the file at `path` as it is said."""
        return Log(self.api, path)


class Log:
    """What TensorRT says to `sink`, the object that it writes to; also in the file at `path`, until that is closed."""

    def __init__(self, api: Any, path: Path | None = None) -> None:
        self.lines: list[tuple[str, str]] = []
        self._path = path
        self.sink = _sink(api, self._add)

    def errors(self) -> Sequence[str]:
        """The errors, each once; none about a missing driver where there are others."""
        said = dict.fromkeys(message.strip() for severity, message in self.lines if severity in _ERRORS)
        telling = [message for message in said if "cudaError 35" not in message]
        return telling or list(said)

    def close(self) -> None:
        """Nothing; the file stays as it is from now on."""
        self._path = None

    def _add(self, severity: str, message: str) -> None:
        self.lines.append((severity, message))
        # Each line at once, for whoever reads it after a crash. TensorRT's caller takes no exception of ours.
        with suppress(OSError):
            if self._path is not None:
                with self._path.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(f"[{severity}] {message}\n")


def _sink(api: Any, add: Callable[[str, str], None]) -> Any:
    """An `ILogger` that tells `add`; the class is made here, because the base comes with the package."""

    class Sink(api.ILogger):  # type: ignore[misc]  # the base is untyped
        def __init__(self) -> None:
            # pybind wants this very call, not super().
            api.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity.name != "VERBOSE":
                add(severity.name, message)

    return Sink()
