"""What tests need of Debian, beyond Python's packages: `.ci/apt.txt` lists it."""

from __future__ import annotations

import os

import pytest

__all__ = ["need"]


def need(package: str, *, is_there: bool) -> None:
    """Nothing where it is there; else a skip that names the package, and in CI, which installs it, a failure."""
    if is_there:
        return
    sentence = f"needs Debian's package {package}: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
