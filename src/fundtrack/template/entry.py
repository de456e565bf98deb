"""What a cell of a template accepts while it is typed, from the same facts that the validator uses.

A rule rejects what the checker could not use (text for a number, a code that is not in its list)
and asks back where the checker would use the entry but report it (an identifier that its sheet
does not hold, dates out of order). What one rule on one cell cannot say is marked in the cell by a
conditional format: a blank that is needed, a key given twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fundtrack import schema
from fundtrack.model import EARLIEST
from fundtrack.schema import EXAMPLE, Field, TableSchema

LAST = 5001  # rules, marks and formats reach to this row
EARLIEST_DAY = (EARLIEST - date(1899, 12, 30)).days  # as Excel counts days
INLINE = 250  # characters of a list that stands in the rule itself
REJECT, ASK = "stop", "warning"

# What a column of numbers asks for in words.
HOW = {
    "number": "a plain number, without currency signs or separators",
    "integer": "a whole number",
    "percent": "a percentage as a number: 10 for 10%",
    "date": "a date from 1990 on, such as 2024-06-30",
    "yearmonth": "a month, such as 2024-06",
}


@dataclass(frozen=True)
class Rule:
    """A data validation, as XlsxWriter takes it, and what is said when it is broken."""

    options: Mapping[str, Any]
    style: str
    said: str


@dataclass(frozen=True)
class Layout:
    """A sheet of the template: where each field stands, and where keys and lists are found."""

    plan: TableSchema
    letters: Mapping[str, str]
    lists: Mapping[str, str]  # code list -> range on the sheet of lists, where it is long
    keys: Mapping[tuple[str, str], str]  # (table, field) -> defined name of its entries
    rows: Mapping[str, int] = field(default_factory=dict)  # of the settings: field -> row

    def cell(self, name: str) -> str:
        """The cell of a field in the first row of data; a setting has one cell."""
        if self.rows:
            return f"$B${self.rows[name]}"
        return f"${self.letters[name]}2"

    def column(self, name: str) -> str:
        """All cells of a field."""
        return f"${self.letters[name]}$2:${self.letters[name]}${LAST}"


def rule(layout: Layout, field: Field) -> Rule | None:
    """The rule on the cells of one field; None where anything may be written."""
    if field.type == "string":
        return _text_rule(layout, field)
    what = f"This should be {HOW[field.type]}{_bounds(field)}."
    if field.type == "date":
        return _date_rule(layout, field, what)
    cell = layout.cell(field.name)
    if field.type == "yearmonth":
        year, month = f"LEFT({cell},4)", f"RIGHT({cell},2)"
        same = f'EXACT({year},RIGHT("000"&(--{year}),4)),EXACT({month},RIGHT("0"&(--{month}),2))'
        form = f'LEN({cell})=7,MID({cell},5,1)="-",{same},--{month}>=1,--{month}<=12'
        return Rule(_custom(f"AND({form})"), REJECT, what)
    if field.type == "percent":
        # Half a per cent can be meant, but is more often a half: so it is asked, not refused.
        most = field.constraints.maximum
        upper = "" if most is None else f",{cell}<={most:g}"
        fits = f"AND(ISNUMBER({cell}),OR({cell}=0,AND({cell}>=1{upper})))"
        return Rule(_custom(fits), ASK, what)
    return Rule(_number(field, cell), REJECT, what)


def _text_rule(layout: Layout, field: Field) -> Rule | None:
    codes = field.codes
    if codes and not field.many:
        said = f"Choose from the list: {codes.title}. The sheet Codes says what each code means."
        return Rule(_list(layout, field.codelist or "", list(codes.codes)), REJECT, said)
    if field.name in layout.lists:
        said = "Choose from the list: only these names are known to the checks."
        return Rule({"validate": "list", "source": layout.lists[field.name]}, REJECT, said)
    if source := _parents(layout, field.name):
        sheet = _parent_words(layout.plan, field.name)
        said = f"There is no such entry in the sheet {sheet} yet. Add it there, or correct it here."
        return Rule({"validate": "list", "source": f"={source}"}, ASK, said)
    tests: list[str] = []
    asked: list[str] = []
    cell = layout.cell(field.name)
    if field.constraints.pattern == r"\d{5}":
        tests.append(f'EXACT(TRIM({cell}),RIGHT("0000"&(--{cell}),5))')
        asked.append("Five digits, such as 15220.")
    elif field.constraints.pattern:
        tests.append(f'ISERROR(FIND(" ",TRIM({cell})))')
        tests.append(f"ISERROR(FIND(CHAR(10),{cell}))")
        asked.append("Write it without spaces.")
    if layout.plan.primaryKey == [field.name] and not layout.rows:
        tests.append(f"SUMPRODUCT(--EXACT({layout.column(field.name)},{cell}))<=1")
        asked.append("Each one stands in this sheet once.")
    return Rule(_custom(f"AND({','.join(tests)})"), ASK, " ".join(asked)) if tests else None


def _list(layout: Layout, name: str, codes: Sequence[str]) -> dict[str, Any]:
    if name in layout.lists:
        return {"validate": "list", "source": layout.lists[name]}
    return {"validate": "list", "source": list(codes)}


def is_long(codes: Sequence[str]) -> bool:
    """Whether a list must stand on a sheet: Excel keeps at most 255 characters in a rule."""
    return len(",".join(codes)) > INLINE or any("," in code for code in codes)


def _parents(layout: Layout, name: str) -> str:
    """The formula of the list of entries that a key may name; blank where the sheet is not there.

    Where the parent depends on another cell, such as “Belongs to”, the list follows that cell.
    """
    references = [r for r in layout.plan.foreignKeys if r.field == name]
    found = [(r, layout.keys.get((r.table, r.key))) for r in references]
    if not found or not any(source for _, source in found):
        return ""
    if not found[0][0].only:
        return found[0][1] or ""
    formula = next(source for _, source in found if source) or ""
    for reference, source in found[1:]:
        for other, code in reference.only.items():
            if source:
                formula = f'IF({layout.cell(other)}="{code}",{source},{formula})'
    return formula


def _parent_words(plan: TableSchema, name: str) -> str:
    sheets = [schema.tables()[r.table].sheet for r in plan.foreignKeys if r.field == name]
    return " or ".join(sheets)


def _date_rule(layout: Layout, field: Field, what: str) -> Rule:
    cell = layout.cell(field.name)
    pairs = [pair for pair in layout.plan.order if field.name in pair]
    if not pairs:
        between = {"criteria": "between", "minimum": EARLIEST_DAY, "maximum": "=ft_latest"}
        return Rule({"validate": "date", **between}, REJECT, what)
    tests = [f"ISNUMBER({cell})", f"{cell}>={EARLIEST_DAY}", f"{cell}<=ft_latest"]
    said = []
    for first, second in pairs:
        a, b = layout.cell(first), layout.cell(second)
        other = b if first == field.name else a
        tests.append(f'OR({other}="",{a}<={b})')
        title = layout.plan.field(second if first == field.name else first).title
        said.append(f"{'not after' if first == field.name else 'not before'} “{title}”")
    return Rule(_custom(f"AND({','.join(tests)})"), ASK, f"{what[:-1]}, and {', '.join(said)}.")


def _number(field: Field, cell: str) -> dict[str, Any]:
    rules = field.constraints
    kind = "integer" if field.type == "integer" else "decimal"
    if rules.exclusiveMinimum is not None:
        return {"validate": kind, "criteria": ">", "value": rules.exclusiveMinimum}
    if rules.minimum is not None and rules.maximum is not None:
        limits = {"minimum": rules.minimum, "maximum": rules.maximum}
        return {"validate": kind, "criteria": "between", **limits}
    if rules.minimum is not None:
        return {"validate": kind, "criteria": ">=", "value": rules.minimum}
    whole = f",{cell}=INT({cell})" if kind == "integer" else ""
    return _custom(f"AND(ISNUMBER({cell}){whole})")


def _bounds(field: Field) -> str:
    rules = field.constraints
    if rules.exclusiveMinimum is not None:
        return f", above {rules.exclusiveMinimum:g}"
    if rules.minimum is not None and rules.maximum is not None:
        return f", from {rules.minimum:g} to {rules.maximum:g}"
    return "" if rules.minimum is None else f", {rules.minimum:g} or more"


def _custom(formula: str) -> dict[str, Any]:
    return {"validate": "custom", "value": f"={formula}"}


# --- Marks in the cells ---------------------------------------------------------------------------


def begun(layout: Layout) -> str:
    """True in a row that holds something and is not the example."""
    plan = layout.plan
    first, last = layout.letters[plan.fields[0].name], layout.letters[plan.fields[-1].name]
    return f'SUMPRODUCT(--(${first}2:${last}2<>""))>0,{no_example(layout)}'


def no_example(layout: Layout) -> str:
    """True in every row but that of the example."""
    return f'LEFT({layout.cell(layout.plan.key)},{len(EXAMPLE)})<>"{EXAMPLE}"'


def marks(layout: Layout) -> list[tuple[str, str, str]]:
    """(field, what is marked, formula true where it is) for the cells of a sheet of rows."""
    plan = layout.plan
    found = []
    for item in plan.fields:
        if item.constraints.required:
            test = f'AND({layout.cell(item.name)}="",{begun(layout)})'
            found.append((item.name, "missing", test))
    same = "*".join(f"EXACT({layout.column(name)},{layout.cell(name)})" for name in plan.primaryKey)
    filled = ",".join(f'{layout.cell(name)}<>""' for name in plan.primaryKey)
    twice = f"AND({filled},SUMPRODUCT(--({same}))>1)"
    found += [(name, "wrong", twice) for name in plan.primaryKey]
    for first, second in plan.order:
        a, b = layout.cell(first), layout.cell(second)
        test = f"AND(ISNUMBER({a}),ISNUMBER({b}),{b}<{a},{no_example(layout)})"
        found.append((second, "wrong", test))
    return found
