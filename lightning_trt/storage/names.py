"""Names of files that a document gives, which may be anything."""

from __future__ import annotations

from pathlib import PureWindowsPath

__all__ = ["is_inside"]


def is_inside(name: object) -> bool:
    """Whether `name` is a path below the folder that it is relative to, on every system.

    Example:
        >>> from lightning_trt.storage import is_inside
        >>> is_inside("encoder/model.onnx"), is_inside("../model.onnx"), is_inside("C:model.onnx")
        (True, False, False)
    """
    if not isinstance(name, str) or "\0" in name:
        return False
    # A Windows path is refused everywhere: the folder may be opened there next.
    parts = PureWindowsPath(name)
    return bool(parts.parts) and not parts.anchor and ".." not in parts.parts
