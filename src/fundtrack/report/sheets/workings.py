"""The workings: every sum, share and weighted figure, as live formulas over the rows behind it.

One sheet has a line for each figure; the other has a line for each row of the workbook that enters
some figure, and a column for each figure that says how much of the row enters it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from math import fsum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fundtrack import schema
from fundtrack.model import (
    Assessment,
    Column,
    Formula,
    Group,
    Quotient,
    Result,
    Split,
    Status,
    Step,
    Table,
)
from fundtrack.ooxml import column_letter, quoted
from fundtrack.report.sheets.page import A3, Page, count, decimals, number_style
from fundtrack.report.sheets.rows import MOST_LINKS, ROW, ROWS_A_SHEET, put_rows
from fundtrack.report.sheets.rows import Column as Cells
from fundtrack.words import shown

# So many cells that a recalculation looks at are still quick. Beyond, a group's formula looks only
# at the rows from its first to its last, which then must not be sorted.
MOST_LOOKS = 5_000_000
_MOST_RULED = 20_000  # rows whose blank cells have lines too; they are most of a large sheet
_MOST_LINES = 1_048_572  # below the title and the headings
_TOP = 3  # the row of the headings, below the title and what is to be known

ROLES = {
    "part": "in the part",
    "whole": "in the whole that the part is held against",
    "unknown": "in the whole; for the highest, in the part too",
    "doubtful": "for the highest in both, for the lowest in neither",
    "burden": "for the lowest in the whole, never in the part",
    "above": "above the line",
    "below": "below the line",
}
_GROUPS = {"org_id": "Organisation", "grant_id": "Grant", "country": "Country"}
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
# Sums have a column of their own: what is worked out from them looks at all of it, and Excel takes
# a formula that looks at its own column for one that rests on itself.
_SUMS, _RESULT = "Sum of the rows", "Worked out"
# What a figure is worked out from, beside it: so each formula is short, and looks at its own row.
_BESIDE = {
    "Part, or above": ("part", "above"),
    "Unknown": ("unknown",),
    "Doubtful": ("doubtful",),
    "Burden": ("burden",),
    "Whole, or below": ("whole", "below"),
}
_MOST_NAMED = 36  # characters of the name of a group beside one another
_WIDE = 250  # characters across a page of A3 that can still be read


@dataclass(slots=True)
class _Line:
    """One line of the workings: a sum of rows, or what is worked out from the sums of its set."""

    check: str
    number: int  # of its set: the sums and shares of one check and group
    name: str
    what: str
    value: float | None
    unit: str
    style: str
    group: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    column: Column | None = None  # of the rows that it sums up
    times: float = 1.0
    less: float = 0.0
    how: str = ""
    split: Split | None = None

    @property
    def sums(self) -> bool:
        """Whether it adds up rows; the others are worked out from the sums of their set."""
        return self.how == _SUM or self.split is not None


class Tracing:
    """The lines and the rows of the workings, and where each figure will stand.

    Made before any sheet is written, so that the summary and the checks can point at it.
    """

    def __init__(self, page: Page, assessment: Assessment) -> None:
        assert assessment.workings is not None
        self._page, self._assessment, self._traced = page, assessment, assessment.workings
        self._currency = str(assessment.settings.get("reporting_currency") or "")
        self._sets = 0
        listed = [r for r in assessment.results if r.check.id not in self._traced.withheld]
        lines = [line for r in listed for line in self._of_result(r)]
        self._lines, self._lost = lines[:_MOST_LINES], lines[_MOST_LINES:]
        known = [name for name in _GROUPS if name in self._traced.groups]
        self._groups = known + [name for name in self._traced.groups if name not in known]
        rows = self._traced.rows
        sums = sum(bool(line.column and line.group) for line in lines)
        self._large = rows is not None and sums * len(rows) > MOST_LOOKS
        if rows is not None:
            # In the order of the sheets; a large one by group, so that each stands together.
            rows = rows.sort_values(self._groups, kind="stable") if self._large else rows
            self._position = pd.Series(range(len(rows)), index=rows.index)
        self._rows = rows
        (self._sheet,) = page.reserve("workings")
        number = -(-len(rows) // ROWS_A_SHEET) if rows is not None else 0
        self._row_sheets = page.reserve("workings_rows", number)
        self._columns = list({id(c): c for c in self._traced.columns.values()}.values())
        self._steps = _steps(self._columns)
        first = len(_ROWS) + len(self._groups) + len(self._steps)
        self._at = {id(c): first + n for n, c in enumerate(self._columns)}
        self._spread: dict[tuple[int, tuple[str, ...]], dict[Any, tuple[int, int, int]]] = {}
        self._where = {
            (line.check, line.name): number
            for number, line in enumerate(self._lines)
            if not line.group
        }

    def cell(self, check: str, figure: str) -> str | None:
        """The cell of a figure of a check, such as its `share`, `lowest` or `highest`."""
        number = self._where.get((check, figure))
        return None if number is None else f"{quoted(self._sheet)}!{self._value_cell(number)}"

    def write(self) -> None:
        """Write the sheets."""
        self._write_lines()
        for number in range(len(self._row_sheets)):
            self._write_rows(number)

    # What is listed ------------------------------------------------------------------------------

    def _of_result(self, result: Result) -> Iterator[_Line]:
        if result.terms is not None:
            pairs = result.terms[["figure", "role"]].drop_duplicates().to_numpy()
            roles = {str(figure): str(role) for figure, role in pairs}
            sums = {name: result.figures[name] for name in roles if name in result.figures}
            if sums:
                one = Group({}, result.value, result.low, result.high, Status.PASS, sums)
                yield from self._of_group(result, one, roles)
            for group in result.breakdown:
                yield from self._of_group(result, group, roles)
        for made in result.made:
            yield from self._of_quotient(result, made)

    def _of_group(self, result: Result, group: Group, roles: Mapping[str, str]) -> Iterator[_Line]:
        check, self._sets = result.check.id, self._sets + 1
        for name, value in group.figures.items():
            split = result.split.get(name)
            yield _Line(
                check,
                self._sets,
                name,
                result.called.get(name, name.replace("_", " ")),
                value,
                result.counted or self._currency,
                "integer" if result.counted else "money",
                group.by,
                roles[name],
                self._of(check, split.of if split else name),
                how=_split(split) if split else _SUM,
                split=split,
            )
        if group.low is None or group.high is None:
            return
        style = f"percent{decimals(result)}"
        for name, share, how in (
            ("lowest", group.low, "part / (whole + burden)"),
            ("highest", group.high, "(part + unknown + doubtful) / (whole + doubtful)"),
            ("share", group.value, "where the lowest and the highest are the same"),
        ):
            what = f"the {name} possible share" if name != "share" else "the share"
            yield _Line(check, self._sets, name, what, share, "share", style, group.by, how=how)

    def _of(self, check: str, figure: str) -> Column | None:
        """The rows of a figure of a check; none where nothing enters it, or nothing is listed."""
        found = (
            c for (name, of, _), c in self._traced.columns.items() if (name, of) == (check, figure)
        )
        return next(found, None)

    def _of_quotient(self, result: Result, made: Quotient) -> Iterator[_Line]:
        if made.value is None:
            return
        check, self._sets = result.check.id, self._sets + 1
        unit = made.unit or self._currency
        style = "percent2" if unit == "share" else "decimal2"
        given = (check, self._sets, made.name, made.what, made.value, unit, style)
        if made.below is None and made.times == 1 and not made.less:
            column = self._of(check, made.name)
            yield _Line(*given, column=column, how=_SUM)
            return
        for role, terms in (("above", made.above), ("below", made.below)):
            if terms is None:
                continue
            column = self._traced.columns.get((check, made.name, f"{role} the line"))
            value = fsum(terms["value"])
            what = "what is added up" if role == "above" else "what it is held against"
            of = self._unit_of(terms, made)
            money = "money" if of == self._currency else "decimal2"
            yield _Line(
                *(check, self._sets, f"{made.name}, {role}", what, value, of, money),
                role=role,
                column=column,
                how=_SUM,
            )
        how = "above the line" if made.below is None else "above the line / below the line"
        how += f" x {made.times:g}" * (made.times != 1) + f" - {made.less:g}" * bool(made.less)
        yield _Line(*given, times=made.times, less=made.less, how=how)

    def _unit_of(self, terms: pd.DataFrame, made: Quotient) -> str:
        """In what the entries of a figure are given, before it is divided."""
        if terms.empty:
            return ""
        table, name = schema.tables()[str(terms["table"].iloc[0])], terms["field"].iloc[0]
        if "to" in terms:
            return str(terms["to"].iloc[0])
        unit = table.field(str(name)).unit if name else table.sheet.lower()
        unit = self._currency if unit == "currency of the row" else unit or ""
        return f"{unit} x {made.unit}" if "weight" in terms else unit

    # Lines ---------------------------------------------------------------------------------------

    @cached_property
    def _group_headings(self) -> list[tuple[str, int]]:
        """The columns of groups: some exports know an organisation by its whole name only."""
        longest = {
            name: max((len(line.group.get(name, "")) for line in self._lines), default=0)
            for name in self._groups
        }
        return [
            (_GROUPS.get(name, name.capitalize()), min(max(13, longest[name] + 2), _MOST_NAMED))
            for name in self._groups
        ]

    @cached_property
    def _headings(self) -> list[tuple[str, int]]:
        groups = self._group_headings
        return [
            ("Set", 6),
            ("Check", 9),
            *groups,
            ("Figure", 25),
            ("What it is", 52),
            ("Enters as", 11),
            ("That is", 46),
            ("Rows", 8),
            (_SUMS, 18),
            *((heading, 16) for heading in self._beside),
            (_RESULT, 16),
            ("Unit", 16),
            ("How it is worked out", 46),
        ]

    @cached_property
    def _beside(self) -> list[str]:
        """The columns of what figures are worked out from, of those that some line enters as."""
        there = {line.role for line in self._lines}
        return [heading for heading, roles in _BESIDE.items() if there & set(roles)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, (name, _) in enumerate(self._headings)}

    def _column(self, heading: str) -> int:
        return self._places[heading]

    def _value_cell(self, number: int) -> str:
        letter = column_letter(self._column(_SUMS if self._lines[number].sums else _RESULT))
        return f"${letter}${_TOP + 2 + number}"

    def _write_lines(self) -> None:
        page, headings = self._page, self._headings
        page.start("workings", [width for _, width in headings], paper=A3)
        page.sheet.repeat_rows(_TOP)
        page.sheet.freeze_panes(_TOP + 1, 2)
        page.across(0, 0, "Workings: how each sum and share is made", "title")
        page.sheet.set_row(0, 24)
        page.across(1, 0, self._introduction())
        numbers = ("Rows", _SUMS, *self._beside, _RESULT)
        for column, (heading, _) in enumerate(headings):
            page.put(_TOP, column, heading, "heading_right" if heading in numbers else "heading")
        put_rows(page, _TOP + 1, self._line_columns())
        last = _TOP + max(1, len(self._lines))
        if not self._lines:
            page.put(_TOP + 1, 3, "No check of this workbook rests on a sum.")
        if not self._large:
            page.sheet.autofilter(_TOP, 0, last, len(headings) - 1)

    def _introduction(self) -> str:
        traced = self._traced
        if self._rows is None:
            text = (
                f"More than {traced.most or 0:,} rows enter these figures, so they are not listed "
                "unasked. Sums stand here as they were computed; shares are live formulas over "
                "them. To have every row listed, check the workbook again with --workings all."
            )
        elif self._row_sheets:
            text = (
                f"{count(len(self._rows), 'row')} enter these figures. Each stands in "
                f"{' and '.join(self._row_sheets)}, with a link to its cell, the rate used, and "
                "how much of it enters each figure: 1 is all of it, -1 means that all of it is "
                "taken off. Sums and shares are live formulas over those rows, and the rows take "
                "amounts, rates, dates and pay from your sheets. Only what is no number or date "
                "there, but text that was read as one, may stand as it was read." + self._left_out()
            )
        else:
            text = "Nothing is added up here."
        if self._large:
            text += " The rows must stay in their order: formulas look at each group's own rows."
        if self._lost:
            text += f" {len(self._lost):,} further lines of groups find no room on a sheet."
        if traced.withheld:
            text += (
                f" Not shown: {', '.join(traced.withheld)}, whose rows stand in a restricted sheet "
                "of another file. Check that file itself, with this one beside it, to see them."
            )
        return text

    def _left_out(self) -> str:
        """Which rows are not listed, as they add nothing."""
        tables = self._assessment.tables
        said = [
            f"{number:,} of {tables[table].parts[0].sheet} with 0 as “{heading}”"
            for (table, name), number in self._traced.zeros.items()
            if (heading := tables[table].place(0, name).heading)
        ]
        return f" Rows that add nothing are not listed: {'; '.join(said)}." if said else ""

    def _line_columns(self) -> list[Cells]:
        lines = self._lines
        names = ["text" if line.role else "label" for line in lines]
        styles = [line.style if line.role else f"{line.style}_bold" for line in lines]
        formulas = [
            self._sum(n, line) if line.sums else self._derived(n, line)
            for n, line in enumerate(lines)
        ]
        return [
            Cells([line.number for line in lines], "integer"),
            Cells([line.check for line in lines], "label"),
            *(Cells([line.group.get(name) for line in lines]) for name in self._groups),
            Cells([line.name.replace("_", " ") for line in lines], names),
            Cells([line.what + _place(line.group) for line in lines], names),
            Cells([line.role for line in lines]),
            Cells([ROLES.get(line.role) for line in lines]),
            Cells([self._size(line) for line in lines], "integer"),
            self._figures(styles, formulas, sums=True),
            *(self._gathered(heading) for heading in self._beside),
            self._figures(styles, formulas, sums=False),
            Cells([line.unit for line in lines]),
            Cells([line.how for line in lines]),
        ]

    def _figures(
        self, styles: Sequence[str], formulas: Sequence[str | None], *, sums: bool
    ) -> Cells:
        """The column of the sums, or of what is worked out from them."""
        mine = [line.sums is sums for line in self._lines]
        values = [line.value if own else None for line, own in zip(self._lines, mine, strict=True)]
        live = [formula if own else None for formula, own in zip(formulas, mine, strict=True)]
        return Cells(values, styles, formulas=live)

    def _gathered(self, heading: str) -> Cells:
        """A column of what the figures are worked out from: the sums of a role in their set."""
        values: list[float | None] = []
        styles, formulas = list[str](), list[str | None]()
        for number, line in enumerate(self._lines):
            mine = [] if line.sums else [self._lines[n] for n in self._set(number)]
            mine = [one for one in mine if one.role in _BESIDE[heading]]
            values.append(fsum(one.value or 0.0 for one in mine) if mine else None)
            styles.append(mine[0].style if mine else "money")
            formulas.append(self._role(number, mine[0].role) if mine else None)
        return Cells(values, styles, formulas=formulas)

    def _size(self, line: _Line) -> int | None:
        if line.column is None:
            return None
        return self._extent(line)[0] if line.group else len(line.column.share)

    def _extent(self, line: _Line) -> tuple[int, int, int]:
        """How many rows of the line's group are in its column, and the first and last position."""
        assert line.column is not None and self._rows is not None
        names = tuple(line.group)
        key = (id(line.column), names)
        if key not in self._spread:
            places = line.column.share.index
            mine = self._rows.loc[places, list(names)]
            of = self._position.loc[places].groupby([mine[name] for name in names])
            found = of.agg(["size", "min", "max"])
            groups = found.index.to_list() if len(names) > 1 else [(g,) for g in found.index]
            extents = zip(*(found[name].to_list() for name in found), strict=True)
            self._spread[key] = dict(zip(groups, extents, strict=True))
        return self._spread[key][tuple(line.group.values())]

    def _sum(self, number: int, line: _Line) -> str | None:
        """Converted amounts times their part in the figure, added up over the sheets of rows."""
        if line.column is None or line.split is None:
            return self._added(line.column, number, line)
        above = self._added(self._of(line.check, line.split.above))
        below = (self._added(self._of(line.check, name)) for name in line.split.below)
        whole = "+".join(filter(None, below))
        return f"({self._added(line.column, number, line)})*({above})/({whole})"

    def _added(
        self, column: Column | None, number: int = 0, line: _Line | None = None
    ) -> str | None:
        """The sum of a column, of a line's group alone where it has one."""
        if column is None:
            return None
        assert self._rows is not None
        first, last = 0, len(self._rows) - 1
        group = line.group if line else {}
        if self._large and line and group:
            _, first, last = self._extent(line)
        part = column_letter(self._at[id(column)])
        pieces = []
        for before, sheet in zip(itertools.count(0, ROWS_A_SHEET), self._row_sheets, strict=False):
            start = max(first - before, 0)
            end = min(last - before, ROWS_A_SHEET - 1)
            if start > end:
                continue

            def area(letter: str, name: str = sheet, span: tuple[int, int] = (start, end)) -> str:
                return f"{quoted(name)}!${letter}${span[0] + 2}:${letter}${span[1] + 2}"

            factors = [area(column_letter(_CONVERTED)), area(part)]
            for name in group:
                place = self._groups.index(name)
                named = area(column_letter(len(_ROWS) + place))
                # EXACT, as “=” takes upper and lower case for the same.
                factors.append(f"--EXACT({named},${column_letter(2 + place)}{_TOP + 2 + number})")
            pieces.append(f"SUMPRODUCT({','.join(factors)})")
        return "+".join(pieces) or None  # an empty formula breaks the file

    def _derived(self, number: int, line: _Line) -> str:
        if line.name == "share" and line.unit == "share":
            low, high = self._lowest(number), self._highest(number)
            return f'IF({low}={high},{low},"")'
        if line.name == "lowest":
            return self._lowest(number)
        if line.name == "highest":
            return self._highest(number)
        above, below = self._roles(number, "above"), self._roles(number, "below")
        formula = above if "/" not in line.how else f"{above}/{below}"
        formula += f"*{line.times!r}" * (line.times != 1) + f"-{line.less!r}" * bool(line.less)
        return formula

    def _lowest(self, number: int) -> str:
        part, whole = self._roles(number, "part"), self._roles(number, "whole", "burden")
        return f"IF({whole}=0,0,{_over(part, whole)})"

    def _highest(self, number: int) -> str:
        best = self._roles(number, "part", "unknown", "doubtful")
        whole = self._roles(number, "whole", "doubtful")
        open_, share = self._roles(number, "unknown", "doubtful"), _over(best, whole)
        if open_ != "0":
            low = self._lowest(number)
            share = f"IF({open_}>0,MAX({low},MIN(1,{share})),{share})"
        return f"IF({whole}=0,1,{share})"

    def _roles(self, number: int, *roles: str) -> str:
        """The sums of the roles that the set of a line has, added up; 0 where it has none."""
        there = {self._lines[n].role for n in self._set(number)}
        of = {role: heading for heading, named in _BESIDE.items() for role in named}
        letters = [column_letter(self._column(of[role])) for role in roles if role in there]
        return "+".join(f"{letter}{ROW}" for letter in letters) or "0"

    def _role(self, number: int, role: str) -> str:
        """The sum of the lines of one role in the set of a line, wherever sorting puts them."""
        if self._large:
            mine = [n for n in self._set(number) if self._lines[n].role == role]
            return f"({'+'.join(map(self._value_cell, mine)) or 0})"
        row = _TOP + 2 + number
        roles = self._area("Enters as")
        return f'SUMIFS({self._area(_SUMS)},{self._area("Set")},$A{row},{roles},"{role}")'

    def _area(self, heading: str) -> str:
        letter = column_letter(self._column(heading))
        return f"${letter}${_TOP + 2}:${letter}${_TOP + 1 + len(self._lines)}"

    def _set(self, number: int) -> Sequence[int]:
        mine, start, end = self._lines[number].number, number, number
        while start and self._lines[start - 1].number == mine:
            start -= 1
        while end + 1 < len(self._lines) and self._lines[end + 1].number == mine:
            end += 1
        return range(start, end + 1)

    # Rows ----------------------------------------------------------------------------------------

    def _write_rows(self, number: int) -> None:
        assert self._rows is not None
        page = self._page
        groups = self._group_headings
        steps = [(column.step.heading, 13) for column in self._steps.values()]
        figures = [("\n".join(c.names).replace("_", " "), 17) for c in self._columns]
        headings = [*_ROWS, *groups, *steps, *figures]
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
        if not self._large:
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


def _place(group: Mapping[str, str]) -> str:
    """The name of the country that a line is of, which its column gives by its code."""
    name = schema.codelists()["country"].codes.get(group.get("country", ""))
    return f": {name}" if name else ""


def _over(above: str, below: str) -> str:
    """One sum over another, as a formula."""
    return "/".join(f"({one})" if "+" in one else one for one in (above, below))


_SUM = "sum of (amount converted x part that enters)"


def _split(split: Split) -> str:
    """How a figure that comes of others is worked out, in words."""
    below = split.below
    words = (split.of, split.above, " + ".join(below))
    return "{} x {} / ({}) of the portfolio".format(*(w.replace("_", " ") for w in words))


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
