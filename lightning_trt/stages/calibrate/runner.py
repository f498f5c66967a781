"""What runs the graph while its tensors are looked at: torch on the device that trained, or onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from lightning_trt.stages.calibrate.fingerprint import fingerprint_of
from lightning_trt.stages.calibrate.program import why_not_walked
from lightning_trt.stages.calibrate.sight import Sight
from lightning_trt.stages.calibrate.walk import Walk

if TYPE_CHECKING:
    from lightning_trt.artifacts import OnnxGraph

__all__ = ["Runner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What runs graphs: torch on `device`, or onnxruntime with `threads` on the processor where that is None.

    A graph whose program cannot be walked runs in onnxruntime in any case; `why_not` says so.

    Example:
        >>> import torch
        >>> from lightning_trt.stages.calibrate import Runner
        >>> Runner(device=torch.device("cpu")).device
        device(type='cpu')
    """

    device: torch.device | None = None
    threads: int | None = None

    def why_not(self, graph: OnnxGraph) -> str | None:
        """Why the graph does not run where it was to, as a sentence; None where it does."""
        if self.device is None or (reason := why_not_walked(graph)) is None:
            return None
        return (
            f"calibration of {graph.boundary.folder!r} ran in ONNX Runtime on the processor and not on {self.device}: "
            f"{reason}"
        )

    def opened(self, graph: OnnxGraph, *, histograms: bool) -> Sight | Walk:
        """The graph, ready to run blocks."""
        if self.device is not None and self.why_not(graph) is None:
            return Walk(graph, histograms=histograms, device=self.device)
        return Sight(graph.model, histograms=histograms, threads=self.threads)

    def about(self, graph: OnnxGraph) -> str:
        """What runs the graph; other kernels may round otherwise."""
        if self.device is None or self.why_not(graph) is not None:
            import onnxruntime  # noqa: PLC0415 - a training script imports the callback, and loads no runtime

            return f"onnxruntime {onnxruntime.__version__}"
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else ""
        return f"torch {torch.__version__} {self.device.type} {name}"

    def digest_of(self, graph: OnnxGraph) -> str:
        """Digest of the graph with its weights, and of torch and the device where they run it.

        So statistics that torch made have another key than those of onnxruntime, and the two are never merged.
        """
        digest = fingerprint_of(graph.model)
        if self.device is None or self.why_not(graph) is not None:
            return digest
        return sha256(f"{self.about(graph)} {digest}".encode()).hexdigest()[: len(digest)]
