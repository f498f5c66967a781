"""An engine as NVIDIA Triton's `config.pbtxt`.

Source: Triton's user guide, "Model Configuration", and its `model_config.proto`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lightning_trt.artifacts import BATCH
from lightning_trt.errors import SettingsError

if TYPE_CHECKING:
    from lightning_trt.artifacts import Engine, TensorSpec

__all__ = ["MODEL_FILES", "config"]

MODEL_FILES = {"tensorrt": "model.plan", "onnxruntime": "model.onnx"}
"""What Triton calls the file of a model, by our backend; others Triton cannot serve."""

_PLATFORMS = {"tensorrt": "tensorrt_plan", "onnxruntime": "onnxruntime_onnx"}
_TYPES = {
    "bool": "TYPE_BOOL",
    "uint8": "TYPE_UINT8",
    "int8": "TYPE_INT8",
    "int16": "TYPE_INT16",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "bfloat16": "TYPE_BF16",
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
}
_BATCH_OF_ONNX = 64


def config(engine: Engine, *, name: str) -> str:
    """The text of `config.pbtxt` for a model called `name`.

    Triton batches requests where the first axis of every input and output is the batch, up to the engine's largest
    one (64 for ONNX, which has none); else it hands each request on as it is.

    Raises:
        SettingsError: Triton serves no engine of this backend, or knows no such data type.
    """
    if engine.backend not in _PLATFORMS:
        raise SettingsError(
            f"the engine in {engine.folder} is of the backend {engine.backend}, which Triton does not serve. Export "
            f"with one of: {', '.join(_PLATFORMS)}."
        )
    specs = {"input": engine.boundary.inputs, "output": engine.boundary.outputs}
    is_batched = all(_is_batched(spec) for side in specs.values() for spec in side)
    lines = [
        f"name: {json.dumps(name)}",
        f'platform: "{_PLATFORMS[engine.backend]}"',
        f"max_batch_size: {_largest_batch(engine) if is_batched else 0}",
    ]
    for side, tensors in specs.items():
        lines += [f"{side} {{\n{_tensor(spec, is_batched=is_batched)}\n}}" for spec in tensors]
    lines += ["dynamic_batching { }"] if is_batched else []
    return "\n".join([*lines, *_instances(engine)]) + "\n"


def _is_batched(spec: TensorSpec) -> bool:
    return spec.shape[:1] == (BATCH,) and BATCH not in spec.shape[1:]


def _tensor(spec: TensorSpec, *, is_batched: bool) -> str:
    if spec.dtype not in _TYPES:
        raise SettingsError(f"{spec.name} has the type {spec.dtype}; Triton has {', '.join(_TYPES)}.")
    shape = [-1 if isinstance(size, str) else size for size in spec.shape[1 if is_batched else 0 :]]
    lines = [f"name: {json.dumps(spec.name)}", f"data_type: {_TYPES[spec.dtype]}", f"dims: {shape or [1]}"]
    # Triton refuses empty dims: one value a sample is a vector of one to its clients.
    lines += [] if shape else ["reshape { shape: [ ] }"]
    return "\n".join(f"  {line}" for line in lines)


def _largest_batch(engine: Engine) -> int:
    """Of what the engine was built for; without a recipe the one that surely works."""
    if engine.backend == "onnxruntime":
        return _BATCH_OF_ONNX
    if engine.recipe is None:
        return 1
    told = engine.recipe.settings["tensorrt"]
    asked = [profile.get(BATCH, [told["max_batch"]])[-1] for profile in told["profiles"]]
    return int(max(asked, default=told["max_batch"]))


def _instances(engine: Engine) -> list[str]:
    """All optimization profiles of a plan; Triton takes the first alone where it is not told."""
    if engine.backend != "tensorrt" or engine.recipe is None:
        return []
    told = engine.recipe.settings["tensorrt"]
    has_batch = any(BATCH in spec.shape for spec in engine.boundary.inputs)
    count = len(told["profiles"]) or (2 if has_batch and told["max_batch"] > 1 else 1)
    profiles = ", ".join(f'"{number}"' for number in range(count))
    return [f"instance_group {{\n  kind: KIND_GPU\n  profile: [ {profiles} ]\n}}"]
