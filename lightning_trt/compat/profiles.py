"""The sizes that an engine is to take: those of the inputs alone, unless something says that they vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_trt.errors import DataError, SettingsError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

    from lightning_trt.compat.keywords import Keywords

    Shape = tuple[int, ...]
    Shapes = tuple[Shape, ...]

__all__ = ["Profile", "profile_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Least, typical and largest shape of each input."""

    least: tuple[tuple[int, ...], ...]
    typical: tuple[tuple[int, ...], ...]
    largest: tuple[tuple[int, ...], ...]

    @property
    def num_batched(self) -> int:
        """Rows of the first input, whose first axis is the batch."""
        return self.typical[0][0] if self.typical[0] else 0

    def is_batched(self, index: int) -> bool:
        """Whether the first axis of that input counts samples: it has as many rows as the first input's."""
        shape = self.typical[index]
        return bool(shape) and shape[0] == self.num_batched

    def sizes(self, index: int, axis: int) -> tuple[int, int, int]:
        """Least, typical and largest size of an axis of an input."""
        return self.least[index][axis], self.typical[index][axis], self.largest[index][axis]

    @property
    def varying(self) -> dict[tuple[int, int], tuple[int, int, int]]:
        """Sizes of each axis that varies, by input and axis."""
        places = [(index, axis) for index, shape in enumerate(self.typical) for axis in range(len(shape))]
        sizes = {place: self.sizes(*place) for place in places}
        return {place: each for place, each in sizes.items() if each[0] != each[2]}

    @property
    def has_dynamic_batch(self) -> bool:
        """Whether the number of samples varies."""
        return any(axis == 0 and self.is_batched(index) for index, axis in self.varying)


def profile_of(shapes: Shapes, keywords: Keywords, *, seen: Counter[Shapes] | None = None) -> Profile:
    """The profile of inputs of these `shapes`.

    `min_shapes`, `opt_shapes` and `max_shapes` come first, each in the order of the inputs; then the shapes `seen` in a
    dataset, of which the typical one is that of the sample in the middle by number of values; then `shapes` alone.
    `max_batch_size` lets the batch reach from 1 to it.

    Raises:
        SettingsError: Shapes of another number of inputs or axes, or least ones that are not the least.
        DataError: Samples with other numbers of tensors or axes.

    Example:
        >>> from lightning_trt.compat.keywords import Keywords
        >>> from lightning_trt.compat.profiles import profile_of
        >>> profile_of(((1, 3),), Keywords(max_shapes=[(8, 3)])).varying
        {(0, 0): (1, 1, 8)}
    """
    _check_alike(seen or ())
    typical = _of_keyword("opt_shapes", keywords.opt_shapes, shapes) or (_middle(seen) if seen else shapes)
    least = _of_keyword("min_shapes", keywords.min_shapes, shapes) or _extreme(min, seen, typical)
    largest = _of_keyword("max_shapes", keywords.max_shapes, shapes) or _extreme(max, seen, typical)
    profile = Profile(least=least, typical=typical, largest=largest)
    if keywords.max_batch_size is not None:
        profile = _with_batches(profile, keywords.max_batch_size)
    _check(profile)
    return profile


def _of_keyword(name: str, given: Sequence[Sequence[int]] | None, shapes: Shapes) -> Shapes | None:
    if given is None:
        return None
    try:
        read = tuple(tuple(int(size) for size in row) for row in given)
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"{name} is {given!r}; expected a list with a shape for each input, e.g. [(1, 3, 224, 224)]."
        ) from error
    if [len(row) for row in read] != [len(shape) for shape in shapes]:
        raise SettingsError(
            f"{name} is {list(read)}, and the inputs have the shapes {list(shapes)}. Give one shape for each input, "
            "with as many axes."
        )
    return read


def _middle(seen: Counter[Shapes]) -> Shapes:
    """Shapes of the sample in the middle, by number of values."""
    ordered = sorted(seen, key=lambda shapes: (sum(map(_num_values, shapes)), shapes))
    passed, half = 0, (sum(seen.values()) + 1) // 2
    for shapes in ordered:
        passed += seen[shapes]
        if passed >= half:
            return shapes
    raise AssertionError("half of the samples are among all of them")


def _num_values(shape: Shape) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _extreme(pick: Callable[[tuple[int, ...]], int], seen: Counter[Shapes] | None, typical: Shapes) -> Shapes:
    """Each axis's least or largest size in what was seen; the typical one's where nothing was."""
    if not seen:
        return typical
    columns = zip(*seen, strict=True)
    return tuple(tuple(pick(sizes) for sizes in zip(*column, strict=True)) for column in columns)


def _with_batches(profile: Profile, max_batch_size: int) -> Profile:
    def with_rows(shapes: Shapes, rows: int) -> Shapes:
        return tuple((rows, *shape[1:]) if profile.is_batched(at) else shape for at, shape in enumerate(shapes))

    return Profile(
        least=with_rows(profile.least, 1),
        typical=with_rows(profile.typical, max_batch_size),
        largest=with_rows(profile.largest, max_batch_size),
    )


def _check_alike(seen: Iterable[Shapes]) -> None:
    if len({tuple(map(len, shapes)) for shapes in seen}) > 1:
        raise DataError(
            f"samples of the dataset have other numbers of tensors or axes: {sorted(seen)[:4]}. Each must have the "
            "same inputs in the same order."
        )


def _check(profile: Profile) -> None:
    for index, shape in enumerate(profile.typical):
        for axis in range(len(shape)):
            least, typical, largest = profile.sizes(index, axis)
            if not 0 < least <= typical <= largest:
                raise SettingsError(
                    f"axis {axis} of input {index} has the sizes {least}, {typical} and {largest} in min_shapes, "
                    "opt_shapes and max_shapes; each must be at least the one before, and above 0."
                )
