"""One pass over samples, against numpy on what onnxruntime shows, and against itself pulled in other batches."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from passes.exported import exported, run
from passes.nets import CASES
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from lightning_trt.artifacts import BATCH, Boundary, OnnxGraph, Statistics, Structure, TensorSpec, TensorStatistics
from lightning_trt.batches import batches_of, chosen
from lightning_trt.calibrators import beyond_fp16
from lightning_trt.calibrators.bins import NUM_BINS, bin_of
from lightning_trt.errors import NonFiniteActivationsError, NoSamplesError
from lightning_trt.passes import quantized_tensors, tap
from lightning_trt.replay import Captured
from lightning_trt.settings import CalibrationSettings
from lightning_trt.stages.calibrate import calibrate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

SETTINGS = CalibrationSettings()


@cache
def graph_of(name: str) -> OnnxGraph:
    """The net of that name with its boundary."""
    net, case = exported(name), CASES[name]
    nothing = Structure(kind="tuple")
    inputs = tuple(
        TensorSpec(
            name=key,
            dtype=str(value.dtype),
            shape=tuple({0: BATCH, **case.axes}.get(axis, size) for axis, size in enumerate(value.shape)),
        )
        for key, value in net.feeds.items()
    )
    boundary = Boundary(name=name, inputs=inputs, outputs=(), input_structure=nothing, output_structure=nothing)
    return OnnxGraph(model=net.model, boundary=boundary)


def images(count: int = 20) -> Tensor:
    """Images for the residual net, of shape `(count, 3, 16, 16)`."""
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(3))


def samples_of(batches: Iterable[tuple[Any, int, tuple[int, ...]]], *, name: str = "residual") -> Iterator[Captured]:
    """Every item of batches of inputs as a sample."""
    for batch, _, indices in batches:
        for row, index in enumerate(indices):
            yield Captured(boundary=name, index=index, inputs=tuple(tensor[row : row + 1] for tensor in batch))


def pulled(batch_size: int, *, count: int = 20, **options: Any) -> Iterator[Captured]:
    """The images as a real DataLoader of that batch size gives them."""
    loader = DataLoader(TensorDataset(images(count)), batch_size=batch_size, **options)
    return samples_of(batches_of([loader], chosen(count, count)))


def statistics_of(samples: Iterable[Captured], *, name: str = "residual", histograms: bool = True) -> Statistics:
    """What one pass sees."""
    return calibrate({name: graph_of(name)}, samples, settings=SETTINGS, histograms=histograms, threads=1)[name]


def parts(statistics: Statistics) -> dict[str, list[Any]]:
    """Every number of the statistics, comparable."""
    fields = ("count", "nans", "infs", "low", "high", "sample_lows", "sample_highs", "positive", "negative")
    return {
        name: [np.asarray(getattr(tensor, field)).tobytes() for field in fields]
        for name, tensor in statistics.tensors.items()
    }


@pytest.fixture(scope="module")
def whole() -> Statistics:
    """The images, pulled eight at a time."""
    return statistics_of(pulled(8))


@pytest.fixture(scope="module")
def activations() -> dict[str, NDArray[np.float32]]:
    """What onnxruntime computes for the images, in blocks of eight, by tensor."""
    model = exported("residual").model
    names = quantized_tensors(model)
    given = images().numpy()
    padded = np.concatenate([given, given[-1:].repeat(4, axis=0)])
    blocks = [{"x": padded[at : at + 8]} for at in (0, 8, 16)]
    seen = [{**run(tap(model, names), block), **block} for block in blocks]
    return {name: np.concatenate([block[name] for block in seen])[:20].reshape(20, -1) for name in names}


def test_every_tensor_that_will_carry_a_pair_is_seen(whole: Statistics) -> None:
    """Neither more nor fewer, so that ranges fit the graph."""
    assert tuple(whole.tensors) == quantized_tensors(exported("residual").model)


def test_extremes_are_those_of_each_sample(whole: Statistics, activations: dict[str, NDArray[np.float32]]) -> None:
    """Exactly, for padding repeats a row and counts for nothing."""
    for name, tensor in whole.tensors.items():
        np.testing.assert_array_equal(tensor.sample_lows, activations[name].min(axis=1))
        np.testing.assert_array_equal(tensor.sample_highs, activations[name].max(axis=1))


def test_histograms_count_every_value_once(whole: Statistics, activations: dict[str, NDArray[np.float32]]) -> None:
    """By sign and bin, as numpy counts them."""
    for name, tensor in whole.tensors.items():
        values = activations[name]
        negative = np.signbit(values)
        np.testing.assert_array_equal(tensor.positive, np.bincount(bin_of(values[~negative]), minlength=NUM_BINS))
        np.testing.assert_array_equal(tensor.negative, np.bincount(bin_of(values[negative]), minlength=NUM_BINS))


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batch_size_changes_no_bit(whole: Statistics, batch_size: int) -> None:
    """The blocks are ours, whatever the loader's batches are."""
    other = statistics_of(pulled(batch_size))

    assert parts(other) == parts(whole)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batch_size_changes_no_key(whole: Statistics, batch_size: int) -> None:
    """A cache finds the statistics of another batch size."""
    assert statistics_of(pulled(batch_size)).key == whole.key


def test_shuffling_and_dropping_change_no_bit(whole: Statistics) -> None:
    """Items are asked for by their index."""
    other = statistics_of(pulled(7, shuffle=True, drop_last=True))

    assert parts(other) == parts(whole)


def test_min_max_alone_sees_the_same_extremes(whole: Statistics) -> None:
    """The fast road leaves out histograms and nothing else."""
    fast = statistics_of(pulled(8), histograms=False)

    assert [(each.low, each.high, each.positive) for each in fast.tensors.values()] == [
        (each.low, each.high, None) for each in whole.tensors.values()
    ]


def test_other_pixels_have_another_key(whole: Statistics) -> None:
    """One pixel of one image is enough."""
    changed = images()
    changed[3, 1, 2, 2] += 1e-3

    other = statistics_of(samples_of([((changed,), 0, tuple(range(20)))]))

    assert other.key != whole.key


def test_other_weights_have_another_key(whole: Statistics) -> None:
    """The graph's digest covers its weights."""
    graph = graph_of("residual")
    model = graph.model.clone()
    name, value = next(
        (name, value) for name, value in model.graph.initializers.items() if value.dtype.is_floating_point()
    )
    model.graph.initializers[name].const_value = type(value.const_value)(value.const_value.numpy() * 2, name=name)
    changed = OnnxGraph(model=model, boundary=graph.boundary)

    other = calibrate({"residual": changed}, pulled(8), settings=SETTINGS, histograms=False)["residual"]

    assert other.graph != whole.graph


def siamese(order: str) -> Iterator[Captured]:
    """Two calls of a net for each of ten items, item by item or batch by batch."""
    first, second = images(), images().flip(0)
    pairs = [(item, call) for item in range(10) for call in (0, 1)]
    for item, call in pairs if order == "items" else sorted(pairs, key=lambda pair: (pair[0] // 5, pair[1], pair[0])):
        yield Captured(boundary="residual", index=item, inputs=((first, second)[call][item : item + 1],))


def test_calls_of_one_item_are_one_sample() -> None:
    """Extremes are of all its calls."""
    one, other = statistics_of(pulled(8)), statistics_of(siamese("items"))

    np.testing.assert_array_equal(
        other.tensors["x"].sample_highs,
        np.maximum(one.tensors["x"].sample_highs[:10], one.tensors["x"].sample_highs[::-1][:10]),
    )


def test_order_of_calls_changes_no_bit() -> None:
    """Item by item or batch by batch, the same blocks are made."""
    by_item, by_batch = statistics_of(siamese("items")), statistics_of(siamese("batches"))

    assert (parts(by_item), by_item.key) == (parts(by_batch), by_batch.key)


def sentences(lengths: Iterable[int]) -> Iterator[Captured]:
    """Integer tokens and masks of those lengths."""
    generator = torch.Generator().manual_seed(0)
    for item, length in enumerate(lengths):
        ids = torch.randint(0, 100, (1, length), generator=generator)
        yield Captured(boundary="text", index=item, inputs=(ids, torch.ones(1, length, dtype=torch.long)))


def test_blocks_end_where_the_length_changes() -> None:
    """Samples of several lengths are seen, each with its own number of values."""
    seen = statistics_of(sentences([5, 5, 7, 5]), name="text")
    short = statistics_of(sentences([5]), name="text")
    long = statistics_of(sentences([7]), name="text")

    assert [each.count for each in seen.tensors.values()] == [
        3 * one.count + other.count for one, other in zip(short.tensors.values(), long.tensors.values(), strict=True)
    ]


@pytest.mark.parametrize("name", ["vision", "siamese", "depthwise", "squeeze_excite", "unet"])
def test_each_sample_is_told_apart_in_every_net(name: str) -> None:
    """A sample's extremes are the same with any neighbours, to rounding."""
    feeds = CASES[name].inputs(8)
    several = statistics_of(samples_of([(tuple(feeds.values()), 0, tuple(range(8)))], name=name), name=name)
    alone = statistics_of(
        [Captured(boundary=name, index=5, inputs=tuple(value[5:6] for value in feeds.values()))], name=name
    )

    for tensor, other in zip(several.tensors.values(), alone.tensors.values(), strict=True):
        np.testing.assert_allclose(tensor.sample_highs[5], other.sample_highs[0], rtol=1e-5, atol=1e-5)


def test_several_boundaries_share_the_pass() -> None:
    """Each has the statistics that it would have alone."""
    texts = list(sentences([5] * 20))
    graphs = {name: graph_of(name) for name in ("residual", "text")}
    mixed = (sample for pair in zip(pulled(4), texts, strict=True) for sample in pair)

    both = calibrate(graphs, mixed, settings=SETTINGS, histograms=True, threads=1)

    assert {name: one.key for name, one in both.items()} == {
        "residual": statistics_of(pulled(8)).key,
        "text": statistics_of(texts, name="text").key,
    }


def test_progress_counts_items() -> None:
    """Once each, however often a boundary is called."""
    steps: list[int] = []

    calibrate(
        {"residual": graph_of("residual")}, siamese("items"), settings=SETTINGS, histograms=False, advance=steps.append
    )

    assert sum(steps) == 10


@pytest.mark.parametrize(("value", "counted"), [(np.nan, "1 NaN, 0 Inf"), (np.inf, "0 NaN, 1 Inf")], ids=["nan", "inf"])
def test_a_value_that_is_not_finite_names_tensor_and_item(value: float, counted: str) -> None:
    """The reader is told which tensor, how many, and which item to look at."""
    broken = images()
    broken[13, 0, 0, 0] = value

    with pytest.raises(NonFiniteActivationsError, match=rf"'x' \({counted}\).*first item 13"):
        statistics_of(samples_of([((broken,), 0, tuple(range(20)))]))


def test_magnitudes_beyond_fp16_can_be_named() -> None:
    """The statistics show what fp16 cannot hold."""
    seen = statistics_of(samples_of([((images() * 1e5,), 0, tuple(range(20)))]), histograms=False)

    assert "x" in beyond_fp16(seen)


def test_no_sample_is_an_error() -> None:
    """Random data is never a substitute."""
    with pytest.raises(NoSamplesError, match="residual"):
        statistics_of([])


def test_half_inputs_are_fed_as_the_boundary_types_them() -> None:
    """Autocast may hand the boundary half precision."""
    seen = statistics_of([Captured(boundary="residual", index=0, inputs=(images()[:1].half(),))])

    assert isinstance(seen.tensors["x"], TensorStatistics)
