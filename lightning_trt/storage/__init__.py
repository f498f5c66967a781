"""Whole files or none, digests, documents, locks, the cache.

What is written here appears under its name complete, or not at all: a reader never sees half a file, and an interrupted
writer leaves what was there before. Nothing here knows what the files mean.
"""

from __future__ import annotations

from lightning_trt.storage.cache import CACHE_VARIABLE, Cache, cache_at
from lightning_trt.storage.digests import sha256_of, sha256_of_stream
from lightning_trt.storage.documents import json_of, yaml_of
from lightning_trt.storage.locks import locked
from lightning_trt.storage.names import is_inside
from lightning_trt.storage.siblings import clean_leftovers
from lightning_trt.storage.temporary import clean_temporary, made_temporary_folder, temporary_folder
from lightning_trt.storage.whole import check_writable, removed_on_failure, reserved, whole_folder, write_whole

__all__ = [
    "CACHE_VARIABLE",
    "Cache",
    "cache_at",
    "check_writable",
    "clean_leftovers",
    "clean_temporary",
    "is_inside",
    "json_of",
    "locked",
    "made_temporary_folder",
    "removed_on_failure",
    "reserved",
    "sha256_of",
    "sha256_of_stream",
    "temporary_folder",
    "whole_folder",
    "write_whole",
    "yaml_of",
]
