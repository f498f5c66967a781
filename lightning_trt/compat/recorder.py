"""What a submodule is called with while the whole model runs: calibration data for that part alone, on disk.

torch2trt's `DatasetRecorder` in its place holds every call in memory; this one holds none, and keeps a bounded number.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lightning_trt.batches.nests import num_items, rows_of
from lightning_trt.errors import DataError, SettingsError, StorageError
from lightning_trt.storage import check_writable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

__all__ = ["RecordedDataset"]


class RecordedDataset:
    """Samples of a submodule's inputs, one file each, for `int8_calib_dataset` and for `inputs`.

    At most `limit` are kept, evenly over all that passed: when there are as many, every second one is dropped, and from
    then on twice as many are passed over. So between half of `limit` and all of it remain, whatever the length.

    Example::

        recorded = RecordedDataset("calibration/encoder", limit=512)
        with recorded.record(model.encoder):
            for images, _ in loader:
                model(images)
        encoder_trt = torch2trt(model.encoder, recorded, int8_mode=True)

    Args:
        folder: Where the samples lie; those that are there already are read.
        limit: Largest number of samples to keep.

    Raises:
        StorageError: The folder cannot be written.
    """

    def __init__(self, folder: Path | str, *, limit: int = 512) -> None:
        if limit < 1:
            raise SettingsError(f"limit is {limit}; at least one sample must be kept.")
        self._folder = check_writable(Path(folder))
        self._limit = limit
        self._paths = sorted(self._folder.glob("sample_*.pt"))
        self._stride = 1
        self._passed = 0

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> list[Tensor] | dict[str, Any]:
        """The arguments of a call, with a batch axis of one: a list, or a dict where some were named."""
        path = self._paths[index]
        try:
            arguments: list[Tensor] | dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever the file holds
            raise StorageError(f"the sample {path} cannot be read: {error}. Record again.") from error
        return arguments

    @contextmanager
    def record(self, module: nn.Module) -> Iterator[None]:
        """A block in which each call of `module` is recorded, sample by sample.

        Raises:
            DataError: There are samples already: they would be of two recordings.
        """
        if self._paths:
            raise DataError(
                f"{self._folder} holds {len(self)} samples of another recording. Use them, or give an empty folder."
            )
        handle = module.register_forward_pre_hook(self._take, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def _take(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        call: Any = list(args)
        if kwargs:
            call = dict(inspect.signature(module.forward).bind(*args, **kwargs).arguments)
        count = num_items(call)
        for row in range(count):
            if self._passed % self._stride == 0:
                self._keep(rows_of(call, [row], count=count))
            self._passed += 1

    def _keep(self, sample: object) -> None:
        path = self._folder / f"sample_{self._passed:09d}.pt"
        torch.save(_on_cpu(sample), path)
        self._paths.append(path)
        if len(self._paths) > self._limit:
            for dropped in self._paths[1::2]:
                dropped.unlink()
            self._paths = self._paths[::2]
            self._stride *= 2


def _on_cpu(nest: Any) -> Any:  # noqa: ANN401 - a call nests as the module wants it
    """The nest with tensors of its own in memory, on the processor: a view would be saved with all that it views."""
    if isinstance(nest, Tensor):
        return nest.detach().cpu().clone()
    if isinstance(nest, dict):
        return {key: _on_cpu(value) for key, value in nest.items()}
    if isinstance(nest, (list, tuple)):
        # Plain ones: `weights_only` reads no class of the user's.
        return [_on_cpu(value) for value in nest]
    return nest
