"""Statistics of earlier passes: found before the graph would run, and kept for later ones.

What samples hold is known once they reach the boundary, which costs their loading and no forward pass of the graph. The
first block says where to look; only when all samples are known is it certain that what lies there is of just these. So
a pass that hopes runs no block, and one that hoped in vain is made again.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from lightning_trt import calibrators
from lightning_trt.errors import StorageError
from lightning_trt.notices import notice

if TYPE_CHECKING:
    from lightning_trt.artifacts import Statistics
    from lightning_trt.settings import CalibrationSettings
    from lightning_trt.stages.calibrate.blocks import Block
    from lightning_trt.storage import Cache

__all__ = ["Memory"]

_FILE = "statistics.npz"


class Memory:
    """What the cache knows of one graph, for one pass over it; close it when the pass is over.

    Args:
        cache: Where statistics are kept.
        about: What the numbers depend on beside the samples: the graph's digest, and what runs it.
        settings: Which samples were chosen, and the size of a block.
        histograms: Whether values have to be counted by magnitude.
        hopes: Whether to look for them; else they are only kept.
    """

    def __init__(
        self, cache: Cache, *, about: str, settings: CalibrationSettings, histograms: bool, hopes: bool = True
    ) -> None:
        self._cache = cache
        self._about = about
        self._settings = settings
        self._histograms = histograms
        self._kinds: tuple[str, ...] = ()
        self._hopes = hopes
        self._lock = ExitStack()

    def may_know(self, first: Block) -> bool:
        """Whether there may be statistics of a pass that began with the block `first`.

        Where there are none, other processes that begin with it wait for this one, and then find what it kept.
        """
        # Histograms serve who needs extremes alone, and not the other way round.
        sorts = [True] if self._histograms else [False, True]
        self._kinds = tuple(self._kind(first, histograms=sort) for sort in sorts)
        if self._hopes and not self._is_known():
            # Without the lock two processes do the same work, and nothing else happens.
            with suppress(StorageError):
                self._lock.enter_context(self._cache.alone(self._kinds[0]))
        if self._hopes and self._is_known():
            self.close()
            return True
        return False

    def recalled(self, key: str) -> Statistics | None:
        """The statistics whose key is `key`; None where there are none, and then the next pass has no hope."""
        for kind in self._kinds:
            entry = self._cache.find(kind, key)
            if entry is not None:
                with suppress(StorageError):
                    found = calibrators.load(entry / _FILE)
                    if found.key == key:
                        return replace(found, is_recalled=True)
                self._cache.discard(kind, key)
        self._hopes = False
        return None

    def keep(self, statistics: Statistics) -> None:
        """Nothing; later passes find `statistics`, unless the cache cannot be written."""
        try:
            self._cache.add(self._kinds[0], statistics.key, lambda into: calibrators.save(statistics, into / _FILE))
        except StorageError as error:
            notice(f"calibration statistics were not kept for later runs: {error}")

    def close(self) -> None:
        """Nothing; other processes need not wait any longer."""
        self._lock.close()

    def _is_known(self) -> bool:
        return any(self._cache.keys(kind) for kind in self._kinds)

    def _kind(self, first: Block, *, histograms: bool) -> str:
        settings = self._settings
        choice = [settings.samples, settings.split.value, settings.select.value, settings.seed]
        began = [settings.block_size, first.items.tolist(), first.fingerprints.tolist()]
        digest = sha256(json.dumps([self._about, histograms, choice, began]).encode())
        return f"statistics-{calibrators.STATISTICS_VERSION}/{digest.hexdigest()[:32]}"
