"""The findings: a table with a line for each, and the columns in which reviewers answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fundtrack.model import ANSWER_STATUSES, Finding
from fundtrack.ooxml import column_letter
from fundtrack.report.package import cell_of, legible
from fundtrack.report.page import A3, Page, number_style, quoted

ROWS_A_SHEET = 1_048_575  # below the heading row
_MOST_LINKS = 65_530  # Excel repairs a sheet with more
_FOLD_FROM = 20  # so many rows one below the other with the same fault are one line

_COLUMNS: tuple[tuple[str, int], ...] = (
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
_REVIEW_FROM = 11  # from this column on it is the reviewer who writes


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the findings: a finding, or the same fault in the rows down to `last_row`."""

    finding: Finding
    last_row: int | None = None

    @property
    def count(self) -> int:
        """How many findings the line stands for."""
        first = self.finding.row
        return 1 if self.last_row is None or first is None else self.last_row - first + 1


def lines(findings: Sequence[Finding], order: Sequence[str]) -> list[Line]:
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
    return [Line(f, last.get(id(f))) for f in ordered if id(f) not in folded]


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


def findings(page: Page, lines: Sequence[Line], linked: set[str]) -> None:
    """Write a sheet of findings; places in the sheets named in `linked` become links."""
    page.start("findings", [width for _, width in _COLUMNS], paper=A3)
    last = max(len(lines), 1)
    columns = [
        {
            "header": heading,
            "header_format": page.formats["review" if number >= _REVIEW_FROM else "heading"],
        }
        for number, (heading, _) in enumerate(_COLUMNS)
    ]
    page.sheet.add_table(
        0,
        0,
        last,
        len(_COLUMNS) - 1,
        {"name": "fundtrack_findings_table", "style": None, "columns": columns},
    )
    for row, line in enumerate(lines, 1):
        _finding(page, row, line, linked)
    if not lines:
        for column in range(len(_COLUMNS)):
            page.put(1, column, None, "text")
        page.put(1, _column("Message"), "No findings.", "text")
    status, due = _column("Status"), _column("Due date")
    page.sheet.data_validation(
        1, status, last, status, {"validate": "list", "source": list(ANSWER_STATUSES)}
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
    return next(i for i, (name, _) in enumerate(_COLUMNS) if name == heading)


def _finding(page: Page, row: int, line: Line, linked: set[str]) -> None:
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
    page.put(row, 6, finding.value, number_style(finding.value))
    page.put(row, 7, finding.expected)
    page.put(row, 8, finding.difference)
    page.put(row, 9, message)
    page.put(row, 10, finding.remedy)
    for column in range(_REVIEW_FROM, len(_COLUMNS)):
        dated = _COLUMNS[column][0] in ("Due date", "Reviewed on")
        page.put(row, column, None, "answer_date" if dated else "answer")
    page.put(row, _column("Status"), "accepted" if finding.accepted else "open", "answer")


def _where(page: Page, row: int, column: int, line: Line, linked: set[str]) -> None:
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
        target = f"internal:{quoted(finding.sheet)}!{place}"
        form = page.formats["link"]
        if page.sheet.write_url(row, column, target, form, legible(text)) == 0:
            return
    page.put(row, column, text)
