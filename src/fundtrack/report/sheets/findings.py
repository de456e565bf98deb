"""The findings: a table with a line for each, and the columns in which reviewers answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fundtrack.model import ANSWER_STATUSES, Answer, Finding
from fundtrack.ooxml import cell_of, column_letter, quoted
from fundtrack.report import answers as read_back
from fundtrack.report.answers import Listed
from fundtrack.report.sheets.page import A3, Page, number_style
from fundtrack.report.sheets.rows import ROWS_A_SHEET, Column, put_rows

_FOLD_FROM = 20  # so many rows one below the other with the same fault are one line
_ADDRESS = 8  # letters of a place beside the name of its sheet, such as !AB12345

_COLUMNS: tuple[tuple[str, int], ...] = (
    (read_back.FINDING, 17),
    (read_back.SEVERITY, 10),
    (read_back.CHECK, 9),
    (read_back.WHERE, 20),
    (read_back.RECORD, 14),
    (read_back.HEADING, 16),
    (read_back.VALUE, 13),
    (read_back.EXPECTED, 17),
    (read_back.DIFFERENCE, 14),
    (read_back.MESSAGE, 40),
    (read_back.REMEDY, 34),
)
_REVIEW: tuple[tuple[str, int], ...] = (
    (read_back.RESPONSE, 20),
    (read_back.ACTION, 20),
    (read_back.DUE, 12),
    (read_back.STATUS, 11),
    (read_back.ROLE, 16),
    (read_back.REVIEWED, 12),
)
_GIVEN = ("response", "action", "due", "status", "role", "reviewed_on")  # of an answer
_FOLDED: tuple[tuple[str, int], ...] = (
    (read_back.LINE, 17),
    (read_back.FINDING, 17),
    (read_back.WHERE, 24),
    (read_back.RECORD, 18),
    (read_back.VALUE, 16),
    (read_back.MESSAGE, 70),
)
_EARLIER: tuple[tuple[str, int], ...] = (
    (read_back.FINDING, 17),
    (read_back.SEVERITY, 10),
    (read_back.CHECK, 9),
    (read_back.WHERE, 22),
    (read_back.RECORD, 18),
    (read_back.MESSAGE, 50),
)
_DATED = (read_back.DUE, read_back.REVIEWED)
_TABLE = "fundtrack_findings_table"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the findings: a finding, or the first of the same fault in rows on end."""

    finding: Finding
    folded: Sequence[Finding] = ()  # all that the line stands for, itself included; or none

    @property
    def count(self) -> int:
        """How many findings the line stands for."""
        return len(self.folded) or 1


def lines(
    findings: Sequence[Finding], order: Sequence[str], answers: Mapping[str, Answer]
) -> list[Line]:
    """Give the findings worst first, then by sheet and row, runs down a column folded into one.

    Only what was answered alike is folded, so that a line has one answer.
    """
    position = {name: number for number, name in enumerate(order)}
    places = {id(f): cell_of(f.cell) for f in findings}

    def key(finding: Finding) -> tuple[Any, ...]:
        at = places[id(finding)] or (finding.row or 0, -1)
        sheet = position.get(finding.sheet or "", len(order)) if finding.main else len(order) + 1
        return (finding.severity.rank, sheet, finding.file, finding.sheet or "", at)

    ordered = sorted(findings, key=key)
    runs = _runs(ordered, places, answers)
    folded = {id(f) for run in runs for f in run[1:]}
    first = {id(run[0]): run for run in runs}
    return [Line(f, first.get(id(f), ())) for f in ordered if id(f) not in folded]


def _runs(
    ordered: Sequence[Finding],
    places: Mapping[int, tuple[int, int] | None],
    answers: Mapping[str, Answer],
) -> list[list[Finding]]:
    """Give the runs of the same fault in consecutive rows that are long enough to be folded."""
    current: dict[tuple[Any, ...], list[Finding]] = {}
    runs: list[list[Finding]] = []
    for finding in ordered:
        at, answer = places[id(finding)], answers.get(finding.id)
        if at is None or finding.row is None:
            continue
        fault = (
            *(finding.file, finding.sheet, finding.check, finding.severity, finding.table),
            *(finding.field, at[1], finding.expected, finding.accepted),
            replace(answer, finding="") if answer else None,
        )
        run = current.get(fault)
        if run is not None and run[-1].row == finding.row - 1:
            run.append(finding)
            continue
        current[fault] = [finding]
        runs.append(current[fault])
    return [run for run in runs if len(run) > _FOLD_FROM]


def findings(
    page: Page, lines: Sequence[Line], linked: set[str], answers: Mapping[str, Answer]
) -> None:
    """Write the findings; places in the sheets named in `linked` become links.

    What is beyond Excel's last row goes on in a further sheet.
    """
    for start in range(0, max(len(lines), 1), ROWS_A_SHEET):
        number = start // ROWS_A_SHEET + 1
        some = lines[start : start + ROWS_A_SHEET]
        page.start("findings", _widths(some, _COLUMNS, _REVIEW), paper=A3)
        _table(page, _COLUMNS, len(some), _TABLE if number == 1 else f"{_TABLE}_{number}")
        if some:
            given = [_given(line.finding, answers) for line in some]
            put_rows(page, 1, [*_facts(some, linked), *_answers(given)])
        else:
            for column in range(len(_COLUMNS) + len(_REVIEW)):
                page.put(1, column, None, "text")
            page.put(1, _at(_COLUMNS, read_back.MESSAGE), "No findings.", "text")


def folded(page: Page, lines: Sequence[Line], linked: set[str]) -> None:
    """List every finding that a folded line stands for; no sheet where nothing is folded."""
    members = [(line.finding.id, finding) for line in lines for finding in line.folded]
    for start in range(0, len(members), ROWS_A_SHEET):
        some = members[start : start + ROWS_A_SHEET]
        mine = [Line(finding) for _, finding in some]
        page.start("folded", _widths(mine, _FOLDED))
        _headings(page, _FOLDED)
        columns = [
            Column([line for line, _ in some]),
            Column([finding.id for _, finding in some]),
            _where(mine, linked),
            Column([finding.key for _, finding in some]),
            Column([finding.value for _, finding in some], None),
            Column([finding.message for _, finding in some]),
        ]
        put_rows(page, 1, columns)
        page.sheet.autofilter(0, 0, len(some), len(_FOLDED) - 1)


def earlier(page: Page, lost: Sequence[Listed]) -> None:
    """List the answers to findings that are no longer found; no sheet where there is none."""
    for start in range(0, len(lost), ROWS_A_SHEET):
        some = lost[start : start + ROWS_A_SHEET]
        page.start("earlier", _widths((), _EARLIER, _REVIEW))
        _headings(page, _EARLIER, _REVIEW)
        names = ("id", "severity", "check", "where", "record", "message")
        columns = [Column([getattr(line, name) for line in some]) for name in names]
        put_rows(page, 1, [*columns, *_answers([line.answer for line in some])])
        page.sheet.autofilter(0, 0, len(some), len(_EARLIER) + len(_REVIEW) - 1)
        _validated(page, len(_EARLIER), len(some))


def _widths(lines: Sequence[Line], *columns: Sequence[tuple[str, int]]) -> list[int]:
    """Give the widths; places take what the longest name of a sheet needs, since no link wraps."""
    place = max((len(line.finding.sheet or "") for line in lines), default=0) + _ADDRESS
    return [
        max(width, place) if name == read_back.WHERE else width
        for group in columns
        for name, width in group
    ]


def _at(columns: Sequence[tuple[str, int]], heading: str) -> int:
    return next(i for i, (name, _) in enumerate(columns) if name == heading)


def _headings(
    page: Page, columns: Sequence[tuple[str, int]], review: Sequence[tuple[str, int]] = ()
) -> None:
    for number, (heading, _) in enumerate((*columns, *review)):
        page.put(0, number, heading, "review" if number >= len(columns) else "heading")


def _table(page: Page, columns: Sequence[tuple[str, int]], count: int, name: str) -> None:
    """Make an Excel table of the headings, the reviewers' included, and `count` rows below."""
    heads = [
        {"header": heading, "header_format": page.formats[style]}
        for group, style in ((columns, "heading"), (_REVIEW, "review"))
        for heading, _ in group
    ]
    facts = {"name": name, "style": None, "columns": heads}
    page.sheet.add_table(0, 0, 1, len(heads) - 1, facts)  # stretched to the rows put below
    _validated(page, len(columns), count)


def _validated(page: Page, first: int, count: int) -> None:
    """Offer the statuses, and ask for dates, in the reviewers' columns from `first` on."""
    last = max(count, 1)
    status = first + _at(_REVIEW, read_back.STATUS)
    listed = {"validate": "list", "source": list(ANSWER_STATUSES)}
    page.sheet.data_validation(1, status, last, status, listed)
    for heading in _DATED:
        column = first + _at(_REVIEW, heading)
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


def _facts(lines: Sequence[Line], linked: set[str]) -> list[Column]:
    found = [line.finding for line in lines]
    return [
        Column([f.id for f in found]),
        Column(
            [f.severity.value for f in found],
            ["label" if f.severity.rank == 0 else "text" for f in found],
        ),
        Column([f.check for f in found]),
        _where(lines, linked),
        Column([_record(line) for line in lines]),
        Column([f.heading for f in found]),
        Column(
            [f.value for f in found],  # where there is no cell, it is a share
            ["percent2" if f.table is None else number_style(f.value) for f in found],
        ),
        Column([f.expected for f in found]),
        Column([f.difference for f in found]),
        Column([_message(line) for line in lines]),
        Column([f.remedy for f in found]),
    ]


def _record(line: Line) -> str | None:
    if not line.folded:
        return line.finding.key
    return f"{line.finding.key or ''} and {line.count - 1:,} more".strip()


def _message(line: Line) -> str:
    message = line.finding.message
    if line.folded:
        first, last = line.folded[0].row, line.folded[-1].row
        message += f" The same in {line.count:,} rows, {first:,} to {last:,}."
    return f"{message} {read_back.EXCEPTED}" if line.finding.accepted else message


def _where(lines: Sequence[Line], linked: set[str]) -> Column:
    """Give the places, as links only where they are cells of this very workbook."""
    texts, links = [], list[str | None]()
    base = {sheet: quoted(sheet) for sheet in linked}
    for line in lines:
        finding = line.finding
        place = finding.cell or (f"row {finding.row:,}" if finding.row else "")
        at = cell_of(finding.cell)
        if at is not None and line.folded:
            place = f"{place}:{column_letter(at[1])}{line.folded[-1].row}"
        sheet = finding.sheet
        text = f"{sheet}!{place}" if sheet and place else sheet or finding.scope
        texts.append(text if finding.main else f"{finding.file}: {text}")
        ours = finding.main and at is not None and sheet in base
        to = place if not line.folded or cell_of(place.partition(":")[2]) else finding.cell
        links.append(f"{base[sheet or '']}!{to}" if ours else None)
    return Column(texts, ["text" if link is None else "link" for link in links], links)


def _given(finding: Finding, answers: Mapping[str, Answer]) -> Answer:
    """Give what the reviewer wrote; an exception of the workbook's own is accepted meanwhile."""
    answer = answers.get(finding.id) or Answer(finding.id)
    if finding.accepted and answer.status == ANSWER_STATUSES[0]:
        return replace(answer, status="accepted")
    return answer


def _answers(given: Sequence[Answer]) -> list[Column]:
    columns = []
    for name, (heading, _) in zip(_GIVEN, _REVIEW, strict=True):
        values = [getattr(answer, name) for answer in given]
        style = "answer_date" if heading in _DATED else "answer"
        columns.append(Column(values if any(values) else (), style))
    return columns
