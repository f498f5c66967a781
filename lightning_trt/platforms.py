"""Which precisions NVIDIA's devices have, by compute capability, with sources; opens without torch.

Two things decide: the arithmetic of the device, and the last TensorRT that runs on it. What that TensorRT can build is
its backend's word (`Backend.why_not`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lightning_trt.errors import SettingsError, nearest
from lightning_trt.precision import Precision

__all__ = ["CURRENT", "PLATFORMS", "SOURCES", "Capability", "Platform", "find", "gives", "parts_of", "why_not"]

Capability = tuple[int, int]
"""Major and minor number of a compute capability."""

CURRENT = "current"
"""Stands for a version where the newest TensorRT still runs on the device."""

SOURCES = {
    "T8.2": "https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-825/support-matrix/index.html",
    "T8.6": "https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-861/support-matrix/index.html",
    "T10.1": "https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-1010/support-matrix/index.html",
    "T10.6": "https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-1060/pdf/TensorRT-Support-Matrix-Guide.pdf",
    "T11.4": "https://docs.nvidia.com/deeplearning/tensorrt/11.4.1/getting-started/support-matrix.html",
    "JetPack": "https://docs.nvidia.com/deeplearning/tensorrt/11.4.1/api/migration/tensorrt-10x-to-11x-jetson.html",
    "L4T": "https://gist.github.com/Tiryoh/2b5dc1f86ab6bc3e6922e97a4c1ac2f2",
    "stats": "https://github.com/rbonghi/jetson_stats",
    "TX2": "https://forums.developer.nvidia.com/t/data-process-about-tensorrt-int8-and-fp16-inference-engine/55481",
    "containers": "https://github.com/dusty-nv/jetson-containers",
    "RTX": "https://docs.nvidia.com/deeplearning/tensorrt-rtx/latest/getting-started/support-matrix.html",
}
"""Where the rows were read, by the words in `Platform.sources`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Devices of one compute capability: what they compute in, and the last TensorRT that runs on them.

    `names` are devices, `also` what else they are called; `has_dla` says whether deep learning accelerators stand
    beside the GPU.
    """

    names: tuple[str, ...]
    compute_capability: str
    precisions: tuple[Precision, ...]
    last_tensorrt: str
    sources: tuple[str, ...]
    has_dla: bool = False
    note: str = ""
    also: tuple[str, ...] = ()

    @property
    def row(self) -> str:
        """The row in words, for the end of a sentence.

        Example:
            >>> from lightning_trt.platforms import find
            >>> find("Jetson Nano").row
            'Jetson Nano, compute capability 5.3: fp32, fp16; last TensorRT 8.2.1 (JetPack 4.6)'
        """
        precisions = ", ".join(each.value for each in self.precisions)
        until = "the current TensorRT" if self.last_tensorrt == CURRENT else f"last TensorRT {self.last_tensorrt}"
        note = f" ({self.note})" if self.note else ""
        return f"{', '.join(self.names)}, compute capability {self.compute_capability}: {precisions}; {until}{note}"


def find(name: str) -> Platform:
    """The platform of a device's name, of one that holds it ("Tesla T4"), or of a compute capability ("7.5").

    Raises:
        SettingsError: There is none of that name; the sentence names the nearest.

    Example:
        >>> from lightning_trt.platforms import find
        >>> find("NVIDIA H100 80GB HBM3").compute_capability, find("8.9").names[0]
        ('9.0', 'L4')
    """
    known = {word: each for each in PLATFORMS for word in (*each.names, *each.also, each.compute_capability)}
    # A longer name first, so that a "Jetson Orin Nano" is no Jetson Nano.
    for word in sorted(known, key=len, reverse=True):
        if _is_in(word, name):
            return known[word]
    raise SettingsError(f"no platform is called {name!r}. {nearest(name, known)}")


def gives(compute_capability: str) -> tuple[Precision, ...]:
    """Precisions of a compute capability; one that is not in the matrix has what the next lower one has.

    Example:
        >>> from lightning_trt.platforms import gives
        >>> [precision.value for precision in gives("6.2")]
        ['fp32', 'fp16']
    """
    return _of_capability(compute_capability, device="").precisions


def why_not(precision: Precision, *, device: str, compute_capability: str | None = None) -> str | None:
    """A sentence why a device has no such arithmetic, with its row of the matrix as the reason; None where it has.

    Args:
        precision: What is asked for.
        device: Its name, as it calls itself; looked up where its compute capability is not given.
        compute_capability: What the device says itself.

    Raises:
        SettingsError: The device is unknown, and so is its compute capability.

    Example:
        >>> from lightning_trt.platforms import why_not
        >>> from lightning_trt.precision import Precision
        >>> why_not(Precision.int8, device="Jetson TX2").partition(":")[0]
        'int8 cannot be had on Jetson TX2'
    """
    platform = find(device) if compute_capability is None else _of_capability(compute_capability, device)
    if precision in platform.precisions:
        return None
    return (
        f"{precision.value} cannot be had on {device}: {platform.row}. Ask for another precision on it, or take "
        "another device (lightning-trt doctor --platforms shows all)."
    )


def parts_of(capability: str) -> Capability:
    """Major and minor number of a compute capability.

    Example:
        >>> from lightning_trt.platforms import parts_of
        >>> parts_of("12.0") > parts_of("8.9")
        True
    """
    major, _, minor = capability.partition(".")
    return int(major), int(minor or 0)


def _of_capability(capability: str, device: str) -> Platform:
    """The platform of that capability, of several the one that the device is called after."""
    lower = [each for each in PLATFORMS if parts_of(each.compute_capability) <= parts_of(capability)] or PLATFORMS[:1]
    nearest_one = lower[-1].compute_capability
    alike = [each for each in lower if each.compute_capability == nearest_one]
    return next((each for each in alike if any(_is_in(name, device) for name in (*each.names, *each.also))), alike[0])


def _is_in(name: str, device: str) -> bool:
    return set(name.lower().split()) <= set(device.lower().split())


_HALF = (Precision.fp32, Precision.fp16)
_BYTES = (Precision.fp32, Precision.int8)
_TURING = (*_HALF, Precision.int8)
_AMPERE = (Precision.fp32, Precision.tf32, Precision.fp16, Precision.bf16, Precision.int8)
_ADA = (*_AMPERE, Precision.fp8)


def _row(
    capability: str,
    names: str,
    precisions: tuple[Precision, ...],
    last_tensorrt: str,
    sources: str,
    *,
    note: str = "",
    has_dla: bool = False,
    also: str = "",
) -> Platform:
    return Platform(
        names=tuple(names.split(", ")),
        compute_capability=capability,
        precisions=precisions,
        last_tensorrt=last_tensorrt,
        sources=tuple(sources.split()),
        has_dla=has_dla,
        note=note,
        also=tuple(filter(None, also.split(", "))),
    )


# fmt: off
PLATFORMS = (
    _row("5.3", "Jetson Nano", _HALF, "8.2.1", "T8.2 L4T stats", note="JetPack 4.6", also="Tegra X1"),
    _row("6.1", "Tesla P4, Tesla P40", _BYTES, "8.6.1", "T8.6 T10.1 TX2", note="int8 without tensor cores", also="P40"),
    _row("6.2", "Jetson TX2", _HALF, "8.2.1", "T8.2 L4T stats TX2",
         note="JetPack 4.6; no int8, though torch2trt's page has it", also="TX2, Tegra X2"),
    _row("7.0", "V100", _TURING, "10.4", "T8.6 T10.6", note="int8 without tensor cores", also="Tesla V100, Volta"),
    _row("7.2", "Jetson Xavier NX, Jetson AGX Xavier", _TURING, "8.5.2", "T8.2 L4T stats", note="JetPack 5.1",
         has_dla=True, also="Xavier"),
    _row("7.5", "T4, RTX 20", _TURING, CURRENT, "T11.4 RTX",
         note="TensorRT-RTX runs int8 convolutions as fp16 there", also="RTX 2080, RTX 2080 Ti, Turing"),
    _row("8.0", "A100, A30", _AMPERE, CURRENT, "T11.4"),
    _row("8.6", "A10, A40, RTX 30", _AMPERE, CURRENT, "T11.4 RTX", also="RTX 3080, RTX 3090, Ampere"),
    _row("8.7", "Jetson Orin Nano", _AMPERE, "10.16", "T10.6 stats containers",
         note="inferred from containers for JetPack 7.2; 10.3 with JetPack 6.2"),
    _row("8.7", "Jetson Orin NX", _AMPERE, "10.16", "T10.6 stats containers",
         note="inferred from containers for JetPack 7.2; 10.3 with JetPack 6.2",
         has_dla=True),
    _row("8.7", "Jetson AGX Orin", _AMPERE, CURRENT, "T10.6 JetPack stats",
         note="JetPack 7.2.2; 10.3 with JetPack 6.2", has_dla=True, also="Orin"),
    _row("8.9", "L4, L40S, RTX 40", _ADA, CURRENT, "T11.4 RTX", also="RTX 4080, RTX 4090, Ada"),
    _row("9.0", "H100, H200", _ADA, CURRENT, "T11.4", also="Hopper"),
    _row("10.0", "B200", _ADA, CURRENT, "T11.4", also="GB200"),
    _row("10.3", "B300", _ADA, CURRENT, "T11.4", also="GB300"),
    _row("11.0", "Jetson Thor", _ADA, CURRENT, "T11.4 JetPack", note="JetPack 7.2.2; CUDA before 13 calls it 10.1",
         also="Thor"),
    _row("12.0", "RTX 50, RTX PRO Blackwell", _ADA, CURRENT, "T11.4 RTX", also="RTX 5080, RTX 5090, Blackwell"),
    _row("12.1", "GB10 (DGX Spark)", _ADA, CURRENT, "T11.4 RTX", also="GB10, DGX Spark"),
)
# fmt: on
"""The matrix, by compute capability."""
