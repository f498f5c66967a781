"""What a TensorRT engine computes in, read from the JSON of its inspector.

Rules:
    1. A layer is what computes; what moves, shapes or converts values is none.
    2. A layer computes in the type of its first input. A part that TensorRT's compiler fused (`Myelin`) shows only its
       edges: it counts as the lowest type among them, and as `other` where all of them are fp32.
    3. Generations spell types as text (`Format/Datatype`) or as a field (`Datatype`); both are read.
    4. Where all types of a layer are "N/A", nothing is known of it, and it is not counted. An inspector that fails
       (seen with 8.6 and two profiles) says nothing, and no layer is known.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from lightning_trt.precision import DType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["layers_of", "typed_layers_of"]

_MOVES = frozenset({"reformat", "noop", "constant", "shuffle", "slice", "concat", "concatenation", "cast", "identity"})
_FUSED = frozenset({"myelin", "foreignnode"})
# In this order, because "BFloat16" holds "Float", and "FP16" stands beside "Half".
_WORDS = {
    "fp8": DType.fp8,
    "int8": DType.int8,
    "bfloat16": DType.bf16,
    "bf16": DType.bf16,
    "half": DType.fp16,
    "fp16": DType.fp16,
    "int64": DType.int64,
    "int32": DType.int32,
    "bool": DType.bool,
    "float": DType.fp32,
    "fp32": DType.fp32,
}
_LOWEST_FIRST = (DType.fp8, DType.int8, DType.fp16, DType.bf16)


def layers_of(text: str) -> Mapping[DType, int]:
    """Number of layers by data type, from `get_engine_information(JSON)`.

    Example:
        >>> from lightning_trt.runtime.trt_layers import layers_of
        >>> conv = '{"LayerType": "CaskConvolution", "Inputs": [{"Format/Datatype": "Channel major FP16 format"}]}'
        >>> layers_of('{"Layers": [' + conv + ']}')
        {<DType.fp16: 'fp16'>: 1}
    """
    return dict(Counter(dtype for _, dtype in typed_layers_of(text)))


def typed_layers_of(text: str) -> tuple[tuple[str, DType], ...]:
    """Name and data type of each layer, from `get_engine_information(JSON)`."""
    # TensorRT 8.6 writes control characters into its strings.
    document: dict[str, Any] = json.loads(text or "{}", strict=False)
    # An engine without details has names only.
    layers = [layer for layer in document.get("Layers", ()) if isinstance(layer, dict) and _is_told(layer)]
    return tuple((str(layer.get("Name", "")), _computes_in(layer)) for layer in layers if _kind(layer) not in _MOVES)


def _is_told(layer: Mapping[str, Any]) -> bool:
    """Rule 4."""
    tensors = [*layer.get("Inputs", ()), *layer.get("Outputs", ())]
    return not tensors or any(not _spelled(tensor).startswith("n/a") for tensor in tensors)


def _kind(layer: Mapping[str, Any]) -> str:
    return str(layer.get("LayerType", "")).lower()


def _computes_in(layer: Mapping[str, Any]) -> DType:
    if _kind(layer) in _FUSED:
        edges = set(_types(layer.get("Inputs", ()))) | set(_types(layer.get("Outputs", ())))
        return next((dtype for dtype in _LOWEST_FIRST if dtype in edges), DType.other)
    return next(_types(layer.get("Inputs", ())), DType.other)


def _types(tensors: Any) -> Iterator[DType]:
    for tensor in tensors:
        yield next((dtype for word, dtype in _WORDS.items() if word in _spelled(tensor)), DType.other)


def _spelled(tensor: Mapping[str, Any]) -> str:
    return str(tensor.get("Datatype") or tensor.get("DataType") or tensor.get("Format/Datatype") or "").lower()
