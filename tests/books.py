"""Small workbooks for the tests: real .xlsx files, written from the tables that a test shows.

A table is a text such as

    grant_id | recipient_org_id | amount  | planned_end_date
    G1       | LOC-A            | 120,000 | 2024-06-30

or a list of dicts; SHORT lists shorter names for some columns. A row states only what matters: what
it does not name is filled from DEFAULTS, but for an empty row, a totals row and a row of # tags.
Headings are those of the template. A cell is typed by its field: 2024-06-30 is a real date in a
date column, 120,000 a number in a number column, an empty cell is blank. Otherwise:

    "03/04/2024"   text, whatever the column      #DIV/0!   an error value
    50%            0.5 shown as a percentage      =         a formula that was never calculated
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter

from fundtrack import schema
from fundtrack.model import Assessment, Finding, Result, Status

PASS, FAIL, UNDETERMINED = Status.PASS, Status.FAIL, Status.UNDETERMINED
NOT_ASSESSABLE, NOT_APPLICABLE = Status.NOT_ASSESSABLE, Status.NOT_APPLICABLE

Row = Mapping[str, Any]
Rows = str | Sequence[Row]

SETTINGS: Row = {
    "workbook_type": "donor",
    "schema_version": "1",
    "organisation_id": "DONOR",
    "reporting_currency": "EUR",
    "period_start": "2024-01-01",
    "period_end": "2024-12-31",
    "reference_date": "2024-12-31",
    "pseudonyms_used": "yes",
}

# The register of example 5.1. Organisations that a test gives replace it.
REGISTER = """
org_id | org_type | hq_country | intl_affiliated | state_controlled | is_security_agency | women_led
LOC-A  | 24       | NG         | no              | no               | no                 | no
LOC-B  | 24       | LK         | no              | no               | no                 | yes
LOC-C  | 22       | NG         | no              | no               | no                 | no
LOC-D  | 24       | NG         | no              | no               | no                 | yes
LOC-E  | 24       | NG         | no              | no               | no                 | no
INGO-X | 21       | GB         | yes             | no               | no                 | no
AFF-Y  | 24       | NG         | yes             | no               | no                 | no
POLICE | 10       | NG         |                 | yes              | yes                |
"""
DONOR: Row = {"org_id": "DONOR", "org_type": "10", "hq_country": "BE"}

SHORT = {
    "recipient": "recipient_org_id",
    "country": "recipient_country",
    "start": "planned_start_date",
    "end": "planned_end_date",
    "reported": "subgrants_reported",
    "from_grant": "parent_grant_id",
    "from_subgrant": "parent_subgrant_id",
    "provider": "provider_org_id",
    "receiver": "receiver_org_id",
}

DEFAULTS: Mapping[str, Row] = {
    "grants": {
        "provider_org_id": "DONOR",
        "recipient_org_id": "LOC-A",
        "recipient_country": "NG",
        "signature_date": "2024-01-15",
        "planned_start_date": "2024-01-01",
        "planned_end_date": "2026-12-31",
        "amount": 100000,
        "currency": "EUR",
        "subgrants_reported": "not_applicable",
    },
    "organisations": {
        "org_type": "24",
        "hq_country": "NG",
        "intl_affiliated": "no",
        "state_controlled": "no",
        "is_security_agency": "no",
    },
    "subgrants": {
        "parent_grant_id": "G1",
        "provider_org_id": "INGO-X",
        "receiver_org_id": "LOC-C",
        "planned_start_date": "2024-02-01",
        "planned_end_date": "2026-06-30",
        "amount": 10000,
        "currency": "EUR",
        "value_date": "2024-02-01",
        "purpose": "implementation",
    },
    "transactions": {
        "grant_id": "G1",
        "transaction_type": "3",
        "transaction_date": "2024-02-01",
        "value": 1000,
        "currency": "EUR",
    },
    "budget_lines": {
        "parent_type": "grant",
        "parent_id": "G1",
        "category": "RESIL",
        "amount": 1000,
        "currency": "EUR",
    },
    "exchange_rates": {
        "from_currency": "USD",
        "to_currency": "EUR",
        "rate_date": "2024-01-01",
        "rate": 0.9,
        "source": "ECB",
    },
    "thresholds": {
        "confirmed_by": "Head of Grants",
        "confirmed_date": "2024-01-10",
        "source_note": "Policy, section 3",
    },
    "exceptions": {
        "reason": "Emergency grant",
        "approved_by": "Head of Grants",
        "approved_date": "2024-02-01",
        "expires_date": "2025-12-31",
    },
}


def rows_of(rows: Rows) -> list[dict[str, Any]]:
    """The rows of a pipe table, or the given dicts, as new dicts."""
    if not isinstance(rows, str):
        return [dict(row) for row in rows]
    lines = [line.strip() for line in rows.strip().splitlines() if line.strip()]
    heads, *body = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert all(len(cells) == len(heads) for cells in body), f"a row of another length in\n{rows}"
    return [dict(zip(heads, cells, strict=True)) for cells in body]


def book(
    folder: Path,
    *,
    name: str = "book.xlsx",
    settings: Row | None = SETTINGS,
    without: Mapping[str, Sequence[str]] | None = None,
    headings: Mapping[str, Mapping[str, str]] | None = None,
    sheets: Mapping[str, str] | None = None,
    above: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    from_1904: bool = False,
    **tables: Rows | None,
) -> Path:
    """Writes a workbook and gives its path.

    `settings` overrides single settings (None leaves out the sheet). `without` leaves out columns,
    `headings` writes others than the template's, `sheets` names sheets otherwise, `above` gives
    rows over the headings, `from_1904` counts days as Excel on a Mac once did. Organisations are
    example 5.1's unless they are given, or None.
    """
    path = folder / name
    if "organisations" not in tables:
        tables["organisations"] = REGISTER
    with xlsxwriter.Workbook(path, {"date_1904": from_1904}) as target:
        pen = Pen(target)
        if settings is not None:
            sheet = target.add_worksheet("Settings")
            plan = schema.tables()["settings"]
            for i, (field, value) in enumerate({**SETTINGS, **settings}.items()):
                sheet.write_string(i, 0, plan.field(field).title)
                pen.write(sheet, i, 1, value, plan.field(field).type)
        for table, rows in tables.items():
            if rows is None:
                continue
            plan = schema.tables()[table]
            filled = _filled(table, rows_of(rows))
            given = {field for row in filled for field in row}
            left_out = (without or {}).get(table, ())
            shown = [f for f in plan.fields if f.name in given and f.name not in left_out]
            extra = [f for f in given if f not in plan.names]  # columns of no schema, last
            sheet = target.add_worksheet((sheets or {}).get(table, plan.sheet))
            over = (above or {}).get(table, ())
            for r, cells in enumerate(over):
                for c, value in enumerate(cells):
                    pen.write(sheet, r, c, value, "string")
            spelt = (headings or {}).get(table, {})
            for c, field in enumerate(shown):
                sheet.write_string(len(over), c, spelt.get(field.name, field.title))
                for r, row in enumerate(filled, len(over) + 1):
                    pen.write(sheet, r, c, row.get(field.name), field.type)
            for c, field in enumerate(sorted(extra), len(shown)):
                sheet.write_string(len(over), c, spelt.get(field, field))
                for r, row in enumerate(filled, len(over) + 1):
                    pen.write(sheet, r, c, row.get(field), "string")
    return path


def _filled(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [{SHORT.get(name, name): value for name, value in row.items()} for row in rows]
    if table == "organisations" and all(row.get("org_id") != DONOR["org_id"] for row in rows):
        rows = [*rows, dict(DONOR)]
    return [row if _apart(row) else {**DEFAULTS.get(table, {}), **row} for row in rows]


def _apart(row: Row) -> bool:
    first = str(next((v for v in row.values() if v not in ("", None)), ""))
    return not first or first.startswith("#") or "total" in first.casefold()


class Pen:
    """Writes one cell as a person would have typed it."""

    def __init__(self, target: xlsxwriter.Workbook) -> None:
        self.day = target.add_format({"num_format": "yyyy-mm-dd"})
        self.percent = target.add_format({"num_format": "0%"})

    def write(self, sheet: Any, row: int, column: int, value: Any, kind: str) -> None:
        if value is None or value == "":
            return
        if isinstance(value, date):
            sheet.write_datetime(row, column, value, self.day)
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, int | float):
            sheet.write_number(row, column, value)
        elif value.startswith('"'):
            sheet.write_string(row, column, value.strip('"'))
        elif value.startswith("#") and value.endswith(("!", "?", "A")):
            sheet.write_formula(row, column, "=1/0", None, value)
        elif value == "=":
            sheet.write_formula(row, column, "=1+1", None, "")
        elif value.startswith("="):  # “=1+1 2”: a formula and its result
            formula, _, result = value.partition(" ")
            sheet.write_formula(row, column, formula, None, float(result))
        elif value.endswith("%") and kind in ("percent", "number"):
            sheet.write_number(row, column, float(value[:-1]) / 100, self.percent)
        elif kind == "date" and (day := _day(value)):
            sheet.write_datetime(row, column, day, self.day)
        elif (
            kind in ("number", "integer", "percent", "date")
            and (number := _number(value)) is not None
        ):
            sheet.write_number(row, column, number)
        else:
            sheet.write_string(row, column, value)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


# --- Reading the answers --------------------------------------------------------------------------


def result(assessment: Assessment, check: str) -> Result:
    """What one check says."""
    return {r.check.id: r for r in assessment.results}[check]


def status(assessment: Assessment, check: str) -> Status:
    """The status of one check."""
    return result(assessment, check).status


def found(assessment: Assessment, check: str, **where: Any) -> list[Finding]:
    """The findings of one check, in the report's order; `where` compares their attributes."""
    return [
        f
        for f in assessment.findings
        if f.check == check and all(getattr(f, name) == value for name, value in where.items())
    ]


def keys(assessment: Assessment, check: str) -> list[str | None]:
    """Which records a check has findings of."""
    return [f.key for f in found(assessment, check)]


def only(assessment: Assessment, check: str, **where: Any) -> Finding:
    """The one finding of a check. Fails where there is none, or more."""
    hits = found(assessment, check, **where)
    assert len(hits) == 1, f"{len(hits)} findings of {check}: {[f.message for f in hits]}"
    return hits[0]


def group(assessment: Assessment, check: str, **by: str) -> Any:
    """The part of a result for one organisation, grant or country."""
    hits = [g for g in result(assessment, check).breakdown if dict(g.by) == by]
    assert len(hits) == 1, f"{len(hits)} groups for {by}"
    return hits[0]


def held(path: Path, finding: Finding) -> tuple[Any, Any]:
    """What the finding's own cell holds, and the heading above it, by another program."""
    sheet = openpyxl.load_workbook(path, data_only=True)[finding.sheet]
    cell = sheet[finding.cell]
    headings = (sheet.cell(r, cell.column).value for r in range(1, cell.row + 1))
    return cell.value, next((h for h in headings if h is not None), None)


def cells(path: Path) -> Iterator[tuple[str, str, Any]]:
    """Every filled cell as sheet, address, value."""
    for sheet in openpyxl.load_workbook(path, data_only=True):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    yield sheet.title, cell.coordinate, cell.value


def as_quoted(value: Any) -> Any:
    """A cell's value in the form in which a finding quotes it."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


def rezip(path: Path, edit: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """A package rewritten; `edit(name, data)` gives the new name and data, or None to drop it."""
    with zipfile.ZipFile(path) as source:
        entries = [(name, source.read(name)) for name in source.namelist()]
    target = path.with_name(f"edited-{path.name}")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in filter(None, (edit(*entry) for entry in entries)):
            archive.writestr(name, data)
    return target


def programmes(rows: Rows) -> list[dict[str, Any]]:
    """Programmes of three years in Nigeria, led by LOC-A, with no security actor unless told."""
    more = {
        "lead_org_id": "LOC-A",
        "country": "NG",
        "start_date": "2024-01-01",
        "end_date": "2026-12-31",
        "design_approved_date": "2023-12-01",
        "works_with_security": "no",
    }
    return [{**more, **row} for row in rows_of(rows)]
