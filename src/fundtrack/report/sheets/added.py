"""The sheets that the report adds, built as a workbook of their own."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from fundtrack.model import Assessment
from fundtrack.report.answers import Listed
from fundtrack.report.sheets.checks import checks
from fundtrack.report.sheets.findings import earlier, findings, folded, lines
from fundtrack.report.sheets.page import Page, formats, new_book
from fundtrack.report.sheets.provenance import provenance
from fundtrack.report.sheets.rows import Block
from fundtrack.report.sheets.summary import summary


def build(
    assessment: Assessment,
    *,
    families: Mapping[str, str],
    original_sheets: Sequence[str],
    unnoted: int,
    max_notes: int,
    remarks: Sequence[str],
    lost: Sequence[Listed],
    name_prefix: str,
) -> tuple[bytes, Mapping[str, Sequence[Block]]]:
    """Give the bytes of a workbook that holds the added sheets, under names that are free.

    A hidden defined name leads to each of them (`name_prefix` and its role). With them come the
    rows of their big tables, by sheet, which `rows.spliced` puts in. `lost`: earlier findings that
    were answered and are no longer found.
    """
    from fundtrack.report.sheets.workings import Tracing  # noqa: PLC0415 - it loads pandas

    buffer = io.BytesIO()
    book = new_book(buffer)
    taken = {name.lower() for name in original_sheets}
    answers, linked = assessment.answers, set(original_sheets)
    listed = lines(assessment.findings, original_sheets, answers)
    page = Page(book, formats(book), taken, name_prefix)
    remarks = [*assessment.remarks, *remarks]
    tracing = Tracing(page, assessment) if assessment.workings else None
    summary(page, assessment, families, (unnoted, max_notes), remarks, tracing)
    findings(page, listed, linked, answers)
    folded(page, listed, linked)
    earlier(page, lost)
    checks(page, assessment, tracing)
    if tracing:
        tracing.write()
    provenance(page, assessment, remarks)
    page.finish()
    book.close()
    return buffer.getvalue(), page.blocks
