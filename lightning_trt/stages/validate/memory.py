"""What the reference's network gave in earlier runs: kept in the cache, and taken over for inputs of the same bits.

A network is a function of its inputs. So whoever has its results for inputs of the same bits need not run it, and
everything else of validation (the step, its hooks, metrics, random numbers) goes on as if it had run: of their code
nothing has to be known. What lies in the cache is believed once a call of the boundary was run again and gave the same
bits, which another kernel, or code that the exported graph does not show, would not.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch

from lightning_trt.errors import NotATensorFunctionError, StorageError
from lightning_trt.notices import notice
from lightning_trt.replay import RandomState
from lightning_trt.runtime.structure import flatten, from_json, to_json, unflatten
from lightning_trt.stages.validate.calls import attributes_of, digest_of, fresh, same_bits
from lightning_trt.stages.validate.copies import REFERENCE
from lightning_trt.storage import json_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytorch_lightning import LightningModule
    from torch import Tensor, nn

    from lightning_trt.artifacts import Structure
    from lightning_trt.replay import Step
    from lightning_trt.storage import Cache

    Place = tuple[str, str]
    Result = tuple[Structure, tuple[Tensor, ...]]

__all__ = ["Remembered", "remembering"]

_KIND = "reference-1"
_FILE = "results.pt"
_LIMIT_BYTES = 512 << 20


class Remembered:
    """Boundaries of the reference that run only for inputs that no earlier run had; use it through `remembering`.

    Args:
        known: What earlier runs left, by boundary and digest of the inputs.
        limit_bytes: How much of what is new is kept; what comes later is computed again by the next run.
    """

    def __init__(self, known: Mapping[Place, Result], *, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._known = dict(known)
        self._room = limit_bytes
        self._believed: set[str] = set()
        self.new: dict[Place, Result] = {}
        self.num_recalled = 0

    def begin(self, step: Step) -> None:
        """Nothing; what is known is known of every batch."""

    def stand_before(self, copies: Mapping[str, LightningModule], boundaries: Sequence[str]) -> None:
        """Nothing; the boundaries of the reference's copy ask here first."""
        for boundary in boundaries:
            part = copies[REFERENCE].get_submodule(boundary)
            part.forward = partial(self._call, boundary, part, part.forward)

    def _call(self, boundary: str, part: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the user's forward
        try:
            structure, inputs = flatten((args, kwargs), is_leaf=torch.is_tensor)
        except NotATensorFunctionError:
            return forward(*args, **kwargs)
        at = boundary, digest_of(structure, inputs)
        found = self._known.get(at)
        if found is not None and boundary in self._believed:
            self.num_recalled += 1
            nest, outputs = found
            return unflatten(nest, [fresh(tensor, like=inputs[0]) for tensor in outputs])
        results, is_function = _watched(part, partial(forward, *args, **kwargs))
        self._learn(at, results, is_function=is_function)
        return results

    def _learn(self, at: Place, results: object, *, is_function: bool) -> None:
        """Nothing; the results are kept, or decide whether what was known is believed."""
        structure, outputs = flatten(results, is_leaf=torch.is_tensor)
        found = self._known.get(at)
        if found is not None:
            if is_function and _equal(found, (structure, outputs)):
                self._believed.add(at[0])
            else:
                self._known.clear()
        num_bytes = sum(tensor.nbytes for tensor in outputs)
        if is_function and at not in self._known and num_bytes <= self._room:
            self._room -= num_bytes
            # The user's step may write into what it is given.
            self.new[at] = structure, tuple(tensor.detach().to("cpu", copy=True) for tensor in outputs)


@contextmanager
def remembering(cache: Cache, network: str, *, limit_bytes: int = _LIMIT_BYTES) -> Iterator[Remembered]:
    """What earlier runs know of the network with the digest `network`; when the block ends, what it computed is kept.

    Of several processes that begin with one network, one computes, and the others wait for it and take over.
    """
    kind = f"{_KIND}/{network}"
    with ExitStack() as lock:
        if not cache.keys(kind):
            # Without the lock two processes do the same work, and nothing else happens.
            with suppress(StorageError):
                lock.enter_context(cache.alone(kind))
        known = _recalled(cache, kind)
        if known:
            lock.close()
        memory = Remembered(known, limit_bytes=limit_bytes)
        yield memory
        _keep(cache, kind, memory.new)


def _recalled(cache: Cache, kind: str) -> dict[Place, Result]:
    known: dict[Place, Result] = {}
    for key in cache.keys(kind):
        entry = cache.find(kind, key)
        if entry is not None:
            try:
                known |= _read(entry / _FILE)
            except Exception:  # noqa: BLE001 - a damaged file ends torch's reading in many ways; it is computed again
                cache.discard(kind, key)
    return known


def _read(path: Path) -> dict[Place, Result]:
    """The results that `_keep` wrote at `path`; a ValueError where it is no such file."""
    saved: dict[Place, tuple[str, tuple[Tensor, ...]]] = torch.load(path, weights_only=True)
    read = {at: (from_json(json_of(told)), outputs) for at, (told, outputs) in saved.items()}
    for _, outputs in read.values():
        if not isinstance(outputs, tuple) or not all(map(torch.is_tensor, outputs)):
            raise ValueError("results are tensors")
    return read


def _keep(cache: Cache, kind: str, new: Mapping[Place, Result]) -> None:
    if not new:
        return

    def fill(into: Path) -> None:
        torch.save({at: (json.dumps(to_json(nest)), outputs) for at, (nest, outputs) in new.items()}, into / _FILE)

    try:
        cache.add(kind, sha256(repr(sorted(new)).encode()).hexdigest()[:32], fill)
    except (OSError, RuntimeError) as error:  # torch says of a full disk what its own writer says
        notice(f"the reference's results were not kept for later runs: {error}")


def _watched(part: nn.Module, call: Callable[[], Any]) -> tuple[Any, bool]:
    """What `call` gives, and whether that is all it does: no random number drawn, nothing left behind in `part`."""
    random_state, attributes = RandomState.now(), attributes_of([part])
    results = call()
    is_same = all(value is attributes.get(at) for at, value in attributes_of([part]).items())
    return results, is_same and random_state.is_now()


def _equal(one: Result, other: Result) -> bool:
    """Whether both are the same bits in the same nest."""
    (nest, tensors), (other_nest, others) = one, other
    return nest == other_nest and all(
        same_bits(tensor, each.detach().cpu()) for tensor, each in zip(tensors, others, strict=True)
    )
