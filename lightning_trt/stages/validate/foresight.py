"""What the boundaries give for a batch, computed ahead by another process; taken only for the very same inputs.

A boundary is a function of its inputs. So whoever has its results for inputs of the same bits need not run it, and
everything else of validation (the step, its hooks, metrics, random numbers) goes on as if it had run.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from lightning_trt.errors import ReplayError
from lightning_trt.replay import RandomState, Replay, watch
from lightning_trt.runtime.structure import flatten, unflatten
from lightning_trt.stages.validate.calls import attributes_of, digest_of, fresh, same_bits
from lightning_trt.stages.validate.copies import AS_TRAINED, REFERENCE, copies_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytorch_lightning import LightningModule
    from torch import nn

    from lightning_trt.artifacts import Structure
    from lightning_trt.replay import Call, Step, Subject

    Results = Mapping[tuple[str, str, str], tuple[Structure, tuple[Tensor, ...]]]

__all__ = ["Foreseen", "Foresight", "foresee"]


def foresee(
    subject: Subject,
    *,
    engines: Mapping[str, Mapping[str, nn.Module]],
    boundaries: Sequence[str],
    keep: Callable[[Step, Results], None],
) -> None:
    """Nothing; `keep` got, batch by batch, what `boundaries` gave in the reference and in every candidate.

    Results are by copy, boundary and digest of the inputs, on the CPU. A candidate that fails is left out from there.

    Raises:
        ReplayError: A step draws random numbers, which would be others elsewhere, or the network sets an attribute
            of its own, which the step may read.
    """
    copies = copies_of(subject, engines)
    calls = {(name, boundary): watch(copy, boundary) for name, copy in copies.items() for boundary in boundaries}
    longest = max(len(loader) for loader in subject.loaders)
    replay = Replay(subject, copies, as_trained={AS_TRAINED}, batches_per_loader=longest)
    steps: list[Step] = []
    parts = [copies[REFERENCE].get_submodule(boundary) for boundary in boundaries]
    state = attributes_of(parts)

    @contextmanager
    def around(name: str, step: Step, _batch: object) -> Iterator[None]:
        steps.append(step)
        with _drawing_nothing(name):
            yield

    def advance(_num_items: int) -> None:
        if any(value is not state.get(at) for at, value in attributes_of(parts).items()):
            raise ReplayError("the network leaves something behind beside its results, which validation_step may read")
        keep(steps[-1], _results(calls))
        for made in calls.values():
            made.clear()

    replay.run(around=around, advance=advance)


class Foresight(Protocol):
    """What stands before boundaries of copies, and gives what they would give, where it is known."""

    def stand_before(self, copies: Mapping[str, LightningModule], boundaries: Sequence[str]) -> None:
        """Nothing; the boundaries of the copies ask here first."""
        ...

    def begin(self, step: Step) -> None:
        """Nothing; calls belong to this batch from now on."""
        ...


class Foreseen:
    """Boundaries of copies that take their results from `find`, as far as it has them for their very inputs.

    `find` is asked once for each batch; what it gives is what `foresee` kept of it, None where there is nothing.
    """

    def __init__(self, find: Callable[[Step], Results | None]) -> None:
        self._find = find
        self._results: Results = {}
        self._last: tuple[Structure, tuple[Tensor, ...], str] | None = None

    def begin(self, step: Step) -> None:
        """Nothing; calls belong to this batch from now on."""
        self._results = self._find(step) or {}
        self._last = None

    def stand_before(self, copies: Mapping[str, LightningModule], boundaries: Sequence[str]) -> None:
        """Nothing; each boundary of each copy runs only for inputs that nobody ran it for."""
        for name, copy in copies.items():
            for boundary in boundaries:
                part = copy.get_submodule(boundary)
                part.forward = self._taking(name, boundary, part.forward)

    def _taking(self, name: str, boundary: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def foreseen(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the user's forward
            if not self._results:
                return forward(*args, **kwargs)
            structure, inputs = flatten((args, kwargs), is_leaf=torch.is_tensor)
            found = self._results.get((name, boundary, self._digest_of(structure, inputs)))
            if found is None:
                return forward(*args, **kwargs)
            nest, outputs = found
            return unflatten(nest, [fresh(tensor, like=inputs[0]) for tensor in outputs])

        return foreseen

    def _digest_of(self, structure: Structure, inputs: tuple[Tensor, ...]) -> str:
        """The digest, taken once for all copies that get the same."""
        if self._last is not None:
            before, tensors, digest = self._last
            if before == structure and all(map(same_bits, tensors, inputs)):
                return digest
        digest = digest_of(structure, inputs)
        self._last = structure, tuple(tensor.detach().clone() for tensor in inputs), digest
        return digest


@contextmanager
def _drawing_nothing(name: str) -> Iterator[None]:
    before = RandomState.now()
    yield
    if not before.is_now():
        raise ReplayError(f"validation_step draws random numbers, also with {name}")


def _results(calls: Mapping[tuple[str, str], Sequence[Call]]) -> Results:
    """What every call gave, by copy, boundary and digest of its inputs."""
    return {
        (*at, digest_of(call.input_structure, call.inputs)): (
            call.output_structure,
            tuple(tensor.detach().cpu() for tensor in call.outputs),
        )
        for at, made in calls.items()
        for call in made
    }
