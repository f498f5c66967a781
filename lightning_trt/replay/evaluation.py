"""Lightning's own evaluation loop of one copy, stepped from outside."""

from __future__ import annotations

import warnings
from typing import Any

from lightning_trt.errors import NoSamplesError, ReplayError
from lightning_trt.replay.package import package_of, part_of

__all__ = ["Evaluation"]


class Evaluation:
    """The evaluation loop of a copy, from its shadow trainer.

    One of several leads: it fetches the batches, the others follow it::

        leader.lead()
        follower.follow(leader)
        for each: start()
        for batch, batch_idx, dataloader_idx in leader.fetcher: for each: step(batch, batch_idx, dataloader_idx)
        for each: end()
        leader.fetcher.teardown()

    One that takes batches from elsewhere begins with `attend` instead.
    """

    def __init__(self, shadow: Any) -> None:
        self.trainer = shadow
        self._loop: Any = shadow.validate_loop
        self._dataloader_idx = 0

    @property
    def fetcher(self) -> Any:
        """An iterator of `(batch, batch_idx, dataloader_idx)`, whose `done` says that the last one was given."""
        return self._loop._data_fetcher

    @property
    def metrics(self) -> dict[str, float]:
        """What was logged, as `Trainer.callback_metrics` shows it after `Trainer.validate`."""
        return {name: float(value) for name, value in self.trainer._logger_connector._callback_metrics.items()}

    def lead(self) -> None:
        """Open the loaders and get ready to fetch from them.

        Raises:
            NoSamplesError: There is no batch to validate on.
            ReplayError: The step asks for the iterator itself.
        """
        with warnings.catch_warnings():
            # Advice about loaders was given when the Trainer saw them first.
            warnings.simplefilter("ignore")
            self._loop.setup_data()
            if not self._loop._max_batches or self._loop.skip:
                raise NoSamplesError(
                    "The validation loaders give no batch; at least one is needed to measure a drop. Look at "
                    "val_dataloader, at the length of its dataset, and at the Trainer's limit_val_batches."
                )
            self._loop.reset()
        self._check_fetcher()

    def follow(self, leader: Evaluation) -> None:
        """Be ready for the batches that `leader` fetches."""
        loop, theirs = self._loop, leader._loop
        loop._combined_loader, loop._max_batches = theirs._combined_loader, theirs._max_batches
        loop._data_fetcher = theirs._data_fetcher
        loop.batch_progress.reset_on_run()

    def attend(self, combined: Any) -> None:
        """Be ready for any batches of these loaders, in any order.

        Raises:
            ReplayError: The step asks for the iterator itself.
        """
        self._loop._combined_loader = combined
        self._loop._max_batches = [float("inf")] * len(combined.flattened)
        select = part_of(package_of(self.trainer), "loops.evaluation_loop:_select_data_fetcher")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._loop._data_fetcher = select(self.trainer, self.trainer.state.stage)
        self._check_fetcher()

    def start(self) -> None:
        """Call the hooks that come before the first batch."""
        self._loop.on_run_start()

    def step(self, batch: object, batch_idx: int, dataloader_idx: int) -> None:
        """Validate one batch, with all hooks around it."""
        if dataloader_idx != self._dataloader_idx:
            self._loop._store_dataloader_outputs()
            self._dataloader_idx = dataloader_idx
        self._loop.batch_progress.is_last_batch = self.fetcher.done
        self._loop._evaluation_step(batch, batch_idx, dataloader_idx, None)

    def end(self) -> None:
        """Call the hooks that come after the last batch, and compute what was logged for the epoch."""
        self._loop._store_dataloader_outputs()
        self._loop.on_run_end()

    def _check_fetcher(self) -> None:
        if "IterData" in type(self.fetcher).__name__:
            raise ReplayError(
                f"{type(self.trainer.lightning_module).__name__}.validation_step takes `dataloader_iter` and so "
                "fetches its own batches; several candidates cannot share them. Take `batch, batch_idx` instead."
            )
