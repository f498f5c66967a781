"""How long each layer of an engine takes, as TensorRT's profiler and onnxruntime's tell it. Opens without torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lightning_trt.precision import DType

__all__ = ["LayerTime", "averaged", "timer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTime:
    """A layer of an engine: its mean time in a run, and the data type it computes in, None where nothing tells."""

    name: str
    time_ms: float
    dtype: DType | None = None


def averaged(
    seen: Iterable[tuple[str, float]], types: Mapping[str, DType | None], *, num_runs: int
) -> tuple[LayerTime, ...]:
    """Each layer once, the slowest first, from the milliseconds that were `seen` in so many runs.

    Example:
        >>> from lightning_trt.runtime.layer_times import averaged
        >>> [(each.name, each.time_ms) for each in averaged([("a", 1.0), ("b", 4.0), ("a", 2.0)], {}, num_runs=2)]
        [('b', 2.0), ('a', 1.5)]
    """
    total_ms: Counter[str] = Counter()
    for name, time_ms in seen:
        total_ms[name] += time_ms  # type: ignore[assignment]  # a Counter of numbers, whole or not
    return tuple(
        LayerTime(name=name, time_ms=time_ms / num_runs, dtype=types.get(name))
        for name, time_ms in total_ms.most_common()
    )


def timer(api: Any) -> Any:  # noqa: ANN401 - TensorRT ships no types
    """A profiler that keeps what TensorRT tells it in `seen`; its class is made here, for the base is TensorRT's."""

    class Timer(api.IProfiler):  # type: ignore[misc]  # the base is untyped
        def __init__(self) -> None:
            # pybind wants this very call, not super().
            api.IProfiler.__init__(self)
            self.seen: list[tuple[str, float]] = []

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            self.seen.append((layer_name, ms))

    return Timer()
