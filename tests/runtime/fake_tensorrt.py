"""TensorRT's runtime as a package on the processor: a plan is an ONNX file, and onnxruntime is its GPU.

What it shares with TensorRT is the interface: names, addresses of buffers, profiles, contexts that must be told shapes.
"""

from __future__ import annotations

import ctypes
import json
from contextlib import nullcontext
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["Processor", "make"]

# int64 becomes int32, as in TensorRT 8.
_TYPES = {"tensor(float)": "FLOAT", "tensor(int64)": "INT32", "tensor(bool)": "BOOL"}
_NUMPY = {"FLOAT": np.float32, "INT32": np.int32, "BOOL": np.bool_}


class Processor:
    """Where the fake puts its work; a capture is the work itself, done again."""

    device = torch.device("cpu")

    def __init__(self, *, captures: bool = True) -> None:
        self.captures = captures
        self.is_elsewhere = False
        self.num_captures = 0
        self.num_replays = 0

    def ordered(self) -> AbstractContextManager[object]:
        """Nothing to order."""
        return nullcontext()

    def is_followed(self) -> bool:
        """Whether the caller is still where it was."""
        return not self.is_elsewhere

    def run(self, enqueue: Callable[[int], bool]) -> bool:
        """At once."""
        return enqueue(7)

    def finish(self) -> None:
        """All is done already."""

    def captured(self, enqueue: Callable[[int], bool]) -> Callable[[], None] | None:
        """The work again, counted."""
        self.num_captures += 1

        def replay() -> None:
            self.num_replays += 1
            enqueue(7)

        return replay if self.captures else None


class _Logger:
    pass


class _Profiler:
    pass


def _enum(name: str, *members: str) -> Any:
    return Enum(name, list(members))


class _Plan:
    def __init__(self, content: bytes, batches: list[tuple[int, int, int]], *, shares_profiles: bool) -> None:
        self.session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.values = {each.name: each for each in (*self.session.get_inputs(), *self.session.get_outputs())}
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.batches = batches
        self.shares_profiles = shares_profiles
        self.lent: set[int] = set()
        self.num_contexts = 0
        self.num_io_tensors = len(self.values)
        self.num_optimization_profiles = len(batches)
        self.device_memory_size = 16

    def get_tensor_name(self, index: int) -> str:
        return list(self.values)[index]

    def get_tensor_mode(self, name: str) -> Any:
        return api.TensorIOMode.INPUT if name in self.inputs else api.TensorIOMode.OUTPUT

    def get_tensor_location(self, _name: str) -> Any:
        return api.TensorLocation.DEVICE

    def get_tensor_dtype(self, name: str) -> Any:
        return api.DataType[_TYPES[self.values[name].type]]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(size if isinstance(size, int) else -1 for size in self.values[name].shape)

    def get_tensor_profile_shape(self, name: str, index: int) -> list[tuple[int, ...]]:
        rest = tuple(size if isinstance(size, int) else 7 for size in self.values[name].shape[1:])
        return [(batch, *rest) for batch in self.batches[index]]

    def create_execution_context_without_device_memory(self) -> _Context:
        self.num_contexts += 1
        return _Context(self)

    def create_engine_inspector(self) -> Any:
        class Inspector:
            execution_context: Any = None

            def get_engine_information(self, _kind: Any) -> str:
                assert self.execution_context.shapes
                taken = [{"Format/Datatype": "Row major linear FP32 format"}]
                return json.dumps({"Layers": [{"Name": "gemm", "LayerType": "gemm", "Inputs": taken}]})

        return Inspector()


class _Context:
    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.profile: int | None = None
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.device_memory = 0
        self.profiler: Any = None

    def __del__(self) -> None:
        self.plan.lent.discard(-1 if self.profile is None else self.profile)

    def set_optimization_profile_async(self, index: int, _stream: int) -> bool:
        if index in self.plan.lent and not self.plan.shares_profiles:
            return False
        self.plan.lent.add(index)
        self.profile = index
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert self.profile is not None
        least, _, largest = self.plan.get_tensor_profile_shape(name, self.profile)
        self.shapes[name] = shape
        return least[0] <= shape[0] <= largest[0]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self.shapes:
            return self.shapes[name]
        batch = next(iter(self.shapes.values()))[0]
        return tuple(size if isinstance(size, int) else batch for size in self.plan.values[name].shape)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, _stream: int) -> bool:
        feeds = {name: self._at(name).astype(_given(self.plan.values[name].type)) for name in self.plan.inputs}
        names = [name for name in self.plan.values if name not in self.plan.inputs]
        for name, result in zip(names, self.plan.session.run(names, feeds), strict=True):
            self._at(name)[...] = result
        if self.profiler is not None:
            for layer, milliseconds in (("gemm", 3.0), ("Reformat", 1.0)):
                self.profiler.report_layer_time(layer, milliseconds)
        return True

    def _at(self, name: str) -> np.ndarray[Any, Any]:
        dtype = np.dtype(_NUMPY[_TYPES[self.plan.values[name].type]])
        shape = self.get_tensor_shape(name)
        size = int(np.prod(shape)) * dtype.itemsize
        buffer = (ctypes.c_byte * size).from_address(self.addresses[name])
        return np.frombuffer(buffer, dtype).reshape(shape)


def _given(kind: str) -> Any:
    return {"tensor(int64)": np.int64}.get(kind, _NUMPY[_TYPES[kind]])


class api:  # noqa: N801 - stands for a module
    """The names of the package."""

    __version__ = "8.6.1"
    ILogger = _Logger
    IProfiler = _Profiler
    TensorIOMode = _enum("TensorIOMode", "INPUT", "OUTPUT")
    TensorLocation = _enum("TensorLocation", "DEVICE", "HOST")
    DataType = _enum("DataType", "FLOAT", "HALF", "INT32", "BOOL")
    LayerInformationFormat = _enum("LayerInformationFormat", "JSON")


def make(batches: list[tuple[int, int, int]], *, shares_profiles: bool = True) -> Any:
    """The package, whose plans have these profiles of the batch axis."""

    class Runtime:
        def __init__(self, _logger: Any) -> None:
            pass

        def deserialize_cuda_engine(self, content: bytes) -> _Plan | None:
            try:
                onnx.load_from_string(content)
                return _Plan(content, batches, shares_profiles=shares_profiles)
            except Exception:  # noqa: BLE001 - as TensorRT, which answers None
                return None

    return type("package", (api,), {"Runtime": Runtime})
