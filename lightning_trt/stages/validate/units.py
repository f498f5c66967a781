"""A metric's records by unit: by dataset item where its inputs can be split so, else by batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from lightning_trt.stages.validate.algebra import NoEvidenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_trt.replay import Step, Update
    from lightning_trt.stages.validate.algebra import Algebra, Inputs, States

__all__ = ["TOO_LONG", "BatchUnits", "ItemUnits", "Units", "by_batch", "by_item"]

TOO_LONG = "taking it apart takes longer than `bootstrap_seconds` allows"

_ROWS_AT_ONCE = 256


class Units(Protocol):
    """Records of one metric, taken apart into `count` units that a resample repeats or leaves out."""

    @property
    def count(self) -> int:
        """Number of units."""
        ...

    def ways(self, algebra: Algebra, *, check_time: Callable[[], None]) -> Sequence[Callable[[], States]]:
        """Ways to take an additive metric's states apart, stacked by unit; the plainest first."""
        ...

    def value(self, algebra: Algebra, repeats: Tensor) -> Tensor:
        """The metric's value when unit `i` is seen `repeats[i]` times."""
        ...

    def differs(self, other: Any) -> Tensor:  # noqa: ANN401 - units of the same kind
        """Whether the records of each unit are others than in `other`, of the same kind and count."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemUnits:
    """Everything that a metric was given, in rows; `unit_of_row` says which dataset item each belongs to.

    `update_sizes` are the numbers of rows that were given together; `places` says where in the pass each unit stands.
    """

    columns: Inputs
    constants: Inputs
    unit_of_row: Tensor
    update_sizes: tuple[int, ...]
    places: Tensor

    @property
    def count(self) -> int:
        """Number of items."""
        return len(self.places)

    def labels(self) -> Tensor | None:
        """The class of each item, where the metric was given one: its second argument, or `target`."""
        column = self.columns.get("target", self.columns.get(1))
        if not isinstance(column, Tensor) or column.ndim != 1 or column.is_floating_point():
            return None
        if len(self.unit_of_row) != self.count or bool((column < 0).any()):
            return None
        labels = torch.empty(self.count, dtype=torch.int64)
        labels[self.unit_of_row] = column.long()
        return labels

    def distance(self, other: ItemUnits) -> Tensor:
        """The largest difference of any floating-point number of each item between the two, of shape `(count,)`."""
        furthest = torch.zeros(self.count, dtype=torch.float64)
        for name, ours in self.columns.items():
            theirs = other.columns.get(name)
            if not (isinstance(ours, Tensor) and isinstance(theirs, Tensor)):
                continue
            if ours.is_floating_point() and ours.shape == theirs.shape:
                rows = (ours.double() - theirs.double()).abs().reshape(len(ours), -1).amax(dim=1)
                furthest.scatter_reduce_(0, self.unit_of_row, rows, "amax")
        return furthest

    def ways(self, algebra: Algebra, *, check_time: Callable[[], None]) -> Sequence[Callable[[], States]]:
        """The states of each row alone; else of each row beside another, less those of that one.

        Some metrics take no update of a single row.
        """
        states_of = partial(self._states, algebra, check_time=check_time)
        return (partial(states_of, beside=False), partial(states_of, beside=True))

    def value(self, algebra: Algebra, repeats: Tensor) -> Tensor:
        """The value of one update with the rows of each item as often as it is seen."""
        rows = torch.repeat_interleave(torch.arange(len(self.unit_of_row)), repeats[self.unit_of_row])
        return algebra.value_of_updates([self._at(rows)])

    def differs(self, other: Any) -> Tensor:  # noqa: ANN401 - units of the same kind
        """Whether the records of each item differ between the two."""
        changed = torch.zeros(self.count, dtype=torch.bool)
        for name, column in self.columns.items():
            changed[self.unit_of_row[_rows_that_differ(column, other.columns[name])]] = True
        return changed

    def _at(self, rows: Tensor) -> Inputs:
        return {name: _rows(column, rows) for name, column in self.columns.items()} | self.constants

    def _states(self, algebra: Algebra, *, beside: bool, check_time: Callable[[], None]) -> States:
        """States by item: those of its rows, each taken the way that its update went, summed up."""
        by_branches: dict[tuple[bool, ...], list[Tensor]] = {}
        for rows in torch.split(torch.arange(len(self.unit_of_row)), list(self.update_sizes)):
            by_branches.setdefault(tuple(algebra.branches(self._at(rows))), []).append(rows)
        summed: States = {}
        for branches, updates in by_branches.items():
            rows = torch.cat(updates)
            other = rows[:1] if beside else rows[:0]
            blocks = []
            for block in torch.split(rows, _ROWS_AT_ONCE):
                check_time()
                together = torch.cat([block[:, None], other.expand(len(block), -1)], dim=1)
                blocks.append(self._states_of_block(algebra, together, branches=branches, check_time=check_time))
            self._add(summed, blocks, rows=rows, beside=beside)
        return summed

    def _add(self, summed: States, blocks: Sequence[States], *, rows: Tensor, beside: bool) -> None:
        """Add the states of `rows` to those of their items."""
        for name in blocks[0]:
            state = torch.cat([block[name] for block in blocks]).double()
            # The first row stood beside all, and beside itself.
            own = state - state[0] / 2 if beside else state
            zeros = own.new_zeros(self.count, *own.shape[1:])
            summed[name] = summed.get(name, zeros).index_add(0, self.unit_of_row[rows], own)

    def _states_of_block(
        self, algebra: Algebra, rows: Tensor, *, branches: Sequence[bool], check_time: Callable[[], None]
    ) -> States:
        if all(isinstance(column, Tensor) for column in self.columns.values()):
            columns = {name: column[rows] for name, column in self.columns.items()}
            try:
                return algebra.states_of_rows(columns, self.constants, branches=branches)
            except Exception:  # noqa: BLE001, S110 - shapes that depend on values cannot be mapped: row by row then
                pass
        one_by_one = []
        for row in rows:
            check_time()
            one_by_one.append(algebra.states(self._at(row), branches=branches))
        return {name: torch.stack([states[name] for states in one_by_one]) for name in one_by_one[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchUnits:
    """Everything that a metric was given, update by update, in the batches it was given in."""

    batches: tuple[tuple[Inputs, ...], ...]

    @property
    def count(self) -> int:
        """Number of batches."""
        return len(self.batches)

    def ways(self, algebra: Algebra, *, check_time: Callable[[], None]) -> Sequence[Callable[[], States]]:
        """The states of each batch."""

        def batch_by_batch() -> States:
            stacked = []
            for updates in self.batches:
                check_time()
                several = [algebra.states(inputs) for inputs in updates]
                stacked.append({name: torch.stack([s[name] for s in several]).sum(0) for name in several[0]})
            return {name: torch.stack([states[name] for states in stacked]) for name in stacked[0]}

        return (batch_by_batch,)

    def value(self, algebra: Algebra, repeats: Tensor) -> Tensor:
        """The value of the updates of each batch as often as it is seen."""
        seen = (self.batches[i] for i, times in enumerate(repeats.tolist()) for _ in range(int(times)))
        return algebra.value_of_updates(inputs for updates in seen for inputs in updates)

    def differs(self, other: Any) -> Tensor:  # noqa: ANN401 - units of the same kind
        """Whether the records of each batch differ between the two."""
        return torch.tensor(
            [
                any(
                    bool(_rows_that_differ(column, theirs[name]).any())
                    for mine, theirs in zip(ours, others, strict=True)
                    for name, column in mine.items()
                )
                for ours, others in zip(self.batches, other.batches, strict=True)
            ]
        )


def by_item(updates: Sequence[Update], steps: Sequence[Step]) -> ItemUnits:
    """The records by dataset item; `steps` are all steps of the pass.

    Raises:
        NoEvidenceError: An argument has no row for each item.
    """
    starts, total = _starts(steps)
    tables = [_columns(_inputs(update), update.step.num_items if update.step else total) for update in updates]
    constants = tables[0][1]
    if any(other != constants or columns.keys() != tables[0][0].keys() for columns, other in tables):
        raise NoEvidenceError("its arguments differ in kind from update to update")
    items = [
        torch.arange(update.step.num_items) + starts[_place(update.step)] if update.step else torch.arange(total)
        for update in updates
    ]
    # A metric of one loader has only seen that loader's items: count these.
    seen, unit_of_row = torch.unique(torch.cat(items), return_inverse=True)
    columns = {name: _joined([columns[name] for columns, _ in tables]) for name in tables[0][0]}
    sizes = tuple(len(part) for part in items)
    return ItemUnits(columns=columns, constants=constants, unit_of_row=unit_of_row, update_sizes=sizes, places=seen)


def by_batch(updates: Sequence[Update]) -> BatchUnits:
    """The records by the batch in which they were made."""
    batches: dict[object, list[Inputs]] = {}
    for update in updates:
        batches.setdefault(update.step and _place(update.step), []).append(_inputs(update))
    return BatchUnits(batches=tuple(tuple(updates) for updates in batches.values()))


def _inputs(update: Update) -> Inputs:
    inputs: Inputs = dict(enumerate(update.args))
    inputs.update(update.kwargs.items())
    return inputs


def _place(step: Step) -> tuple[int, int]:
    return step.dataloader_idx, step.batch_idx


def _starts(steps: Sequence[Step]) -> tuple[dict[tuple[int, int], int], int]:
    """Number of items before each step, and of all."""
    starts, total = {}, 0
    for step in steps:
        starts[_place(step)] = total
        total += step.num_items
    return starts, total


def _columns(inputs: Inputs, num_items: int) -> tuple[Inputs, Inputs]:
    """The arguments that have a row for each item, and those that are the same for all."""
    columns: Inputs = {}
    constants: Inputs = {}
    for name, value in inputs.items():
        if isinstance(value, int | float | str | None):
            constants[name] = value
        elif isinstance(value, list | tuple) or (isinstance(value, Tensor) and value.ndim > 0):
            if len(value) != num_items:
                raise NoEvidenceError(f"an update got {len(value)} rows for {num_items} items")
            columns[name] = value
        else:
            raise NoEvidenceError(f"an update got a {type(value).__name__} of no rows, one for all its items")
    if not columns:
        raise NoEvidenceError("no argument of its updates has a row for each item")
    return columns, constants


def _joined(parts: list[Any]) -> Any:  # noqa: ANN401 - a column: a tensor, or a list of whatever the metric takes
    if not all(isinstance(part, Tensor) for part in parts):
        return [row for part in parts for row in part]
    if len({part.shape[1:] for part in parts}) > 1:
        raise NoEvidenceError("the shapes of its inputs differ from batch to batch")
    return torch.cat(parts)


def _rows(column: Any, rows: Tensor) -> Any:  # noqa: ANN401 - a column
    return column[rows] if isinstance(column, Tensor) else [column[row] for row in rows.tolist()]


def _rows_that_differ(ours: Any, theirs: Any) -> Tensor:  # noqa: ANN401 - columns
    """Whether each row differs; a NaN equals a NaN."""
    if isinstance(ours, Tensor) and isinstance(theirs, Tensor):
        if ours.shape != theirs.shape:
            return torch.ones(max(len(ours), 1), dtype=torch.bool)
        same = (ours == theirs) | ((ours != ours) & (theirs != theirs))  # noqa: PLR0124 - NaN of any type
        return ~same.reshape(max(len(ours) if ours.ndim else 1, 1), -1).all(dim=1)
    if isinstance(ours, list | tuple):
        return torch.tensor([_differ(mine, other) for mine, other in zip(ours, theirs, strict=True)])
    return torch.tensor([bool(ours != theirs)])


def _differ(mine: Any, other: Any) -> bool:  # noqa: ANN401 - one row of a column
    if isinstance(mine, dict):
        return any(_differ(value, other[name]) for name, value in mine.items())
    if isinstance(mine, Tensor):
        return not torch.equal(mine, other)
    return bool(mine != other)
