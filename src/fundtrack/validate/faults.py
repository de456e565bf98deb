"""What is said of each kind of fault, and how a fault is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fundtrack.model import Fault, Severity, Table
from fundtrack.schema import Field

WHAT = {
    "number": "a plain number",
    "integer": "a whole number",
    "percent": "a percentage (10 means 10%)",
    "date": "a real date",
    "yearmonth": "a month",
}


@dataclass(frozen=True)
class Words:
    """What is said of one kind of fault, in one place."""

    check: str
    severity: Severity
    message: str
    remedy: str
    unusable: bool = False  # the cell was read, but its content cannot be meant


CONSTRAINTS = {
    "SCH-type": "A cell holds what its column cannot hold: text in a column of numbers, an error "
    "such as #DIV/0!, or a formula that was never calculated. Such a cell is read as blank, that "
    "is, as unknown; a plain number stored as text is used, with a warning.",
    "SCH-required": "A column or a cell that every check relies on is missing or blank. Blank is "
    "unknown, never “no”.",
    "SCH-minimum": "A figure lies outside what it can be, such as an amount below zero.",
    "SCH-percent": "A percentage between 0 and 1 in a cell that is not formatted as one: type 10 "
    "for 10%.",
    "SCH-pattern": "A text does not have the form that its column asks for, such as an "
    "identifier with spaces.",
    "SCH-heading": "A heading or a sheet's name is nearly one that is known. It is not taken for "
    "it: we ask.",
    "SCH-two-columns": "Two columns read as the same field, so neither was used.",
    "SCH-template": "The Settings name another version of the template than the present one, or "
    "another kind of workbook than the sheets make. The workbook is checked all the same.",
}
WORDS = {
    "type": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} holds “{value}”, which is not {what}; it was not used.{hint}",
        "Type it as {what}, without signs or separators.",
    ),
    "text-number": Words(
        "SCH-type",
        Severity.WARNING,
        "“{heading}” of {key} holds the number “{value}” stored as text; Excel's own sums leave "
        "it out.",
        "Select the cell, choose “Convert to Number”.",
    ),
    "other-currency": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} holds “{value}”, but the currency of its row is {own}; it was not "
        "used.",
        "Correct the one that is wrong, and type the amount as a plain number.",
    ),
    "error-value": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} shows the error {value}; its figure is unknown.",
        "Mend the formula, or type the figure.",
    ),
    "not-calculated": Words(
        "SCH-type",
        Severity.ERROR,
        "“{heading}” of {key} holds a formula that was never calculated; its figure is unknown.",
        "Open the workbook in Excel or LibreOffice, let it calculate, and save it.",
    ),
    "small-percent": Words(
        "SCH-percent",
        Severity.WARNING,
        "“{heading}” of {key} holds {value}, which is read as {value}%: less than one per cent.",
        "Where 7% is meant, type 7, or 0.07 in a cell that is formatted as a percentage.",
    ),
    "code": Words(
        "DAT-06",
        Severity.ERROR,
        "“{value}” is not an allowed code for “{heading}”; it was read as blank.{hint}",
        "Choose a code from the list: {codes}.",
    ),
    "date": Words(
        "DAT-01",
        Severity.ERROR,
        "“{heading}” of {key} holds “{value}”, which is not {what}; it was not used.{hint}",
        "Type it as {what}, such as {such}, and not as other text.",
    ),
    "text-date": Words(
        "DAT-01",
        Severity.WARNING,
        "“{heading}” of {key} holds “{value}” as text; it was read as{hint}.",
        "Type it as a real date.",
    ),
    "required": Words(
        "SCH-required",
        Severity.ERROR,
        "“{heading}” of {key} {blank}.",
        "Fill the cell: {description}",
    ),
    "minimum": Words(
        "SCH-minimum",
        Severity.ERROR,
        "“{heading}” of {key} is {value}, but must be {expected}; it was not used.",
        "Correct the figure. {description}",
        unusable=True,
    ),
    "pattern": Words(
        "SCH-pattern",
        Severity.WARNING,
        "“{heading}” holds “{value}”, but must be {expected}.",
        "Correct it here and wherever it is used.",
    ),
    "unique": Words(
        "DAT-03",
        Severity.ERROR,
        "{key} stands in more than one row ({others}), but {headings} must be given once. No row "
        "was left out or merged.",
        "Correct the one that is wrong, or delete the row entered twice.",
    ),
    "reference": Words(
        "DAT-03",
        Severity.ERROR,
        "“{heading}” of {key} is “{value}”, which does not exist in the sheet “{parent}”.",
        "Add “{value}” to the sheet “{parent}”, or correct the identifier.",
    ),
    "order": Words(
        "DAT-01",
        Severity.ERROR,
        "“{heading}” of {key} is {value}, before “{start}” ({start_value}).",
        "Correct whichever of the two dates is wrong.",
    ),
    "range": Words(
        "DAT-01",
        Severity.ERROR,
        "“{heading}” of {key} is {value}, outside the years that can be meant ({expected}); it "
        "was not used.",
        "Correct the date.",
        unusable=True,
    ),
}


def fault_of(
    kind: str,
    table: Table,
    field: Field,
    labels: Sequence[int],
    expected: str,
    words: Mapping[str, Mapping[int, str]] | None = None,
    **fixed: str,
) -> Fault:
    """A fault of one kind in the cells of a field; `words` by row label and `fixed` for all fill
    the templates.
    """
    said = WORDS[kind]
    fixed = {
        "what": WHAT.get(field.type, "readable"),
        "description": field.description,
        "expected": expected,
        "such": "2024-06" if field.type == "yearmonth" else "2024-06-30",
    } | fixed
    return Fault(
        said.check,
        said.severity,
        table.name,
        field.name,
        said.message,
        said.remedy,
        expected,
        list(labels),
        {**fixed, **(words or {})},
        unusable=said.unusable,
    )
