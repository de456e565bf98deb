"""The report room: the workbook given back as it came, with the findings in it."""

from fundtrack.report.annotate import annotate, is_annotated, refuse_target
from fundtrack.report.plain import plain_workbook
from fundtrack.report.strip import strip, stripped

__all__ = ["annotate", "is_annotated", "plain_workbook", "refuse_target", "strip", "stripped"]
