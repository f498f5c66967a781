"""A session over a TensorRT engine: torch tensors in, fresh torch tensors on the engine's GPU out."""

from __future__ import annotations

from collections import Counter, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.errors import EngineError, InputMismatchError, SessionClosedError, SessionError
from lightning_trt.runtime.batch import is_batched
from lightning_trt.runtime.matching import check_inputs
from lightning_trt.runtime.profiles import Profiles
from lightning_trt.runtime.streams import Streams
from lightning_trt.runtime.trt_call import Call
from lightning_trt.runtime.trt_layers import typed_layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from torch import Tensor
    from typing_extensions import Self

    from lightning_trt.artifacts import Engine
    from lightning_trt.precision import DType
    from lightning_trt.runtime._trt import Package
    from lightning_trt.runtime.trt_call import Queue

    Key = tuple[tuple[torch.Size, torch.dtype], ...]

__all__ = ["TensorRTSession"]


class TensorRTSession:
    """The plan of `engine`, open on the current GPU; calls may come from several threads, and are made in turn.

    Inputs of any device and memory layout are taken. Batches beyond the largest that the engine was built for are
    split. Shapes that come again are replayed as CUDA graphs; `num_graphs` is how many are kept, 0 for none. Work is
    put on the caller's stream.

    Example::

        with TensorRTSession(package, engine) as session:
            logits = session({"x": images})["logits"]
    """

    def __init__(self, trt: Package, engine: Engine, *, queue: Queue | None = None, num_graphs: int = 8) -> None:
        self._trt = trt
        self._engine = engine
        self._num_graphs = num_graphs
        self._queue: Queue = queue or Streams(torch.device("cuda", torch.cuda.current_device()))
        self._log = trt.log()
        self._lock = Lock()
        self._runtime = trt.api.Runtime(self._log.sink)
        self._plan: Any = trt.deserialized(self._runtime, engine.folder / engine.file, log=self._log)
        names = [self._plan.get_tensor_name(index) for index in range(self._plan.num_io_tensors)]
        is_input = {name: self._plan.get_tensor_mode(name) == trt.api.TensorIOMode.INPUT for name in names}
        # An input that the graph does not read is in the boundary, and not in the plan.
        self._inputs = {name: self._dtype_of(name) for name in names if is_input[name]}
        self._outputs = {name: self._dtype_of(name) for name in names if not is_input[name]}
        self._gives = {spec.name: getattr(torch, spec.dtype) for spec in engine.boundary.outputs}
        self._profiles = Profiles.of(self._plan, tuple(self._inputs), boundary=engine.boundary)
        num_bytes = max(trt.scratch_bytes(self._plan), 1)
        self._scratch = torch.empty(num_bytes, dtype=torch.uint8, device=self._queue.device)
        self._names = {spec.name for spec in engine.boundary.inputs}
        self._calls: OrderedDict[Key | None, Call] = OrderedDict()

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name, for inputs by name.

        Raises:
            InputMismatchError: Other names, types or shapes than the boundary's, or a size outside the profiles.
            SessionClosedError: The session was closed.
            SessionError: TensorRT failed on these inputs.
        """
        with self._lock:
            self._check_open()
            key = self._key(inputs)
            with self._queue.ordered():
                if key in self._calls:
                    return self._run(key, inputs)
                check_inputs(self._engine.boundary, inputs)
                parts = [self._run(self._prepared(part), part) for part in self._parts(inputs)]
        return parts[0] if len(parts) == 1 else self._joined(parts)

    def layers(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in, from TensorRT's inspector."""
        return dict(Counter(dtype for _, dtype in self.typed_layers()))

    def typed_layers(self) -> tuple[tuple[str, DType], ...]:
        """Name and data type of each layer, from TensorRT's inspector."""
        with self._lock, self._queue.ordered():
            self._check_open()
            # Each profile has layers of its own, and the inspector knows the types of one profile's at a time.
            told = [self._told_under(shapes) for shapes in self._profiles.typical_shapes()]
            return max(told, key=len)

    def _told_under(self, shapes: Mapping[str, Any]) -> tuple[tuple[str, DType], ...]:
        """What the inspector tells of the layers while the inputs have these shapes."""
        # The inspector keeps a bare pointer: the context must outlive the question.
        context = self._context(shapes)
        inspector = self._plan.create_engine_inspector()
        inspector.execution_context = context
        return typed_layers_of(str(inspector.get_engine_information(self._trt.api.LayerInformationFormat.JSON)))

    def close(self) -> None:
        """Give back plan, graphs and device memory; safe to call again."""
        with self._lock:
            if self._plan is not None and self._queue.device.type == "cuda":
                torch.cuda.synchronize(self._queue.device)
            self._calls.clear()
            self._plan = self._runtime = None
            self._scratch = self._scratch.new_empty(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._plan is None:
            raise SessionClosedError(
                f"the session of {self._engine.folder} was closed, and then called. Load the engine again to go on."
            )

    def _dtype_of(self, name: str) -> torch.dtype:
        if self._plan.get_tensor_location(name) != self._trt.api.TensorLocation.DEVICE:
            raise EngineError(
                f"the engine in {self._engine.folder} takes {name!r} as a shape, from the processor's memory; expected "
                "tensors on the GPU. Make the sizes part of the module, and export again."
            )
        dtype: torch.dtype = getattr(torch, self._trt.dtype(self._plan.get_tensor_dtype(name)))
        return dtype

    def _parts(self, inputs: Mapping[str, Tensor]) -> Iterator[Mapping[str, Tensor]]:
        """The inputs, in pieces of the largest batch that the engine takes."""
        largest = self._profiles.largest_batch
        batched = {spec.name for spec in self._engine.boundary.inputs if is_batched(spec)}
        total = max((len(inputs[name]) for name in batched), default=0)
        if largest is None or total <= largest:
            yield inputs
            return
        for start in range(0, total, largest):
            yield {
                name: tensor[start : start + largest] if name in batched else tensor for name, tensor in inputs.items()
            }

    def _key(self, inputs: Mapping[str, Tensor]) -> Key | None:
        """Shapes and types of the inputs: where a call was made for them, they were checked. None for other names."""
        if inputs.keys() != self._names:
            return None
        return tuple([(inputs[name].shape, inputs[name].dtype) for name in self._inputs])

    def _run(self, key: Key | None, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self._calls.move_to_end(key)
        try:
            return self._calls[key](inputs, use_graph=self._num_graphs > 0)
        except SessionError as error:
            raise SessionError(f"{error} {' '.join(self._log.errors()[-3:])}") from error

    def _prepared(self, inputs: Mapping[str, Tensor]) -> Key | None:
        """Key of the call for inputs of these shapes, made if it is new; the one used longest ago makes room."""
        key = self._key(inputs)
        if key not in self._calls:
            while len(self._calls) >= max(self._num_graphs, 1):
                self._calls.popitem(last=False)
            context = self._context({name: inputs[name].shape for name in self._inputs})
            self._calls[key] = Call(context, self._queue, inputs=self._inputs, outputs=self._outputs, gives=self._gives)
        return key

    def _context(self, shapes: Mapping[str, torch.Size]) -> Any:
        """A context whose shapes are set, under the first profile that takes them."""
        profile = self._profiles.index_for(shapes)
        context = self._fresh_context(profile)
        if context is None:
            # Older plans lend a profile to one context at a time.
            self._calls.clear()
            context = self._fresh_context(profile)
        if context is None or not all(context.set_input_shape(name, tuple(shape)) for name, shape in shapes.items()):
            raise SessionError(
                f"TensorRT cannot prepare the engine in {self._engine.folder} for inputs of shape "
                f"{', '.join(str(tuple(shape)) for shape in shapes.values())}: {' '.join(self._log.errors()[-3:])} "
                "Free device memory, or call it with shapes as in validation."
            )
        unknown = [name for name in self._outputs if min(context.get_tensor_shape(name), default=0) < 0]
        if unknown:
            raise SessionError(
                f"the shape of {', '.join(unknown)} depends on values, not on shapes alone; expected outputs whose "
                "sizes follow from those of the inputs. Choose a boundary without that last part of the module."
            )
        return context

    def _fresh_context(self, profile: int) -> Any:
        context = self._trt.context(self._plan, scratch=self._scratch.data_ptr(), num_bytes=self._scratch.numel())
        if context is None:
            return None
        is_set = self._queue.run(lambda stream: bool(context.set_optimization_profile_async(profile, stream)))
        return context if is_set else None

    def _joined(self, parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """The outputs of the pieces, one after the other."""
        for spec in self._engine.boundary.outputs:
            if not is_batched(spec):
                raise InputMismatchError(
                    f"the batch is larger than {self._profiles.largest_batch}, the largest of this engine, and cannot "
                    f"be split: the output {spec.name!r} has no batch axis. Call it with smaller batches, or export "
                    "again with a larger build.tensorrt.max_batch."
                )
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
