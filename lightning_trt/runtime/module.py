"""An engine as an `nn.Module` that stands in for the boundary it was exported from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_trt.errors import InputMismatchError, SessionError
from lightning_trt.runtime.batch import batch_of, is_batched
from lightning_trt.runtime.matching import dtype_of, leaves_of
from lightning_trt.runtime.structure import unflatten

if TYPE_CHECKING:
    from collections.abc import Callable
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

    A deep copy opens a session of its own on the same files. It cannot be pickled: send the folder, and load it there.

    Example::

        engine = load("trt/best-1f0c7a3e/int8-mse")
        logits = engine(images)
        engine.close()
    """

    def __init__(self, engine: Engine, *, open: Callable[[Engine], Session[Tensor]]) -> None:  # noqa: A002 - the verb of `Backend.open`
        super().__init__()
        super().train(mode=False)
        self.engine = engine
        self._open = open
        self._session = open(engine)

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
        boundary = self.engine.boundary
        given: tuple[Tensor, ...] = leaves_of(args, kwargs, boundary.input_structure, is_leaf=torch.is_tensor)
        device = given[0].device if given else torch.device("cpu")
        tensors = tuple(_in_type(spec, tensor) for spec, tensor in zip(boundary.inputs, given, strict=True))
        has_values = all(tensor.numel() for tensor in tensors)
        is_empty = not has_values and batch_of(boundary, tensors) == 0
        outputs = self._run_empty(tensors) if is_empty else self._run(tensors)
        return unflatten(boundary.output_structure, [tensor.to(device) for tensor in outputs])

    def close(self) -> None:
        """Give back what the engine holds; safe to call again."""
        self._session.close()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002, FBT001, FBT002 - torch's own signature
        """Itself, in evaluation mode: an engine has no other."""
        return super().train(mode=False)

    def extra_repr(self) -> str:
        """Backend, precision, and what goes in and out."""
        engine, boundary = self.engine, self.engine.boundary
        takes, gives = (", ".join(map(_spoken, specs)) for specs in (boundary.inputs, boundary.outputs))
        return f"{engine.precision.value} on {engine.backend} {engine.backend_version}: {takes} -> {gives}"

    def __deepcopy__(self, memo: dict[int, object]) -> TRTModule:
        return TRTModule(self.engine, open=self._open)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SessionError(
            f"the engine in {self.engine.folder} cannot be pickled: it is an open session, not data. Send the path of "
            "the folder and call lightning_trt.load(path) where it arrives."
        )

    def _run(self, tensors: tuple[Tensor, ...]) -> list[Tensor]:
        boundary = self.engine.boundary
        named = {spec.name: tensor for spec, tensor in zip(boundary.inputs, tensors, strict=True)}
        outputs = self._session(named)
        return [outputs[spec.name] for spec in boundary.outputs]

    def _run_empty(self, tensors: tuple[Tensor, ...]) -> list[Tensor]:
        """Outputs without samples: those of one sample of zeros, cut off, for engines take no empty batch."""
        boundary = self.engine.boundary
        ones = tuple(
            tensor.new_zeros(1, *tensor.shape[1:]) if is_batched(spec) else tensor
            for spec, tensor in zip(boundary.inputs, tensors, strict=True)
        )
        outputs = zip(boundary.outputs, self._run(ones), strict=True)
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
