"""What reviewers wrote beside the findings, read back from a copy that others have worked in.

Between two readings the copy may have been saved by LibreOffice or openpyxl, its tables sorted,
their columns moved, its sheets renamed. So the sheets are found by the hidden names that follow
them, the columns by their headings, and each answer by the id of its finding.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fundtrack import read
from fundtrack.bounds import Bounds, bytes_of
from fundtrack.grid import Grid
from fundtrack.model import ANSWER_STATUSES, Answer, FundtrackError
from fundtrack.ooxml import Package, column_letter
from fundtrack.report.ours import sheets_by_role
from fundtrack.words import plural

# The headings of the findings by which a line and its answer are read back; see `findings`.
FINDING, LINE, SEVERITY, CHECK = "Finding", "Line", "Severity", "Check"
WHERE, RECORD, MESSAGE = "Where", "Record", "Message"
HEADING, VALUE, EXPECTED = "Heading", "Value found", "Expected"
DIFFERENCE, REMEDY = "Difference", "How to fix"
RESPONSE, ACTION, DUE = "Response", "Agreed action", "Due date"
STATUS, ROLE, REVIEWED = "Status", "Reviewer's role", "Reviewed on"
_ANSWER = (RESPONSE, ACTION, DUE, STATUS, ROLE, REVIEWED)
_BESIDE = (RESPONSE, ACTION, DUE, ROLE, REVIEWED)
_READ = (FINDING, LINE, SEVERITY, CHECK, WHERE, RECORD, MESSAGE, *_ANSWER)
_NOT_READ = (HEADING, VALUE, EXPECTED, DIFFERENCE, REMEDY)

# The end of the message of a finding that the sheet Exceptions accepts: its status is not an
# answer, and lapses with the exception.
EXCEPTED = "Accepted as an exception."

_OPEN, _ACCEPTED = ANSWER_STATUSES[0], "accepted"
_HEADINGS_WITHIN = 30  # rows; somebody may have written above the table
_ID = re.compile(r"[0-9a-f]{16}")
_EXCEL_DAYS = range(36_526, 73_051)  # 2000-01-01 to 2099-12-31, where a cell lost its date format


@dataclass(frozen=True, slots=True)
class Listed:
    """One finding as a copy lists it, in the words of the copy, with what was answered."""

    id: str
    answer: Answer
    severity: str = ""
    check: str = ""
    where: str = ""
    record: str = ""
    message: str = ""
    excepted: bool = False  # accepted by the workbook's own sheet of exceptions
    gone: bool = False  # of an earlier check: it was no longer found when the copy was made

    @property
    def answered(self) -> bool:
        """True where a reviewer wrote anything at all."""
        return self.answer != Answer(self.id)


@dataclass(frozen=True, slots=True)
class Answers:
    """All findings that a copy lists, by id, each once; folded lines unfolded."""

    listed: Mapping[str, Listed] = field(default_factory=dict)
    remarks: Sequence[str] = ()  # what could not be read as it was meant, for people
    others: Sequence[str] = ()  # headings of columns that somebody added to the findings

    @property
    def all(self) -> list[Answer]:
        """One answer a finding; of a finding that nobody answered, one that is blank and open."""
        return [line.answer for line in self.listed.values()]

    @property
    def given(self) -> dict[str, Answer]:
        """Only what reviewers wrote, by finding."""
        return {line.id: line.answer for line in self.listed.values() if line.answered}


def merged(first: Answers | None, second: Answers | None) -> Answers | None:
    """Give what both copies list; where one finding has two answers, both are kept."""
    if first is None or second is None:
        return first or second
    notes = _Notes()
    lines = dict(first.listed)
    for line in second.listed.values():
        _add(lines, line, notes)
    others = dict.fromkeys([*first.others, *second.others])
    return Answers(lines, [*first.remarks, *second.remarks, *notes.said()], list(others))


def carried(answers: Answers, now: Collection[str], source: str) -> list[str]:
    """Say what becomes of the answers of an earlier copy; `now` are the findings' ids of today."""
    given = answers.given
    if not given:
        return list(answers.remarks)
    lost = sum(name not in now for name in given)
    said = f"{len(given):,} {plural('answer', len(given))} by reviewers carried over from {source}."
    if lost:
        said += (
            f" {lost:,} of them {'is' if lost == 1 else 'are'} to what is no longer found: see the "
            f"sheet “Earlier answers”."
        )
    return [said, *answers.remarks]


def opened(path: Path, bounds: Bounds, password: str | None) -> Package:
    """Give the package of a workbook. Raises FundtrackError where it cannot be read."""
    data = read.unlocked(path, bytes_of(path, bounds), bounds, password)
    return Package(path, data=data, bounds=bounds)


def read_answers(package: Package, bounds: Bounds) -> Answers:
    """Give the findings and answers of a workbook that fundtrack annotated.

    Raises FundtrackError where it has no sheet of findings, or one whose headings are gone.
    """
    found = answers_in(package, bounds)
    if found is None:
        raise FundtrackError(
            package.file,
            "has no sheet of findings.",
            "Give the annotated copy that fundtrack wrote (its name ends in .checked.xlsx).",
        )
    return found


def answers_in(package: Package, bounds: Bounds) -> Answers | None:
    """Give the findings and answers of an annotated package; None where it lists no findings.

    Raises FundtrackError where there are findings whose headings are gone.
    """
    roles = sheets_by_role(package)
    names = [sheet.name for sheet in package.sheets if sheet.kind == "worksheet"]
    wanted = {name: roles[name] for name in names if roles.get(name) in _TABLES}
    grids = read.values(package, bounds, wanted or names)
    if "findings" not in wanted.values():  # a script that renames a sheet loses what leads to it
        wanted = {g.sheet: role for g in grids if (role := _role_by_headings(g))}
    if "findings" not in wanted.values():
        return None
    notes, others = _Notes(), dict[str, None]()
    lines: dict[str, Listed] = {}
    tables = {g.sheet: _table(g, package.file, others) for g in grids if g.sheet in wanted}
    for sheet, table in tables.items():
        if wanted[sheet] != "folded":
            for row in table:
                _add(lines, _listed(row, notes, gone=wanted[sheet] == "earlier"), notes)
    for sheet, table in tables.items():
        if wanted[sheet] == "folded":
            for row in table:
                _unfold(lines, row)
    return Answers(lines, notes.said(), list(others))


def provenance_in(package: Package, bounds: Bounds) -> dict[tuple[str, str], str]:
    """Give the facts of a copy's provenance by topic and item; none where it has lost the sheet."""
    wanted = {n: role for n, role in sheets_by_role(package).items() if role == "provenance"}
    facts: dict[tuple[str, str], str] = {}
    for grid in read.values(package, bounds, wanted) if wanted else ():
        for row in grid.rows:
            topic, item, value = (_text(cell) or "" for cell in [*row, None, None, None][:3])
            facts.setdefault((topic, item), value)
    return facts


_TABLES = {  # the sheets that are read, each with the headings that tell it from the others
    "folded": {LINE, FINDING},
    "findings": {FINDING, REMEDY, STATUS},
    "earlier": {FINDING, MESSAGE, STATUS},
}


def _role_by_headings(grid: Grid) -> str | None:
    for row in grid.rows[:_HEADINGS_WITHIN]:
        there = set(map(_plain, row))
        for role, headings in _TABLES.items():
            if set(map(_plain, headings)) <= there:
                return role
    return None


def _table(grid: Grid, file: str, others: dict[str, None]) -> list[dict[str, Any]]:
    """Give the rows below the headings as heading -> value; notes columns that are not ours."""
    for number, row in enumerate(grid.rows[:_HEADINGS_WITHIN]):
        headings = {_plain(cell): column for column, cell in reversed(list(enumerate(row)))}
        if _plain(FINDING) in headings:
            below = grid.rows[number + 1 :]
            at = {name: headings.get(_plain(name)) for name in (*_READ, *_NOT_READ)}
            known = {name: column for name, column in at.items() if column is not None}
            for column, heading in enumerate(row):  # a second of the same heading is not ours
                if column not in known.values() and any(r[column] != "" for r in below):
                    others[str(heading).strip() or f"column {column_letter(column)}"] = None
            return [{name: r[column] for name, column in known.items()} for r in below]
    if any(cell != "" for row in grid.rows for cell in row):
        raise FundtrackError(
            file,
            f"The heading “{FINDING}” is gone, so that the answers cannot be read.",
            "Put it back above the findings' ids, or write to another file with --output.",
            sheet=grid.sheet,
        )
    return []


def _plain(value: Any) -> str:
    return " ".join(str(value).replace("’", "'").split()).casefold()


class _Notes:
    """Gathers what was not written as it was meant, to say it once with a count."""

    def __init__(self) -> None:
        self._met: dict[str, list[str]] = {}

    def add(self, what: str, example: str) -> None:
        self._met.setdefault(what, []).append(example)

    def said(self) -> list[str]:
        return [
            f"{len(examples):,} × {what}, such as “{examples[0]}”: kept in the column Response."
            for what, examples in self._met.items()
        ]


def _listed(row: Mapping[str, Any], notes: _Notes, *, gone: bool) -> Listed | None:
    """Give one line; None where it is not one of a finding, such as a total or a remark."""
    name = _text(row.get(FINDING)) or ""
    if not _ID.fullmatch(name):
        return None
    message = _text(row.get(MESSAGE)) or ""
    excepted = message.endswith(EXCEPTED)
    return Listed(
        name,
        _answer(name, row, notes, excepted=excepted),
        _text(row.get(SEVERITY)) or "",
        _text(row.get(CHECK)) or "",
        _text(row.get(WHERE)) or "",
        _text(row.get(RECORD)) or "",
        message,
        excepted=excepted,
        gone=gone,
    )


def _answer(name: str, row: Mapping[str, Any], notes: _Notes, *, excepted: bool) -> Answer:
    if row.get(STATUS, "") in ("", _OPEN) and all(row.get(h, "") == "" for h in _BESIDE):
        return Answer(name)  # as most are
    kept = []
    status = (_text(row.get(STATUS)) or _OPEN).casefold()
    if status not in ANSWER_STATUSES:
        written = _text(row.get(STATUS)) or ""
        notes.add(f"a status other than {', '.join(ANSWER_STATUSES)}", written)
        kept.append(f"[{STATUS}: {written}]")
        status = _OPEN
    if excepted and status == _ACCEPTED:
        status = _OPEN  # written by the program, not by a reviewer
    dates = []
    for heading in (DUE, REVIEWED):
        day, odd = _day(row.get(heading))
        if odd:
            notes.add("a date not written as 2025-01-31", odd)
            kept.append(f"[{heading}: {odd}]")
        dates.append(day)
    return Answer(
        name,
        status,
        "\n".join(filter(None, (_text(row.get(RESPONSE)), *kept))) or None,
        _text(row.get(ACTION)),
        dates[0],
        _text(row.get(ROLE)),
        dates[1],
    )


def _text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    return str(value).strip() or None if value is not None else None


def _day(value: Any) -> tuple[dt.date | None, str | None]:
    """Give the day that a cell holds, or else what is written there."""
    if isinstance(value, dt.datetime):
        return value.date(), None
    if isinstance(value, dt.date):
        return value, None
    if isinstance(value, int | float) and not isinstance(value, bool) and value in _EXCEL_DAYS:
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(value)), None
    text = _text(value)
    try:
        return (dt.date.fromisoformat(text), None) if text else (None, None)
    except ValueError:
        return None, text


def _add(lines: dict[str, Listed], line: Listed | None, notes: _Notes) -> None:
    """Put a line among the others; where a finding is there twice, both answers are kept."""
    if line is None:
        return
    before = lines.get(line.id)
    if before is None or not before.answered:
        still = line.gone and before is not None and not before.gone
        lines[line.id] = replace(line, gone=False) if still else line
    elif line.answered and line.answer != before.answer:
        notes.add("a second answer to the same finding", line.answer.response or line.answer.status)
        lines[line.id] = replace(before, answer=_both(before.answer, line.answer))


def _both(first: Answer, second: Answer) -> Answer:
    """Give the first answer, with what the second says otherwise at the end of its response."""
    other = {
        ACTION: (first.action, second.action),
        DUE: (first.due, second.due),
        STATUS: (first.status, second.status),
        ROLE: (first.role, second.role),
        REVIEWED: (first.reviewed_on, second.reviewed_on),
    }
    also = [f"[{h}: {b}]" for h, (a, b) in other.items() if b is not None and a != b]
    said = [line for text in (first.response, second.response) for line in (text or "").split("\n")]
    return replace(first, response="\n".join(dict.fromkeys(filter(None, [*said, *also]))) or None)


def _unfold(lines: dict[str, Listed], row: Mapping[str, Any]) -> None:
    """Give a finding behind a folded line the answer of that line."""
    name, line = _text(row.get(FINDING)) or "", lines.get(_text(row.get(LINE)) or "")
    if not _ID.fullmatch(name):
        return
    place = _text(row.get(WHERE)) or ""
    record, message = _text(row.get(RECORD)) or "", _text(row.get(MESSAGE)) or ""
    if line is None:  # somebody deleted the line: its findings are still listed
        facts = Listed(name, Answer(name), where=place, record=record, message=message)
        lines.setdefault(name, facts)
        return
    own = lines.get(name, line)
    given = own.answer if own is not line and own.answered else line.answer
    lines[name] = replace(
        line,
        id=name,
        answer=replace(given, finding=name),
        where=place,
        record=record,
        message=message,
    )
