"""TensorRT's timing caches: what it measured of a network on this GPU, kept for the next build.

A cache is offered only to the network and precision that filled it, because TensorRT refuses any other. One that it
refuses all the same is replaced without a word: it costs time, and nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.storage import locked, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx_ir as ir

    from lightning_trt.backends.drafts import Draft

__all__ = ["cache_path", "keep", "offer"]

_REFUSED = "timing cache will not be used"


def cache_path(folder: Path | None, model: ir.Model, *, about: Mapping[str, str]) -> Path:
    """Where the timings of the network are kept.

    Its operators, names and shapes count, not the values of its weights: the next epoch's network is the same.

    Args:
        folder: Folder of all caches; None takes `lightning-trt/timing` in the user's cache folder.
        model: The network.
        about: What else decides the timings: GPU, versions, precision.
    """
    digest = sha256(repr(sorted(about.items())).encode())
    for line in _lines(model):
        digest.update(line.encode())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (folder or Path(home) / "lightning-trt" / "timing") / f"{digest.hexdigest()[:32]}.timing"


def offer(draft: Draft, path: Path) -> None:
    """Let the builder read the timings at `path`, if there are any, and write down its own."""
    try:
        known = path.read_bytes()
    except OSError:
        known = b""
    cache = draft.config.create_timing_cache(known)
    if cache is None or not draft.config.set_timing_cache(cache, False):  # noqa: FBT003 - TensorRT's own signature
        draft.config.set_timing_cache(draft.config.create_timing_cache(b""), False)  # noqa: FBT003 - the same


def keep(draft: Draft, path: Path) -> None:
    """Write the builder's timings to `path`, in place of those that were offered."""
    # A folder that cannot be written costs the next build its time, not this one its engine.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            if any(_REFUSED in message for _, message in draft.log.lines):
                path.unlink(missing_ok=True)
                return
            cache = draft.config.get_timing_cache()
            if cache is not None:
                write_whole(path, bytes(cache.serialize()))


def _lines(model: ir.Model) -> Iterator[str]:
    graph = model.graph
    for value in (*graph.inputs, *graph.initializers.values()):
        yield f"{value.name} {value.dtype} {value.shape}\n"
    for node in graph.all_nodes():
        attributes = [f"{name}={attribute.value}" for name, attribute in sorted(node.attributes.items())]
        names = [value.name if value is not None else "" for value in (*node.inputs, *node.outputs)]
        yield f"{node.op_type} {names} {attributes}\n"
