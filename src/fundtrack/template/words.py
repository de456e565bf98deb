"""What the templates say: the sheet “Read me”, the notes on headings, the messages at the cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fundtrack import schema
from fundtrack.schema import EXAMPLE, Field, TableSchema
from fundtrack.template.entry import HOW
from fundtrack.template.formulas import DAYS, LOOK, MONTHS

if TYPE_CHECKING:
    from fundtrack.template.book import Content

REQUIRED = "Dark heading"
SOMETIMES = "Middle heading"
OPTIONAL = "Pale heading"
WORKED = "Grey heading"

LIVE_LINE = (
    "Worked out while you type, as fundtrack check does it. A blank cell is unknown, so a figure "
    "has a lowest and a highest possible value."
)
LIVE_HEADS = (
    "Share",
    "Lowest",
    "Highest",
    "Asked for",
    "Reading",
    "Counts",
    "Not known",
    "Out of",
    "Perhaps within",
    "Perhaps beside",
)
READINGS = {
    "Met": "met",
    "Not met": "not",
    "Open": "open",
    "Not worked": "open",
    "Fill": "open",
}
LOOK_HEADS = ("Rows to look at, by sheet", "Rows")
BEYOND = (
    "Rows below row {last}, which have no formulas. If there are any, run fundtrack check instead, "
    "or fundtrack template --from this workbook: it makes room for all."
)
NOTES = {
    MONTHS: "Whole months from the first to the last day, both included, on the calendar. "
    "Worked out from the two dates; the checker does not read it.",
    DAYS: "The days beyond the whole months. Worked out; the checker does not read it.",
    LOOK: "What the checker would find in this row, in words, while you type. Worked out; the "
    "checker does not read it.",
}


def need(item: Field) -> str:
    """Whether a field must be filled, in words."""
    if item.constraints.required:
        return "Always needed."
    return f"Needed if {item.requiredWhen}." if item.requiredWhen else "May stay blank."


def note(item: Field) -> str:
    """The note on a heading: what to write, whether it is needed, in which form."""
    lines = [item.description, need(item)]
    if item.codes:
        lines.append(f"Choose from the list: {item.codes.title}.")
    elif item.type in HOW:
        lines.append(f"Write {HOW[item.type]}.")
    if item.unit:
        lines.append(f"Unit: {item.unit}.")
    if item.example is not None:
        lines.append(f"Example: {item.example}.")
    return "\n".join(lines)


def message(item: Field) -> str:
    """What Excel shows beside a chosen cell: at most 255 characters."""
    text = item.description
    if item.codes and not item.many:
        told = ", ".join(f"{code} {name}" for code, name in item.codes.codes.items())
        if any(code.casefold() != name.casefold() for code, name in item.codes.codes.items()):
            meanings = f"\n{told}"
            more = "\nThe sheet Codes explains each code."
            text += meanings if len(text + meanings) <= 255 else more
    return text if len(text) <= 255 else text[:254] + "…"


Line = tuple[str, str, str]  # style, left, text


def readme(kind: str, tables: Sequence[TableSchema], content: Content, rows: int) -> list[Line]:
    """The lines of the first sheet."""
    who = "gives the grants" if kind == "donor" else "carries out the work"
    lines: list[Line] = [
        ("title", "Read me", ""),
        (
            "text",
            "What this is",
            f"The workbook of an organisation that {who}. You fill the sheets; fundtrack checks "
            "them against the policy brief and hands the workbook back with its findings.",
        ),
        (
            "warn",
            "Never write here",
            "Names of people at risk, passports, telephone numbers, e-mail or home addresses: "
            "nowhere in this workbook. Use your own codes, such as CSO-014 or P-001, and keep the "
            "list of who is who elsewhere, where only your team can open it.",
        ),
        ("head", "How to fill it", ""),
        ("text", "1", "Begin with Settings, then Organisations, then Grants. Other sheets next."),
        (
            "text",
            "2",
            "Click into a cell: a message says what belongs there. A list opens at the arrow. The "
            "sheet Codes explains every code. Point at a heading for more.",
        ),
        (
            "text",
            "3",
            "Leave blank what you do not know. Blank means unknown; it is never read as no or as "
            "zero. A sheet that you have nothing for stays as it is.",
        ),
        (
            "text",
            "4",
            f"The grey row that begins with {EXAMPLE} is an example, and is never read. Leave it, "
            f"delete it, or write over it: once its first entry no longer begins with {EXAMPLE} "
            "the row counts.",
        ),
        (
            "text",
            "5",
            "Dates are real dates, shown as 2024-06-30. Amounts are plain numbers, with their "
            "currency in its own column. 10 means 10%. No totals rows: the checks add up.",
        ),
        (
            "text",
            "6",
            "You may sort, filter, paste, insert and delete rows, and add columns of your own. "
            "When you paste, paste values: the rules of the cells stay.",
        ),
        (
            "text",
            "7",
            "Look at the column “To look at” and at Live summary while you type. They know the "
            f"first {rows:,} rows of each sheet and read the codes of the lists alone; the full "
            "answer is fundtrack check WORKBOOK.",
        ),
        ("head", "What the colours say", ""),
        ("text", REQUIRED, "Always needed. A begun row shows what is missing in pale yellow."),
        ("text", SOMETIMES, "Needed in some rows; the note on the heading says in which."),
        ("text", OPTIONAL, "May stay blank, but lets more be checked."),
        ("text", WORKED, "Worked out by a formula. Do not write there; it is never read."),
        (
            "text",
            "White on red",
            "Cannot stand: dates out of order, an ID given twice, or a grant to civil society of "
            "three months or less. From six months downwards it turns from pale to deep amber.",
        ),
        ("head", "Who fills which sheet", ""),
    ]
    for table in tables:
        text = f"{table.description} Filled by {table.filledBy}."
        if table.restricted:
            text += (
                " Restricted: keep it in a file of its own where that is safer, and check the two "
                "together: fundtrack check WORKBOOK --with RESTRICTED."
            )
        lines.append(("text", table.sheet, text))
    lines.append(("text", live_sheet(), "The key figures of the whole portfolio while you type."))
    if content.source:
        lines.append(("head", "Where the data comes from", ""))
        lines.append(("text", "File", content.source))
        lines += [("text", "Left behind", sentence) for sentence in content.left]
        lines.append(("head", "Still to be filled", ""))
        lines += [
            ("text", sheet, f"{heading}: {missing}")
            for sheet, heading, missing in content.questions
        ]
        if not content.questions:
            lines.append(("text", "Nothing", "Everything that is always needed is there."))
    lines.append(("head", "This template", ""))
    edition = f"fundtrack template, {kind}, version {schema.version()}."
    lines.append(("text", "Version", edition + " Leave it in Settings as it stands."))
    return lines


def live_sheet() -> str:
    """The name of the sheet of key figures."""
    return "Live summary"
