"""What a file holds once it is read: sheets of raw cells, in which nothing is interpreted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Cell = Any  # str, float, int, bool, date, datetime, time, timedelta, ErrorCell or Uncalculated


class ErrorCell(str):
    """The error value that a cell shows, such as #DIV/0!; not a text, not a blank."""

    __slots__ = ()


class Uncalculated(str):
    """Stands for a formula whose result was never stored; calamine would read a blank."""

    __slots__ = ()


def is_blank(value: Cell) -> bool:
    """Whether the cell is empty, or holds nothing but spaces."""
    return value == "" or (isinstance(value, str) and not value.strip())


@dataclass(frozen=True)
class Grid:
    """One sheet. `rows` is a rectangle that begins at A1; an empty cell is ''."""

    sheet: str
    rows: list[list[Cell]]
    hidden: bool = False
    hidden_rows: int = 0
    errors: Sequence[str] = ()  # addresses
    uncalculated: Sequence[str] = ()  # addresses
    percent: frozenset[tuple[int, int]] = frozenset()  # (row, column) from 0: shown as a percentage
    formulas: Sequence[str] = ()  # addresses
    text_only: bool = False  # a CSV: numbers are necessarily text
    # Merged cells that begin in the first 100 rows, where headings stand: first and last, from 0.
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]] = ()
