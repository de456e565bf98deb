"""The workings: every sum, share and weighted figure, as live formulas over the rows behind it.

One sheet has a line for each figure, and stands here; for that of the rows see `workings_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from math import fsum

import pandas as pd

from fundtrack import schema
from fundtrack.model import (
    Assessment,
    Column,
    Group,
    Quotient,
    Result,
    Split,
    Status,
)
from fundtrack.ooxml import column_letter, quoted
from fundtrack.report.sheets.page import A3, Page, count, decimals
from fundtrack.report.sheets.rows import ROW, put_rows
from fundtrack.report.sheets.rows import Column as Cells
from fundtrack.report.sheets.workings_rows import RowSheets

# So many cells that a recalculation looks at are still quick. Beyond, a group's formula looks only
# at the rows from its first to its last, which then must not be sorted.
MOST_LOOKS = 5_000_000
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
_LOWEST, _HIGHEST = "lowest", "highest"
_MOST_NAMED = 36  # characters of the name of a group beside one another


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
    made: Quotient | None = None  # what is worked out; none of a share and its bounds
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
        (self._sheet,) = page.reserve("workings")
        self._rows, rows = None, self._traced.rows
        if rows is not None:
            sums = sum(bool(line.column and line.group) for line in lines)
            large = sums * len(rows) > MOST_LOOKS
            given = (page, assessment, rows, self._groups, self._group_headings)
            self._rows = RowSheets(*given, in_order=large)
        self._large = self._rows is not None and self._rows.in_order
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
        if self._rows is not None:
            self._rows.write()

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
                self._columns.get((check, split.of if split else name)),
                how=_split(split) if split else _SUM,
                split=split,
            )
        if group.low is None or group.high is None:
            return
        style, there = f"percent{decimals(result)}", {roles[name] for name in group.figures}
        for name, share, how in (
            (_LOWEST, group.low, _bound(_LOWEST, there)),
            (_HIGHEST, group.high, _bound(_HIGHEST, there)),
            ("share", group.value, "where the lowest and the highest are the same"),
        ):
            what = f"the {name} possible share" if name != "share" else "the share"
            yield _Line(check, self._sets, name, what, share, "share", style, group.by, how=how)

    @cached_property
    def _columns(self) -> Mapping[tuple[str, str], Column]:
        """The rows of a figure of a check, of its first role; none where nothing enters it."""
        columns = reversed([*self._traced.columns.items()])
        return {(check, figure): column for (check, figure, _), column in columns}

    def _of_quotient(self, result: Result, made: Quotient) -> Iterator[_Line]:
        if made.value is None:
            return
        check, self._sets = result.check.id, self._sets + 1
        unit = made.unit or self._currency
        style = "percent2" if unit == "share" else "decimal2"
        given = (check, self._sets, made.name, made.what, made.value, unit, style)
        if made.below is None and made.times == 1 and not made.less:
            column = self._columns.get((check, made.name))
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
        yield _Line(*given, made=made, how=how)

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
            ("What it is", 62),
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
        elif self._rows.names:
            text = (
                f"{count(len(self._rows), 'row')} enter these figures. Each stands in "
                f"{' and '.join(self._rows.names)}, with a link to its cell, the rate used, and "
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
        if line.column is None or self._rows is None:
            return None
        return self._rows.size(line.column, line.group)

    def _sum(self, number: int, line: _Line) -> str | None:
        """The formula of a sum; none where its rows are not listed, or there is none."""
        if self._rows is None:
            return None
        row = _TOP + 2 + number
        places = {name: f"${column_letter(n)}{row}" for n, name in enumerate(self._groups, 2)}
        mine = self._rows.added(line.column, line.group, places)
        if mine is None or line.split is None:
            return mine
        above = self._rows.added(self._columns.get((line.check, line.split.above)))
        below = (
            self._rows.added(self._columns.get((line.check, name))) for name in line.split.below
        )
        return f"({mine})*({above})/({'+'.join(filter(None, below))})"

    def _derived(self, number: int, line: _Line) -> str:
        if line.made is not None:
            return self._quotient(number, line.made)
        if line.name == _LOWEST:
            return self._lowest(number)
        if line.name == _HIGHEST:
            return self._highest(number)
        low, high = self._lowest(number), self._highest(number)
        return f'IF({low}={high},{low},"")'

    def _quotient(self, number: int, made: Quotient) -> str:
        formula = self._roles(number, "above")
        if made.below is not None:
            formula += f"/{self._roles(number, 'below')}"
        if made.times != 1:
            formula += f"*{made.times!r}"
        return formula + (f"-{made.less!r}" if made.less else "")

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


def _place(group: Mapping[str, str]) -> str:
    """The name of the country that a line is of, which its column gives by its code."""
    name = schema.codelists()["country"].codes.get(group.get("country", ""))
    return f": {name}" if name else ""


def _over(above: str, below: str) -> str:
    """One sum over another, as a formula."""
    return "/".join(f"({one})" if "+" in one else one for one in (above, below))


_SUM = "sum of (amount converted x part that enters)"


def _bound(name: str, there: Set[str]) -> str:
    """How a bound is worked out of the roles that there are, in words."""
    if name == _LOWEST:
        return "part / (whole + burden)" if "burden" in there else "part / whole"
    open_ = [role for role in ("unknown", "doubtful") if role in there]
    if not open_:
        return "part / whole"
    whole = "(whole + doubtful)" if "doubtful" in there else "whole"
    return f"({' + '.join(['part', *open_])}) / {whole}, at most 100%"


def _split(split: Split) -> str:
    """How a figure that comes of others is worked out, in words."""
    below = split.below
    words = (split.of, split.above, " + ".join(below))
    return "{} x {} / ({}) of the portfolio".format(*(w.replace("_", " ") for w in words))
