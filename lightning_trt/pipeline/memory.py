"""What one export leaves to the next one in the same process: the results of the reference's network."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from lightning_trt.stages.validate import Foreseen

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_trt.artifacts import Structure
    from lightning_trt.stages.validate.foresight import Results

__all__ = ["ReferenceMemory"]


@dataclass(slots=True, kw_only=True)
class ReferenceMemory:
    """What the reference's network gave, for the next export of the same network; whoever exports often passes it.

    A network is a function of its inputs: for inputs of the same bits its results are taken over. The validation step,
    its hooks and metrics run anyway, so that nothing has to be known of their code. Of networks the last one is
    remembered, up to `limit_bytes` of results; a network that draws random numbers, or leaves something behind beside
    its results, is not.

    Example::

        memory = ReferenceMemory()
        for calibrator in ("mse", "entropy"):
            export_checkpoint("best.ckpt", calibrators=(calibrator,), memory=memory)
    """

    limit_bytes: int = 2 << 30
    _network: str | None = None
    _results: dict[tuple[str, str, str], tuple[Structure, tuple[Tensor, ...]]] = field(default_factory=dict)
    _num_bytes: int = 0

    def foreseen(self, *network: str) -> Foreseen:
        """What is known of the network that these digests name; what it computes from now on is remembered."""
        asked = sha256("".join(network).encode()).hexdigest()
        if asked != self._network:
            self._network, self._results, self._num_bytes = asked, {}, 0
        return Foreseen(lambda _step: self._results, keep=self._keep)

    def _keep(self, results: Results) -> None:
        num_bytes = sum(tensor.nbytes for _, outputs in results.values() for tensor in outputs)
        if self._num_bytes + num_bytes <= self.limit_bytes:
            self._num_bytes += num_bytes
            self._results.update(results)
