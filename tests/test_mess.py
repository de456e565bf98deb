"""Workbooks as offices keep them: no figure changes, and every finding points at the right cell."""

from __future__ import annotations

from datetime import date, datetime
from itertools import count

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from books import as_quoted, found, held, only, result, rows_of
from fundtrack import cells, columns, read, schema
from fundtrack.evaluate import making
from fundtrack.model import Severity
from fundtrack.pipeline import Request, assess, check, inspect
from fundtrack.report import plain

DAY = date.fromisoformat
HEADS = [
    *("Grant ID", "Provider", "Recipient", "Signed on"),
    *("Start date as signed", "End date as signed", "Amount awarded", "Currency"),
]
GRANTS = [
    ["G1", "D", "LOC-A", DAY("2024-01-10"), DAY("2024-02-01"), DAY("2024-05-31"), 1000, "EUR"],
    ["G2", "D", "LOC-B", DAY("2024-01-11"), DAY("2024-02-01"), DAY("2026-01-31"), 2000, "EUR"],
    ["G3", "D", "LOC-A", DAY("2024-01-12"), DAY("2024-03-01"), DAY("2024-08-31"), 3000, "EUR"],
]
REGISTER = [
    ["Organisation ID", "Organisation type", "Headquarters country", "Security agency?"],
    ["LOC-A", "24", "NG", "no"],
    ["LOC-B", "24", "NG", "no"],
    ["D", "10", "BE", "no"],
]


def write(path, sheets, *, merge=(), hide=(), rows_hidden=(), percent=()):
    """A workbook with those sheets of rows; `merge` joins ranges of the first."""
    with xlsxwriter.Workbook(path) as target:
        day = target.add_format({"num_format": "yyyy-mm-dd"})
        bold = target.add_format({"bold": True})
        for title, rows in sheets.items():
            sheet = target.add_worksheet(title)
            if title in hide:
                sheet.hide()
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if isinstance(value, date):
                        sheet.write_datetime(r, c, value, day)
                    elif value not in ("", None):
                        sheet.write(r, c, value)
            if sheet is target.worksheets()[0]:
                for area in merge:
                    top, left = xlsxwriter.utility.xl_cell_to_rowcol(area.partition(":")[0])
                    sheet.merge_range(area, rows[top][left], bold)
                for r in rows_hidden:
                    sheet.set_row(r, None, None, {"hidden": True})
    return path


@pytest.fixture
def book(tmp_path):
    """Writes the register beside the sheets given, and gives the path."""
    names = count(1)

    def make(grants=None, *, title="Grants", also=None, **look):
        sheets = {title: [HEADS, *GRANTS] if grants is None else grants}
        sheets |= {"Organisations": REGISTER} | (also or {})
        return write(tmp_path / f"{next(names)}.xlsx", sheets, **look)

    return make


def amounts(seen):
    """What was read, by grant."""
    frame = seen.tables["grants"].frame
    return dict(zip(frame["grant_id"], frame["amount"].astype(object), strict=True))


def skipped(seen, sheet="Grants"):
    """The rows that were not read, by reason."""
    return {s.sheet: dict(s.skipped) for s in seen.sheets}[sheet]


PLAIN = {"G1": 1000, "G2": 2000, "G3": 3000}


def short(path):
    """The cells of the findings of short grants, each with what it holds."""
    return {f.key: (f.cell, held(path, f)[0]) for f in found(assess(path), "DUR-01")}


# --- Where the table stands -----------------------------------------------------------------------


def test_a_table_that_starts_at_c7_under_a_title_block(book):
    rows = [["Portfolio 2024"], ["as of", DAY("2024-12-31")], [], ["Grants of the desk"], [], []]
    path = book([*rows, *([None, None, *row] for row in [HEADS, *GRANTS])])
    assert amounts(assess(path)) == PLAIN
    assert {key: cell for key, (cell, _) in short(path).items()} == {"G1": "H8", "G3": "H10"}
    assert {s.sheet: s.header_row for s in inspect(path).sheets}["Grants"] == 7


def test_headings_with_line_breaks_and_odd_spaces(book):
    heads = [*HEADS[:4], "Start date\nas signed", " End  date\r\nas\u00a0signed ", *HEADS[6:]]
    path = book([heads, *GRANTS])
    assert amounts(assess(path)) == PLAIN
    assert found(assess(path), "DUR-01")[0].heading == "End date as signed"


def test_a_row_of_groups_over_the_headings(book):
    groups = ["", "Parties", "", "", "Planned Dates", "", "Money", ""]
    heads = [*HEADS[:4], "Start Date", "End Date", "Amount", "Currency"]
    path = book([["Register"], groups, heads, *GRANTS], merge=("E2:F2", "G2:H2", "B2:C2"))
    assert amounts(assess(path)) == PLAIN
    assert short(path)["G1"][0] == "F4"


def test_a_heading_merged_over_both_rows_of_headings(book):
    upper = ["Grant ID", "Provider", "Recipient", "Signed on", "Planned Dates", "", *HEADS[6:]]
    lower = ["", "", "", "", "Start Date", "End Date", "", ""]
    tall = [f"{c}1:{c}2" for c in "ABCDGH"]
    path = book([upper, lower, *GRANTS], merge=["E1:F1", *tall])
    seen = assess(path)
    assert amounts(seen) == PLAIN
    assert short(path)["G1"] == ("F3", datetime(2024, 5, 31))


def test_one_heading_over_two_currencies_is_asked_about_and_not_guessed(book):
    upper = [*HEADS[:6], "Amount awarded", ""]
    lower = ["", "", "", "", "", "", "USD", "EUR"]
    seen = assess(book([upper, lower, *GRANTS], merge=["G1:H1"]))
    assert "Two columns, G1 and H1, both read as “Amount awarded”" in (
        only(seen, "SCH-two-columns").message
    )
    assert not seen.tables["grants"].has("amount")


def test_a_row_of_units_below_the_headings_is_no_grant(book):
    units = ["", "", "name", "date", "date", "date", "whole amount", "code"]
    seen = assess(book([HEADS, units, *GRANTS]))
    assert amounts(seen) == PLAIN


# --- Amounts in thousands -------------------------------------------------------------------------


def renamed(heading):
    """The register with another heading over its amounts, in column G."""
    return [[heading if h == "Amount awarded" else h for h in HEADS], *GRANTS]


@pytest.mark.parametrize(
    ("heading", "factor"),
    [
        ("Amount (£000s)", "1000"),
        ("USD thousands", "1000"),
        ("Amount awarded (EUR '000)", "1000"),
        ("Grant value (k€)", "1000"),
        ("Amount TEUR", "1000"),
        ("Amount in 1,000 EUR", "1000"),
        ("Amount in millions", "1000000"),
        ("Amount Awarded (EUR m)", "1000000"),
        ("Amount awarded (Mio. CHF)", "1000000"),
        ("Amount awarded, USD bn", "1000000000"),
    ],
)
def test_amounts_in_thousands_are_not_read_and_the_cure_is_given(heading, factor, book):
    seen = assess(book(renamed(heading)))
    assert "amount" not in seen.tables["grants"].frame.dropna(axis="columns", how="all")
    (told,) = [f for f in seen.findings if f.field == "amount" and f.check.startswith("SCH")]
    assert (told.check, told.cell, told.severity) == ("SCH-heading", "G1", Severity.ERROR)
    assert heading in told.message and f"=G2*{factor}, copied down" in told.remedy
    assert "“Amount awarded”" in told.remedy


def test_a_sheet_is_known_by_its_headings_though_its_amounts_are_in_thousands(book):
    rows = [[*row, "EUR m" if i == 0 else 1] for i, row in enumerate(renamed("Amount (£000s)"))]
    seen = assess(book(rows, title="Data"))
    told = found(seen, "SCH-heading")
    assert [f.cell for f in told] == ["G1", "I1"] and len({f.id for f in told}) == 2


def test_the_cure_for_amounts_in_thousands_is_one(book):
    both = [[*row, "Amount awarded" if i == 0 else row[6] * 1000]
            for i, row in enumerate(renamed("Amount (£000s)"))]  # fmt: skip
    seen = assess(book(both))
    assert amounts(seen) == {name: value * 1000 for name, value in PLAIN.items()}
    assert not found(seen, "SCH-heading")


@pytest.mark.parametrize("unit", ["EUR thousands", "in millions", "000s"])
def test_a_row_of_units_that_says_thousands_is_heeded(unit, book):
    units = ["", "", "", "date", "date", "date", unit, ""]
    seen = assess(book([HEADS, units, *GRANTS]))
    (told,) = [f for f in seen.findings if f.field == "amount" and f.check == "SCH-heading"]
    assert f"Amount awarded, {unit}" in told.message


@pytest.mark.parametrize("hint", ["whole amounts, not thousands", "above 1 million: ask first"])
def test_a_hint_that_only_names_thousands_drops_no_column(hint, book):
    seen = assess(book([HEADS, ["", "", "", "date", "date", "date", hint, ""], *GRANTS]))
    assert amounts(seen) == PLAIN and not found(seen, "SCH-heading")


def test_whole_amounts_beside_those_in_thousands_settle_it(book):
    heads = [*HEADS, HEADS[6]]
    units = ["", "", "", "date", "date", "date", "EUR thousands", "", "whole EUR"]
    rows = [[*row[:6], row[6] / 1000, row[7], row[6]] for row in GRANTS]
    seen = assess(book([heads, units, *rows]))
    assert amounts(seen) == PLAIN and not found(seen, "SCH-heading")


def test_a_title_that_says_thousands_is_asked_about(book):
    titles = ["Grants of 2024 (EUR thousands)", "Figures in millions unless stated", "£000s"]
    for title in titles:
        seen = assess(book([[title], [], HEADS, *GRANTS]))
        assert amounts(seen) == PLAIN
        (told,) = found(seen, "SCH-heading")
        assert told.cell == "A1" and title in told.message
        assert told.severity is Severity.WARNING


@pytest.mark.parametrize(
    "title",
    [
        *("Grants that reached millions", "10,000 lives: 2024", "Portfolio 3000", "Mali, EUR"),
        *("M 2024", "MN", "Grants in support of 2 million people", "Held in Mali, for millions"),
        "All amounts in EUR, not in thousands",
    ],
)
def test_a_title_that_only_speaks_of_many_is_none(title, book):
    seen = assess(book([[title], [], HEADS, *GRANTS]))
    assert amounts(seen) == PLAIN and not found(seen, "SCH-heading")


# --- Rows that are no grants ----------------------------------------------------------------------

UNDER = {
    "a note": [["Amounts as in the contracts."]],
    "notes below a blank row": [[], ["Source:", "finance system"], ["Draft"], []],
    "a total and a note": [["Total", "", "", "", "", "", 6000], [], ["Exchange rates: ECB"]],
    "a total in another column": [["", "", "TOTAL", "", "", "", 6000]],
    "a sum without a word": [["", "", "", "", "", "", 6000]],
    "in French": [["Sous-total", "", "", "", "", "", 6000], ["Note : chiffres provisoires"]],
    "thousands of formatted rows": [[" "]] * 3000,
}


@pytest.mark.parametrize("case", UNDER)
def test_what_stands_under_the_table_is_no_grant(case, book):
    seen = assess(book([HEADS, *GRANTS, *UNDER[case]]))
    assert amounts(seen) == PLAIN
    assert found(seen, "SCH-required") == []


def test_what_was_not_read_is_counted_by_reason(book):
    below = [[], ["Total", "", "", "", "", "", 6000], [], ["Source: finance system"]]
    seen = assess(book([HEADS, GRANTS[0], [], *GRANTS[1:], *below]))
    assert skipped(seen) == {
        "blank rows": [3, 6, 8],
        "totals rows": [7],
        "notes below the table": [9],
    }


def test_thousands_of_notes_are_looked_through_once(book):
    """Each used to be looked at again for every one below it: minutes for as many as these."""
    notes = [["", "", "", "", "a remark", "on its date"]] * 8000
    seen = assess(book([HEADS, *GRANTS, [], *notes]))
    assert amounts(seen) == PLAIN
    assert len(skipped(seen)["notes below the table"]) == 8000


def test_a_novel_in_a_cell_for_a_figure_or_a_date_takes_no_time(book):
    """Patterns that try every place for a space took half a minute for each such cell."""
    novel = f"1{' ' * 20_000}x"
    sign = f"{'a' * 20_000}@ x"  # no e-mail address
    seen = assess(book([HEADS, *GRANTS, ["G4", "D", "LOC-A", novel, sign, "", novel, "EUR"]]))
    cells_ = {f.cell for f in seen.findings if "is not a" in f.message}
    assert cells_ == {"D5", "E5", "G5"}


def test_names_with_braces_are_quoted_as_they_are(tmp_path):
    """A message is a template: what the workbook is called must never be taken for a part of it."""
    heads = ["{Start date as signed}" if h == "Start date as signed" else h for h in HEADS]
    wrong = ["G4", "D", "NOBODY", DAY("2024-01-10"), DAY("2024-05-01"), DAY("2024-02-01"), 1, "EUR"]
    path = write(tmp_path / "b.xlsx", {"Grants": [heads, wrong], "Organisations {": REGISTER})
    seen = assess(path)
    assert only(seen, "DAT-01").expected == "on or after “{Start date as signed}”"
    assert only(seen, "DAT-03").expected == "an identifier of “Organisations {”"


def test_a_month_that_is_not_known_is_not_called_a_day_that_is_not(book):
    row = ["G4", "D", "LOC-A", "12 Foo 2024", "32 May 2024", "", 1, "EUR"]
    told = {f.cell: f.message for f in found(assess(book([HEADS, row])), "DAT-01")}
    assert "There is no such day" in told["E2"]
    assert "There is no such day" not in told["D2"]


def test_a_period_without_an_end_is_read(book):
    """“9999-12-31” means that there is none; ten years after it there is no year."""
    seen = assess(book(also={"Settings": [["Period end", DAY("9999-12-31")]]}))
    assert seen.settings["period_end"] == "9999-12-31" and amounts(seen) == PLAIN


def test_subtotals_between_the_rows(book):
    rows = [GRANTS[0], ["Subtotal NGO", "", "", "", "", "", 1000], *GRANTS[1:]]
    rows.append(["UN subtotal:", "", "", "", "", "", 5000])
    seen = assess(book([HEADS, *rows]))
    assert amounts(seen) == PLAIN
    assert skipped(seen) == {"totals rows": [3, 6]}


def test_headings_that_are_repeated_on_each_page(book):
    seen = assess(book([HEADS, *GRANTS[:1], HEADS, *GRANTS[1:]]))
    assert amounts(seen) == PLAIN
    assert skipped(seen) == {"repeated headings": [3]}


def test_an_unfinished_grant_at_the_foot_is_no_note(book):
    seen = assess(book([HEADS, *GRANTS, ["G4"], ["", "D", "LOC-B", "", "", "", 500, "EUR"]]))
    assert len(seen.tables["grants"].frame) == 5
    assert {f.cell for f in found(seen, "SCH-required", field="grant_id")} == {"A6"}


# --- Several sheets, hidden parts, ids given twice ------------------------------------------------


def test_one_sheet_a_year_is_stacked_and_said(book):
    also = {"2023": [HEADS, GRANTS[1]], "Grants 2024": [["x"], HEADS, GRANTS[2]]}
    path = book([HEADS, GRANTS[0]], title="2022", also=also)
    seen = assess(path)
    assert amounts(seen) == PLAIN
    assert "“Grants” is read from 3 sheets: “2022”, “2023”, “Grants 2024”." in seen.remarks
    assert {(f.sheet, f.cell) for f in found(seen, "DUR-01")} == {
        ("2022", "F2"),
        ("Grants 2024", "F3"),
    }


def test_a_sheet_for_a_year_beside_the_grants_is_stacked_and_a_copy_is_not(book):
    also = {"Grants 2023": [HEADS, GRANTS[2]], "Backup": [HEADS, *GRANTS]}
    seen = assess(book([HEADS, *GRANTS[:2]], also=also))
    assert amounts(seen) == PLAIN
    assert any("“Backup” has the headings of “Grants”" in remark for remark in seen.remarks)


def test_hidden_rows_and_sheets_are_read_and_said(book):
    path = book([HEADS, *GRANTS], hide=("Organisations",), rows_hidden=(1, 2))
    seen = assess(path)
    assert amounts(seen) == PLAIN
    assert "Sheet “Grants” has 2 hidden rows; they were read like the others." in seen.remarks
    assert "Sheet “Organisations” is hidden; it was read like the others." in seen.remarks


def test_an_identifier_given_twice_names_both_rows_and_merges_none(book):
    seen = assess(book([HEADS, *GRANTS, ["G1", *GRANTS[1][1:]]]))
    assert seen.tables["grants"].frame["amount"].sum() == 8000
    hits = found(seen, "DAT-03")
    assert [f.cell for f in hits] == ["A2", "A5"]
    assert all("row 2, row 5" in f.message for f in hits)


def test_several_organisations_in_one_cell_are_not_attributed_to_the_first(book):
    both = ["G4", "D", "LOC-A; LOC-B", *GRANTS[0][3:]]
    seen = assess(book([HEADS, *GRANTS, both]))
    finding = only(seen, "DAT-03")
    assert (finding.cell, finding.value) == ("C5", "LOC-A; LOC-B")
    assert result(seen, "LOC-02").high == 1


# --- Figures and days as text ---------------------------------------------------------------------

TEXTS = rows_of("""
text          | field                   | read       | hint
$1,200.50     | amount                  | 1200.5     |
US$ 1,200.50  | amount                  | 1200.5     |
USD 1,200,000 | amount                  | 1200000    |
1,200,000 USD | amount                  | 1200000    |
1.200.000     | amount                  | 1200000    |
1 200         | amount                  | 1200       |
1'200.50      | amount                  | 1200.5     |
€ 500         | amount                  | 500        |
1,200         | amount                  |            | It could be 1200 or 1.200.
1.200         | amount                  |            | It could be 1200 or 1.200.
1 200,50      | amount                  |            | separators or a currency sign; 1200.50 seems
1.200,50      | amount                  |            | separators or a currency sign; 1200.50 seems
1200,5        | amount                  |            | 1200.5 seems to be meant
about 5,000   | amount                  |            | words beside the figure
12 Months     | planned_duration_months | 12         |
6 months      | planned_duration_months | 6          |
1 year        | planned_duration_months |            |
n/a           | amount                  | blank      |
–             | amount                  | blank      |
null          | amount                  | blank      |
(1,200.00)    | amount                  | -1200      |
7 %           | indirect_cost_pct       | 7          |
31/12/2024    | signature_date          | 2024-12-31 |
12/31/2024    | signature_date          | 2024-12-31 |
05/05/2024    | signature_date          | 2024-05-05 |
31.12.2024    | signature_date          | 2024-12-31 |
2024/12/31    | signature_date          | 2024-12-31 |
20241231      | signature_date          | 2024-12-31 |
3 March 2024  | signature_date          | 2024-03-03 |
3-Mar-2024    | signature_date          | 2024-03-03 |
March 3, 2024 | signature_date          | 2024-03-03 |
1er août 2024 | signature_date          | 2024-08-01 |
3 de marzo de 2024 | signature_date     | 2024-03-03 |
2024-01-31T00:00:00Z      | signature_date | 2024-01-31 |
2024-01-31 00:00:00.000   | signature_date | 2024-01-31 |
10/31/2024 12:00:00 AM    | signature_date | 2024-10-31 |
03/04/2024    | signature_date          |            | Day and month could be either way round.
03/04/24      | signature_date          |            | Day and month could be either way round.
31/12/24      | signature_date          |            | Its year has two figures only.
31/31/2024    | signature_date          |            | There is no such day.
Mar-24        | signature_date          |            |
45292         | signature_date          |            | as Excel counts days it is 2024-01-01
tbc           | signature_date          |            |
1/1/0001 12:00:00 AM      | signature_date | blank   |
0000-00-00    | signature_date          | blank      |
00/00/0000    | signature_date          | blank      |
1900-01-00    | signature_date          | blank      |
n/a           | signature_date          | blank      |
N/A           | recipient_country       | blank      |
NA            | recipient_country       | NA         |
NGA           | recipient_country       | NG         |
n/a           | recipient_org_id        | blank      |
""")


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: f"{row['text']}-{row['field']}")
def test_a_text_is_read_only_where_it_can_mean_one_thing(row):
    field = schema.tables()["grants"].field(row["field"])
    value, problem = cells.parser(field, text_only=False)(row["text"])
    if row["read"] == "blank":
        assert (value, problem) == (None, None)
    elif row["read"]:
        assert str(value) in (row["read"], f"{row['read']}.0")
        assert problem is None or problem.kind in ("text-number", "text-date")
    else:
        assert value is None
        assert problem.kind in ("type", "date")
        assert row["hint"] in problem.hint


def test_figures_and_days_as_text_in_a_workbook(book):
    rows = [
        ["G1", "D", "LOC-A", "31/12/2023", DAY("2024-02-01"), "31 May 2024", "€ 1,000.00", "EUR"],
        ["G2", "D", "LOC-B", "03/04/2024", DAY("2024-02-01"), "2026-01-31", "2,000", "EUR"],
        ["G3", "D", "LOC-A", "n/a", DAY("2024-03-01"), "31.08.2024", "$ 3,000.00", "EUR"],
    ]
    path = book([HEADS, *rows])
    seen = assess(path)
    table = amounts(seen)
    assert [str(table[key]) for key in PLAIN] == ["1000.0", "<NA>", "<NA>"]
    assert {(f.cell, f.severity) for f in found(seen, "DAT-01")} == {
        ("D2", Severity.WARNING),
        ("D3", Severity.ERROR),
        ("F2", Severity.WARNING),
        ("F4", Severity.WARNING),
    }
    said = {f.cell: f.message for f in found(seen, "SCH-type")}
    assert "It could be 2000 or 2.000." in said["G3"]
    assert "holds “$ 3,000.00”, but the currency of its row is EUR" in said["G4"]
    blank = only(seen, "SCH-required")
    assert blank.message == "“Signed on” of G3 holds “n/a”, which says nothing."
    assert [f.key for f in found(seen, "DUR-01")] == ["G1", "G3"]


# --- CSV ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_told_by_the_lines_and_not_by_the_texts(delimiter, tmp_path):
    long = '"One, two, three; four, five | six\tseven, eight"'
    lines = [delimiter.join([*HEADS, "Title"])]
    for row in GRANTS:
        lines.append(delimiter.join([*map(str, row), long]))
    path = tmp_path / "grants.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert amounts(assess(path)) == PLAIN


def test_a_csv_row_with_too_many_cells_is_said(tmp_path):
    lines = [",".join(HEADS), *(",".join(map(str, row)) for row in GRANTS * 5)]
    lines[2] += ",more"
    path = tmp_path / "grants.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert any("have more cells than the others (row 3)" in r for r in assess(path).remarks)


# --- No such change changes a figure --------------------------------------------------------------

TEXT = st.sampled_from(["Remarks", "Desk", "Portfolio of the year", "Internal no.", "x"])


@st.composite
def changes(draw):
    """How an office may lay out the same three grants."""
    plan = schema.tables()["grants"]
    titles = {f.title: f for f in plan.fields}
    heads = [
        draw(st.sampled_from(sorted({titles[h].title, titles[h].name, *titles[h].aliases})))
        for h in HEADS
    ]
    return {
        "heads": heads,
        "order": draw(st.permutations(range(len(HEADS)))),
        "unknown": draw(st.lists(st.tuples(st.integers(0, 8), TEXT), max_size=2)),
        "above": draw(st.lists(st.lists(TEXT, max_size=2), max_size=5)),
        "left": draw(st.integers(0, 3)),
        "blank": draw(st.lists(st.integers(1, 4), max_size=4)),
        "below": draw(st.sampled_from([[], [[], ["Source: the finance system"]], [["Total"]]])),
    }


def laid_out(change):
    """The three grants in that layout, as rows of a sheet."""
    rows = [[row[i] for i in change["order"]] for row in [change["heads"], *GRANTS]]
    for at, text in change["unknown"]:
        for n, row in enumerate(rows):
            row.insert(at, text if n == 0 else f"note {n}")
    for at in sorted(change["blank"], reverse=True):
        rows.insert(at, [])
    margin = [""] * change["left"]
    return [*change["above"], *([*margin, *row] if row else [] for row in rows), *change["below"]]


@bounded(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=changes())
def test_no_layout_changes_a_figure_or_loses_a_cell(change, tmp_path):
    path = write(tmp_path / "any.xlsx", {"Grants": laid_out(change), "Organisations": REGISTER})
    seen = assess(path)
    assert amounts(seen) == PLAIN
    assert result(seen, "LOC-02").figures == USUAL(tmp_path)["figures"]
    findings = found(seen, "DUR-01")
    assert [f.key for f in findings] == ["G1", "G3"]
    sheet = openpyxl.load_workbook(path)["Grants"]
    for finding in findings:
        assert as_quoted(sheet[finding.cell].value) == finding.value
        heading = sheet.cell(seen.sheets[0].header_row, sheet[finding.cell].column).value
        assert heading == finding.heading


_USUAL: dict = {}


def USUAL(folder):  # noqa: N802 - a constant, made once
    """What the plain workbook gives."""
    if not _USUAL:
        path = write(folder / "usual.xlsx", {"Grants": [HEADS, *GRANTS], "Organisations": REGISTER})
        _USUAL["figures"] = result(assess(path), "LOC-02").figures
    return _USUAL


FTS = ["id", "amountUSD", "srcOrganization", "destOrganization", "destOrganizationTypes"]
FTS += ["flowType", "status", "decisionDate"]


@bounded(max_examples=25)
@given(
    order=st.permutations(range(len(FTS))),
    unknown=st.lists(st.tuples(st.integers(0, 8), TEXT), max_size=2),
    spelt=st.sampled_from([str, str.upper, str.lower]),
    above=st.integers(0, 3),
)
def test_no_order_or_spelling_of_an_export_s_columns_changes_a_figure(
    order, unknown, spelt, above, tmp_path_factory
):
    rows = [
        ["1", 100, "S", "A", "National NGOs", "Standard", "paid", "2024-01-01"],
        ["2", 200, "S", "B", "International NGOs", "Standard", "paid", "03/04/2024"],
    ]
    laid = [[row[i] for i in order] for row in [[spelt(h) for h in FTS], *rows]]
    for at, text in unknown:
        for n, row in enumerate(laid):
            row.insert(at, text if n == 0 else "")
    path = write(
        tmp_path_factory.mktemp("fts") / "fts.xlsx", {"x": [*([["Flows"]] * above), *laid]}
    )
    seen = assess(path)
    assert amounts(seen) == {"1": 100, "2": 200}
    assert result(seen, "LOC-02").high == pytest.approx(1 / 3)
    finding = only(seen, "DAT-01")
    assert held(path, finding)[0] == finding.value == "03/04/2024"


def test_a_near_miss_is_asked_about_below_two_rows_of_headings(book):
    upper = ["Grant ID", "Provider", "Recipiant", "Signed on", "Planned Dates", "", *HEADS[6:]]
    lower = ["", "", "", "", "Start Date", "End Date", "", ""]
    mapped = columns.mapped(read.workbook(book([upper, lower, *GRANTS], merge=["E1:F1"])))
    asked = [f for f in mapped.faults if f.check == "SCH-heading"]
    assert [f.spots[0].cell for f in asked] == ["C1"]


def test_of_very_many_alike_the_rest_is_one_finding(write, monkeypatch):
    monkeypatch.setattr(making, "LISTED", 3)
    path = write(grants=[{"grant_id": f"G{n}", "currency": None} for n in range(1, 11)])
    first, second = (
        [f for f in assess(path).findings if f.field == "currency" and f.check == "SCH-required"]
        for _ in range(2)
    )
    assert [f.cell for f in first[:3]] == [f"{first[0].cell[0]}{row}" for row in (2, 3, 4)]
    (rest,) = first[3:]
    assert rest.row == 5 and rest.message.startswith("7 further rows have the same fault")
    assert "from row 5 to 11" in rest.message
    assert len({f.id for f in first}) == 4 and first == second


def test_a_csv_longer_than_a_sheet_goes_on_in_further_sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(plain, "MAX_ROWS", 5)
    path = tmp_path / "Grants.csv"
    rows = [f"G{n},A grant,DONOR,LOC-A,100{n}" for n in range(2, 12)]
    rows.append("G12,A grant,DONOR,LOC-A,-5")
    path.write_text("\n".join(["Grant ID,Title,Provider,Recipient,Amount awarded", *rows]))
    done = check(Request(path))
    book = openpyxl.load_workbook(tmp_path / "Grants.checked.xlsx")
    assert book.sheetnames[:3] == ["Grants", "Grants (2)", "Grants (3)"]
    held = [[cell.value for cell in book[name]["A"] if cell.value] for name in book.sheetnames]
    assert held[:3] == [
        ["Grant ID", "G2", "G3", "G4", "G5"],
        ["Grant ID", "G6", "G7", "G8", "G9"],
        ["Grant ID", "G10", "G11", "G12"],
    ]
    said = [r for page in book for row in page.values for r in row if "stand in “" in str(r)]
    assert "rows 6 to 9 stand in “Grants (2)”, from row 2" in said[0]
    assert "rows 10 to 12 stand in “Grants (3)”" in said[1]
    assert {f.row for f in done.assessment.findings if f.key == "G12"} == {12}
