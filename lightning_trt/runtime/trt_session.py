"""A session over a TensorRT engine, whatever library's arrays go in and come out. Opens without torch."""

from __future__ import annotations

from collections import Counter, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic

from lightning_trt.errors import EngineError, InputMismatchError, SessionClosedError, SessionError
from lightning_trt.runtime.arrays import ArrayT, Bindings
from lightning_trt.runtime.batch import is_batched, parts_of
from lightning_trt.runtime.layer_times import averaged, timer
from lightning_trt.runtime.matching import check_inputs
from lightning_trt.runtime.profiles import Profiles
from lightning_trt.runtime.trt_layers import typed_layers_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from lightning_trt.artifacts import Engine
    from lightning_trt.precision import DType
    from lightning_trt.runtime._trt import Package
    from lightning_trt.runtime.arrays import Again, Call, Memory, Queue
    from lightning_trt.runtime.layer_times import LayerTime

    Key = tuple[tuple[tuple[int, ...], object], ...]

__all__ = ["TensorRTSession"]

_MOST_REMEMBERED = 64
"""Calls that are replayed at first sight of their inputs."""


class TensorRTSession(Generic[ArrayT]):
    """The plan of `engine`, open on a GPU; calls may come from several threads, and are made in turn.

    Batches beyond the largest that the engine was built for are split. What a set of shapes needs is kept for the
    `num_shapes` that were used last. `torch_session.open_on_tensors` and `cuda_session.open_on_arrays` make one, with
    the `memory` and the `queue` of their library.
    """

    def __init__(
        self, trt: Package, engine: Engine, *, queue: Queue, memory: Memory[ArrayT], num_shapes: int = 8
    ) -> None:
        self._trt = trt
        self._engine = engine
        self._queue = queue
        self._memory = memory
        self._num_shapes = num_shapes
        self._log = trt.log()
        self._lock = Lock()
        self._calls: OrderedDict[Key | None, Call[ArrayT]] = OrderedDict()
        self._latest: Call[ArrayT] | None = None
        # What `replayed` knows; None until it is asked.
        self._again: dict[Hashable, Again[ArrayT]] | None = None
        self._names = {spec.name for spec in engine.boundary.inputs}
        with queue.ordered():
            self._runtime = trt.api.Runtime(self._log.sink)
            self._plan: Any = trt.deserialized(self._runtime, engine.folder / engine.file, log=self._log)
            self._bindings = self._bound()
            self._profiles = Profiles.of(self._plan, tuple(self._bindings.inputs), boundary=engine.boundary)
            self._scratch = memory.scratch(max(trt.scratch_bytes(self._plan), 1))

    def __call__(self, inputs: Mapping[str, ArrayT]) -> dict[str, ArrayT]:
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
                call = self._calls.get(key)
                if call is not None:
                    if call is not self._latest:
                        self._calls.move_to_end(key)
                        self._latest = call
                    outputs = self._run(call, inputs)
                    if self._again is not None:
                        self._remember(call, inputs, known=self._again)
                    return outputs
                check_inputs(self._engine.boundary, inputs)
                parts = parts_of(self._engine.boundary, inputs, largest=self._profiles.largest_batch)
                results = [self._run(self._prepared(part), part) for part in parts]
        return results[0] if len(results) == 1 else self._joined(results)

    def replayed(self, arrays: Sequence[object]) -> dict[str, ArrayT] | None:
        """Outputs by name, where a graph reads `arrays`, in the boundary's order, in place; None for any other call.

        It is the short way of a call that was made before: everything about it was checked then.
        """
        with self._lock:
            if self._again is None:
                self._again = {}
            again = self._again.get(self._memory.places(arrays))
            return None if again is None else again()

    def layers(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in, from TensorRT's inspector."""
        return dict(Counter(dtype for _, dtype in self.typed_layers()))

    def typed_layers(self) -> tuple[tuple[str, DType], ...]:
        """Name and data type of each layer, from TensorRT's inspector."""
        return max(self._told_layers(), key=len)

    def layer_times(self, inputs: Mapping[str, ArrayT], *, num_runs: int) -> Sequence[LayerTime]:
        """Mean time of each layer over so many runs on these inputs, of at most the largest batch; the slowest first.

        A profiled run is slower than another: each layer is waited for.

        Raises:
            InputMismatchError: Other names, types or shapes than the boundary's, or a size outside the profiles.
        """
        check_inputs(self._engine.boundary, inputs)
        types = {name: dtype for layers in self._told_layers() for name, dtype in layers}
        with self._lock, self._queue.ordered():
            self._check_open()
            return averaged(self._seen_times(inputs, num_runs=num_runs), types, num_runs=num_runs)

    def typical_sizes(self) -> Mapping[str, int]:
        """Size that the engine was tuned for, of each dynamic axis but the batch."""
        return self._profiles.typical_sizes()

    def close(self) -> None:
        """Give back plan, graphs and device memory; safe to call again."""
        with self._lock:
            if self._plan is None:
                return
            with self._queue.ordered():
                self._queue.finish()
                # In this order: contexts go before the plan, the plan before the runtime.
                self._forget()
                self._plan = self._runtime = None
                del self._scratch

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

    def _bound(self) -> Bindings:
        names = [self._plan.get_tensor_name(index) for index in range(self._plan.num_io_tensors)]
        is_input = {name: self._plan.get_tensor_mode(name) == self._trt.api.TensorIOMode.INPUT for name in names}
        # An input that the graph does not read is in the boundary, and not in the plan.
        return Bindings(
            inputs={name: self._dtype_of(name) for name in names if is_input[name]},
            outputs={name: self._dtype_of(name) for name in names if not is_input[name]},
            gives={spec.name: spec.dtype for spec in self._engine.boundary.outputs},
        )

    def _dtype_of(self, name: str) -> str:
        if self._plan.get_tensor_location(name) != self._trt.api.TensorLocation.DEVICE:
            raise EngineError(
                f"the engine in {self._engine.folder} takes {name!r} as a shape, from the processor's memory; expected "
                "tensors on the GPU. Make the sizes part of the module, and export again."
            )
        return self._trt.dtype(self._plan.get_tensor_dtype(name))

    def _key(self, inputs: Mapping[str, ArrayT]) -> Key | None:
        """Shapes and types of the inputs: where a call was made for them, they were checked. None for other names."""
        if inputs.keys() != self._names:
            return None
        return tuple([(inputs[name].shape, inputs[name].dtype) for name in self._bindings.inputs])

    def _run(self, call: Call[ArrayT], inputs: Mapping[str, ArrayT]) -> dict[str, ArrayT]:
        try:
            return call(inputs)
        except SessionError as error:
            raise SessionError(f"{error} {' '.join(self._log.errors()[-3:])}") from error

    def _remember(
        self, call: Call[ArrayT], inputs: Mapping[str, ArrayT], *, known: dict[Hashable, Again[ArrayT]]
    ) -> None:
        """Nothing; `replayed` knows the call from now on, where a graph read these inputs in place."""
        again = call.again(inputs)
        if again is not None:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[self._memory.places([inputs[spec.name] for spec in self._engine.boundary.inputs])] = again

    def _forget(self) -> None:
        """Nothing; no call holds a context any more."""
        self._again = None
        self._calls.clear()
        self._latest = None

    def _prepared(self, inputs: Mapping[str, ArrayT]) -> Call[ArrayT]:
        """The call for inputs of these shapes, made if it is new; the one used longest ago makes room."""
        key = self._key(inputs)
        if key not in self._calls:
            while len(self._calls) >= max(self._num_shapes, 1):
                self._calls.popitem(last=False)
                self._again = None
            context = self._context({name: inputs[name].shape for name in self._bindings.inputs})
            self._calls[key] = self._memory.call(context, self._bindings)
        self._calls.move_to_end(key)
        self._latest = self._calls[key]
        return self._latest

    def _told_layers(self) -> list[tuple[tuple[str, DType], ...]]:
        """What the inspector tells under each profile: it has layers of its own, whose types are known only there."""
        with self._lock, self._queue.ordered():
            self._check_open()
            return [self._told_under(shapes) for shapes in self._profiles.typical_shapes()]

    def _seen_times(self, inputs: Mapping[str, ArrayT], *, num_runs: int) -> list[tuple[str, float]]:
        """Name and milliseconds of each layer in each run."""
        context = self._context({name: inputs[name].shape for name in self._bindings.inputs})
        # What only the first run does is no part of any layer.
        self._memory.call(context, self._bindings)(inputs)
        self._queue.finish()
        context.profiler = profiler = timer(self._trt.api)
        for _ in range(num_runs):
            # A call of its own each time: none is replayed as a graph, which tells no times.
            self._memory.call(context, self._bindings)(inputs)
            self._queue.finish()
        seen: list[tuple[str, float]] = profiler.seen
        return seen

    def _told_under(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, DType], ...]:
        # The inspector keeps a bare pointer: the context must outlive the question.
        context = self._context(shapes)
        inspector = self._plan.create_engine_inspector()
        inspector.execution_context = context
        return typed_layers_of(str(inspector.get_engine_information(self._trt.api.LayerInformationFormat.JSON)))

    def _context(self, shapes: Mapping[str, tuple[int, ...]]) -> Any:
        """A context whose shapes are set, under the first profile that takes them."""
        profile = self._profiles.index_for(shapes)
        context = self._fresh_context(profile)
        if context is None:
            # Older plans lend a profile to one context at a time.
            self._forget()
            context = self._fresh_context(profile)
        if context is None or not all(context.set_input_shape(name, tuple(shape)) for name, shape in shapes.items()):
            raise SessionError(
                f"TensorRT cannot prepare the engine in {self._engine.folder} for inputs of shape "
                f"{', '.join(str(tuple(shape)) for shape in shapes.values())}: {' '.join(self._log.errors()[-3:])} "
                "Free device memory, or call it with shapes as in validation."
            )
        unknown = [name for name in self._bindings.outputs if min(context.get_tensor_shape(name), default=0) < 0]
        if unknown:
            raise SessionError(
                f"the shape of {', '.join(unknown)} depends on values, not on shapes alone; expected outputs whose "
                "sizes follow from those of the inputs. Choose a boundary without that last part of the module."
            )
        return context

    def _fresh_context(self, profile: int) -> Any:
        context = self._trt.context(self._plan, scratch=self._scratch.address, num_bytes=self._scratch.num_bytes)
        if context is None:
            return None
        is_set = self._queue.run(lambda stream: bool(context.set_optimization_profile_async(profile, stream)))
        return context if is_set else None

    def _joined(self, parts: list[dict[str, ArrayT]]) -> dict[str, ArrayT]:
        """The outputs of the parts, one after the other."""
        for spec in self._engine.boundary.outputs:
            if not is_batched(spec):
                raise InputMismatchError(
                    f"the batch is larger than {self._profiles.largest_batch}, the largest of this engine, and cannot "
                    f"be split: the output {spec.name!r} has no batch axis. Call it with smaller batches, or export "
                    "again with a larger build.tensorrt.max_batch."
                )
        return {name: self._memory.joined([part[name] for part in parts]) for name in parts[0]}
