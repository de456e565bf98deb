"""The rows behind the figures: one for each row of the workbook that enters some figure, with its
place, how its amount is converted, and a column for each figure that says how much of it enters.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fundtrack import schema
from fundtrack.model import Assessment, Column, Formula, Step, Table
from fundtrack.ooxml import column_letter, quoted
from fundtrack.report.sheets.page import A3, Page, number_style
from fundtrack.report.sheets.rows import MOST_LINKS, ROW, ROWS_A_SHEET, put_rows
from fundtrack.report.sheets.rows import Column as Cells
from fundtrack.words import shown

_ROWS: tuple[tuple[str, int], ...] = (
    ("Sheet", 15),
    ("Cell", 10),
    ("Record", 26),
    ("Amount in the cell", 15),
    ("Currency", 9),
    ("Rate", 10),
    ("Rate of", 11),
    ("Rate is", 11),
    ("Source of the rate", 30),
    ("Amount converted", 15),
)
_AMOUNT, _RATE, _CONVERTED = 3, 5, 9
_WIDE = 250  # characters across a page of A3 that can still be read

_MOST_RULED = 20_000  # rows whose blank cells have lines too; they are most of a large sheet
_ALL: Mapping[str, str] = MappingProxyType({})


class RowSheets:
    """The sheets of the rows, and the formulas that add them up.

    `groups` are the names of the columns by which figures are broken down, `headings` theirs with
    their widths. `in_order` says whether the rows of each group stand together and must stay so.
    """

    def __init__(
        self,
        page: Page,
        assessment: Assessment,
        rows: pd.DataFrame,
        groups: Sequence[str],
        headings: Sequence[tuple[str, int]],
        *,
        in_order: bool,
    ) -> None:
        assert assessment.workings is not None
        self._page, self._assessment = page, assessment
        self._groups, self._group_headings, self.in_order = groups, headings, in_order
        # In the order of the sheets, else by group.
        self._rows = rows.sort_values(list(groups), kind="stable") if in_order else rows
        self._position = pd.Series(range(len(rows)), index=self._rows.index)
        self.names = page.reserve("workings_rows", -(-len(rows) // ROWS_A_SHEET))
        self._columns = list({id(c): c for c in assessment.workings.columns.values()}.values())
        self._steps = _steps(self._columns)
        first = len(_ROWS) + len(groups) + len(self._steps)
        self._at = {id(c): first + n for n, c in enumerate(self._columns)}
        self._spread: dict[tuple[int, tuple[str, ...]], dict[Any, tuple[int, int, int]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def write(self) -> None:
        """Write the sheets."""
        for number in range(len(self.names)):
            self._write(number)

    def size(self, column: Column, group: Mapping[str, str]) -> int:
        """How many rows enter a figure, of a group alone where one is given."""
        return self._extent(column, group)[0] if group else len(column.share)

    def _extent(self, column: Column, group: Mapping[str, str]) -> tuple[int, int, int]:
        """How many rows of a group are in a column, and the first and last position."""
        names = tuple(group)
        key = (id(column), names)
        if key not in self._spread:
            places = column.share.index
            mine = self._rows.loc[places, list(names)]
            of = self._position.loc[places].groupby([mine[name] for name in names])
            found = of.agg(["size", "min", "max"])
            groups = found.index.to_list() if len(names) > 1 else [(g,) for g in found.index]
            extents = zip(*(found[name].to_list() for name in found), strict=True)
            self._spread[key] = dict(zip(groups, extents, strict=True))
        return self._spread[key][tuple(group.values())]

    def added(
        self,
        column: Column | None,
        group: Mapping[str, str] = _ALL,
        cells: Mapping[str, str] = _ALL,
    ) -> str | None:
        """A formula of the converted amounts times their part in the figure, added up; of a group
        alone where one is given, with the cells in which its names stand.
        """
        if column is None:
            return None
        first, last = 0, len(self._rows) - 1
        if self.in_order and group:
            _, first, last = self._extent(column, group)
        part = column_letter(self._at[id(column)])
        pieces = []
        for before, sheet in zip(itertools.count(0, ROWS_A_SHEET), self.names, strict=False):
            start = max(first - before, 0)
            end = min(last - before, ROWS_A_SHEET - 1)
            if start > end:
                continue

            def area(letter: str, name: str = sheet, span: tuple[int, int] = (start, end)) -> str:
                return f"{quoted(name)}!${letter}${span[0] + 2}:${letter}${span[1] + 2}"

            factors = [area(column_letter(_CONVERTED)), area(part)]
            for name in group:
                names = area(column_letter(len(_ROWS) + self._groups.index(name)))
                # EXACT, as “=” takes upper and lower case for the same.
                factors.append(f"--EXACT({names},{cells[name]})")
            pieces.append(f"SUMPRODUCT({','.join(factors)})")
        return "+".join(pieces) or None  # an empty formula breaks the file

    def _write(self, number: int) -> None:
        page = self._page
        steps = [(column.step.heading, 13) for column in self._steps.values()]
        figures = [("\n".join(c.names).replace("_", " "), 17) for c in self._columns]
        headings = [*_ROWS, *self._group_headings, *steps, *figures]
        widths = [width for _, width in headings]
        page.start("workings_rows", widths, paper=A3)
        page.sheet.freeze_panes(1, 3)
        page.sheet.fit_to_pages(max(1, round(sum(widths) / _WIDE)), 0)
        page.sheet.repeat_columns(0, 2)
        right = {_AMOUNT, _RATE, _CONVERTED, *self._at.values()}
        for column, (heading, _) in enumerate(headings):
            page.put(0, column, heading, "heading_right" if column in right else "heading")
        mine = self._rows.iloc[number * ROWS_A_SHEET : (number + 1) * ROWS_A_SHEET]
        columns = [*self._row_columns(mine), *self._step_columns(mine), *self._shares(mine)]
        sparse = len(mine) > _MOST_RULED
        if sparse:
            page.sheet.hide_gridlines(1)  # on screen they stand in for the lines around the cells
        put_rows(page, 1, columns, sparse=sparse)
        if not self.in_order:
            page.sheet.autofilter(0, 0, len(mine), len(headings) - 1)

    def _row_columns(self, rows: pd.DataFrame) -> list[Cells]:
        facts, known = _columns(rows), rows["known"].to_list()
        places = self._origins(rows, facts["amount"])
        links = [place.link for place in places[:MOST_LINKS]]
        linked = ["link" if link else "text" for link in links]
        linked += ["text"] * (len(places) - len(links))
        own, rate = column_letter(_AMOUNT), column_letter(_RATE)
        made = {id(pieces): Formula.of(pieces) for pieces in facts["rate_from"] if pieces}
        rates = [made.get(id(pieces)) for pieces in facts["rate_from"]]  # rows share most of them
        plain, times = f"{own}{ROW}", f"{own}{ROW}*{rate}{ROW}"
        converted = [
            (plain if by is None else times) if sure else None
            for by, sure in zip(facts["rate"], known, strict=True)
        ]
        money = [
            "money" if sure and currency else number_style(value)
            for sure, currency, value in zip(known, facts["currency"], facts["value"], strict=True)
        ]
        kinds = [
            kind if sure else "none: assumed"
            for kind, sure in zip(facts["rate_kind"], known, strict=True)
        ]
        return [
            Cells([place.sheet for place in places]),
            Cells([place.cell for place in places], linked, links),
            Cells([place.record for place in places]),
            Cells(facts["amount"], None, formulas=[place.formula for place in places]),
            Cells(facts["currency"]),
            Cells(facts["rate"], "decimal", formulas=self._formulas(rates)),
            Cells(facts["rate_date"]),
            Cells(kinds),
            Cells(facts["source"]),
            Cells(facts["value"], money, formulas=converted),
            *(Cells(facts[name]) for name in self._groups),
        ]

    def _step_columns(self, rows: pd.DataFrame) -> Iterator[Cells]:
        """A column for each number on the way to the shares."""
        for column in self._steps.values():
            step, labels = column.step, column.labels.reindex(rows.index)
            found = _plain(labels.map(step.values))
            values = [v.date() if isinstance(v, datetime) else v for v in found]
            known = [n for n, value in enumerate(values) if value is not None]
            mine = labels.iloc[known].astype("int64").to_list()
            formulas: list[str | None] = [None] * len(values)
            if step.field:
                table = self._assessment.tables[column.table]
                held = (values[n] for n in known)
                live = [o.formula for o in _origins(table, step.field, mine, held)]
            elif isinstance(step.worked, Formula):
                live = self._formulas([step.worked]) * len(known)
            else:
                live = self._formulas([step.worked.get(label) for label in mine])
            for n, formula in zip(known, live, strict=True):
                formulas[n] = formula
            yield Cells(values, None, formulas=formulas)

    def _shares(self, rows: pd.DataFrame) -> Iterator[Cells]:
        """A column for each figure: how much of each row enters it."""
        for one in self._columns:
            share = one.share.reindex(rows.index)
            styles = np.where(share.isna() | (share == 1), "integer", "decimal").tolist()
            made: list[Formula | None] = []
            if one.worked and one.labels is not None:
                labels = _plain(one.labels.reindex(rows.index))
                made = [one.worked.formulas.get(label) for label in labels]
            yield Cells(_plain(share), styles, formulas=self._formulas(made))

    @cached_property
    def _letters(self) -> Mapping[str, str]:
        """Where the steps of the row itself stand, by name."""
        first = len(_ROWS) + len(self._groups)
        return {name: f"{column_letter(n)}{ROW}" for n, name in enumerate(self._steps, first)}

    def _formulas(self, made: Sequence[Formula | None]) -> list[str | None]:
        """What the formulas are in this workbook; none where none of their numbers is in a cell."""
        each = {id(formula): formula for formula in made if formula}  # rows share most of them
        by: dict[tuple[str, str], dict[int, float | date]] = {}
        for table, label, field_, number in (t for f in each.values() for t in f.taken):
            by.setdefault((table, field_), {})[label] = number
        cells = {}
        for (table, field_), numbers in by.items():
            found = _origins(self._assessment.tables[table], field_, [*numbers], numbers.values())
            live = (origin.formula for origin in found)
            cells[table, field_] = dict(zip(numbers, live, strict=True))
        written = {key: self._formula(formula, cells) for key, formula in each.items()}
        return [written[id(formula)] if formula else None for formula in made]

    def _formula(
        self, made: Formula, cells: Mapping[tuple[str, str], Mapping[int, str | None]]
    ) -> str | None:
        places = [cells[t.table, t.field][t.label] for t in made.taken]
        if places and not any(places):
            return None
        pairs = zip(places, made.taken, strict=True)
        numbers = (place or literal(t.number) for place, t in pairs)
        return made.template.format(*numbers, **self._letters)

    def _origins(self, rows: pd.DataFrame, amounts: Sequence[Any]) -> list[_Origin]:
        """Where each row stands in the workbook."""
        found = dict[int, _Origin]()
        for (name, field_), at in rows.groupby(["table", "field"], sort=False).indices.items():
            labels = rows["label"].iloc[at].to_list()
            mine = (amounts[n] for n in at)
            table = self._assessment.tables[name]
            found.update(zip(at.tolist(), _origins(table, field_, labels, mine), strict=True))
        return [found[n] for n in range(len(rows))]


class _Origin(NamedTuple):
    """Where a row of the workings comes from, as it is written down."""

    sheet: str
    cell: str
    link: str | None  # none where it is not a cell of this very workbook
    record: str
    formula: str | None  # that takes the amount from the cell, where the cell holds the very number


def _origins(
    table: Table, name: str, labels: Sequence[int], amounts: Iterable[float | date | None]
) -> Iterator[_Origin]:
    """The origin of each of the rows whose amounts stand in one field; none: they are counted."""
    keys = schema.tables()[table.name].primaryKey
    parts = ([shown(value) for value in table.frame.loc[labels, key]] for key in keys)
    records = map(", ".join, zip(*parts, strict=True))
    held = table.values(labels, [name or None] * len(labels))
    sheets = {part.sheet: quoted(part.sheet) for part in table.parts}
    for label, record, raw, amount in zip(labels, records, held, amounts, strict=True):
        part, row, cell, _ = table.place(label, name or keys[0])
        if not part.main or cell is None:
            where = part.sheet if part.main else f"{part.file}: {part.sheet}"
            yield _Origin(where, cell or f"row {row}", None, record, None)
            continue
        sheet = sheets[part.sheet]
        letters = cell.rstrip("0123456789")
        live = _taken(f"{sheet}!${letters}${cell[len(letters) :]}", raw, amount)
        yield _Origin(part.sheet, cell, f"{sheet}!{cell}", record, live)


# A number written as text with a point or none, and with or without commas between thousands.
_WRITTEN = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")


def _taken(place: str, raw: Any, amount: float | date | None) -> str | None:
    """How a formula takes a number from a cell that holds it; None where it holds another."""
    if isinstance(raw, datetime):
        same = isinstance(amount, date) and raw == datetime(*amount.timetuple()[:3])
        return place if same else None
    if isinstance(raw, date):
        return place if raw == amount else None
    if isinstance(raw, str) and _WRITTEN.fullmatch(raw) and float(raw.replace(",", "")) == amount:
        # The same in every language, and once somebody has made it a number.
        return f'IF(ISNUMBER({place}),{place},_xlfn.NUMBERVALUE({place},".",","))'
    number = isinstance(raw, int | float) and not isinstance(raw, bool)
    return place if number and raw == amount else None


def literal(number: float | date) -> str:
    """A number as a formula writes it."""
    if isinstance(number, date):
        return f"DATE({number.year},{number.month},{number.day})"
    return repr(number)


class _Steps(NamedTuple):
    """A step's column: which row of `table` each row takes it from, by position."""

    step: Step
    table: str
    labels: pd.Series


def _steps(columns: Sequence[Column]) -> dict[str, _Steps]:
    """The columns of the steps that the figures of the columns take, by name."""
    found = dict[str, _Steps]()
    for one in columns:
        if one.worked is None or one.labels is None:
            continue
        for name, step in one.worked.steps.items():
            labels = one.labels[one.labels.isin(step.values.index)]
            if name in found:
                labels = found[name].labels.combine_first(labels)
            found[name] = _Steps(step, one.worked.table, labels)
    return found


def _columns(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """The columns as plain values, with None for what is not known."""
    return {str(name): _plain(values) for name, values in rows.items()}


def _plain(values: pd.Series) -> list[Any]:
    plain: list[Any] = values.astype(object).where(values.notna(), None).to_list()
    return plain
