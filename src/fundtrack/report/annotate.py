"""The annotated copy: which cells are highlighted, which get a note, what is added after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fundtrack.bounds import OWN
from fundtrack.model import Assessment, Finding, FundtrackError, Severity
from fundtrack.ooxml import (
    Package,
    SheetPart,
    cell_of,
    child,
    stacks,
)
from fundtrack.report.answers import Answers, Listed
from fundtrack.report.ours import MARKER, NAME_PREFIX, is_annotated, refuse_target
from fundtrack.report.parts.draft import Draft
from fundtrack.report.parts.notes import START, Note, noted_cells, write_notes
from fundtrack.report.parts.styles import Styles
from fundtrack.report.parts.tail import SheetText, Tail, column_widths, tail_of
from fundtrack.report.sheets.added import build
from fundtrack.report.sheets.graft import add_sheets

_MEND = "To have it marked, save the workbook in Excel or LibreOffice and check it again."
_SEVERITIES = list(Severity)
_RANGES_AN_ELEMENT = 400  # Excel reads long lists of ranges slowly, and cuts very long ones
# The fills differ in lightness too, and each has another font and border: told apart in grey and
# by colour-blind readers. Excel allows only thin lines in a differential format.
_DIFFERENTIAL = {
    Severity.ERROR: '<dxf><font><b/></font><fill><patternFill patternType="solid">'
    '<bgColor rgb="FFF4A582"/></patternFill></fill><border>{}</border></dxf>',
    Severity.WARNING: '<dxf><font><i/></font><fill><patternFill patternType="solid">'
    '<bgColor rgb="FFFFD966"/></patternFill></fill><border>{}</border></dxf>',
    Severity.NOTE: '<dxf><fill><patternFill patternType="solid">'
    '<bgColor rgb="FFEAF2FA"/></patternFill></fill><border>{}</border></dxf>',
}
_LINES = {Severity.ERROR: "thin", Severity.WARNING: "dashed", Severity.NOTE: "dotted"}


def annotate(
    path: Path,
    assessment: Assessment,
    target: Path,
    *,
    package: Package | None = None,
    seal: Callable[[bytes], bytes] | None = None,
    families: Mapping[str, str] | None = None,
    max_notes: int = 1000,
    force: bool = False,
    earlier: Answers | None = None,
) -> int:
    """Write the annotated copy of an .xlsx, .xlsm, .xltx or .xltm file; the input is only read.

    `package` holds the bytes that were assessed, where they were read before: `path` then only
    guards against being overwritten. `seal` protects the copy by a password.

    Gives the number of findings at a cell of this workbook that got no note: beyond `max_notes` a
    sheet, or on a cell that has a note of its own. `families` names the checks' families by the
    letters of their ids; `earlier` is what a copy of an earlier check listed: answers to what is
    no longer found get a sheet of their own. Raises FundtrackError when the target is the input
    or a file that fundtrack did not make (unless `force`), when the input is annotated already or
    unreadable, or when the target cannot be written; nothing is left behind then.
    """
    refuse_target(path, target, force=force)
    package = package or Package(path, bounds=OWN)
    if is_annotated(package):
        raise FundtrackError(
            path.name, "is annotated already.", "Take the annotation out first: fundtrack strip."
        )
    draft = Draft(package)
    styles = Styles(draft)
    remarks = _remarks(package, styles)
    unnoted = 0
    formats = _append_highlights(styles) if styles.usable else {}
    for sheet, cells in _by_sheet(package, assessment.findings).items():
        if not cells:
            continue
        marked = _mark(draft, sheet, cells, formats, max_notes)
        unnoted += marked.unnoted
        if marked.remark:
            remarks.append(f"Sheet “{sheet.name}” {marked.remark}")
    lost = _lost(assessment, earlier)
    added, blocks = build(
        assessment,
        families=families or {},
        original_sheets=[sheet.name for sheet in package.sheets],
        unnoted=unnoted,
        max_notes=max_notes,
        remarks=remarks,
        lost=lost,
        name_prefix=NAME_PREFIX,
    )
    add_sheets(draft, Package(path, data=added, bounds=OWN), styles, blocks)
    if styles.usable:
        styles.save()
    draft.save(target, answered=bool(assessment.answers or lost), seal=seal)
    return unnoted


def _lost(assessment: Assessment, earlier: Answers | None) -> list[Listed]:
    """Give the findings that were answered once and are not among those of now."""
    now = {finding.id for finding in assessment.findings}
    listed = earlier.listed.values() if earlier else ()
    return [line for line in listed if line.answered and line.id not in now]


def _remarks(package: Package, styles: Styles) -> list[str]:
    remarks = []
    protection = child(package.workbook, "workbookProtection")
    if protection is not None and protection.get("lockStructure") in ("1", "true"):
        remarks.append(
            "The workbook's structure is locked. The lock was kept; the report sheets were added "
            "all the same."
        )
    if any(name.lower().startswith("_xmlsignatures/") for name in package.names):
        remarks.append(
            "The workbook was digitally signed. Any change, this report included, makes the "
            "signature invalid; the signed original can be restored with fundtrack strip."
        )
    if not styles.usable:
        remarks.append(
            "The workbook has used up Excel's cell formats: findings have notes but no highlights."
        )
    return remarks


class _Cell:
    """A cell that has findings; `severity` is the worst, an accepted one counts as a note."""

    __slots__ = ("address", "column", "findings", "row", "severity")

    def __init__(self, address: str, at: tuple[int, int], findings: list[Finding]) -> None:
        self.address, (self.row, self.column) = address, at
        self.findings = findings
        ranks = [Severity.NOTE.rank if f.accepted else f.severity.rank for f in findings]
        self.severity = _SEVERITIES[min(ranks)]


def _by_sheet(package: Package, findings: Iterable[Finding]) -> dict[SheetPart, list[_Cell]]:
    """Give the cells that have findings, by their sheets."""
    # Of sheets that share a name the first is read, so it is marked: in this order it is kept.
    sheets = reversed(package.sheets)
    by_name = {s.name: s for s in sheets if s.kind == "worksheet" and s.part}
    found: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        if finding.main and finding.cell and finding.sheet in by_name:
            found.setdefault(finding.sheet, {}).setdefault(finding.cell, []).append(finding)
    return {
        by_name[name]: [
            _Cell(cell, at, listed)
            for cell, listed in cells.items()
            if (at := cell_of(cell)) is not None
        ]
        for name, cells in found.items()
    }


def _append_highlights(styles: Styles) -> dict[Severity, int]:
    formats = {}
    for severity, xml in _DIFFERENTIAL.items():
        sides = "".join(
            f'<{side} style="{_LINES[severity]}"><color rgb="FF404040"/></{side}>'
            for side in ("left", "right", "top", "bottom")
        )
        formats[severity] = styles.append_differential(xml.format(sides))
    return formats


class _Marked(NamedTuple):
    unnoted: int  # findings
    remark: str = ""


def _mark(
    draft: Draft,
    sheet: SheetPart,
    cells: Sequence[_Cell],
    formats: Mapping[Severity, int],
    max_notes: int,
) -> _Marked:
    """Highlight the cells and write their notes, as far as the sheet's parts let it."""
    text = SheetText.of(draft.read(sheet.part))
    tail = tail_of(text) if text else None
    every = sum(len(cell.findings) for cell in cells)
    if text is None or tail is None:
        return _Marked(
            every,
            "could not be marked, since what follows its cells cannot be read: its findings are "
            f"listed only. {_MEND}",
        )
    links = draft.rels(sheet.part)
    taken = noted_cells(draft, links)
    chosen: list[_Cell] = []
    if taken is not None:
        free = [cell for cell in cells if cell.address not in taken]
        chosen = sorted(free, key=lambda cell: cell.severity.rank)[:max_notes]
    rid = None
    if chosen:
        rid = write_notes(
            draft,
            sheet.part,
            [_note(cell) for cell in sorted(chosen, key=lambda c: (c.row, c.column))],
            links=links,
            drawing_rid=tail.drawing_rid,
            widths=column_widths(text.xml),
        )
    pieces = []
    if formats:
        pieces.append((tail.place("conditionalFormatting"), _highlights(tail, cells, formats)))
    if rid is not None and tail.drawing_rid is None:
        link = f'<{tail.prefix}legacyDrawing xmlns:r="{draft.link_type}" r:id="{rid}"/>'
        pieces.append((tail.place("legacyDrawing"), link.encode("ascii")))
    if pieces:
        same = 0 if text.wide else pieces[0][0]
        draft.put(sheet.part, text.spliced(pieces), same=same)
    noted = chosen if rid is not None else []
    unnoted = every - sum(len(c.findings) for c in noted)
    if taken is None or (chosen and rid is None):
        return _Marked(
            unnoted,
            "got no notes, since nothing can be added to those that it has: its findings are "
            f"highlighted and listed. {_MEND}",
        )
    return _Marked(unnoted)


def _note(cell: _Cell) -> Note:
    findings = sorted(cell.findings, key=lambda f: f.severity.rank)
    texts = []
    for finding in findings:
        accepted = " Accepted as an exception." if finding.accepted else ""
        texts.append(f"{finding.check} ({finding.severity}). {finding.message}{accepted}")
        if finding.remedy:
            texts[-1] += f"\nHow to fix: {finding.remedy}"
    heading = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return Note(cell.row, cell.column, f"{START}{heading}", "\n".join(texts))


def _highlights(tail: Tail, cells: Sequence[_Cell], formats: Mapping[Severity, int]) -> bytes:
    pieces, prefix, priority = [], tail.prefix, tail.free_priority(len(cells))
    formula = MARKER.replace('"', "&quot;")
    alike: dict[Severity, list[_Cell]] = {severity: [] for severity in Severity}
    for cell in cells:
        alike[cell.severity].append(cell)
    for severity, some in alike.items():
        ranges = stacks((c.row, c.column) for c in some)
        for start in range(0, len(ranges), _RANGES_AN_ELEMENT):
            where = " ".join(ranges[start : start + _RANGES_AN_ELEMENT])
            pieces.append(
                f'<{prefix}conditionalFormatting sqref="{where}"><{prefix}cfRule type="expression" '
                f'dxfId="{formats[severity]}" priority="{priority}"><{prefix}formula>{formula}'
                f"</{prefix}formula></{prefix}cfRule></{prefix}conditionalFormatting>"
            )
            priority += 1
    return "".join(pieces).encode("ascii")
