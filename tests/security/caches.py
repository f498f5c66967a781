"""Entries of our cache: the seal, and what is under it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from security.odd_bytes import odd_bytes
from security.odd_trees import odd_json, odd_value

from lightning_trt.stages.validate.memory import remembering
from lightning_trt.storage import Cache, sha256_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

__all__ = ["CacheEntries", "ReferenceResults"]

_CONTENT = bytes(range(256))


@dataclass(frozen=True)
class CacheEntries:
    """Any entry; one that is found has its content."""

    def spoil(self, into: Path, rng: Random) -> str:
        entry = Cache(folder=into).add("kind", "key", lambda folder: (folder / "file").write_bytes(_CONTENT))
        seal = entry / "entry.json"
        if rng.random() < 0.3:
            return _spoil_file(entry / "file", into, rng)
        if rng.random() < 0.3:
            said, spoilt = odd_bytes(seal.read_bytes(), rng)
            seal.write_bytes(spoilt)
            return said
        said, spelt = odd_json(seal.read_text(encoding="utf-8"), rng)
        seal.write_text(spelt, encoding="utf-8", errors="surrogatepass")
        return said

    def read(self, folder: Path) -> str:
        cache = Cache(folder=folder)
        found = cache.find("kind", "key")
        if found is not None and (found / "file").read_bytes() != _CONTENT:
            raise AssertionError("an entry that is not as it was written was found")
        added = cache.add("kind", "key", lambda into: (into / "file").write_bytes(_CONTENT))
        if (added / "file").read_bytes() != _CONTENT:
            raise AssertionError("a damaged entry was not replaced")
        return "not found" if found is None else "found"


def _spoil_file(path: Path, into: Path, rng: Random) -> str:
    way = rng.choice(("bytes", "link", "folder", "gone"))
    content = path.read_bytes()
    path.unlink()
    if way == "link":
        path.symlink_to(into.parents[1] / "outside" / "secret")
    elif way == "folder":
        path.mkdir()
    elif way == "bytes":
        way, spoilt = odd_bytes(content, rng)
        path.write_bytes(spoilt)
    return way


@dataclass(frozen=True)
class ReferenceResults:
    """Results of the reference's network, sealed as if they were ours."""

    def spoil(self, into: Path, rng: Random) -> str:
        nest = json.dumps({"kind": "tuple", "items": [{"kind": "tensor", "index": 0}]})
        results: object = {("model", "0" * 64): (nest, (torch.arange(8.0),))}
        said, is_odd = "", rng.random() < 0.5
        if is_odd:
            said, odd = odd_value(rng)
            spoilt = [odd, {"model": odd}, {("model", "0"): odd}, {("model", "0"): (odd, odd)}, {("m",): (nest, ())}]
            said_nest, spelt = odd_json(nest, rng)
            spoilt += [{("model", "0"): (spelt, (torch.ones(1),))}, {("model", "0"): (nest, odd)}]
            said, results = f"{said}, {said_nest}", rng.choice(spoilt)

        def fill(folder: Path) -> None:
            torch.save(results, folder / "results.pt")

        entry = Cache(folder=into).add("reference-1/net", "key", fill)
        if not is_odd:
            said, content = odd_bytes((entry / "results.pt").read_bytes(), rng)
            (entry / "results.pt").write_bytes(content)
            seal = {"version": 1, "files": {"results.pt": sha256_of(entry / "results.pt")}}
            (entry / "entry.json").write_text(json.dumps(seal), encoding="utf-8")
        return said

    def read(self, folder: Path) -> str:
        cache = Cache(folder=folder)
        with remembering(cache, "net"):
            return "taken over" if cache.keys("reference-1/net") else "discarded"
