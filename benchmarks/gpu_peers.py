"""What a user would run instead of an engine: the module in eager mode, and under `torch.compile`.

A program of its own, because it needs no TensorRT, and a Python whose torch can compile. Prints one JSON.
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEVICE", "SIDE", "SIZES", "latency_ms", "model", "wait"]

SIZES = (1, 32)
# On a processor everything runs, as a rehearsal, and no number means anything.
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SIDE = 224 if DEVICE == "cuda" else 32


def wait() -> None:
    """Nothing; the GPU is idle."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def model(name: str) -> torch.nn.Module:
    """The model of timm of that name, with random weights of seed 0 and batch norms away from identity."""
    torch.manual_seed(0)
    try:
        import timm  # noqa: PLC0415 - a part needs it, other parts do not
    except ImportError:
        if DEVICE == "cuda":
            raise
        from nets import resnet18  # noqa: PLC0415 - for a rehearsal any net will do

        net: torch.nn.Module = resnet18()
    else:
        net = timm.create_model(name, pretrained=False).eval()
    for norm in net.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            # Zeros, which some models start from, would fold into channels without weights.
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
    return net


def latency_ms(call: Callable[[], object], *, seconds: float = 1.0) -> float:
    """Median time of a call until the GPU is idle again, in milliseconds."""
    for _ in range(10 if DEVICE == "cuda" else 1):
        call()
    wait()
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        start = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - start)
    return 1e3 * median(times)


def _timed(net: torch.nn.Module, images: torch.Tensor) -> float:
    with torch.inference_mode():
        return latency_ms(lambda: net(images))


def main() -> None:
    """Latency of each peer at each batch size, or why there is none."""
    net = model(sys.argv[1]).to(DEVICE)
    half = model(sys.argv[1]).to(DEVICE).half().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    peers: dict[str, tuple[torch.nn.Module, torch.dtype, torch.memory_format]] = {
        "eager fp32": (net, torch.float32, torch.contiguous_format),
        "eager fp16": (half, torch.float16, torch.channels_last),
    }
    for mode, (plain, dtype, layout) in {"fp32": peers["eager fp32"], "fp16": peers["eager fp16"]}.items():
        compiled = torch.compile(plain, mode="reduce-overhead")
        peers[f"compiled {mode}"] = (compiled, dtype, layout)  # type: ignore[assignment]  # torch types it as a callable
    found: dict[str, dict[str, float | str]] = {}
    for name, (peer, dtype, layout) in peers.items():
        found[name] = {}
        for size in SIZES:
            images = torch.randn(size, 3, SIDE, SIDE, device=DEVICE, dtype=dtype).to(memory_format=layout)
            try:
                found[name][str(size)] = _timed(peer, images)
            except Exception as error:  # noqa: BLE001 - whatever the compiler of this machine lacks
                found[name][str(size)] = f"{type(error).__name__}: {str(error)[:300]}"
    print(json.dumps(found))


if __name__ == "__main__":
    main()
