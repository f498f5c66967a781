"""The words that `lightning-trt export` knows, as Hydra tells them: for completion, and for what was mistyped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_automatic_config_search_path
from hydra.plugins.completion_plugin import DefaultCompletionPlugin

from lightning_trt import hydra_schema
from lightning_trt.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["advice", "known"]

_KEY = re.compile(r"(\w+)[.@/\w]*=")


def known(word: str, *, before: Sequence[str] = ()) -> list[str]:
    """Groups, keys or choices that begin with `word`, where the overrides `before` hold."""
    hydra_schema.store()
    where = create_automatic_config_search_path(None, None, "pkg://lightning_trt.conf")
    plugin = DefaultCompletionPlugin(ConfigLoaderImpl(config_search_path=where))
    found: list[str] = plugin._query("export", " ".join([*before, word]))  # noqa: SLF001 - what Hydra's shells call
    # A shell sets a space behind the only answer, and no key ends with a dot.
    return known(found[0], before=before) if len(found) == 1 and found[0].endswith(".") else found


def advice(overrides: Sequence[str]) -> list[str]:
    """For each group or key that does not exist, which ones do, the nearest first."""
    names = {each.rstrip("=.") for each in known("")}
    typed = [match[1] for each in overrides if (match := _KEY.match(each))]
    return [f"There is no {each!r}. {nearest(each, names)}" for each in typed if each not in names]
