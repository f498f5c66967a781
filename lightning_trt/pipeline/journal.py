"""What went wrong, by candidate: one failure must not cost the others."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Journal"]


class Journal:
    """The first error of each candidate.

    Example:
        >>> from lightning_trt.pipeline.journal import Journal
        >>> journal = Journal()
        >>> with journal.covering(["int8-minmax"]):
        ...     raise ValueError("no ranges")
        >>> journal.failures
        {'int8-minmax': ValueError('no ranges')}
        >>> journal.living(["fp16", "int8-minmax"])
        ('fp16',)
    """

    def __init__(self) -> None:
        self.failures: dict[str, Exception] = {}

    @contextmanager
    def covering(self, names: Iterable[str]) -> Iterator[None]:
        """A block whose error ends the candidates `names`, and nothing else.

        What is no Exception (Ctrl-C, a signal's SystemExit) passes.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it was, the other candidates go on
            self.add(dict.fromkeys(names, error))

    def add(self, failures: Mapping[str, Exception]) -> None:
        """Nothing; these candidates have failed, those that had failed before keep their first error."""
        for name, error in failures.items():
            self.failures.setdefault(name, error)

    def living(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that have not failed."""
        return tuple(name for name in names if name not in self.failures)
