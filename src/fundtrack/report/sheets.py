"""The sheets that the report adds, built as a workbook of their own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import xlsxwriter

from fundtrack.model import Assessment
from fundtrack.report.checks import checks
from fundtrack.report.findings import ROWS_A_SHEET, findings, lines
from fundtrack.report.page import Page, formats
from fundtrack.report.provenance import provenance
from fundtrack.report.summary import summary
from fundtrack.report.workings import Ledger

ROLES = ("summary", "findings", "checks", "workings", "provenance")


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
    listed = lines(assessment.findings, original_sheets)
    page = Page(book, formats(book), taken, name_prefix)
    remarks = [*assessment.remarks, *remarks]
    ledger = Ledger(page, assessment) if assessment.workings else None
    summary(page, assessment, families, (unnoted, max_notes), remarks, ledger)
    # Excel's last row is 1,048,576: findings beyond it go on in a further sheet.
    for start in range(0, max(len(listed), 1), ROWS_A_SHEET):
        findings(page, listed[start : start + ROWS_A_SHEET], set(original_sheets))
    checks(page, assessment, ledger)
    if ledger:
        ledger.write()
    provenance(page, assessment, remarks)
    page.finish()
    book.close()
    return buffer.getvalue()
