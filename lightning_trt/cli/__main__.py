"""`python -m lightning_trt.cli`, where the command itself is not on the path."""

from __future__ import annotations

import sys

from lightning_trt.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
