"""Another quantizer at work, in the Python that it is installed in: a float ONNX and samples in, an int8 ONNX out.

python peer.py WAY model.onnx samples.npy quantized.onnx
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["WAYS"]


class _Samples:
    """Samples one by one, as onnxruntime wants them."""

    def __init__(self, name: str, samples: NDArray[np.float32]) -> None:
        self._each: Iterator[NDArray[np.float32]] = iter(samples)
        self._name = name

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next sample, behind a batch axis; None at the end."""
        sample = next(self._each, None)
        return None if sample is None else {self._name: sample[None]}


def _use_one_thread() -> None:
    """Nothing; sessions of onnxruntime take one thread, as ours do: rows are made beside each other."""
    import onnxruntime  # noqa: PLC0415 - of the Python that this runs in

    made = onnxruntime.InferenceSession.__init__

    def init(self: object, model: object, options: object = None, *rest: object, **named: object) -> None:
        options = named.pop("sess_options", options) or onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        made(self, model, options, *rest, **named)

    onnxruntime.InferenceSession.__init__ = init


def onnxruntime_way(
    model: str, samples: NDArray[np.float32], into: str, *, method: str, per_channel: bool = True, **extra: float
) -> None:
    """Onnxruntime's static quantization, symmetric, int8 for all, with Q/DQ."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static  # noqa: PLC0415

    quantize_static(
        model,
        into,
        _Samples(_input_of(model), samples),
        quant_format=QuantFormat.QDQ,
        per_channel=per_channel,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method],
        extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, **extra},
    )


def modelopt_way(model: str, samples: NDArray[np.float32], into: str, *, method: str) -> None:
    """NVIDIA ModelOpt's ONNX quantization with its own defaults."""
    from modelopt.onnx.quantization import quantize  # noqa: PLC0415 - where it is installed

    quantize(
        model,
        quantize_mode="int8",
        calibration_data={_input_of(model): samples},
        calibration_method=method,
        output_path=into,
        high_precision_dtype="fp32",
        calibration_eps=["cpu"],
    )


def nncf_way(model: str, samples: NDArray[np.float32], into: str, *, preset: str) -> None:
    """NNCF's post-training quantization with its own defaults, on all samples."""
    import nncf  # noqa: PLC0415 - where it is installed

    name = _input_of(model)
    made = nncf.quantize(
        onnx.load(model),
        nncf.Dataset([{name: sample[None]} for sample in samples]),
        preset=nncf.QuantizationPreset[preset],
        subset_size=len(samples),
    )
    onnx.save(made, into)


def _input_of(model: str) -> str:
    return str(onnx.load(model, load_external_data=False).graph.input[0].name)


WAYS = {
    "onnxruntime minmax": (onnxruntime_way, {"method": "MinMax"}),
    "onnxruntime entropy": (onnxruntime_way, {"method": "Entropy"}),
    "onnxruntime percentile": (onnxruntime_way, {"method": "Percentile"}),
    "onnxruntime minmax, per tensor": (onnxruntime_way, {"method": "MinMax", "per_channel": False}),
    "ModelOpt max": (modelopt_way, {"method": "max"}),
    "ModelOpt entropy": (modelopt_way, {"method": "entropy"}),
    "NNCF performance": (nncf_way, {"preset": "PERFORMANCE"}),
    "NNCF mixed": (nncf_way, {"preset": "MIXED"}),
}
"""What to call, and how, by the name in the table."""


def main(way: str, model: Path | str, samples: str, into: str) -> None:
    """Nothing; the int8 ONNX is at `into`."""
    call, options = WAYS[way]
    _use_one_thread()
    call(str(model), np.load(samples), into, **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
