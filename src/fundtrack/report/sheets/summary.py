"""The summary: what a donor officer reads first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fundtrack import schema
from fundtrack.model import EDITION, Assessment, Result, Severity, SheetFacts, Status
from fundtrack.report.sheets.charts import drawings, place, tabulate
from fundtrack.report.sheets.page import Page, basis, count, decimals, named, words
from fundtrack.report.text import verdict

if TYPE_CHECKING:
    from fundtrack.report.sheets.workings import Tracing

_WIDTHS = (46, 14, 14, 14, 15, 15, 16, 16)
_PAIR = 2  # charts in a row


def summary(
    page: Page,
    assessment: Assessment,
    families: Mapping[str, str],
    unnoted: tuple[int, int],
    remarks: Sequence[str],
    tracing: Tracing | None = None,
) -> None:
    """Write the sheet; `unnoted`: findings without a note, and the most notes a sheet.

    Key figures and the charts' numbers point at their workings, where there are any.
    """
    page.start("summary", _WIDTHS)
    page.sheet.set_row(0, 24)
    page.put(0, 0, f"Check of {assessment.file}", "title")
    page.across(1, 0, verdict(assessment), "verdict")
    drawn = drawings(assessment, families, tracing)
    row, charts = place(page, 3, drawn)
    first = row
    row = _about(page, assessment, row + 1 if drawn else row)
    row = _scores(page, assessment, families, row + 1)
    row = _severities(page, assessment, *unnoted, row=row + 1)
    figures = row + 1
    row = _key_figures(page, assessment, tracing, figures)
    row = _not_assessed(page, assessment, row + 1)
    if remarks:
        row = _section(page, row + 1, "Remarks")
        for remark in remarks:
            page.across(row, 0, remark)
            row += 1
    # On paper, two rows of charts are a page of their own, and no table of figures is torn.
    breaks = [first, figures] if len(drawn) > _PAIR else []
    start = row + 1
    breaks += [start] * bool(drawn)
    for drawing, chart in zip(drawn, charts, strict=True):
        top, row = row + 1, tabulate(page, row + 1, drawing, chart)
        if page.points(start, row) > page.paper() and top > start:
            breaks.append(start := top)
    page.sheet.set_h_pagebreaks(breaks)
    # See graft._open_on: the sheet on which the workbook opens may be selected in a group.
    page.sheet.protect(
        "", {"format_cells": True, "format_columns": True, "format_rows": True, "sort": True}
    )


def _section(
    page: Page,
    row: int,
    title: str,
    headings: Sequence[str] = (),
    *,
    numbers: Sequence[str] = (),
) -> int:
    page.put(row, 0, title, "section")
    page.headings(headings, numbers, row=row + 1)
    return row + (2 if headings else 1)


def _about(page: Page, assessment: Assessment, row: int) -> int:
    settings = assessment.settings
    read = [s for s in assessment.sheets if s.table]
    ignored = [s.sheet for s in assessment.sheets if not s.table]
    start, end = settings.get("period_start"), settings.get("period_end")
    facts = {
        "Workbook": assessment.file,
        "Layout": f"{assessment.layout_title} ({assessment.kind})",
        "Guidance": EDITION,
        "Reference date": words(settings.get("reference_date")),
        "Period": f"{words(start)} to {words(end)}" if start or end else "",
        "Reporting currency": words(settings.get("reporting_currency")),
        "Sheets read": "; ".join(_read(read)),
        "Sheets not read": "; ".join(ignored),
    }
    row = _section(page, row, "What was checked")
    for label, value in facts.items():
        page.put(row, 0, label, "label")
        page.across(row, 1, value or "–")
        row += 1
    return row


def _read(sheets: Sequence[SheetFacts]) -> Iterator[str]:
    """Each sheet with its rows; with what they are, where it holds rows of several kinds."""
    kinds: dict[str, list[SheetFacts]] = {}
    for sheet in sheets:
        kinds.setdefault(named(sheet), []).append(sheet)
    for name, found in kinds.items():
        of = (f" of {schema.tables()[s.table or ''].sheet}" * (len(found) > 1) for s in found)
        rows = (count(s.rows, "row") + kind for s, kind in zip(found, of, strict=True))
        yield f"{name} ({', '.join(rows)})"


def _scores(page: Page, assessment: Assessment, families: Mapping[str, str], row: int) -> int:
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
    page: Page, assessment: Assessment, unnoted: int, max_notes: int, *, row: int
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
            f"{count(unnoted, 'finding')} at a cell {'has' if unnoted == 1 else 'have'} no note "
            f"there: at most {max_notes:,} notes are written to a sheet, the worst first, and none "
            "on a cell that has a note already. All findings are highlighted and listed.",
        )
        row += 1
    return row


def _key_figures(page: Page, assessment: Assessment, tracing: Tracing | None, row: int) -> int:
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
        places = decimals(result)
        page.put(row, 0, f"{result.check.id}: {assessment.limits.fill(result.check.title)}", "text")
        figures = {"share": result.value, "lowest": result.low, "highest": result.high}
        for column, (name, figure) in enumerate(figures.items(), 1):
            cell = tracing.cell(result.check.id, name) if tracing else None
            page.linked(row, column, figure, f"percent{places}", cell)
        page.share(row, 4, result.threshold, places)
        page.put(row, 5, _gap(result), f"points{places}")
        page.put(row, 6, result.status.words, "fail" if result.status is Status.FAIL else "text")
        said = basis(result, assessment.limits)
        said += ", not confirmed" * bool(said and not result.confirmed)
        page.put(row, 7, said, "text")
        row += 1
    return row


def _has_value(result: Result) -> bool:
    return result.value is not None or result.low is not None or result.high is not None


def _gap(result: Result) -> float | None:
    """Give the percentage points from the threshold to a share, or to its nearer bound.

    None where the threshold lies between the bounds: the gap is then not known, not nought.
    """
    low, high, limit = result.low, result.high, result.threshold
    if low is None or high is None or limit is None:
        return None
    nearest = min((low, high), key=lambda bound: abs(bound - limit))
    return None if low < limit < high else (nearest - limit) * 100


def _not_assessed(page: Page, assessment: Assessment, row: int) -> int:
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
