"""The sheets that the report adds, built as a workbook of their own: what people read."""

from __future__ import annotations

import datetime as dt
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import xlsxwriter

from fundtrack import __version__
from fundtrack.model import (
    EDITION,
    Assessment,
    Finding,
    Limit,
    Limits,
    Result,
    Severity,
    SheetFacts,
    Status,
)
from fundtrack.ooxml import column_index, column_letter
from fundtrack.report.package import cell_of, legible
from fundtrack.report.text import verdict
from fundtrack.rules.sources import cited

ROLES = ("summary", "findings", "checks", "provenance")
STATUSES = ("open", "agreed", "done", "accepted", "rejected")  # of a finding, set by reviewers

_ACCENT, _PALE, _GREY = "#1F3864", "#F2F4F8", "#BFBFBF"
_ROWS_A_SHEET = 1_048_575  # below the heading row
_MOST_LINKS = 65_530  # Excel repairs a sheet with more
_FOLD_FROM = 20  # so many rows one below the other with the same fault are one line
_A4, _A3 = 9, 8
_LINE = 13.5  # points

_FINDING_COLUMNS: tuple[tuple[str, int], ...] = (
    ("Finding", 17),
    ("Severity", 10),
    ("Check", 9),
    ("Where", 20),
    ("Record", 14),
    ("Heading", 16),
    ("Value found", 13),
    ("Expected", 17),
    ("Difference", 14),
    ("Message", 40),
    ("How to fix", 34),
    ("Response", 20),
    ("Agreed action", 20),
    ("Due date", 12),
    ("Status", 11),
    ("Reviewer's role", 16),
    ("Reviewed on", 12),
)
_CHECK_NUMBERS = (5, 6, 7, 9, 13)
_SUMMARY_WIDTHS = (46, 14, 14, 14, 15, 15, 16, 16)
_REVIEW_FROM = 11  # from this column on it is the reviewer who writes
_CHECK_COLUMNS: tuple[tuple[str, int], ...] = (
    ("Check", 9),
    ("Requirement", 36),
    ("Place in the brief", 12),
    ("Words of the brief", 32),
    ("Result", 14),
    ("Value", 13),
    ("Lowest possible", 13),
    ("Highest possible", 13),
    ("Unit", 10),
    ("Threshold", 13),
    ("Basis", 14),
    ("Citation", 34),
    ("Confirmed", 11),
    ("Findings", 10),
    ("Why not assessed, or on what terms", 32),
)


def build(
    assessment: Assessment,
    *,
    families: Mapping[str, str],
    original_sheets: Sequence[str],
    unnoted: int,
    max_notes: int,
    remarks: Sequence[str],
    name_prefix: str,
) -> bytes:
    """Give the bytes of a workbook that holds the added sheets, under names that are free.

    A hidden defined name leads to each of them (`name_prefix` and its role).
    """
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    taken = {name.lower() for name in original_sheets}
    lines = _lines(assessment.findings, original_sheets)
    page = _Page(book, _formats(book), taken, name_prefix)
    remarks = [*assessment.remarks, *remarks]
    _summary(page, assessment, families, (unnoted, max_notes), remarks)
    # Excel's last row is 1,048,576: findings beyond it go on in a further sheet.
    for start in range(0, max(len(lines), 1), _ROWS_A_SHEET):
        _findings(page, lines[start : start + _ROWS_A_SHEET], set(original_sheets))
    _checks(page, assessment)
    _provenance(page, assessment, remarks)
    page.finish()
    book.close()
    return buffer.getvalue()


class _Page:
    """The workbook being built: one sheet after the other, each cleaned text as a string."""

    def __init__(self, book: Any, formats: Mapping[str, Any], taken: set[str], prefix: str) -> None:
        self.book, self.formats, self._taken, self._prefix = book, formats, taken, prefix
        self.sheet: Any = None
        self._roles: Counter[str] = Counter()
        self._widths: Sequence[int] = ()
        self._lines: dict[int, int] = {}  # lines of text that a row holds, where more than one

    def start(self, role: str, columns: Sequence[int], *, paper: int = _A4) -> None:
        """Begin a sheet that prints landscape, one page wide, its first row repeated."""
        self.finish()
        self._widths, self._lines = columns, {}
        name, number = role.capitalize(), 2
        while name.lower() in self._taken:
            name, number = f"{role.capitalize()} {number}", number + 1
        self._taken.add(name.lower())
        self.sheet = self.book.add_worksheet(name)
        self.sheet.set_landscape()
        self.sheet.set_paper(paper)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        self.sheet.set_footer("&L&A&RPage &P of &N")
        self.sheet.repeat_rows(0)
        self.sheet.freeze_panes(1, 0)
        self.sheet.hide_gridlines(2)
        for column, width in enumerate(columns):
            self.sheet.set_column(column, column, width)
        self._roles[role] += 1
        known_as = f"{self._prefix}{role}" + f"_{self._roles[role]}" * (self._roles[role] > 1)
        self.book.define_name(known_as, f"={_quoted(name)}!$A$1")

    def put(self, row: int, column: int, value: Any, style: str = "text") -> None:
        """Write one value: numbers and dates as such, everything else as a string."""
        form = self.formats[style]
        value = _plain(value)
        if value is None:
            self.sheet.write_blank(row, column, None, form)
        elif isinstance(value, bool):
            self.sheet.write_boolean(row, column, value, form)
        elif isinstance(value, dt.date):
            self.sheet.write_datetime(row, column, value, self.formats["date"])
        elif isinstance(value, float | int):
            self.sheet.write_number(row, column, value, form)
        else:
            text = legible(value)
            self.sheet.write_string(row, column, text, form)
            self._grow(row, text, self._widths[column])

    def _grow(self, row: int, text: str, width: float) -> None:
        width = max(1, width * 1.1 - 1)  # letters are narrower than the digits that widths count
        if len(text) > width or "\n" in text:
            lines = sum(max(1, math.ceil(len(line) / width)) for line in text.split("\n"))
            if lines > self._lines.get(row, 1):
                self._lines[row] = lines

    def finish(self) -> None:
        """Set the heights of the rows whose text is wrapped: not every program does on opening."""
        for row, lines in self._lines.items():
            self.sheet.set_row(row, min(_LINE * lines + 2, 400))

    def share(self, row: int, column: int, value: float | None, decimals: int) -> None:
        """Write a share as a percentage with so many decimals."""
        self.put(row, column, value, f"percent{decimals}")

    def across(self, row: int, first: int, text: str, style: str = "text") -> None:
        """Write a text over the summary's columns; merged cells do not grow: the height is set."""
        text, last = legible(text), len(self._widths) - 1
        self.sheet.merge_range(row, first, row, last, "", self.formats[style])
        self.sheet.write_string(row, first, text, self.formats[style])
        self._grow(row, text, sum(self._widths[first:]))


def _formats(book: Any) -> dict[str, Any]:
    base = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
    lined = {**base, "bottom": 1, "bottom_color": _GREY}
    cell = {
        **lined,
        "align": "left",
        "indent": 1,
    }  # so that text keeps away from a number at its left
    number = {**lined, "align": "right"}
    looks: dict[str, dict[str, Any]] = {
        "title": {**base, "font_size": 16, "bold": True, "font_color": _ACCENT},
        "section": {**base, "font_size": 12, "bold": True, "font_color": _ACCENT},
        "verdict": {**base, "font_size": 12, "bold": True, "text_wrap": True},
        "heading": {
            **base,
            "bold": True,
            "font_color": "#FFFFFF",
            "bg_color": _ACCENT,
            "text_wrap": True,
            "border": 1,
            "border_color": _ACCENT,
            "align": "left",
            "indent": 1,
        },
        "review": {
            **base,
            "bold": True,
            "font_color": _ACCENT,
            "bg_color": _PALE,
            "text_wrap": True,
            "border": 1,
            "border_color": _ACCENT,
            "align": "left",
            "indent": 1,
        },
        "text": {**cell, "text_wrap": True},
        "label": {**cell, "bold": True, "text_wrap": True},
        "answer": {**cell, "text_wrap": True, "bg_color": _PALE},
        "answer_date": {**cell, "num_format": "yyyy-mm-dd", "bg_color": _PALE, "align": "left"},
        "link": {**cell, "font_color": "#0563C1", "underline": 1, "text_wrap": True},
        "date": {**cell, "num_format": "yyyy-mm-dd", "align": "left"},
        "integer": {**number, "num_format": "#,##0"},
        "decimal": {**number, "num_format": "#,##0.##########"},
        "money": {**number, "num_format": "#,##0.00"},
        "total": {**number, "num_format": "#,##0", "bold": True, "top": 1},
        "total_label": {**cell, "bold": True, "top": 1},
        "fail": {**cell, "bold": True, "text_wrap": True},
    }
    # The look of the highlights in the sheets, for the key on the summary.
    looks["error"] = {**cell, "bold": True, "bg_color": "#F4A582", "border": 1}
    looks["warning"] = {**cell, "italic": True, "bg_color": "#FFD966", "border": 3}
    looks["note"] = {**cell, "bg_color": "#EAF2FA", "border": 4}
    for decimals in range(1, 9):
        zeros = "0" * decimals
        looks[f"percent{decimals}"] = {**number, "num_format": f"0.{zeros}%"}
        looks[f"points{decimals}"] = {**number, "num_format": f"+0.{zeros};-0.{zeros};0"}
    looks["heading_right"] = {**looks["heading"], "align": "right", "indent": 0}
    return {name: book.add_format(look) for name, look in looks.items()}


# Summary


def _summary(
    page: _Page,
    assessment: Assessment,
    families: Mapping[str, str],
    unnoted: tuple[int, int],
    remarks: Sequence[str],
) -> None:
    page.start("summary", _SUMMARY_WIDTHS)
    page.sheet.set_row(0, 24)
    page.put(0, 0, f"Check of {assessment.file}", "title")
    page.across(1, 0, verdict(assessment), "verdict")
    row = _about(page, assessment, 3)
    row = _scores(page, assessment, families, row + 1)
    row = _severities(page, assessment, *unnoted, row=row + 1)
    row = _key_figures(page, assessment, row + 1)
    row = _not_assessed(page, assessment, row + 1)
    if remarks:
        row = _section(page, row + 1, "Remarks")
        for remark in remarks:
            page.across(row, 0, remark)
            row += 1
    # See graft._open_on: the sheet on which the workbook opens may be selected in a group.
    page.sheet.protect(
        "", {"format_cells": True, "format_columns": True, "format_rows": True, "sort": True}
    )


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _section(
    page: _Page,
    row: int,
    title: str,
    headings: Sequence[str] = (),
    *,
    numbers: Sequence[str] = (),
) -> int:
    page.put(row, 0, title, "section")
    for column, heading in enumerate(headings):
        page.put(row + 1, column, heading, "heading_right" if heading in numbers else "heading")
    return row + (2 if headings else 1)


def _about(page: _Page, assessment: Assessment, row: int) -> int:
    settings = assessment.settings
    read = [s for s in assessment.sheets if s.table]
    ignored = [s.sheet for s in assessment.sheets if not s.table]
    start, end = settings.get("period_start"), settings.get("period_end")
    facts = {
        "Workbook": assessment.file,
        "Layout": f"{assessment.layout_title} ({assessment.kind})",
        "Guidance": EDITION,
        "Reference date": _words(settings.get("reference_date")),
        "Period": f"{_words(start)} to {_words(end)}" if start or end else "",
        "Reporting currency": _words(settings.get("reporting_currency")),
        "Sheets read": "; ".join(f"{_named(s)} ({_count(s.rows, 'row')})" for s in read),
        "Sheets not read": "; ".join(ignored),
    }
    row = _section(page, row, "What was checked")
    for label, value in facts.items():
        page.put(row, 0, label, "label")
        page.across(row, 1, value or "–")
        row += 1
    return row


def _named(facts: SheetFacts) -> str:
    return facts.sheet if facts.main else f"{facts.sheet} in {facts.file}"


def _scores(page: _Page, assessment: Assessment, families: Mapping[str, str], row: int) -> int:
    headings = ["Family of checks", *(s.words.capitalize() for s in Status), "All"]
    row = _section(page, row, "Results by family", headings, numbers=headings[1:])
    tally: dict[str, Counter[Status]] = {}
    for result in assessment.results:
        tally.setdefault(result.check.family, Counter())[result.status] += 1
    order = {family: position for position, family in enumerate(families)}
    for family in sorted(tally, key=lambda f: (order.get(f, len(order)), f)):
        name = families.get(family)
        page.put(row, 0, f"{family}: {name}" if name else family, "text")
        for column, number in enumerate([*(tally[family][s] for s in Status)], 1):
            page.put(row, column, number, "integer")
        page.put(row, len(Status) + 1, tally[family].total(), "integer")
        row += 1
    page.put(row, 0, "All families", "total_label")
    for column, status in enumerate(Status, 1):
        page.put(row, column, sum(t[status] for t in tally.values()), "total")
    page.put(row, len(Status) + 1, len(assessment.results), "total")
    return row + 1


def _severities(
    page: _Page, assessment: Assessment, unnoted: int, max_notes: int, *, row: int
) -> int:
    headings = ["Severity", "Not accepted", "Accepted", "Marked as"]
    row = _section(page, row, "Findings by severity", headings, numbers=headings[1:3])
    counts = assessment.counts()
    accepted = Counter(f.severity for f in assessment.findings if f.accepted)
    for severity in Severity:
        page.put(row, 0, severity.value.capitalize(), "text")
        page.put(row, 1, counts[severity], "integer")
        page.put(row, 2, accepted[severity], "integer")
        page.put(row, 3, severity.value, severity.value)
        row += 1
    if unnoted:
        page.across(
            row,
            0,
            f"{_count(unnoted, 'finding')} at a cell {'has' if unnoted == 1 else 'have'} no note "
            f"there: at most {max_notes:,} notes are written to a sheet, the worst first, and none "
            "on a cell that has a note already. All findings are highlighted and listed.",
        )
        row += 1
    return row


def _key_figures(page: _Page, assessment: Assessment, row: int) -> int:
    shares = [r for r in assessment.results if r.unit == "share" and _has_value(r)]
    if not shares:
        return row
    headings = [
        "Share",
        "Value",
        "Lowest",
        "Highest",
        "Threshold",
        "Gap in points",
        "Result",
        "Basis",
    ]
    row = _section(page, row, "Key figures", headings, numbers=headings[1:6])
    for result in shares:
        decimals = _decimals(result)
        page.put(row, 0, f"{result.check.id}: {assessment.limits.fill(result.check.title)}", "text")
        figures = (result.value, result.low, result.high, result.threshold)
        for column, figure in enumerate(figures, 1):
            page.share(row, column, figure, decimals)
        page.put(row, 5, _gap(result), f"points{decimals}")
        page.put(row, 6, result.status.words, "fail" if result.status is Status.FAIL else "text")
        page.put(row, 7, _basis(result), "text")
        row += 1
    return row


def _has_value(result: Result) -> bool:
    return result.value is not None or result.low is not None or result.high is not None


def _gap(result: Result) -> float | None:
    """Give the percentage points from the threshold to a share, or to its nearer bound."""
    low, high, limit = result.low, result.high, result.threshold
    if low is None or high is None or limit is None:
        return None
    nearest = min((low, high), key=lambda bound: abs(bound - limit))
    return 0.0 if low <= limit <= high and low != high else (nearest - limit) * 100


def _decimals(result: Result) -> int:
    """Give the fewest decimals of a percentage that still tell its figures from the threshold."""
    figures = [result.value, result.low, result.high]
    limit = result.threshold
    apart = [f for f in figures if f is not None and limit is not None and f != limit]
    for decimals in range(1, 8):
        if all(round(f * 100, decimals) != round((limit or 0) * 100, decimals) for f in apart):
            return decimals
    return 8


def _basis(result: Result) -> str:
    if result.basis is None:
        return ""
    return result.basis.words + ("" if result.confirmed else ", not confirmed")


def _not_assessed(page: _Page, assessment: Assessment, row: int) -> int:
    reasons: dict[str, list[str]] = {}
    for result in assessment.results:
        if result.status in (Status.NOT_ASSESSABLE, Status.UNDETERMINED):
            reasons.setdefault(result.reason or "no reason given", []).append(result.check.id)
    if not reasons:
        return row
    row = _section(page, row, "What could not be assessed, and what would settle it")
    for reason, checks in reasons.items():
        page.across(row, 0, f"{', '.join(checks)}: {reason}")
        row += 1
    return row


# Findings


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the findings: a finding, or the same fault in the rows down to `last_row`."""

    finding: Finding
    last_row: int | None = None

    @property
    def count(self) -> int:
        first = self.finding.row
        return 1 if self.last_row is None or first is None else self.last_row - first + 1


def _lines(findings: Sequence[Finding], order: Sequence[str]) -> list[_Line]:
    """Give the findings worst first, then by sheet and row, runs down a column folded into one."""
    position = {name: number for number, name in enumerate(order)}

    def key(finding: Finding) -> tuple[Any, ...]:
        at = cell_of(finding.cell) or (finding.row or 0, -1)
        sheet = position.get(finding.sheet or "", len(order)) if finding.main else len(order) + 1
        return (finding.severity.rank, sheet, finding.file, finding.sheet or "", at)

    ordered = sorted(findings, key=key)
    runs = _runs(ordered)
    folded = {id(f) for run in runs for f in run[1:]}
    last = {id(run[0]): run[-1].row for run in runs}
    return [_Line(f, last.get(id(f))) for f in ordered if id(f) not in folded]


def _runs(ordered: Sequence[Finding]) -> list[list[Finding]]:
    """Give the runs of the same fault in consecutive rows that are long enough to be folded."""
    current: dict[tuple[Any, ...], list[Finding]] = {}
    runs: list[list[Finding]] = []
    for finding in ordered:
        at = cell_of(finding.cell)
        if at is None or finding.row is None:
            continue
        fault = (
            *(finding.file, finding.sheet, finding.check, finding.severity, finding.table),
            *(finding.field, at[1], finding.expected, finding.accepted),
        )
        run = current.get(fault)
        if run is not None and run[-1].row == finding.row - 1:
            run.append(finding)
            continue
        current[fault] = [finding]
        runs.append(current[fault])
    return [run for run in runs if len(run) > _FOLD_FROM]


def _findings(page: _Page, lines: Sequence[_Line], linked: set[str]) -> None:
    page.start("findings", [width for _, width in _FINDING_COLUMNS], paper=_A3)
    last = max(len(lines), 1)
    columns = [
        {
            "header": heading,
            "header_format": page.formats["review" if number >= _REVIEW_FROM else "heading"],
        }
        for number, (heading, _) in enumerate(_FINDING_COLUMNS)
    ]
    page.sheet.add_table(
        0,
        0,
        last,
        len(_FINDING_COLUMNS) - 1,
        {"name": "fundtrack_findings_table", "style": None, "columns": columns},
    )
    for row, line in enumerate(lines, 1):
        _finding(page, row, line, linked)
    if not lines:
        for column in range(len(_FINDING_COLUMNS)):
            page.put(1, column, None, "text")
        page.put(1, _column("Message"), "No findings.", "text")
    status, due = _column("Status"), _column("Due date")
    page.sheet.data_validation(
        1, status, last, status, {"validate": "list", "source": list(STATUSES)}
    )
    for column in (due, _column("Reviewed on")):
        page.sheet.data_validation(
            1,
            column,
            last,
            column,
            {
                "validate": "date",
                "criteria": ">=",
                "value": dt.date(2000, 1, 1),
                "error_title": "Not a date",
                "error_message": "Give a date, such as 2025-01-31.",
            },
        )


def _column(heading: str) -> int:
    return next(i for i, (name, _) in enumerate(_FINDING_COLUMNS) if name == heading)


def _finding(page: _Page, row: int, line: _Line, linked: set[str]) -> None:
    finding = line.finding
    message, record = finding.message, finding.key or ""
    if line.count > 1:
        message += f" The same in {line.count:,} rows, {finding.row:,} to {line.last_row:,}."
        record += f" and {line.count - 1:,} more"
    page.put(row, 0, finding.id)
    page.put(row, 1, finding.severity.value, "label" if finding.severity.rank == 0 else "text")
    page.put(row, 2, finding.check)
    _where(page, row, 3, line, linked)
    page.put(row, 4, record)
    page.put(row, 5, finding.heading)
    page.put(row, 6, finding.value, _number_style(finding.value))
    page.put(row, 7, finding.expected)
    page.put(row, 8, finding.difference)
    page.put(row, 9, message)
    page.put(row, 10, finding.remedy)
    for column in range(_REVIEW_FROM, len(_FINDING_COLUMNS)):
        dated = _FINDING_COLUMNS[column][0] in ("Due date", "Reviewed on")
        page.put(row, column, None, "answer_date" if dated else "answer")
    page.put(row, _column("Status"), "accepted" if finding.accepted else "open", "answer")


def _where(page: _Page, row: int, column: int, line: _Line, linked: set[str]) -> None:
    """Write the place, as a link only where it is a cell of this very workbook."""
    finding = line.finding
    at = cell_of(finding.cell)
    place = finding.cell or (f"row {finding.row:,}" if finding.row else "")
    if at is not None and line.last_row is not None:
        place = f"{place}:{column_letter(at[1])}{line.last_row}"
    text = f"{finding.sheet}!{place}" if finding.sheet and place else finding.sheet or finding.scope
    if not finding.main:
        text = f"{finding.file}: {text}"
    if finding.main and at is not None and finding.sheet in linked and row <= _MOST_LINKS:
        target = f"internal:{_quoted(finding.sheet)}!{place}"
        form = page.formats["link"]
        if page.sheet.write_url(row, column, target, form, legible(text)) == 0:
            return
    page.put(row, column, text)


def _quoted(sheet: str) -> str:
    return "'" + sheet.replace("'", "''") + "'"


# Checks


def _checks(page: _Page, assessment: Assessment) -> None:
    page.start("checks", [width for _, width in _CHECK_COLUMNS], paper=_A3)
    for column, (heading, _) in enumerate(_CHECK_COLUMNS):
        page.put(0, column, heading, "heading_right" if column in _CHECK_NUMBERS else "heading")
    for row, result in enumerate(assessment.results, 1):
        _check(page, row, result, assessment.limits)
    page.sheet.autofilter(0, 0, max(len(assessment.results), 1), len(_CHECK_COLUMNS) - 1)


def _check(page: _Page, row: int, result: Result, limits: Limits) -> None:
    check = result.check
    page.put(row, 0, check.id, "label")
    page.put(row, 1, limits.fill(check.title))
    page.put(row, 2, check.brief.place if check.brief else "–")
    page.put(row, 3, f"“{check.brief.quote}”" if check.brief else f"({check.origin})")
    page.put(row, 4, result.status.words, "fail" if result.status is Status.FAIL else "text")
    for column, figure in enumerate((result.value, result.low, result.high), 5):
        _figure(page, (row, column), figure, result)
    page.put(row, 8, result.unit)
    _figure(page, (row, 9), result.threshold, result)
    page.put(row, 10, result.basis.words if result.basis else None)
    page.put(row, 11, _citation(result, limits.all))
    page.put(row, 12, ("yes" if result.confirmed else "no") if result.basis else None)
    page.put(row, 13, len(result.findings), "integer")
    page.put(row, 14, result.reason)


def _figure(page: _Page, at: tuple[int, int], figure: float | None, result: Result) -> None:
    if result.unit == "share":
        page.share(*at, figure, _decimals(result))
    else:
        page.put(*at, figure, _number_style(figure))


def _number_style(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "text"
    if float(value).is_integer():
        return "integer"
    return "money" if round(value, 2) == value else "decimal"


def _citation(result: Result, limits: Mapping[str, Limit]) -> str:
    texts = []
    for threshold in result.check.thresholds:
        limit = limits.get(threshold.parameter)
        value = limit.value if limit else threshold.value
        number = "report only" if value is None else f"{value:g} {threshold.unit}"
        source = cited(threshold.cite) or threshold.basis.words
        note = f" – {threshold.note}" if threshold.note else ""
        texts.append(f"{threshold.parameter} = {number}: {source}{note}")
    return "\n".join(texts)


# Provenance


def _provenance(page: _Page, assessment: Assessment, remarks: Sequence[str]) -> None:
    page.start("provenance", [24, 34, 60, 50])
    facts = [
        *_workbook_facts(assessment),
        *_setting_facts(assessment),
        *_threshold_facts(assessment),
        *_exception_facts(assessment),
        *(fact for sheet in assessment.sheets for fact in _sheet_facts(sheet)),
        *(("Remarks", f"Remark {n}", remark, "") for n, remark in enumerate(remarks, 1)),
    ]
    for column, heading in enumerate(("Topic", "Item", "Value", "Detail")):
        page.put(0, column, heading, "heading")
    for row, fact in enumerate(facts, 1):
        for column, value in enumerate(fact):
            page.put(row, column, value, "label" if column == 0 else "text")
    page.sheet.autofilter(0, 0, len(facts), 3)


_Fact = tuple[str, str, str, str]


def _workbook_facts(assessment: Assessment) -> list[_Fact]:
    return [
        ("Workbook", "File", assessment.file, ""),
        ("Workbook", "SHA-256", assessment.sha256, "of the file as it was received"),
        (
            "Workbook",
            "Digest of values",
            assessment.values_digest,
            "of sheet, cell, value and formula: shows whether figures were altered afterwards",
        ),
        ("Workbook", "Kind", assessment.kind, ""),
        ("Workbook", "Layout", assessment.layout_title, assessment.layout),
        ("Program", "fundtrack", __version__, ""),
        ("Program", "Edition of the guidance", EDITION, ""),
    ]


def _setting_facts(assessment: Assessment) -> list[_Fact]:
    return [
        ("Settings", _title(key), _words(value), "") for key, value in assessment.settings.items()
    ]


def _threshold_facts(assessment: Assessment) -> list[_Fact]:
    facts = []
    for parameter, limit in assessment.limits.all.items():
        if not limit.changed and limit.confirmed_by is None:
            continue
        default = limit.threshold.value
        change = f"default {'none' if default is None else f'{default:g}'}; " * limit.changed
        who = f"confirmed by {limit.confirmed_by}" if limit.confirmed_by else "not confirmed"
        when = f" on {_words(limit.confirmed_on)}" if limit.confirmed_on else ""
        why = f": {limit.reason}" if limit.reason else ""
        value = "none" if limit.value is None else f"{limit.value:g} {limit.threshold.unit}"
        facts.append(("Thresholds", parameter, value, f"{change}{who}{when}{why}"))
    return facts or [("Thresholds", "Changed or confirmed", "none", "")]


def _exception_facts(assessment: Assessment) -> list[_Fact]:
    return [
        (
            "Exceptions",
            f"Exception {number}",
            "; ".join(f"{_title(k)}: {_words(v)}" for k, v in exception.items() if v is not None),
            "",
        )
        for number, exception in enumerate(assessment.exceptions, 1)
    ]


def _sheet_facts(facts: SheetFacts) -> list[_Fact]:
    topic = f"Sheet {_named(facts)}"
    if facts.table is None:
        return [(topic, "Recognised as", "not recognised, ignored", facts.how)]
    read = "\n".join(
        f"{letter}: {facts.headings.get(name, name)}"
        for name, letter in sorted(facts.columns.items(), key=_by_column)
    )
    ignored = "\n".join(f"{letter}: {heading}" for letter, heading in facts.ignored_columns)
    listed: list[tuple[str, str, str]] = [
        ("Recognised as", facts.table, facts.how),
        ("Heading row", _words(facts.header_row), ""),
        ("Rows", f"{facts.rows:,}", ""),
        ("Columns recognised", read, f"{len(facts.columns):,}"),
        ("Columns ignored", ignored, ""),
        *(("Rows skipped", f"row {_some(rows)}", why) for why, rows in facts.skipped.items()),
        ("Hidden", "yes" if facts.hidden else "", ""),
        ("Hidden rows", f"{facts.hidden_rows:,}" if facts.hidden_rows else "", ""),
        ("Formulas never calculated", _some(facts.uncalculated), ""),
        ("Cells with an error", _some(facts.error_cells), ""),
    ]
    return [(topic, item, value, detail) for item, value, detail in listed if value]


def _by_column(field: tuple[str, str]) -> tuple[int, str]:
    return (column_index("".join(c for c in field[1] if c.isalpha())), field[1])


def _some(items: Sequence[Any], most: int = 50) -> str:
    shown = ", ".join(str(item) for item in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most:,} more"


# Values


def _plain(value: Any) -> Any:
    """Give a value as Excel can hold it: number, date, True, False, text, or None for a blank."""
    if value is None or isinstance(value, str | bool):
        return value or None if isinstance(value, str) else value
    if isinstance(value, dt.datetime):
        return _date(value)
    if isinstance(value, dt.date):
        return value if value.year >= 1900 else value.isoformat()
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            return str(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return str(value)


def _date(value: dt.datetime) -> Any:
    if value != value:  # noqa: PLR0124 - a missing pandas date is unequal to itself
        return None
    if value.tzinfo is not None or value.year < 1900:
        return value.isoformat()
    whole = value.time() == dt.time()
    return value.date() if whole else value.isoformat(sep=" ", timespec="seconds")


def _title(name: Any) -> str:
    """Give the name of a setting as people read it."""
    return str(name).replace("_", " ").capitalize()


def _words(value: Any) -> str:
    """Give a value of the settings as people read it."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    value = _plain(value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.date):
        return value.isoformat()
    return f"{value:,}" if isinstance(value, int | float) else str(value)
