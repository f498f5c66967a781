"""torch2trt's reduced-precision interface: the page "Reduced Precision" of its documentation, over our own stations.

It stands as https://github.com/NVIDIA-AI-IOT/torch2trt documents it; what differs is told in docs/from-torch2trt.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.compat.algorithms import CalibrationAlgoType
from lightning_trt.compat.conversion import converted
from lightning_trt.compat.keywords import keywords_of
from lightning_trt.compat.log import show_log
from lightning_trt.compat.module import TRTModule
from lightning_trt.runtime.packing import TemporaryFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    Names = Sequence[str] | None
    Shapes = Sequence[Sequence[int]] | None

__all__ = ["CalibrationAlgoType", "TRTModule", "torch2trt"]


# fmt: off
def torch2trt(  # torch2trt's own keywords, by what they are about
    module: nn.Module, inputs: Any, input_names: Names = None, output_names: Names = None,
    fp16_mode: bool = False, int8_mode: bool | None = None, int8_calib_dataset: Any = None,
    int8_calib_algorithm: Any = None, int8_calib_batch_size: int = 1,
    min_shapes: Shapes = None, opt_shapes: Shapes = None, max_shapes: Shapes = None,
    max_batch_size: int | None = None, max_workspace_size: int | None = None,
    strict_type_constraints: bool = False, log_level: Any = None, onnx_opset: int | None = None,
    use_onnx: bool = True, keep_network: bool = True,
    default_device_type: Any = "gpu", dla_core: int = 0, gpu_fallback: bool = True,
    device_types: Mapping[Any, Any] | None = None, avg_timing_iterations: int | None = None,
    backend: str = "auto", dirpath: Path | str | None = None, **others: Any,
) -> TRTModule:
    # fmt: on
    """The module as an engine, called as the module is, with the same types of inputs and outputs.

    Args:
        module: Is copied, and not changed; exported in evaluation mode.
        inputs: The arguments of one call: a list or tuple, a dict of keywords, nested, or a tensor; or a dataset of
            such arguments, whose shapes say what varies.
        input_names: Names of the inputs; else `input_0` and so on.
        output_names: Names of the outputs; else `output_0` and so on.
        fp16_mode: Whether layers may compute in fp16.
        int8_mode: Whether layers are quantized to int8; the others compute in fp32, or with `fp16_mode` in fp16. None
            is False, but for a dataset to calibrate with, which switches it on.
        int8_calib_dataset: Samples to calibrate with: `len()` of it, and `dataset[index]`, a list of tensors, each with
            a batch axis of one. Read batch by batch, never held. None calibrates with the rows of `inputs`.
        int8_calib_algorithm: A member of `tensorrt.CalibrationAlgoType` or its name, for which TensorRT's own
            calibrator runs where it has one, else ours with the same algorithm; or the name of one of ours
            (`percentile`, `mse`, ...). None is `ENTROPY_CALIBRATION_2`.
        int8_calib_batch_size: Samples in a batch; the ranges of our calibrators do not depend on it.
        min_shapes: Least shape of each input, where shapes shall vary.
        opt_shapes: The shapes to tune for.
        max_shapes: The largest shapes.
        max_batch_size: Largest number of samples, where that shall vary.
        max_workspace_size: Bytes that a layer may use while it runs.
        strict_type_constraints: Whether the asked precision must be kept: so it is wherever types are the graph's;
            before TensorRT 10, convolutions and products are bound to it, and the build fails where that cannot be.
        log_level: Severity of TensorRT's log from which on it is shown, e.g. `tensorrt.Logger.INFO`.
        onnx_opset: Least opset of the ONNX graph, at or above the one that modules are exported in (18); before
            TensorRT 10 it can be 17 alone.
        use_onnx: False raises: modules always go through ONNX.
        keep_network: The ONNX graph stays in the engine's folder, and in no memory, either way.
        default_device_type: `gpu`, or TensorRT's name for it.
        dla_core: Another than 0 raises: engines are built for the GPU.
        gpu_fallback: False raises for the same reason.
        device_types: Devices of submodules, all of them `gpu`.
        avg_timing_iterations: How often TensorRT's builder runs each kernel for the mean time that it chooses by.
        backend: `auto`, `tensorrt`, `tensorrt_rtx` or `onnxruntime`.
        dirpath: Folder for the engine; None keeps it in a temporary one, as long as the module lives.
        others: Raise, with the nearest name.

    Raises:
        SettingsError: A keyword that does not exist, or a value that cannot hold.
        UnsupportedPrecisionError: The backend or the device has no such arithmetic.
        BackendNotAvailableError: The backend cannot work here.
        DataError: The inputs or a sample cannot serve; the sentence names the sample.
        ExportError: The module does not become ONNX.
        BuildError: The backend could not build the engine.

    Example::

        model_trt = torch2trt(model, [images], fp16_mode=True, int8_mode=True, int8_calib_dataset=dataset)
        print(model_trt.report)
    """
    given = {name: value for name, value in locals().items() if name not in {"module", "inputs", "others"}}
    keywords = keywords_of(given, others)
    home = TemporaryFolder() if keywords.dirpath is None else None
    into = home.path / "engine" if home else Path(str(keywords.dirpath))
    conversion = converted(module, inputs, keywords, into=into)
    if keywords.log_level is not None:
        show_log(conversion.engine.folder, keywords.log_level)
    return TRTModule.of(conversion.engine, home=home, report=conversion.report)
