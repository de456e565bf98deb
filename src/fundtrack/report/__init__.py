"""The report room: the workbook given back as it came, with the findings in it."""

from fundtrack.report.annotate import annotate, is_annotated, refuse_target
from fundtrack.report.answers import Answers, Listed, answers_in, ledger_mark, read_answers
from fundtrack.report.plain import plain_workbook
from fundtrack.report.strip import strip

__all__ = [
    "Answers",
    "Listed",
    "annotate",
    "answers_in",
    "is_annotated",
    "ledger_mark",
    "plain_workbook",
    "read_answers",
    "refuse_target",
    "strip",
]
