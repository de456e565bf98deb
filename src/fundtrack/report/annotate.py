"""The annotated copy: which cells are highlighted, which get a note, what is added after them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from fundtrack.bounds import Bounds
from fundtrack.model import Assessment, Finding, FundtrackError, Severity
from fundtrack.ooxml import (
    MAX_COLUMNS,
    Package,
    SheetPart,
    child,
    column_letter,
    encoding_of,
    quoted,
)
from fundtrack.report.added import build
from fundtrack.report.answers import Answers, Listed
from fundtrack.report.graft import Styles, add_sheets
from fundtrack.report.notes import START, Note, noted_cells, write_notes
from fundtrack.report.package import ORIGINAL, Draft, cell_of, names_of, refuse_input, refuse_other
from fundtrack.report.page import ALWAYS, ROLES

# The highlights' formula: always true, since N() of a text is 0. `strip` knows them by it.
MARKER = 'N("fundtrack")=0'
# A hidden name for each added sheet: it follows the sheet when it is renamed or moved in Excel.
NAME_PREFIX = "fundtrack_"
SHARED_PREFIX = "fundtrack_shared_"  # in a workbook made to be shared

OUR_NAMES = tuple(NAME_PREFIX + role for role in ROLES)
_OUR_NAME = re.compile(rf"{NAME_PREFIX}(?:{'|'.join(ROLES)})(?:_\d+)?")
_FIRST_CELL = re.compile(
    rb"""<(?:\w+:)?c\b([^<>]{0,500}?\br\s{0,9}=\s{0,9}["']A1["'][^<>]{0,500})>"""
    rb"""((?:(?!<(?:\w+:)?c[\s>]).){0,200000}?)</(?:\w+:)?c>""",
    re.DOTALL,
)
# Found by a pattern, since a large workbook has many; [1] is the namespace's prefix. As all
# patterns that meet a stranger's bytes, it never looks past the next of its kind: the end of one
# that is not closed would be sought to the end of the part, again and again.
SHARED_STRING = re.compile(
    rb"<((?:\w+:)?)si(?:\s[^<>]*)?(?:/>|>[^<]*(?:<(?!/?\1si[\s/>])[^<]*)*</\1si>)"
)
_MEND = "To have it marked, save the workbook in Excel or LibreOffice and check it again."
_SEVERITIES = list(Severity)
_RANGES_AN_ELEMENT = 400  # Excel reads long lists of ranges slowly, and cuts very long ones
# What the report makes itself.
_OURS = Bounds(file_mb=4_096, total_mb=4_096, part_mb=4_096, ratio=2_000)

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

# The children of a worksheet after its cells, in the schema's order (CT_Worksheet).
_AFTER_CELLS = (
    "sheetCalcPr",
    "sheetProtection",
    "protectedRanges",
    "scenarios",
    "autoFilter",
    "sortState",
    "dataConsolidate",
    "customSheetViews",
    "mergeCells",
    "phoneticPr",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "colBreaks",
    "customProperties",
    "cellWatches",
    "ignoredErrors",
    "smartTags",
    "drawing",
    "legacyDrawing",
    "legacyDrawingHF",
    "picture",
    "oleObjects",
    "controls",
    "webPublishItems",
    "tableParts",
    "extLst",
)
_ORDER = {name: number for number, name in enumerate(_AFTER_CELLS)}
_ROOT = re.compile(
    rb"""<((?:[A-Za-z_][\w.-]*:)?)worksheet((?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*>"""
)
_CELLS_END = re.compile(rb"</(?:[\w.-]+:)?sheetData\s*>|<(?:[\w.-]+:)?sheetData\s*/>")
_ASIDES = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_HEAD, _TAG = 2**16, 500  # bytes in which the root, and a tag without attributes, surely stand
_COLUMN = re.compile(rb"<(?:\w+:)?col\s([^<>]*)>")
_ATTRIBUTE = re.compile(rb"""(\w+)\s*=\s*["']([^"']*)["']""")


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
    package = package or Package(path, bounds=_OURS)
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
    add_sheets(draft, Package(path, data=added, bounds=_OURS), styles, blocks)
    if styles.usable:
        styles.save()
    draft.save(target, answered=bool(assessment.answers or lost), seal=seal)
    return unnoted


def _lost(assessment: Assessment, earlier: Answers | None) -> list[Listed]:
    """Give the findings that were answered once and are not among those of now."""
    now = {finding.id for finding in assessment.findings}
    listed = earlier.listed.values() if earlier else ()
    return [line for line in listed if line.answered and line.id not in now]


def is_annotated(package: Package) -> bool:
    """Say whether fundtrack made this workbook, even if another program has saved it since."""
    return package.has(ORIGINAL) or bool(added_sheets(package))


def added_sheets(package: Package) -> dict[str, str]:
    """Give the added sheets by the hidden names that lead to them: name -> what it refers to.

    Where a program has dropped the names on saving, the sheets are known by their own: all roles
    must be there, each with the heading that it begins with.
    """
    names = names_of(package, OUR_NAMES)
    ours = {name: leads_to for name, leads_to in names.items() if is_ours(name)}
    return ours or _sheets_by_heading(package)


def is_ours(name: str) -> bool:
    """Say whether a defined name is one that leads to an added sheet."""
    return _OUR_NAME.fullmatch(name.lower()) is not None


def _sheets_by_heading(package: Package) -> dict[str, str]:
    found: dict[str, str] = {}
    roles = {name: role for role, (name, _) in ROLES.items()}
    count: Counter[str] = Counter()
    for sheet in package.sheets:
        role = roles.get(re.sub(r" \d+$", "", sheet.name))
        if role and sheet.kind == "worksheet" and sheet.part and _begins(package, role, sheet):
            count[role] += 1
            name = NAME_PREFIX + role + f"_{count[role]}" * (count[role] > 1)
            found[name] = f"{quoted(sheet.name)}!$A$1"
    return found if all(count[role] for role in ALWAYS) else {}


def _begins(package: Package, role: str, sheet: SheetPart) -> bool:
    """Say whether the sheet's first cell holds what the added sheet of that role begins with."""
    cell, (_, beginning) = _FIRST_CELL.search(package.read(sheet.part)), ROLES[role]
    if cell is None:
        return False
    text = cell[2]
    part = package.part_of_kind("sharedStrings")
    if re.search(rb"""\bt\s*=\s*["']s["']""", cell[1]) and part is not None:
        number = re.search(rb"\d+", text)
        strings = SHARED_STRING.finditer(package.read(part))
        found = next(islice(strings, int(number[0]), None), None) if number else None
        text = found[0] if found else b""
    return re.sub(rb"<[^<>]*>", b"", text).startswith(beginning.encode())


def refuse_target(path: Path, target: Path, *others: Path, force: bool) -> None:
    """Raise FundtrackError where writing the target would lose a file that is not ours, or one that
    was read (`path` and `others`), or where no file can be written.
    """
    refuse_input(target, path, *others)
    refuse_other(target, _made_here, "fundtrack did not make it", force=force)


def _made_here(package: Package) -> bool:
    return is_annotated(package) or bool(names_of(package, SHARED_PREFIX))


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
    text = _Text.of(draft.read(sheet.part))
    tail = _tail(text) if text else None
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
            widths=_widths(text.xml),
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


@dataclass(frozen=True, slots=True)
class _Text:
    """A sheet's XML in bytes in which ASCII stands for itself, and how to get back from them."""

    xml: bytes
    wide: str | None  # the encoding of a part in UTF-16, which is transcoded
    parsed_as: str  # what the XML parser is told; of single bytes, any code page will do

    @classmethod
    def of(cls, part: bytes) -> _Text | None:
        """Give the text of a part; None where it is not in the encoding that it begins in."""
        encoding = encoding_of(part)
        if not encoding.startswith("utf-16-"):
            narrow = encoding not in ("utf-8", "utf8")
            return cls(part, None, "ISO-8859-1" if narrow else "UTF-8")
        try:
            return cls(part.decode(encoding).encode(), encoding, "UTF-8")
        except UnicodeDecodeError:
            return None

    def spliced(self, pieces: Sequence[tuple[int, bytes]]) -> bytes:
        """Give the part with pieces of ASCII put in at places of `xml`, which ascend."""
        parts, at, whole = list[bytes | memoryview](), 0, memoryview(self.xml)
        for place, piece in pieces:
            parts += [whole[at:place], piece]
            at = place
        parts.append(whole[at:])
        if self.wide:  # a place never cuts a character in two: each is where a tag begins
            parts = [bytes(part).decode().encode(self.wide) for part in parts]
        return b"".join(parts)


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


def _widths(xml: bytes) -> dict[int, int]:
    """Give the columns' widths in pixels where the sheet sets them."""
    widths: dict[int, int] = {}
    for match in _COLUMN.finditer(xml, 0, max(0, xml.find(b"sheetData"))):
        facts = {
            key: value.decode("ascii", "replace") for key, value in _ATTRIBUTE.findall(match[1])
        }
        try:
            first, last = int(facts[b"min"]), min(int(facts[b"max"]), MAX_COLUMNS)
            pixels = int(float(facts.get(b"width", "8.43")) * 7 + 5)
        except (KeyError, ValueError, OverflowError):
            continue
        shown = facts.get(b"hidden") not in ("1", "true")
        widths.update(dict.fromkeys(range(first - 1, last), pixels if shown else 0))
    return widths


def _highlights(tail: _Tail, cells: Sequence[_Cell], formats: Mapping[Severity, int]) -> bytes:
    pieces, prefix, priority = [], tail.prefix, tail.free_priority(len(cells))
    formula = MARKER.replace('"', "&quot;")
    alike: dict[Severity, list[_Cell]] = {severity: [] for severity in Severity}
    for cell in cells:
        alike[cell.severity].append(cell)
    for severity, some in alike.items():
        ranges = _ranges(some)
        for start in range(0, len(ranges), _RANGES_AN_ELEMENT):
            where = " ".join(ranges[start : start + _RANGES_AN_ELEMENT])
            pieces.append(
                f'<{prefix}conditionalFormatting sqref="{where}"><{prefix}cfRule type="expression" '
                f'dxfId="{formats[severity]}" priority="{priority}"><{prefix}formula>{formula}'
                f"</{prefix}formula></{prefix}cfRule></{prefix}conditionalFormatting>"
            )
            priority += 1
    return "".join(pieces).encode("ascii")


def _ranges(cells: Sequence[_Cell]) -> list[str]:
    """Merge cells that stand below one another: A2:A5."""
    ranges = []
    for column, stack in groupby(sorted((c.column, c.row) for c in cells), key=lambda at: at[0]):
        letter, rows = column_letter(column), [row for _, row in stack]
        for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
            first, *rest = [row + 1 for _, row in run]
            ranges.append(f"{letter}{first}:{letter}{rest[-1]}" if rest else f"{letter}{first}")
    return ranges


class _Child(NamedTuple):
    order: int
    start: int


@dataclass(frozen=True, slots=True)
class _Tail:
    """What follows the cells of a sheet: where each element starts in the part's bytes."""

    prefix: str
    children: list[_Child]
    end: int  # where the root closes
    drawing_rid: str | None
    priorities: list[int]

    def place(self, name: str) -> int:
        """Give where an element of that name goes: after its equals, before all that follow it."""
        return next((c.start for c in self.children if c.order > _ORDER[name]), self.end)

    def free_priority(self, count: int) -> int:
        """Give the first of `count` free priorities, above the sheet's own where there is room.

        The lowest number is drawn on top; Excel counts from 1.
        """
        if not self.priorities or min(self.priorities) > count:
            return 1
        return max(self.priorities) + 1


def _tail(text: _Text) -> _Tail | None:
    """Read what follows the cells; None where it is not as expected. The cells are not parsed."""
    xml = text.xml
    asides = list(_asides(xml))
    start = cells_end(xml, asides)
    roots = _ROOT.finditer(xml, 0, min(start, _HEAD))
    root = next((found for found in roots if not _within(asides, found.start())), None)
    if root is None or not start:
        return None
    tail = xml[start:]
    shift = start - len(root[0])
    scan = _Scan(shift, text.parsed_as)
    try:
        scan.parser.Parse(root[0] + tail, True)
    except expat.ExpatError:
        return None
    priorities = [int(n) for n in re.findall(rb"""\bpriority\s*=\s*["'](\d{1,9})["']""", tail)]
    prefix = root[1].decode("ascii")
    return _Tail(prefix, scan.children, scan.end, scan.drawing_rid, priorities)


def cells_end(xml: bytes, asides: Sequence[tuple[int, int]] | None = None) -> int:
    """Give the place just after `</sheetData>` or `<sheetData/>`; 0 where there is none."""
    asides = list(_asides(xml)) if asides is None else asides
    at = xml.rfind(b"sheetData")
    while at > 0:
        opening = xml.rfind(b"<", max(0, at - _TAG), at)
        closing = xml.find(b">", at, at + _TAG)
        tag = xml[opening : closing + 1]
        if _CELLS_END.fullmatch(tag) and not _within(asides, opening):
            return closing + 1
        at = xml.rfind(b"sheetData", 0, at)
    return 0


def _asides(xml: bytes) -> Iterator[tuple[int, int]]:
    """Give where comments, literal texts and instructions begin and end: no tag stands in them."""
    places = {opening: xml.find(opening) for opening in _ASIDES}
    while ahead := [(place, opening) for opening, place in places.items() if place >= 0]:
        start, opening = min(ahead)
        closing = xml.find(_ASIDES[opening], start + len(opening))
        end = len(xml) if closing < 0 else closing
        yield start, end
        places |= {mark: xml.find(mark, end) for mark, at in places.items() if 0 <= at < end}


def _within(asides: Sequence[tuple[int, int]], at: int) -> bool:
    """Say whether a place is in one of the asides, which ascend."""
    before = bisect_left(asides, (at,)) - 1
    return before >= 0 and at < asides[before][1]


class _Scan:
    """Notes where the root's children start; knows an alternative by the element inside it."""

    def __init__(self, shift: int, encoding: str) -> None:
        self.children: list[_Child] = []
        self.end = 0
        self.drawing_rid: str | None = None
        self._shift, self._path = shift, list[str]()
        self.parser = expat.ParserCreate(encoding)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._stop

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        depth = len(self._path)
        if depth == 1:
            at = self.parser.CurrentByteIndex + self._shift
            self.children.append(_Child(_ORDER.get(name, -1), at))
        elif depth == 3 and self._path[1] == "AlternateContent" and name in _ORDER:
            last = self.children[-1]
            self.children[-1] = _Child(max(last.order, _ORDER[name]), last.start)
        if name == "legacyDrawing" and depth in (1, 3):
            ids = [value for key, value in attributes.items() if key.endswith(":id")]
            self.drawing_rid = ids[0] if ids else None
        self._path.append(name)

    def _stop(self, name: str) -> None:
        self._path.pop()
        if not self._path:
            self.end = self.parser.CurrentByteIndex + self._shift
