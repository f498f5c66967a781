"""Which samples calibrate, and which are left to validate on."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from zoo import Classifier, Images
from zoo.data import images_and_targets
from zoo.exporting import quick
from zoo.trainers import fitted

from lightning_trt import Report, TRTExportCallback, export
from lightning_trt.calibrators import load, load_ranges
from lightning_trt.errors import DataError, NoSamplesError
from lightning_trt.pipeline.samples import chosen_samples
from lightning_trt.replay import subject_of_module
from lightning_trt.settings import CalibrationSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor


class Pictures(Dataset[tuple["Tensor", int]]):
    """Images with a transform and targets, as torchvision has them."""

    def __init__(self, count: int, *, seed: int, transform: Callable[[Tensor], Tensor] | None) -> None:
        self.images, self.targets = images_and_targets(count, seed=seed)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        return (image if self.transform is None else self.transform(image)), int(self.targets[index])


class Albums(Images):
    """Training pictures that are augmented, and validation pictures that are not; set up for each stage alone."""

    def setup(self, stage: str) -> None:
        """Training pictures for a fit alone."""
        if stage == "fit":
            self.train = Pictures(40, seed=1, transform=lambda image: image + 1000)
        self.val = Pictures(30, seed=2, transform=lambda image: image / 2)

    def calibration_dataloader(self) -> DataLoader[Any]:
        """Other pictures."""
        return DataLoader(Pictures(20, seed=5, transform=None), batch_size=4)


class Stream(IterableDataset[tuple["Tensor", "Tensor"]]):
    """Items in their own order."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(*images_and_targets(20, seed=1), strict=True))


def samples_of(data: Any, **calibration: Any) -> list[Tensor]:
    """What reaches the model for each sample."""
    settings = CalibrationSettings(**calibration)
    with subject_of_module(Classifier(), data, accelerator="cpu") as subject:
        samples = chosen_samples(subject, settings)
        return [each.inputs[0] for each in replace(samples, boundaries=("model",))]


def reported(data: Any, folder: Path, **settings: Any) -> Report:
    """The report of a quick export to int8."""
    return export(Classifier(), data, **quick(precisions=("int8",), dirpath=folder, **settings))


def test_training_data_comes_under_the_transforms_of_validation() -> None:
    """Without a fit the DataModule is set up for one first."""
    found = samples_of(Albums(), split="train", samples=40)

    assert torch.equal(torch.cat(found), images_and_targets(40, seed=1)[0] / 2)


def test_training_data_of_a_fit_is_its_own(tmp_path: Path) -> None:
    """The report says where the samples are from, and counts no overlap where the data is another."""
    calibration = {"split": "train", "samples": 12}
    ours = TRTExportCallback(**quick(dirpath=tmp_path / "trt", precisions=("int8",), calibration=calibration))

    fitted(Classifier(), Albums(), tmp_path, callbacks=[ours])

    assert ours.report is not None
    data = ours.report.data
    assert (data.calibration_split, data.calibration_samples, data.calibration_overlap) == ("train", 12, None)


def test_transforms_without_a_counterpart_are_a_warning() -> None:
    """They stay, and may augment."""

    class Mixed(Images):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            self.train = Pictures(40, seed=1, transform=lambda image: image + 1000)

    with pytest.warns(UserWarning, match=r"Pictures\.transform of the training data stays"):
        found = samples_of(Mixed(), split="train", samples=40)

    assert min(float(each.min()) for each in found) > 900


def test_a_stream_cannot_be_training_data_for_calibration() -> None:
    """It may have no end, and shows its items as it likes."""

    class Streaming(Images):
        def train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(Stream())

    with pytest.raises(DataError, match=r"the training data is a stream.*calibration_dataloader"):
        samples_of(Streaming(), split="train")


def test_a_loader_of_the_users_own() -> None:
    """`calibration_dataloader()` of the DataModule."""
    found = samples_of(Albums(), split="own", samples=20)

    assert torch.equal(torch.cat(found), images_and_targets(20, seed=5)[0])


@pytest.mark.parametrize(
    ("split", "sentence"), [("own", "neither the DataModule nor the module"), ("train", "no train_dataloader")]
)
def test_a_split_that_is_not_there(split: str, sentence: str) -> None:
    """With what to write."""
    loader = DataLoader(TensorDataset(*images_and_targets(9, seed=1)))

    with pytest.raises(NoSamplesError, match=sentence):
        samples_of(loader, split=split)


def test_balanced_samples_reach_the_model() -> None:
    """As many of each class, told by the dataset's targets."""
    found = torch.cat(samples_of(Albums(), select="balanced", samples=8))

    images, targets = images_and_targets(30, seed=2)
    classes = [int(targets[(images / 2 == one).flatten(1).all(dim=1)][0]) for one in found]
    assert sorted(classes) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a run that validated on what did not calibrate."""
    return reported(Images(), tmp_path_factory.mktemp("trt"), validation={"exclude_calibration_samples": True})


def test_calibration_samples_are_left_out_of_validation(held_out: Report) -> None:
    """On both sides: no overlap, and so many fewer samples."""
    data = held_out.data

    assert (data.samples, data.calibration_samples, data.calibration_overlap) == (53 - 16, 16, 0)


def test_the_report_names_the_samples(held_out: Report) -> None:
    """By index and by digest."""
    data = held_out.data

    assert data.calibration_indices == tuple((2 * position + 1) * 53 // 32 for position in range(16))
    assert len(data.calibration_digest or "") == 64


def test_ranges_stand_beside_the_engine(held_out: Report) -> None:
    """As the calibrator read them out of the statistics."""
    statistics = load(held_out.path / "statistics.npz")

    ranges = load_ranges(held_out.path / "int8-minmax" / "ranges.json")

    assert {name: each.high for name, each in ranges.tensors.items()} == {
        name: each.high for name, each in statistics.tensors.items()
    }


def test_an_overlap_is_counted(tmp_path: Path) -> None:
    """By default the samples that calibrate are evaluated too."""
    assert reported(Images(), tmp_path).data.calibration_overlap == 16


def test_nothing_left_to_validate_on_is_an_error(tmp_path: Path) -> None:
    """Before the pass begins."""
    with pytest.raises(NoSamplesError, match=r"all 53 items of .*\(calibration\.samples\)"):
        reported(
            Images(),
            tmp_path,
            calibration={"samples": 512},
            validation={"exclude_calibration_samples": True},
        )


def test_streams_cannot_leave_samples_out(tmp_path: Path) -> None:
    """They have no item k."""
    loader = DataLoader(Stream(), batch_size=5)

    with pytest.raises(DataError, match="exclude_calibration_samples needs validation loaders over datasets"):
        reported(loader, tmp_path, validation={"exclude_calibration_samples": True})


def test_the_default_number_of_samples_is_only_a_most(tmp_path: Path) -> None:
    """Fewer are no reason to warn; the report has the number."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        report = reported(Images(), tmp_path, calibration={})

    assert report.data.calibration_samples == 53


def test_a_second_run_takes_the_statistics_of_the_first(tmp_path: Path) -> None:
    """Another calibrator too: the report says so, and its samples are the same."""
    cache = str(tmp_path / "cache")
    module, data = Classifier(), Images()
    settings = quick(precisions=("int8",), calibrators=("mse",), cache=cache)
    first = export(module, data, **{**settings, "dirpath": tmp_path / "first"})

    second = export(module, data, **{**settings, "calibrators": ("entropy2",), "dirpath": tmp_path / "second"})

    note = "calibration statistics are those of an earlier run over the same graph and samples"
    assert (note in first.notes, note in second.notes) == (False, True)
    assert second.data.calibration_digest == first.data.calibration_digest


def test_a_second_run_does_not_run_the_network_for_samples_that_the_first_had(tmp_path: Path) -> None:
    """But for one call, whose bits are compared: the step goes on with what the network gave then."""
    settings = quick(precisions=("int8",), calibration={"samples": 40, "batch_size": 8}, cache=str(tmp_path / "cache"))
    module, data = Classifier(), Images()
    first = export(module, data, **{**settings, "dirpath": tmp_path / "first"})

    second = export(module, data, **{**settings, "dirpath": tmp_path / "second"})

    note = "calibration: 4 calls of the reference's network were taken from an earlier run"
    assert (note in first.notes, note in second.notes) == (False, True)
    assert second.data.calibration_digest == first.data.calibration_digest


def test_one_huge_value_is_told_with_its_tensor(tmp_path: Path) -> None:
    """The range that it sets makes zeros of all the others: a note in the report."""

    class Outlier(Images):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            self.val.tensors[0][2, 0, 0, 0] = 1e12

    settings = {"calibrators": ("minmax", "mse"), "calibration": {"samples": 53}, "on_gate_fail": "warn"}
    report = reported(Outlier(), tmp_path, **settings)

    (note,) = (note for note in report.notes if note.startswith("int8-minmax: the range does not fit"))
    assert "input" in note


def test_samples_too_few_for_the_percentile_are_told_with_their_number(tmp_path: Path) -> None:
    """Where it leaves no value out it is minmax: a note in the report."""
    calibration = {"samples": 20, "percentile": 99.9999}

    report = reported(Images(), tmp_path, calibration=calibration, calibrators=("percentile",), on_gate_fail="warn")

    told = "int8-percentile: 20 samples are too few for a percentile of 99.9999"
    assert any(note.startswith(told) for note in report.notes)


@pytest.mark.parametrize("value", [0.0, 3.5, 1e-40], ids=["zeros", "constant", "denormal"])
def test_data_without_spread_calibrates(tmp_path: Path, value: float) -> None:
    """Every calibrator gives a range that is no NaN, and the engine runs."""

    class Flat(Images):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            self.val.tensors[0].fill_(value)

    names = ("minmax", "percentile", "mse", "entropy", "entropy2", "legacy", "mean_minmax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = reported(Flat(), tmp_path, calibrators=names, on_gate_fail="warn")

    assert {name: each.reasons for name, each in report.candidates.items() if "Error" in str(each.reasons)} == {}
