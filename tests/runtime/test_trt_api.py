"""The names that we call exist in every generation of TensorRT.

`tensorrt_names.json` holds what the classes of TensorRT 8.6.1 (its bindings, imported) and 10.13 (the stubs of
tensorrt-stubs 10.13.0.35.1) have. TensorRT 11 has what TensorRT-RTX 1.7 has, which is imported here, less what NVIDIA's
page of removed names lists.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lightning_trt
from lightning_trt.backends.native import ALGORITHMS
from lightning_trt.runtime._trt import Package

if TYPE_CHECKING:
    from collections.abc import Mapping

Names = dict[str, set[str]]

ROOT = Path(lightning_trt.__file__).parent
RECORDED = json.loads((Path(__file__).parent / "tensorrt_names.json").read_text())


def names(text: str) -> Names:
    """Class -> names, from lines of a class and its names."""
    lines = (line.split() for line in text.strip().splitlines())
    return {kind: set(called) for kind, *called in lines}


# Called whatever the generation.
ALWAYS = names("""
    Builder create_network create_builder_config create_optimization_profile build_serialized_network
    OnnxParser parse_from_file num_errors get_error
    ParserError desc node
    IBuilderConfig add_optimization_profile set_flag clear_flag set_memory_pool_limit builder_optimization_level \
        profiling_verbosity set_tactic_sources hardware_compatibility_level create_timing_cache set_timing_cache \
        get_timing_cache avg_timing_iterations
    ITimingCache serialize
    IOptimizationProfile set_shape
    Runtime deserialize_cuda_engine
    ICudaEngine num_io_tensors get_tensor_name get_tensor_mode get_tensor_location get_tensor_dtype get_tensor_shape \
        get_tensor_profile_shape num_optimization_profiles create_engine_inspector
    IExecutionContext set_optimization_profile_async set_input_shape get_tensor_shape set_tensor_address \
        execute_async_v3 profiler
    EngineInspector execution_context get_engine_information
    LayerInformationFormat JSON
    ProfilingVerbosity DETAILED
    TensorIOMode INPUT
    TensorLocation DEVICE
    BuilderFlag TF32
    MemoryPoolType WORKSPACE
    HardwareCompatibilityLevel AMPERE_PLUS
    TacticSource EDGE_MASK_CONVOLUTIONS JIT_CONVOLUTIONS
    ILogger log
""")
# Called where `Package.has_weak_typing`.
WEAK = names("""
    BuilderFlag FP16 INT8 OBEY_PRECISION_CONSTRAINTS
    INetworkDefinition num_layers get_layer
""")
# Called where `Package.has_calibrators`.
CALIBRATION = names("IBuilderConfig int8_calibrator set_calibration_profile") | {
    each: {"get_batch", "get_batch_size", "read_calibration_cache", "write_calibration_cache"}
    for each in ALGORITHMS.values()
}
# Called where strong typing is a choice.
CHOSEN = names("""
    NetworkDefinitionCreationFlag STRONGLY_TYPED
    INetworkDefinition get_flag
""")
# Asked of one that has it (8.6), as `hasattr` finds it.
PREVIEW = names("""
    PreviewFeature PROFILE_SHARING_0806
    IBuilderConfig set_preview_feature
""")
# Names of theirs that ours have by chance.
OURS_TOO = {"builder", "engine", "file", "flags", "tactic_sources", "update"}
OLD_SCRATCH = names("""
    ICudaEngine create_execution_context_without_device_memory device_memory_size
    IExecutionContext device_memory
""")
SCRATCH = names("""
    ExecutionContextAllocationStrategy USER_MANAGED
    ICudaEngine create_execution_context device_memory_size_v2
    IExecutionContext set_device_memory
    ParserError node_name node_operator
""")
# https://docs.nvidia.com/deeplearning/tensorrt/latest/api/migration/tensorrt-10x-to-11x-python-api-reference.html
REMOVED_IN_11 = names("""
    BuilderFlag FP16 BF16 INT8 FP8 INT4 FP4 OBEY_PRECISION_CONSTRAINTS PREFER_PRECISION_CONSTRAINTS STRICT_TYPES \
        REJECT_EMPTY_ALGORITHMS WEIGHTLESS
    IBuilderConfig int8_calibrator set_calibration_profile get_calibration_profile set_quantization_flag \
        get_quantization_flag clear_quantization_flag quantization_flags algorithm_selector max_workspace_size
    Builder platform_has_fast_fp16 platform_has_fast_int8 platform_has_tf32 build_engine max_batch_size
    NetworkDefinitionCreationFlag EXPLICIT_BATCH EXPLICIT_PRECISION
    TacticSource CUBLAS CUBLAS_LT CUDNN
    ICudaEngine create_execution_context_without_device_memory device_memory_size get_device_memory_size_for_profile \
        weight_streaming_budget minimum_weight_streaming_budget has_implicit_batch_dimension num_bindings \
        get_profile_shape
    IExecutionContext all_shape_inputs_specified execute execute_async execute_async_v2 set_binding_shape get_shape
    OnnxParser parse_with_weight_descriptors supports_model
    PreviewFeature PROFILE_SHARING_0806
""")


def recorded(version: str) -> Names:
    """What the classes of that version have."""
    return {kind: set(text.split()) for kind, text in RECORDED[version].items()}


def missing(called: Names, there: Mapping[str, set[str]]) -> set[str]:
    """What is called and not there."""
    return {f"{kind}.{name}" for kind, each in called.items() for name in each - there.get(kind, set())}


def package(version: str) -> Package:
    """A package whose classes have the recorded names."""
    classes = {kind: type(kind, (), dict.fromkeys(each, 0)) for kind, each in recorded(version).items()}
    return Package(type("package", (), {"__version__": version, **classes}))


@pytest.mark.parametrize(
    "called",
    [ALWAYS, WEAK, CALIBRATION, PREVIEW, OLD_SCRATCH],
    ids=["always", "weak", "calibration", "preview", "scratch"],
)
def test_names_exist_in_8(called: Names) -> None:
    """TensorRT 8.6: precision, calibration and caches are the builder's."""
    assert missing(called, recorded("8.6.1")) == set()


@pytest.mark.parametrize(
    "called",
    [ALWAYS, WEAK, CALIBRATION, CHOSEN, SCRATCH],
    ids=["always", "weak", "calibration", "chosen", "scratch"],
)
def test_names_exist_in_10(called: Names) -> None:
    """TensorRT 10: typed graphs, and calibration for those who ask for it."""
    assert missing(called, recorded("10.13")) == set()


@pytest.mark.parametrize("called", [ALWAYS, SCRATCH], ids=["always", "scratch"])
def test_no_name_was_removed_in_11(called: Names) -> None:
    """TensorRT 11: typed graphs alone."""
    removed = {f"{kind}.{name}" for kind, each in called.items() for name in each & REMOVED_IN_11.get(kind, set())}

    assert removed == set()


@pytest.mark.parametrize("called", [ALWAYS, SCRATCH], ids=["always", "scratch"])
def test_names_exist_in_rtx(called: Names) -> None:
    """TensorRT-RTX 1.7, of TensorRT 11's generation: the package itself."""
    api = pytest.importorskip("tensorrt_rtx", reason="the package tensorrt-rtx-cu13, of the group `test`, is missing")

    assert missing(called, {kind: set(dir(getattr(api, kind, None))) for kind in called}) == set()


def test_every_name_that_we_use_is_in_a_list() -> None:
    """Else a name that one generation lacks would be found on somebody's GPU."""
    sources = [*(ROOT / "backends").glob("*.py"), *(ROOT / "runtime").glob("*.py")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources if "onnx" not in path.name]
    used = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    known = {name for version in RECORDED for each in recorded(version).values() for name in each}
    lists = (ALWAYS, WEAK, CALIBRATION, CHOSEN, PREVIEW, OLD_SCRATCH, SCRATCH)
    listed = {name for called in lists for names_of in called.values() for name in names_of}

    assert (used & known) - listed <= OURS_TOO


def test_generations_know_whether_they_have_strong_typing() -> None:
    """By their names, not by their numbers."""
    assert not package("8.6.1").has_strong_typing
    assert package("10.13").has_strong_typing


@pytest.mark.parametrize(("version", "number"), [("9.3.0", 9300), ("12.1.2", 120102)])
def test_a_calibration_cache_is_headed_as_the_generation_does(version: str, number: int) -> None:
    """Without its library the number follows from the version of the bindings."""
    assert Package(type("package", (), {"__version__": version})).library_number() == number
