"""The vocabulary of the template's formulas: where cells stand, and rules that several of them use.

Every formula repeats the checker's own definition (`months`, `money`, `flows`, `rules`), with
functions that Excel 2010, LibreOffice and Google Sheets all have. Yes, no and unknown are 1, 0 and
2, so that the smaller of 2 and the product of several is all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fundtrack import money
from fundtrack.ooxml import column_letter, quoted

WORKED_OUT = "(worked out)"  # how the heading of every column ends that the checker does not read
MONTHS, DAYS = f"Months as signed {WORKED_OUT}", f"… and days {WORKED_OUT}"
LOOK = f"To look at {WORKED_OUT}"
HAIR = f"{money.HAIR:.0E}"  # the checker's own, as formulas write it
Here = Callable[[str], str]  # gives the cell of a field in the formula's own row


@dataclass(frozen=True)
class Places:
    """Where the fields of the tables stand, and how many rows the workings follow."""

    letters: Mapping[str, Mapping[str, str]]  # table -> field or worked-out heading -> letter
    sheets: Mapping[str, str]  # table -> sheet
    rows: int

    def column(self, table: str, name: str) -> str:
        """The whole column of a field, with its sheet."""
        letter = self.letters[table][name]
        return f"{quoted(self.sheets[table])}!${letter}:${letter}"

    def here(self, table: str, name: str) -> str:
        """The cell of a field in the row of the formula."""
        return f"INDEX({self.column(table, name)},ROW())"

    def has(self, *tables: str) -> bool:
        """Whether the template has all of these sheets."""
        return all(table in self.letters for table in tables)


def parameter(name: str) -> str:
    """The defined name under which a number in force stands."""
    return "p_" + name.replace(".", "_")


def all_of(*parts: str) -> str:
    """1 where every part is 1, 0 where one is 0, else 2 (unknown)."""
    return f"MIN(2,{'*'.join(parts)})"


def months_in(start: str, end: str) -> str:
    """Whole months of a term by rule M, both days included: the end's day after is compared."""
    return (
        f"(YEAR({end}+1)-YEAR({start}))*12+MONTH({end}+1)-MONTH({start})"
        f"-IF(DAY({start})>DAY({end}+1),1,0)"
    )


def days_in(start: str, end: str) -> str:
    """The spare days beyond the whole months; a month without the day rolls on to its end."""
    year, month = f"YEAR({end}+1)", f"MONTH({end}+1)"
    reached = f"MIN(DATE({year},{month}-1,DAY({start})),DATE({year},{month},1))"
    same = f"DAY({end}+1)-DAY({start})"
    return f"IF(DAY({start})>DAY({end}+1),INT({end})+1-{reached},{same})"


def term(start: str, end: str, what: str) -> str:
    """A formula on two dates, blank unless both are there and in order."""
    return f'=IF(AND(ISNUMBER({start}),ISNUMBER({end})),IF({end}>={start},{what},""),"")'


class Workings:
    """The columns of the hidden sheet, each a formula for the row that it stands in."""

    def __init__(self, places: Places, sheet: str = "Workings") -> None:
        self.places, self.sheet = places, sheet
        self.formulas: dict[str, str] = {}  # name -> formula, the same in every row
        self._letters: dict[str, str] = {}

    def add(self, name: str, formula: str) -> None:
        """One more column."""
        self._letters[name] = column_letter(len(self.formulas))
        self.formulas[name] = formula

    def own(self, name: str) -> str:
        """The cell of another column in the same row: never by address (see `pack`)."""
        letter = self._letters[name]
        return f"INDEX(${letter}:${letter},ROW())"

    def all(self, name: str, *, outside: bool = False) -> str:
        """Every cell of a column; `outside` with the name of the sheet."""
        letter = self._letters[name]
        cells = f"${letter}$2:${letter}${self.places.rows + 1}"
        return f"{self.sheet}!{cells}" if outside else cells

    def beside(self, name: str) -> str:
        """The cell of a column in the row of a formula on another sheet."""
        letter = self._letters[name]
        return f"INDEX({self.sheet}!${letter}:${letter},ROW())"
