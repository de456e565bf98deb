"""The checks: every one with its requirement, result, number and source, for auditors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fundtrack.model import Assessment, Limit, Limits, Result, Status
from fundtrack.report.sheets.page import A3, Page, basis, decimals, number_style
from fundtrack.rules.sources import cited
from fundtrack.words import measure

if TYPE_CHECKING:
    from fundtrack.report.sheets.workings import Tracing

_NUMBERS = ("Value", "Lowest possible", "Highest possible", "Threshold", "Findings")
_COLUMNS: tuple[tuple[str, int], ...] = (
    ("Check", 9),
    ("Requirement", 36),
    ("Place in the brief", 12),
    ("Words of the brief", 32),
    ("Result", 14),
    ("Value", 12),
    ("Lowest possible", 12),
    ("Highest possible", 12),
    ("Unit", 14),
    ("Threshold", 13),
    ("Basis", 14),
    ("Citation", 34),
    ("Confirmed", 11),
    ("Findings", 10),
    ("Why not assessed, or on what terms", 32),
)


def checks(page: Page, assessment: Assessment, tracing: Tracing | None) -> None:
    """Write the sheet of all checks, in the catalogue's order; shares point at their workings."""
    page.start("checks", [width for _, width in _COLUMNS], paper=A3)
    page.headings((heading for heading, _ in _COLUMNS), _NUMBERS)
    for row, result in enumerate(assessment.results, 1):
        _check(page, row, result, assessment.limits, tracing)
    page.sheet.autofilter(0, 0, max(len(assessment.results), 1), len(_COLUMNS) - 1)


def _check(page: Page, row: int, result: Result, limits: Limits, tracing: Tracing | None) -> None:
    check = result.check
    page.put(row, 0, check.id, "label")
    page.put(row, 1, limits.fill(check.title))
    page.put(row, 2, check.brief.place if check.brief else "–")
    page.put(row, 3, f"“{check.brief.quote}”" if check.brief else f"({check.origin})")
    page.put(row, 4, result.status.words, "fail" if result.status is Status.FAIL else "text")
    figures = {"share": result.value, "lowest": result.low, "highest": result.high}
    for column, (name, figure) in enumerate(figures.items(), 5):
        cell = tracing.cell(check.id, name) if tracing else None
        _figure(page, (row, column), figure, result, cell)
    page.put(row, 8, result.unit)
    _figure(page, (row, 9), result.threshold, result)
    page.put(row, 10, basis(result, limits))
    page.put(row, 11, _citation(result, limits.all))
    page.put(row, 12, ("yes" if result.confirmed else "no") if result.basis else None)
    page.put(row, 13, len(result.findings), "integer")
    page.put(row, 14, result.reason)


def _figure(
    page: Page,
    at: tuple[int, int],
    figure: float | None,
    result: Result,
    cell: str | None = None,
) -> None:
    share = result.unit == "share"
    style = f"percent{decimals(result)}" if share else number_style(figure)
    page.linked(*at, figure, style, cell)


def _citation(result: Result, limits: Mapping[str, Limit]) -> str:
    texts = []
    for threshold in result.check.thresholds:
        limit = limits.get(threshold.parameter)
        value = limit.value if limit else threshold.value
        number = "report only" if value is None else measure(value, threshold.unit)
        source = cited(threshold.cite) or threshold.basis.words
        note = f" – {threshold.note}" if threshold.note else ""
        texts.append(f"{threshold.parameter} = {number}: {source}{note}")
    return "\n".join(texts)
