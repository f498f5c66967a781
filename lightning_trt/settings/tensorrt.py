"""What the TensorRT builders can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.errors import SettingsError
from lightning_trt.settings.choices import HardwareCompatibility
from lightning_trt.settings.reading import check_positive, member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["TensorRTSettings"]

_LEVELS = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRTSettings:
    """How TensorRT builds engines.

    An engine has two optimization profiles: one for batch 1, one from batch 2 to `max_batch`. One profile for both
    costs dearly at batch 1. `profiles` puts others in their place.

    Attributes:
        typical_batch: Batch size that the second profile is tuned for.
        max_batch: Largest batch of one call of the engine; larger ones are split.
        axis_sizes: Least, typical and largest size of each further dynamic axis, by its name.
        profiles: The optimization profiles, each with the least, the typical and the largest size of axes by their
            names, `batch` among them; an axis that a profile leaves out has the sizes of `axis_sizes`. Empty makes the
            two.
        workspace_mb: Memory that a layer may use while it runs; None leaves it to TensorRT, which takes all there is.
        timing_iterations: How often the builder runs each kernel for the mean time that it chooses by; None leaves it
            to TensorRT (1).
        level: Effort of the builder, 0 (least) to 5; None leaves it to TensorRT (3).
        tactic_sources: Names of the only libraries to take kernels from, e.g. `JIT_CONVOLUTIONS`; empty leaves it to
            TensorRT.
        strict_types: Whether a builder that chooses types itself (before strong typing) must compute convolutions and
            products in the asked precision, or fail; typed graphs are obeyed anyway.
        hardware_compatibility: Whether the engine shall run on other GPUs too.
        timing_cache: Folder of timing caches; None takes `lightning-trt/timing` in the user's cache folder.
        compute_capabilities: What TensorRT-RTX builds for, e.g. `8.9`; empty takes all that the precision allows.
    """

    typical_batch: int = 32
    max_batch: int = 64
    axis_sizes: dict[str, list[int]] = field(default_factory=dict)
    profiles: tuple[dict[str, list[int]], ...] = ()
    workspace_mb: int | None = None
    timing_iterations: int | None = None
    level: int | None = None
    tactic_sources: tuple[str, ...] = ()
    strict_types: bool = False
    hardware_compatibility: HardwareCompatibility = HardwareCompatibility.none
    timing_cache: Path | None = None
    compute_capabilities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        check_positive(self, "typical_batch", "max_batch", "workspace_mb", "timing_iterations")
        put("axis_sizes", _checked(self.axis_sizes, setting="axis_sizes"))
        put("profiles", tuple(_checked(each, setting=f"profiles[{at}]") for at, each in enumerate(self.profiles)))
        put("hardware_compatibility", member(HardwareCompatibility, self.hardware_compatibility))
        put("timing_cache", None if self.timing_cache is None else Path(self.timing_cache))
        put("tactic_sources", tuple(self.tactic_sources))
        put("compute_capabilities", tuple(map(str, self.compute_capabilities)))
        put("typical_batch", min(self.typical_batch, self.max_batch))
        if self.level is not None and self.level not in _LEVELS:
            raise SettingsError(f"build.tensorrt.level is {self.level}; it must be from 0 to 5.")


def _checked(sizes_of: Mapping[str, Sequence[int]], *, setting: str) -> dict[str, list[int]]:
    for name, sizes in sizes_of.items():
        if len(sizes) != 3 or not 0 < sizes[0] <= sizes[1] <= sizes[2]:  # noqa: PLR2004 - least, typical, largest
            raise SettingsError(
                f"build.tensorrt.{setting}[{name!r}] is {list(sizes)}; it must be three sizes, the least, the typical "
                "and the largest, e.g. [1, 64, 512]."
            )
    return {name: list(sizes) for name, sizes in sizes_of.items()}
