"""Sessions on numpy arrays called with torch tensors, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from numpy.typing import NDArray
    from torch import Tensor
    from typing_extensions import Self

    from lightning_trt.precision import DType
    from lightning_trt.protocols import Session
    from lightning_trt.runtime.layer_times import LayerTime
    from lightning_trt.runtime.trt_session import TensorRTSession

__all__ = ["OnArrays", "OnTensors"]

# Types that numpy lends from ml_dtypes, and torch does not share with it: handed over as whole numbers of their width.
_LENT = {
    torch.bfloat16: (torch.uint16, np.dtype(ml_dtypes.bfloat16)),
    torch.float8_e4m3fn: (torch.uint8, np.dtype(ml_dtypes.float8_e4m3fn)),
}
_LENT_BY_NUMPY = {lent: dtype for dtype, (_, lent) in _LENT.items()}


class OnTensors:
    """A session on arrays, called with tensors of any device; results are tensors on the processor.

    Example::

        with OnTensors(OnnxSession(path, boundary=boundary, options=options)) as session:
            logits = session({"x": images})["logits"]
    """

    def __init__(self, session: Session[NDArray[Any]]) -> None:
        self._session = session

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name, for inputs by name; raises what the session raises."""
        outputs = self._session({name: as_array(tensor) for name, tensor in inputs.items()})
        return {name: as_tensor(array) for name, array in outputs.items()}

    def layers(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in."""
        return self._session.layers()

    def typed_layers(self) -> tuple[tuple[str, DType], ...]:
        """Name of each layer, and the data type it computes in."""
        return self._session.typed_layers()

    def close(self) -> None:
        """Give back what the engine holds; safe to call again."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OnArrays:
    """A TensorRT session on tensors, called with arrays, for where torch is there and pycuda is not."""

    def __init__(self, session: TensorRTSession[Tensor]) -> None:
        self._session = session

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs by name, for inputs by name; raises what the session raises."""
        outputs = self._session({name: as_tensor(array) for name, array in inputs.items()})
        return {name: as_array(tensor) for name, tensor in outputs.items()}

    def layers(self) -> Mapping[DType, int]:
        """Number of layers by the data type they compute in."""
        return self._session.layers()

    def typed_layers(self) -> tuple[tuple[str, DType], ...]:
        """Name of each layer, and the data type it computes in."""
        return self._session.typed_layers()

    def layer_times(self, inputs: Mapping[str, NDArray[Any]], *, num_runs: int) -> Sequence[LayerTime]:
        """Mean time of each layer over so many runs on these inputs; the slowest first."""
        return self._session.layer_times({name: as_tensor(array) for name, array in inputs.items()}, num_runs=num_runs)

    def typical_sizes(self) -> Mapping[str, int]:
        """Size that the engine was tuned for, of each dynamic axis but the batch."""
        return self._session.typical_sizes()

    def close(self) -> None:
        """Give back what the engine holds; safe to call again."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def as_array(tensor: Tensor) -> NDArray[Any]:
    """The tensor's values as an array of the same type, bfloat16 and float8 among them.

    Example:
        >>> import torch
        >>> from lightning_trt.runtime.tensors import as_array
        >>> as_array(torch.ones(2, dtype=torch.bfloat16)).dtype
        dtype(bfloat16)
    """
    here = tensor.detach().cpu()
    if tensor.dtype not in _LENT:
        return here.numpy()
    whole, lent = _LENT[tensor.dtype]
    return here.view(whole).numpy().view(lent)


def as_tensor(array: NDArray[Any]) -> Tensor:
    """The array's values as a tensor of the same type; an array that may be written to shares its memory.

    Example:
        >>> import numpy as np
        >>> from lightning_trt.runtime.tensors import as_tensor
        >>> as_tensor(np.ones(2, np.float32)).dtype
        torch.float32
    """
    # torch warns of memory that may not be written to.
    ready = array if array.flags.writeable else array.copy()
    if array.dtype not in _LENT_BY_NUMPY:
        return torch.from_numpy(ready)
    return torch.from_numpy(ready.view(f"u{array.dtype.itemsize}")).view(_LENT_BY_NUMPY[array.dtype])
