"""The history as a workbook with charts; `text` has it as text, JSON and CSV."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundtrack.history import Figure, Followed, History, What
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package
from fundtrack.report.history.records import finding_row
from fundtrack.report.ours import names_of
from fundtrack.report.parts.files import refuse_other, write_file
from fundtrack.report.sheets.page import A3, Page, formats, new_book

_PREFIX = "fundtrack_history_"
_CHARTS = 12  # key figures with a chart of their own
# Told apart by print in grey too; the first is the accent of the other reports.
_COLOURS = ("#1F3864", "#D6604D", "#7F9FC7", "#BFBFBF")


def workbook(told: Sequence[History], target: Path, *, force: bool) -> str:
    """Writes the workbook of a history, and gives the line that says so. Raises FundtrackError."""
    if target.suffix.lower() != ".xlsx":
        raise FundtrackError(
            target.name, "has the wrong ending.", "Name a file that ends in .xlsx."
        )
    refuse_other(target, _is_history, "is not a history that fundtrack wrote", force=force)
    buffer = io.BytesIO()
    book = new_book(buffer)
    page = Page(book, formats(book), set(), _PREFIX)
    for history in told:
        _overview(page, history)
        _figures(page, history)
        _findings(page, history)
    page.finish()
    book.close()
    write_file(target, buffer.getvalue())
    return f"The history: {target}"


def _is_history(package: Package) -> bool:
    return bool(names_of(package, _PREFIX))


_COUNTED = (
    ("New", What.NEW),
    ("Reopened", What.REOPENED),
    ("Exception ended", What.EXPIRED),
    ("Exception withdrawn", What.WITHDRAWN),
    ("Still open", What.STILL_OPEN),
    ("Not judged", What.NOT_JUDGED),
    ("Resolved", What.RESOLVED),
    ("Record gone", What.GONE),
    ("No longer asked", What.NOT_ASKED),
    ("Terms changed", What.TERMS),
)


def _overview(page: Page, h: History) -> None:
    page.start("checks", [8, 12, 30, 10, 10, 12, *([12] * len(_COUNTED)), 60], paper=A3)
    heads = [
        "Check",
        "Day",
        "File",
        "Open",
        "Of them errors",
        "Accepted",
        *(n for n, _ in _COUNTED),
    ]
    page.headings([*heads, "Other terms than before"], [heads[0], *heads[3:]])
    for row, m in enumerate(h.moments, 1):
        counted = [m.counts.get(what, 0) for _, what in _COUNTED]
        cells: list[Any] = [m.number, m.day, m.file, m.open, m.errors, m.accepted, *counted]
        for column, value in enumerate([*cells, "; ".join(m.terms)]):
            page.put(row, column, value, "text" if isinstance(value, str) else "integer")
    last, name = len(h.moments), page.sheet.get_name()
    below = last + 2
    page.put(below, 0, f"{h.portfolio} ({h.kind}), as of {h.as_of}", "section")
    days = [name, 1, 1, last, 1]
    open_ = page.book.add_chart({"type": "column", "subtype": "stacked"})
    for column, title, colour in ((3, "Open", _COLOURS[0]), (5, "Accepted", _COLOURS[3])):
        open_.add_series(_series(name, column, last, title, days, colour))
    open_.set_title({"name": "Findings open after each check", "name_font": {"size": 12}})
    moved = page.book.add_chart({"type": "column"})
    for column, title, colour in (
        (6, "New", _COLOURS[1]),
        (7, "Reopened", _COLOURS[3]),
        (12, "Resolved", _COLOURS[0]),
        (13, "Record gone", _COLOURS[2]),
    ):
        moved.add_series(_series(name, column, last, title, days, colour))
    moved.set_title({"name": "What changed at each check", "name_font": {"size": 12}})
    for chart, column in ((open_, 0), (moved, 6)):
        chart.set_legend({"position": "bottom"})
        chart.set_y_axis({"num_format": "#,##0", "major_gridlines": {"visible": False}, "min": 0})
        chart.set_x_axis({"text_axis": True, "num_format": "yyyy-mm-dd"})
        chart.set_size({"width": 620, "height": 320})
        page.sheet.insert_chart(below + 1, column, chart)


def _series(
    name: str, column: int, last: int, title: str, days: list[Any], colour: str
) -> dict[str, Any]:
    return {
        "name": title,
        "categories": days,
        "values": [name, 1, column, last, column],
        "fill": {"color": colour},
        "gap": 80,
    }


def _figures(page: Page, h: History) -> None:
    known = [f for f in h.figures if f.low is not None]
    if not known:
        return
    page.start("figures", [9, 54, 12, 12, 12, 12, 18])
    heads = ("Check", "Key figure", "Day", "Lowest", "Highest", "Threshold", "Result")
    page.headings(heads, heads[3:6])
    spans: dict[str, list[int]] = {}
    for row, f in enumerate(known, 1):
        spans.setdefault(f.check, [row, row])[1] = row
        page.put(row, 0, f.check)
        page.put(row, 1, f.name)
        page.put(row, 2, f.day)
        for column, value in ((3, f.low), (4, f.high), (5, f.threshold)):
            page.share(row, column, value, 1)
        page.put(row, 6, f.status.replace("_", " "))
    for number, (first, last) in enumerate(list(spans.values())[:_CHARTS]):
        chart = _trend(page, known[first - 1 : last], first, last, known[last - 1].name)
        page.sheet.insert_chart(1 + 17 * (number // 2), 8 + 8 * (number % 2), chart)


def _trend(page: Page, mine: Sequence[Figure], first: int, last: int, title: str) -> Any:
    name = page.sheet.get_name()
    chart = page.book.add_chart({"type": "line"})
    lines = [("Lowest", 3, "solid"), ("Highest", 4, "round_dot"), ("Threshold", 5, "dash")]
    if all(f.low == f.high for f in mine):
        lines = [("Share", 3, "solid"), ("Threshold", 5, "dash")]
    if all(f.threshold is None for f in mine):
        lines.pop()
    for label, column, dash in lines:
        colour = _COLOURS[1] if label == "Threshold" else _COLOURS[0]
        series: dict[str, Any] = {
            "name": label,
            "categories": [name, first, 2, last, 2],
            "values": [name, first, column, last, column],
            "line": {"color": colour, "width": 2, "dash_type": dash},
        }
        if label != "Threshold":
            series["marker"] = {
                "type": "circle",
                "size": 5,
                "fill": {"color": colour},
                "border": {"color": colour},
            }
        chart.add_series(series)
    chart.set_title({"name": title, "name_font": {"size": 11}})
    chart.set_x_axis({"text_axis": True, "num_format": "yyyy-mm-dd"})
    most = max(max(f.high or 0, f.threshold or 0) for f in mine)
    axis = {"num_format": "0%", "min": 0, "major_gridlines": {"visible": False}}
    chart.set_y_axis(axis | ({"max": 1} if most > 0.8 else {}))
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 500, "height": 300})
    return chart


_FINDING: tuple[tuple[str, int], ...] = (
    ("Finding", 17),
    ("Check", 9),
    ("Severity", 10),
    ("Sheet", 16),
    ("Record", 16),
    ("Heading", 18),
    ("Organisation", 16),
    ("First found", 12),
    ("Stands", 14),
    ("At the last change", 22),
    ("Since", 12),
    ("Age in days", 10),
    ("Reason", 34),
    ("Exception until", 13),
    ("Answer", 11),
    ("Response", 30),
    ("Agreed action", 30),
    ("Due date", 12),
    ("Days overdue", 10),
    ("Reviewer's role", 16),
    ("Reviewed on", 12),
)


def _findings(page: Page, h: History) -> None:
    page.start("findings", [width for _, width in _FINDING], paper=A3)
    page.headings(head for head, _ in _FINDING)
    for row, f in enumerate(h.findings, 1):
        for column, value in enumerate(_cells(f)):
            page.put(row, column, value, "integer" if isinstance(value, int) else "text")
    page.sheet.autofilter(0, 0, max(1, len(h.findings)), len(_FINDING) - 1)


def _cells(f: Followed) -> list[Any]:
    row = finding_row(f)
    answer = f.replies[0].answer if f.replies else None
    row |= {"first_found": f.found, "what": f.what.words, "since": f.changed}
    row |= {"excepted_until": f.until, "due": answer.due if answer else None}
    row["reviewed_on"] = answer.reviewed_on if answer else None
    if row.pop("conflict"):
        row["response"] = "Two reviewers differ: " + " | ".join(
            ": ".join(
                filter(None, (r.answer.role or r.source, r.answer.response or r.answer.status))
            )
            for r in f.replies
        )
    return list(row.values())
