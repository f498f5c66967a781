"""Calibration on a GPU sees what the processor sees, replayed or not, by our kernel or by torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stages.test_calibrate_walk import CPU, graph_of, prepared, seen

from lightning_trt.stages.calibrate.counting import Counts, count

WHY_NOT = "" if torch.cuda.is_available() else "no CUDA device"
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]
GPU = torch.device("cuda")


@pytest.mark.parametrize("name", ["residual", "depthwise", "vision", "text"])
def test_a_gpu_sees_the_same_extremes(name: str) -> None:
    """Of each sample, in whole blocks and in the last one."""
    on_gpu, on_cpu = (seen(prepared(name, is_equalized=True), name, device=device) for device in (GPU, CPU))

    for tensor, one in on_gpu.tensors.items():
        other = on_cpu.tensors[tensor]
        assert one.count == other.count
        np.testing.assert_allclose(
            one.sample_highs, other.sample_highs, rtol=1e-3, atol=1e-4 * (other.high - other.low)
        )
        np.testing.assert_allclose(one.sample_lows, other.sample_lows, rtol=1e-3, atol=1e-4 * (other.high - other.low))


def test_two_passes_see_the_same_bits() -> None:
    """Kernels are fixed, and whole numbers are added in any order."""
    one, other = (seen(graph_of("residual"), "residual", device=GPU) for _ in range(2))

    for tensor, each in one.tensors.items():
        np.testing.assert_array_equal(each.positive, other.tensors[tensor].positive)
        np.testing.assert_array_equal(each.sample_highs, other.tensors[tensor].sample_highs)


def test_our_kernel_counts_as_torch_does() -> None:
    """Zeros, signs, octaves and what is not finite among it."""
    rows = torch.randn(3, 9001, device=GPU).clamp(min=-0.5)
    rows[0, :3] = torch.tensor([float("nan"), 0.0, -0.0])
    rows[1, 5] = -float("inf")
    octaves = torch.randint(-5, 5, (9001,), device=GPU, dtype=torch.int8)
    found = []

    for by in (None, count):
        counts = Counts(["x"], device=GPU)
        counts._count = by or counts._count
        extremes = counts.begin(3)
        counts.add("x", rows, extremes, octaves)
        found.append((counts._bins, extremes))

    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
