"""An engine as an `nn.Module` that stands in for the boundary it was exported from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_trt.errors import InputMismatchError, SessionError
from lightning_trt.runtime.batch import batch_of, is_batched
from lightning_trt.runtime.matching import dtype_of, leaves_of, num_plain
from lightning_trt.runtime.packing import TemporaryFolder, check_likeness, unpacked
from lightning_trt.runtime.states import files_of, state_of
from lightning_trt.runtime.structure import unflatten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from typing_extensions import Self

    from lightning_trt.artifacts import Boundary, Engine, TensorSpec
    from lightning_trt.protocols import Session

__all__ = ["TRTModule"]

_AUTOCAST = frozenset({"float16", "bfloat16", "float32"})


class TRTModule(nn.Module):
    """The engine, called like the module it was made of: the same arguments, the same nest of results.

    Inputs may lie on any device and in any memory layout; floats of 32 and 16 bits and whole numbers of any width are
    converted to what the engine takes, so that it works under autocast. Results are fresh tensors on the device of the
    first input, in the boundary's types, without gradients. It has no parameters and stays in evaluation mode.

    Several threads may call it. A deep copy opens a session of its own on the same files. Its `state_dict` holds the
    files, and loading one that was saved makes it that engine. It cannot be pickled: send the folder, load it there.

    Example::

        engine = load("trt/best-1f0c7a3e/int8-mse")
        logits = engine(images)
        engine.close()
    """

    def __init__(self, engine: Engine, *, open: Callable[[Engine], Session[Tensor]]) -> None:  # noqa: A002 - the verb of `Backend.open`
        super().__init__()
        super().train(mode=False)
        self._open = open
        self._folder: TemporaryFolder | None = None
        self._set_engine(engine)

    @property
    def boundary(self) -> Boundary:
        """What it stands in for."""
        return self.engine.boundary

    def forward(self, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - a nest as the module gave it
        """What the module would give for these arguments, in its own nest.

        Raises:
            InputMismatchError: The call is not one that was exported: another structure, type or shape.
            SessionClosedError: `close` was called before.
            SessionError: The engine failed on these inputs.
        """
        again = self._replayed(args) if self._replayed and not kwargs and len(args) == self._num_plain else None
        if again is not None:
            return unflatten(self._structure, [again[name] for name in self._names])
        given = self._given(args, kwargs)
        tensors = [
            tensor if tensor.dtype is dtype else _in_type(spec, tensor)
            for spec, dtype, tensor in zip(self._inputs, self._dtypes, given, strict=True)
        ]
        is_empty = not all(map(Tensor.numel, tensors)) and batch_of(self.boundary, given) == 0
        outputs = self._run_empty(tensors) if is_empty else self._run(tensors)
        if given and outputs and outputs[0].device != given[0].device:
            outputs = [tensor.to(given[0].device) for tensor in outputs]
        return unflatten(self._structure, outputs)

    def close(self) -> None:
        """Give back what the engine holds; safe to call again."""
        self._session.close()

    def _set_engine(self, engine: Engine) -> None:
        """Nothing; calls go to this engine from now on. What every call asks for is looked up here, once."""
        self._session = self._open(engine)
        self.engine = engine
        self._inputs, self._outputs = engine.boundary.inputs, engine.boundary.outputs
        self._dtypes: list[torch.dtype] = [getattr(torch, spec.dtype) for spec in self._inputs]
        self._names = [spec.name for spec in self._outputs]
        self._num_plain = num_plain(engine.boundary.input_structure)
        self._structure = engine.boundary.output_structure
        self._replayed: Callable[[Sequence[object]], Mapping[str, Tensor] | None] | None = getattr(
            self._session, "replayed", None
        )

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002, FBT001, FBT002 - torch's own signature
        """Itself, in evaluation mode: an engine has no other."""
        return super().train(mode=False)

    def get_extra_state(self) -> dict[str, Tensor]:
        """The engine's files by name, as bytes: what `state_dict` carries, so that a checkpoint holds the engine."""
        return state_of(self.engine)

    def set_extra_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing; calls go to the engine that `state` holds, whose files lie in a temporary folder of the module.

        An engine is a program: load a state dict only if you would load the folder that it came from.

        Raises:
            ManifestError: The files are not those of an engine.
            DigestMismatchError: A file is not the one that was built.
            ForeignEngineError: The engine stands for something else, or was built for another backend, GPU or version.
        """
        folder = TemporaryFolder()
        engine = unpacked(files_of(state), into=folder.path)
        check_likeness(engine, self.engine)
        if engine.sha256 == self.engine.sha256:
            return
        before = self._session
        self._set_engine(engine)
        before.close()
        self._folder = folder

    def extra_repr(self) -> str:
        """Backend, precision, and what goes in and out."""
        engine, boundary = self.engine, self.engine.boundary
        takes, gives = (", ".join(map(_spoken, specs)) for specs in (boundary.inputs, boundary.outputs))
        return f"{engine.precision.value} on {engine.backend} {engine.backend_version}: {takes} -> {gives}"

    def __deepcopy__(self, memo: dict[int, object]) -> TRTModule:
        copied = TRTModule(self.engine, open=self._open)
        copied._folder = self._folder  # the files stay as long as one of the two lives
        return copied

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SessionError(
            f"the engine in {self.engine.folder} cannot be pickled: it is an open session, not data. Send the path of "
            "the folder and call lightning_trt.load(path) where it arrives."
        )

    def _given(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[Tensor, ...]:
        """The tensors of a call, in the boundary's order."""
        if len(args) == self._num_plain and not kwargs and all(map(torch.is_tensor, args)):
            return args  # type: ignore[return-value]  # checked, in the call on which every microsecond counts
        return leaves_of(args, kwargs, self.engine.boundary.input_structure, is_leaf=torch.is_tensor)

    def _run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        outputs = self._session({spec.name: tensor for spec, tensor in zip(self._inputs, tensors, strict=True)})
        return [outputs[name] for name in self._names]

    def _run_empty(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Outputs without samples: those of one sample of zeros, cut off, for engines take no empty batch."""
        ones = [
            tensor.new_zeros(1, *tensor.shape[1:]) if is_batched(spec) else tensor
            for spec, tensor in zip(self._inputs, tensors, strict=True)
        ]
        outputs = zip(self._outputs, self._run(ones), strict=True)
        return [tensor[:0] if is_batched(spec) else tensor for spec, tensor in outputs]


def _in_type(spec: TensorSpec, tensor: Tensor) -> Tensor:
    """The tensor in the type of the boundary, where a module would have taken it too."""
    wanted: torch.dtype = getattr(torch, spec.dtype)
    if tensor.dtype is wanted:
        return tensor
    given = dtype_of(tensor)
    if {given, spec.dtype} <= _AUTOCAST or (_is_whole(tensor.dtype) and _is_whole(wanted)):
        return tensor.to(wanted)
    raise InputMismatchError(
        f"input {spec.name!r} has type {given}; the engine takes {spec.dtype} as the exported module did. Convert it "
        f"first, e.g. with .to(torch.{spec.dtype})."
    )


def _is_whole(dtype: torch.dtype) -> bool:
    return not (dtype.is_floating_point or dtype.is_complex or dtype is torch.bool)


def _spoken(spec: TensorSpec) -> str:
    return f"{spec.name} {spec.dtype}[{', '.join(map(str, spec.shape))}]"
