"""The `lightning-trt` command: one command a file, none of which imports torch.

What a command prints is a renderer's, what it decides a station's; here are arguments, files and exit codes.
"""

from __future__ import annotations

from lightning_trt.cli.command import main

__all__ = ["main"]
