"""What a part of a model is called with, kept on disk while the whole of it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from compat.nets import ON_CPU, Tokens, images, net
from torch import Tensor, nn

from lightning_trt.compat.recorder import RecordedDataset
from lightning_trt.compat.torch2trt import torch2trt
from lightning_trt.errors import DataError, SettingsError, StorageError

if TYPE_CHECKING:
    from pathlib import Path


class Whole(nn.Module):
    """A model with an encoder in it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = net()

    def forward(self, pictures: Tensor) -> Tensor:
        """The encoder's logits, of pictures twice as bright."""
        return self.encoder(pictures * 2).softmax(1)


def numbers(dataset: RecordedDataset) -> list[int]:
    """First value of each sample."""
    return [int(dataset[index][0].flatten()[0]) for index in range(len(dataset))]


def record(dataset: RecordedDataset, count: int, *, batch: int = 1) -> None:
    """`count` numbered samples through a module."""
    module = nn.Identity()
    with dataset.record(module):
        for rows in torch.arange(float(count)).reshape(-1, 1).split(batch):
            module(rows)


def test_a_part_is_recorded_while_the_whole_runs(tmp_path: Path) -> None:
    """What reached the encoder, sample by sample, in the order in which it came."""
    model = Whole().eval()
    recorded = RecordedDataset(tmp_path)

    with recorded.record(model.encoder):
        for pictures in images(10).split(4):
            model(pictures)

    assert len(recorded) == 10
    assert torch.equal(recorded[5][0], images(10)[5:6] * 2)


def test_nothing_is_recorded_after_the_block(tmp_path: Path) -> None:
    """The hook is gone, also where the block raises."""
    module = nn.Identity()
    recorded = RecordedDataset(tmp_path)

    with pytest.raises(KeyError), recorded.record(module):
        raise KeyError
    module(torch.zeros(1, 1))

    assert len(recorded) == 0


def test_a_bounded_number_is_kept_evenly(tmp_path: Path) -> None:
    """Over all that passed, however many that will be."""
    recorded = RecordedDataset(tmp_path, limit=8)

    record(recorded, 50)

    assert numbers(recorded) == [0, 8, 16, 24, 32, 40, 48]
    assert len(list(tmp_path.iterdir())) == 7


def test_what_is_kept_does_not_depend_on_batches(tmp_path: Path) -> None:
    """Samples are counted, not calls."""
    one, other = RecordedDataset(tmp_path / "one", limit=8), RecordedDataset(tmp_path / "other", limit=8)

    record(one, 50)
    record(other, 50, batch=7)

    assert numbers(one) == numbers(other)


def test_a_file_holds_one_sample(tmp_path: Path) -> None:
    """And not the batch that it is a view of."""
    recorded = RecordedDataset(tmp_path)
    module = nn.Identity()

    with recorded.record(module):
        module(torch.zeros(64, 1000))

    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 8000


def test_named_arguments_come_back_by_name(tmp_path: Path) -> None:
    """All of them, so that the sample is a call of the module."""
    recorded = RecordedDataset(tmp_path)
    model = Tokens().eval()

    with recorded.record(model):
        model(torch.ones(3, 5, dtype=torch.long), mask=torch.ones(3, 5, dtype=torch.bool))

    assert {name: tuple(each.shape) for name, each in recorded[2].items()} == {"ids": (1, 5), "mask": (1, 5)}


def test_a_recording_is_found_again(tmp_path: Path) -> None:
    """In another process, say."""
    record(RecordedDataset(tmp_path), 5)

    assert numbers(RecordedDataset(tmp_path)) == [0, 1, 2, 3, 4]


def test_two_recordings_do_not_mix(tmp_path: Path) -> None:
    """The second is refused before it writes."""
    record(RecordedDataset(tmp_path), 5)

    with pytest.raises(DataError, match="holds 5 samples of another recording"):
        record(RecordedDataset(tmp_path), 5)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """Nothing but tensors is read out of it."""
    recorded = RecordedDataset(tmp_path)
    record(recorded, 1)
    next(tmp_path.iterdir()).write_bytes(b"nothing")

    with pytest.raises(StorageError, match=r"sample_000000000\.pt cannot be read"):
        recorded[0]


def test_none_is_no_limit(tmp_path: Path) -> None:
    """At least one sample."""
    with pytest.raises(SettingsError, match="at least one"):
        RecordedDataset(tmp_path, limit=0)


def test_it_calibrates_the_part(tmp_path: Path) -> None:
    """It gives the shapes and the samples."""
    model = Whole().eval()
    recorded = RecordedDataset(tmp_path)
    with recorded.record(model.encoder):
        model(images(6))

    encoder_trt = torch2trt(model.encoder, recorded, int8_mode=True, int8_calib_algorithm="minmax", **ON_CPU)

    assert encoder_trt.report.calibration_samples == 6
    assert torch.allclose(encoder_trt(images(1)), model.encoder(images(1)), atol=0.02)
