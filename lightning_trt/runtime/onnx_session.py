"""A session over ONNX Runtime's processor kernels: numpy arrays in, numpy arrays out. Opens without torch and onnx."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime

from lightning_trt.errors import EngineError, ManifestError, SessionClosedError, SessionError
from lightning_trt.precision import DType
from lightning_trt.runtime.layer_times import averaged
from lightning_trt.runtime.matching import check_inputs
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from lightning_trt.artifacts import Boundary
    from lightning_trt.runtime.layer_times import LayerTime

__all__ = ["OnnxSession"]

_PROVIDERS = ["CPUExecutionProvider"]
_FATAL_ONLY = 4
_KERNEL = "_kernel_time"
_DTYPES = {
    "float": DType.fp32,
    "float16": DType.fp16,
    "bfloat16": DType.bf16,
    "float8e4m3fn": DType.fp8,
    "int8": DType.int8,
    "uint8": DType.int8,
    "int32": DType.int32,
    "int64": DType.int64,
    "bool": DType.bool,
}
_LEVELS = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
}


class OnnxSession:
    """The ONNX file at `path`, open; calls may come from several threads.

    Inputs of any memory layout are taken, outputs are fresh arrays. `options` are the engine's: `optimization` (`all`
    or `basic`) and `threads` (0: all cores).

    onnxruntime's own int8 kernels are off: on processors without VNNI they saturate, so that results would depend on
    the processor. Q/DQ nodes stay, and what is between them computes in fp32.

    Example::

        with OnnxSession(folder / "model.onnx", boundary=boundary, options=engine.options) as session:
            logits = session({"x": images})["logits"]
    """

    def __init__(self, path: Path, *, boundary: Boundary, options: Mapping[str, str]) -> None:
        self._path = path
        self._boundary = boundary
        self._options = options
        self._session: Any = _opened(path, _session_options(options))
        # An input that the graph does not read is in the boundary, and not in the file.
        self._names = [each.name for each in self._session.get_inputs()]
        self._outputs = [spec.name for spec in boundary.outputs]

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs by name, for inputs by name.

        Raises:
            InputMismatchError: Other names, types or shapes than the boundary's.
            SessionClosedError: The session was closed.
            SessionError: onnxruntime failed on these inputs.
        """
        session = self._open_session()
        check_inputs(self._boundary, inputs)
        try:
            results = session.run(self._outputs, {name: inputs[name] for name in self._names})
        except Exception as error:  # onnxruntime's own errors share no base class
            shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
            raise SessionError(
                f"onnxruntime failed on inputs of shape {shapes}: {error}. A size that the exported module did not "
                "vary may be written into the graph: call it with sizes as in validation, or export again."
            ) from error
        return dict(zip(self._outputs, results, strict=True))

    def layers(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in, after onnxruntime's optimizer.

        The graph is optimized once more for it: ask before `close`, and not in a loop.
        """
        return dict(Counter(dtype for _, dtype in self.typed_layers()))

    def typed_layers(self) -> tuple[tuple[str, DType], ...]:
        """Name and data type of each layer, in the order in which they run."""
        from lightning_trt.runtime.onnx_layers import typed_layers_of  # noqa: PLC0415 - an engine runs without onnx

        self._open_session()
        with temporary_folder() as folder:
            path = folder / "optimized.onnx"
            options = _session_options(self._options)
            options.optimized_model_filepath = str(path)
            # Weights beside the file, so that it holds a graph of any size and is read without them.
            options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "weights.data")
            options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
            _opened(self._path, options)
            return typed_layers_of(path)

    def layer_times(self, inputs: Mapping[str, NDArray[Any]], *, num_runs: int) -> Sequence[LayerTime]:
        """Mean time of each node over so many runs on these inputs, after onnxruntime's optimizer; the slowest first.

        The data type is that of what the node takes: where Q/DQ round the values in between, it is float.

        Raises:
            InputMismatchError: Other names, types or shapes than the boundary's.
        """
        self._open_session()
        check_inputs(self._boundary, inputs)
        with temporary_folder() as folder:
            options = _session_options(self._options)
            options.enable_profiling = True
            options.profile_file_prefix = str(folder / "profile")
            session = _opened(self._path, options)
            feeds = {name: inputs[name] for name in self._names}
            for _ in range(num_runs + 1):
                session.run(self._outputs, feeds)
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        told = [*_told_times(events)]
        # What only the first run does, e.g. to reserve memory, is no part of any node.
        seen = told[len(told) // (num_runs + 1) :]
        types = {name: dtype for name, _, dtype in told}
        return averaged([(name, time_ms) for name, time_ms, _ in seen], types, num_runs=num_runs)

    def typical_sizes(self) -> Mapping[str, int]:
        """Nothing: onnxruntime tunes for no size."""
        return {}

    def close(self) -> None:
        """Give back the graph and its weights; safe to call again."""
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_session(self) -> Any:  # noqa: ANN401 - onnxruntime ships no types
        session = self._session
        if session is None:
            raise SessionClosedError(
                f"the session of {self._path} was closed, and then called. Load the engine again to go on."
            )
        return session


def _told_times(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float, DType | None]]:
    """Name, milliseconds and type of each run of a node, in onnxruntime's own words."""
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            told = event["args"]
            taken = [kind for shape in told.get("input_type_shape", ()) for kind in shape]
            dtype = _DTYPES.get(taken[0], DType.other) if taken else None
            name = event["name"].removesuffix(_KERNEL)
            yield f"{told.get('op_name', '?')} {name}", event["dur"] / 1e3, dtype


def _opened(path: Path, options: Any) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=_PROVIDERS)
    except Exception as error:  # onnxruntime's own errors share no base class
        raise EngineError(
            f"onnxruntime {onnxruntime.__version__} cannot open {path}: {error}. The sentence names the operator or "
            "the node; leave out this precision, or change that part of the module."
        ) from error


def _session_options(options: Mapping[str, str]) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    made = onnxruntime.SessionOptions()
    made.log_severity_level = _FATAL_ONLY
    try:
        made.graph_optimization_level = _LEVELS[options["optimization"]]
        made.intra_op_num_threads = int(options["threads"])
    except (KeyError, ValueError) as error:
        raise ManifestError(
            f"the engine's options {dict(options)} are not those of an onnxruntime session: optimization (all or "
            "basic), threads. The manifest was edited: take it as it was written."
        ) from error
    made.add_session_config_entry("session.disable_quant_qdq", "1")
    # Threads that spin after a call would take the processor from whoever runs in between: torch, or another engine.
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return made
