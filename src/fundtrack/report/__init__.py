"""The report room: the workbook given back as it came, with the findings in it."""

from fundtrack.report.annotate import annotate
from fundtrack.report.answers import (
    Answers,
    Listed,
    answers_in,
    carried,
    merged,
    opened,
    provenance_in,
    read_answers,
)
from fundtrack.report.ours import is_annotated, refuse_target
from fundtrack.report.parts.original import unanswered
from fundtrack.report.parts.threads import replies
from fundtrack.report.plain import plain_workbook
from fundtrack.report.redact import redacted, shared_workbook
from fundtrack.report.strip import strip, stripped
from fundtrack.report.verify import Verified, refuse_loss, verify

__all__ = [
    "Answers",
    "Listed",
    "Verified",
    "annotate",
    "answers_in",
    "carried",
    "is_annotated",
    "merged",
    "opened",
    "plain_workbook",
    "provenance_in",
    "read_answers",
    "redacted",
    "refuse_loss",
    "refuse_target",
    "replies",
    "shared_workbook",
    "strip",
    "stripped",
    "unanswered",
    "verify",
]
