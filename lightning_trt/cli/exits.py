"""What a command's exit code says."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """The exit codes that the documentation promises."""

    ok = 0
    gate_failed = 1
    not_verified = 1
    usage = 2
    failed = 3
    environment = 4
    no_rule = 5
