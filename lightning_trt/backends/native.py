"""TensorRT's own calibration (8.x to 10.x): caches that it reads, and ranges that it finds.

TensorRT swallows what its callbacks raise, and goes on with the batches it had: it is kept here, and raised after.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.artifacts import BATCH
from lightning_trt.backends.calibration_cache import ranges_of, text_of
from lightning_trt.backends.drafts import add_profile, drafted, refusal
from lightning_trt.backends.shapes import sizes_of_axes
from lightning_trt.errors import NoSamplesError, SettingsError, nearest
from lightning_trt.passes import lower_opset
from lightning_trt.runtime.batch import is_batched
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor

    from lightning_trt.artifacts import Boundary, OnnxGraph, Ranges
    from lightning_trt.backends.drafts import Draft
    from lightning_trt.protocols import Sample
    from lightning_trt.runtime._trt import Package
    from lightning_trt.settings import TensorRTSettings

__all__ = ["ALGORITHMS", "cache_text", "calibrated", "reading"]

ALGORITHMS = {
    "entropy2": "IInt8EntropyCalibrator2",
    "minmax": "IInt8MinMaxCalibrator",
    "entropy": "IInt8EntropyCalibrator",
    "legacy": "IInt8LegacyCalibrator",
}
"""TensorRT's calibrators by the name that a user types."""

# What the legacy algorithm asks for: nearly all values, and no regression beyond them.
_QUANTILE = 0.9999
_CUTOFF = 1.0


@dataclass(slots=True, kw_only=True)
class _Feed:
    """What TensorRT asks a calibrator for, and what it tells it."""

    batch_size: int
    batches: Iterator[dict[str, Tensor]]
    known: bytes | None = None
    written: bytes = b""
    num_batches: int = 0
    error: Exception | None = None
    # TensorRT reads the batch after `get_batch` has returned.
    held: dict[str, Tensor] = field(default_factory=dict)

    def addresses(self, names: Sequence[str]) -> list[int] | None:
        """Device addresses of the next batch, in the order of `names`; None when there are no more."""
        try:
            batch = next(self.batches, None)
            if batch is None:
                return None
            self.held = batch
            self.num_batches += 1
            return [batch[name].data_ptr() for name in names]
        except Exception as error:  # noqa: BLE001 - the user's data may raise anything
            self.error = error
            return None


def cache_text(trt: Package, ranges: Ranges) -> str:
    """The calibration cache of `ranges` that this TensorRT reads."""
    return text_of(ranges, header=f"TRT-{trt.library_number()}-EntropyCalibration2")


def reading(trt: Package, cache: str) -> Any:
    """A calibrator that knows the text of a `cache` and is fed nothing."""
    feed = _Feed(batch_size=1, batches=iter(()), known=cache.encode())
    return _calibrator(getattr(trt.api, ALGORITHMS["entropy2"]), feed)


def calibrated(
    trt: Package,
    graph: OnnxGraph,
    samples: Iterable[Sample],
    *,
    algorithm: str,
    batch_size: int,
    settings: TensorRTSettings,
    device: torch.device | None = None,
) -> Ranges:
    """The ranges that TensorRT's `algorithm` finds on `samples`, taken `batch_size` at a time; a last part is dropped.

    Raises:
        SettingsError: There is no such algorithm.
        NoSamplesError: There are fewer samples than one batch.
        BuildError: TensorRT cannot run the graph.
    """
    if algorithm not in ALGORITHMS:
        raise SettingsError(f"TensorRT has no calibrator {algorithm!r}. {nearest(algorithm, ALGORITHMS)}")
    place = device or torch.device("cuda", torch.cuda.current_device())
    feed = _Feed(batch_size=batch_size, batches=_batches(graph.boundary, samples, batch_size=batch_size, device=place))
    with temporary_folder() as folder:
        graph = graph if trt.has_strong_typing else replace(graph, model=lower_opset(graph.model))
        draft = drafted(trt, graph, into=folder, is_typed=False)
        calibrator = _calibrator(getattr(trt.api, ALGORITHMS[algorithm]), feed)
        _configure(draft, calibrator, batch_size=batch_size, settings=settings)
        plan = draft.builder.build_serialized_network(draft.network, draft.config)
    if feed.error is not None:
        raise feed.error
    if feed.num_batches == 0:
        raise NoSamplesError(
            f"TensorRT's calibrator {algorithm} got no batch of {batch_size}: there are fewer samples. Give more "
            "validation data, or set a smaller calibration.batch_size."
        )
    if plan is None:
        raise refusal(draft, f"cannot calibrate with {algorithm}", advice="Use one of our own calibrators")
    return ranges_of(feed.written.decode())


def _configure(draft: Draft, calibrator: Any, *, batch_size: int, settings: TensorRTSettings) -> None:
    config = draft.config
    # Calibration runs at the profile's typical sizes; TensorRT warns where they may vary.
    sizes = {
        name: (typical, typical, typical) for name, (_, typical, _) in sizes_of_axes(draft.graph, settings).items()
    }
    profile = add_profile(draft, {BATCH: (batch_size,) * 3, **sizes})
    config.set_calibration_profile(profile)
    draft.trt.set_flag(config, "INT8", on=True)
    # The engine is thrown away: no time goes into making it fast.
    config.builder_optimization_level = 0
    config.int8_calibrator = calibrator


def _batches(
    boundary: Boundary, samples: Iterable[Sample], *, batch_size: int, device: torch.device
) -> Iterator[dict[str, Tensor]]:
    held: list[tuple[Tensor, ...]] = []
    for sample in samples:
        held.append(sample.inputs)
        if len(held) == batch_size:
            columns = zip(*held, strict=True)
            yield {
                spec.name: _for_trt(torch.cat(column) if is_batched(spec) else column[0], device)
                for spec, column in zip(boundary.inputs, columns, strict=True)
            }
            held = []


def _for_trt(tensor: Tensor, device: torch.device) -> Tensor:
    # TensorRT 8 calibrates on fp32, and its whole numbers have 32 bits.
    dtype = torch.float32 if tensor.is_floating_point() else torch.int32
    return tensor.to(device, tensor.dtype if tensor.dtype is torch.bool else dtype).contiguous()


def _calibrator(base: Any, feed: _Feed) -> Any:
    """A calibrator over `feed`; the class is made here, because the base comes with the package."""

    def made(self: Any) -> None:
        # pybind wants this very call, not super().
        base.__init__(self)

    methods: dict[str, Callable[..., object]] = {
        "__init__": made,
        "get_batch_size": lambda _: feed.batch_size,
        "get_batch": lambda _, names, *_more: feed.addresses(names),
        "read_calibration_cache": lambda _: feed.known,
        "write_calibration_cache": lambda _, cache: setattr(feed, "written", bytes(cache)),
        "get_quantile": lambda _: _QUANTILE,
        "get_regression_cutoff": lambda _: _CUTOFF,
        "read_histogram_cache": lambda _, _length: None,
        "write_histogram_cache": lambda _, _pointer, _length: None,
    }
    return type("Calibrator", (base,), methods)()
