"""What the sample workbooks of the donor and of the programme have in common: reading the tables of
the two scripts, planting their faults, and writing sheets as an office would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

HERE = Path(__file__).parent
MADE = datetime(2025, 1, 15, 9, 0, 0)

Row = dict[str, Any]
Data = dict[str, list[Row]]  # for each sheet its rows, fields by name
Headings = dict[str, dict[str, str]]  # for each sheet its fields and how the office calls them


class Formula(NamedTuple):
    """A cell with a formula and the value that Excel last saw; "" where it never calculated."""

    text: str
    value: float | str


class Fault(NamedTuple):
    """One cell that is changed, and the check that should find it there."""

    check: str  # "" where the effect is found elsewhere
    sheet: str
    record: str  # the key of the row that is changed; "" for the heading
    field: str
    value: Any
    what: str


def day(text: str) -> date:
    return date.fromisoformat(text)


# --- Sheets that both offices keep in the same way ------------------------------------------------

HEADINGS: Headings = {
    "Thresholds": {
        "parameter": "Parameter",
        "value": "Value",
        "confirmed_by": "Confirmed by (role)",
        "confirmed_date": "Confirmed on",
        "source_note": "Source or reason",
    },
    "Exceptions": {
        "check_id": "Check",
        "object_id": "Grant, organisation, event … concerned",
        "reason": "Reason",
        "approved_by": "Approved by (role)",
        "approved_date": "Approved on",
        "expires_date": "Valid until",
    },
    "Organisations": {
        "org_id": "Organisation ID",
        "org_name": "Organisation name or alias",
        "org_type": "Organisation type",
        "hq_country": "Headquarters country",
        "intl_affiliated": "Affiliated to an international NGO?",
        "state_controlled": "Controlled by a government?",
        "is_security_agency": "Security agency?",
        "security_level": "Level of the agency",
        "women_led": "Women-led?",
        "youth_led": "Youth-led?",
    },
    "Sub-grants": {
        "subgrant_id": "Sub-grant ID",
        "parent_grant_id": "From grant",
        "provider_org_id": "Passed on by",
        "receiver_org_id": "Received by",
        "planned_start_date": "Start date as signed",
        "planned_end_date": "End date as signed",
        "amount": "Amount",
        "currency": "Currency",
        "value_date": "Value date",
        "purpose": "Kind of sub-grant",
        "parent_subgrant_id": "From sub-grant",
    },
    "Budget lines": {
        "line_id": "Line ID",
        "parent_type": "Belongs to",
        "parent_id": "ID of the grant, sub-grant or programme",
        "category": "Category",
        "description": "Description",
        "amount": "Amount",
        "currency": "Currency",
        "budget_type": "Original or revised",
        "beneficiary_org_id": "For which organisation",
    },
    "Transactions": {
        "transaction_id": "Payment ID",
        "grant_id": "Grant",
        "transaction_type": "Type",
        "transaction_date": "Date",
        "value": "Value",
        "currency": "Currency",
    },
    "Exchange rates": {
        "from_currency": "From",
        "to_currency": "To",
        "rate_date": "Rate date",
        "rate": "Rate: 1 From = ? To",
        "source": "Source",
    },
    "Security partnerships": {
        "partnership_id": "Partnership ID",
        "security_grant_id": "Security grant",
        "partner_org_id": "Community or CSO partner",
        "area_code": "Area",
        "start_date": "Start",
        "end_date": "End",
        "agreement_date": "Agreement signed",
        "meetings_last_12m": "Joint meetings in last 12 months",
        "partner_rating": "Rating given by the partner",
        "rating_date": "Rated on",
        "budget_amount": "Money for the partnership",
        "currency": "Currency",
    },
    "Oversight": {
        "oversight_id": "ID",
        "grant_id": "Grant",
        "type": "Type",
        "due_date": "Due",
        "done_date": "Done",
        "finding": "Finding",
        "follow_up_date": "Followed up",
    },
    "Research outputs": {
        "output_id": "Output ID",
        "type": "Type",
        "grant_id": "Paid from grant",
        "outcome_documented": "Documents success or failure?",
        "covers_home_communities": "Covers home communities?",
        "covers_host_communities": "Covers host communities?",
        "gender_analysis": "Gender analysis?",
        "community_policing_implications": "Implications for community policing?",
        "completed_date": "Completed",
        "published_date": "Published",
        "publication_withheld_safety": "Withheld for safety?",
    },
}


def settings(kind: str, organisation: str, countries: str) -> list[tuple[str, Any]]:
    """The settings of a workbook: its kind, whose it is, and where the money is spent."""
    return [
        ("Workbook type", kind),
        ("Schema version", "1"),
        ("Organisation id", organisation),
        ("Reporting currency", "EUR"),
        ("Period start", day("2024-01-01")),
        ("Period end", day("2024-12-31")),
        ("Reference date", day("2024-12-31")),
        ("Value basis", "commitment"),
        ("Recipient countries", countries),
        ("Pseudonyms used", "yes"),
        ("Treat unknown affiliation as", "unknown"),
    ]


# Fields of a sheet without those that a script fills in.
SUBGRANT = (
    "subgrant_id parent_grant_id receiver_org_id planned_start_date planned_end_date amount"
    " currency value_date purpose parent_subgrant_id"
)
LINE = "line_id parent_type parent_id category description amount currency beneficiary_org_id"

NUMBER_FIELDS = """
amount value rate indirect_cost_pct outcome_indicators outcome_indicators_with_baseline
meetings_last_12m partner_rating budget_amount costed_need persons_engaged persons_covered severity
headcount officers_from_area officers_speaking_local_language women officers_trained_hr_24m
median_tenure_months headcount_verified headcount_paid base_pay regular_allowances hazard_allowance
overtime_pay in_kind_value deductions_mandatory months_in_arrears gross_due_total net_paid_total
year headcount_covered survivor_pct incapacity_pct
"""
NUMBERS = set(NUMBER_FIELDS.split())
DAYS = {"valid_from", "valid_to", "premium_paid_to"}  # besides all that end in _date

# How many of its first fields make the key of a row, where it is not one.
KEYS = {"Exchange rates": 3, "Participants": 2, "Pay benchmarks": 3, "Police pay": 3}


def is_day(name: str) -> bool:
    return name.endswith("_date") or name in DAYS


def rows_of(headings: Headings, sheet: str, text: str, fields: str = "") -> list[Row]:
    """The lines of a table as rows of a sheet; blanks as None, dates and numbers as such."""
    names = fields.split() or list(headings[sheet])
    found = []
    for line in text.strip().splitlines():
        cells = [cell.strip() or None for cell in line.split("|")]
        cells += [None] * (len(names) - len(cells))
        row = dict.fromkeys(headings[sheet]) | dict(zip(names, cells, strict=True))
        for name, cell in row.items():
            if cell and is_day(name):
                row[name] = day(cell)
            elif cell and name in NUMBERS:
                row[name] = float(cell) if "." in cell else int(cell)
        found.append(row)
    return found


def add_columns(rows: list[Row], more: list[Row], fields: str) -> None:
    """Adds to rows the fields of a second table, which has the same keys in the same order."""
    key, *names = fields.split()
    for row, other in zip(rows, more, strict=True):
        if row[key] != other[key]:
            raise ValueError(f"{row[key]} and {other[key]} stand in the same place")
        row |= {name: other[name] for name in names}


def rates_of(headings: Headings, text: str) -> list[Row]:
    """Rates from a table with a month a line: the day, then what a dollar and a pound make."""
    found = []
    for month in text.strip().splitlines():
        on, *rates = (cell.strip() for cell in month.split("|"))
        for code, rate in zip(("USD", "GBP"), rates, strict=False):
            values = (code, "EUR", day(on), float(rate), "Monthly rates of the treasury")
            found.append(dict(zip(headings["Exchange rates"], values, strict=True)))
    return found


def record_of(sheet: str, row: Row) -> str:
    """What a row is called by: its key, such as “G-001” or “PU-01 Constable 2024-12”."""
    return " ".join(str(value) for value in list(row.values())[: KEYS.get(sheet, 1)])


def plant(data: Data, faults: Iterable[Fault]) -> None:
    """Changes the cells of the data that the faults name."""
    rows = {(sheet, record_of(sheet, row)): row for sheet, found in data.items() for row in found}
    for fault in faults:
        if fault.record:
            rows[fault.sheet, fault.record][fault.field] = fault.value


def misspelt(headings: Headings, faults: Iterable[Fault]) -> Headings:
    """The headings with the faults in them."""
    found = {sheet: dict(fields) for sheet, fields in headings.items()}
    for fault in faults:
        if not fault.record:
            found[fault.sheet][fault.field] = fault.value
    return found


# --- The workbook ---------------------------------------------------------------------------------

WIDTHS = {
    "title": 34,
    "org_name": 30,
    "description": 34,
    "reason": 40,
    "comment": 34,
    "parameter": 30,
}


@dataclass(frozen=True)
class Layout:
    """How an office lays out its sheets: lines over the headings, columns left empty at the side.

    `headings` are those of the clean workbook.
    """

    headings: Headings
    title: dict[str, list[str]] = field(default_factory=dict)
    margin: dict[str, int] = field(default_factory=dict)

    def top(self, sheet: str) -> int:
        """The row of the headings, counted from 0: below the lines of the title and a blank one."""
        return len(self.title[sheet]) + 1 if sheet in self.title else 0

    def column(self, sheet: str, name: str) -> int:
        return list(self.headings[sheet]).index(name) + self.margin.get(sheet, 0)

    def cell(self, clean: Data, sheet: str, record: str, name: str) -> str:
        """The address of a cell of the clean data; the faulty workbook has it in the same place."""
        row = self.top(sheet)
        if record:
            row += 1 + [record_of(sheet, r) for r in clean[sheet]].index(record)
        return xl_rowcol_to_cell(row, self.column(sheet, name))


@dataclass
class Formats:
    """The looks of cells that the workbooks use."""

    book: xlsxwriter.Workbook

    def __post_init__(self) -> None:
        add = self.book.add_format
        self.title = add({"bold": True, "font_size": 14})
        self.heading = add({"bold": True, "bg_color": "#DCE6F1", "border": 1, "text_wrap": True})
        self.day = add({"num_format": "yyyy-mm-dd"})
        self.euro = add({"num_format": '#,##0 "€"'})
        self.money = add({"num_format": "#,##0"})
        self.rate = add({"num_format": "0.000"})
        self.total = add({"bold": True, "top": 1, "num_format": "#,##0"})
        self.large = add({"bg_color": "#FFF2CC"})
        self.plain = add({})

    def of(self, name: str, row: Row) -> Any:
        if is_day(name):
            return self.day
        if name == "rate":
            return self.rate
        if name in ("amount", "value", "costed_need", "gross_due_total", "net_paid_total"):
            return self.euro if row.get("currency") == "EUR" else self.money
        return self.plain


def workbook(path: Path, title: str) -> tuple[xlsxwriter.Workbook, Formats]:
    """A new workbook, with properties that are the same on every run, and its formats."""
    book = xlsxwriter.Workbook(path)
    book.set_properties({"title": title, "company": "", "created": MADE})
    return book, Formats(book)


def write_settings(sheet: Worksheet, settings: list[tuple[str, Any]], looks: Formats) -> None:
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 18)
    sheet.write_row(0, 0, ["Key", "Value"], looks.heading)
    for number, (name, value) in enumerate(settings, 1):
        sheet.write_string(number, 0, name)
        put(sheet, number, 1, value, looks.day if isinstance(value, date) else looks.plain)


def write_tables(
    book: xlsxwriter.Workbook, looks: Formats, layout: Layout, data: Data, headings: Headings
) -> None:
    """One sheet for each table: its title block, its headings, its rows."""
    for name, rows in data.items():
        sheet = book.add_worksheet(name)
        top, left = layout.top(name), layout.margin.get(name, 0)
        for number, line in enumerate(layout.title.get(name, [])):
            if number == 0:
                sheet.merge_range(0, left, 0, left + 5, line, looks.title)
            else:
                sheet.write_string(number, left, line)
        for column, (field_, heading) in enumerate(headings[name].items(), left):
            sheet.set_column(column, column, WIDTHS.get(field_, 14))
            sheet.write_string(top, column, heading, looks.heading)
        for number, row in enumerate(rows, top + 1):
            for column, field_ in enumerate(headings[name], left):
                put(sheet, number, column, row[field_], looks.of(field_, row))
        sheet.freeze_panes(top + 1, left + 1)


def put(sheet: Worksheet, row: int, column: int, value: Any, look: Any) -> None:
    """One value in its cell; text stays text even where it looks like a number."""
    if isinstance(value, Formula):
        sheet.write_formula(row, column, value.text, look, value.value)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, look)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), look)
    elif value is not None:
        sheet.write_number(row, column, value, look)


def write_totals(
    sheet: Worksheet, looks: Formats, layout: Layout, name: str, rows: list[Row], *fields: str
) -> None:
    """A totals row under a table, with a sum under each of the fields."""
    first = layout.top(name) + 1
    last = first + len(rows) - 1
    sheet.write_string(last + 1, layout.margin.get(name, 0), "Total", looks.total)
    for field_ in fields:
        column = layout.column(name, field_)
        cells = f"{xl_rowcol_to_cell(first, column)}:{xl_rowcol_to_cell(last, column)}"
        total = sum(row[field_] for row in rows if isinstance(row[field_], int | float))
        sheet.write_formula(last + 1, column, f"=SUM({cells})", looks.total, total)


def offer(
    sheet: Worksheet, layout: Layout, name: str, field_: str, count: int, *codes: str
) -> None:
    """A drop-down list of codes in a column."""
    first, column = layout.top(name) + 1, layout.column(name, field_)
    choice = {"validate": "list", "source": list(codes)}
    sheet.data_validation(first, column, first + count - 1, column, choice)


def add_chart(
    book: xlsxwriter.Workbook,
    sheet: Worksheet,
    layout: Layout,
    name: str,
    field_: str,
    count: int,
    series: str,
    title: str,
) -> None:
    """A chart of one column of a table by the table's first column."""
    first, column = layout.top(name) + 1, layout.column(name, field_)
    left, last = layout.margin.get(name, 0), first + count - 1
    chart = book.add_chart({"type": "column"})
    chart.add_series(
        {
            "name": series,
            "categories": [name, first, left, last, left],
            "values": [name, first, column, last, column],
        }
    )
    chart.set_title({"name": title})
    sheet.insert_chart("A5", chart)
