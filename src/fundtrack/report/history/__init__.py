"""The ledger's answers as people and programs read them: a page, a list, JSON, CSV, a workbook."""

from fundtrack.report.history.text import difference, page, recorded, reviewed
from fundtrack.report.history.workbook import workbook

__all__ = ["difference", "page", "recorded", "reviewed", "workbook"]
