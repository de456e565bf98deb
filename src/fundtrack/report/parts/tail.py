"""What stands before and after the cells of a sheet, in its bytes: the cells are never parsed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.parsers import expat

from fundtrack.ooxml import MAX_COLUMNS, encoding_of

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


@dataclass(frozen=True, slots=True)
class SheetText:
    """A sheet's XML in bytes in which ASCII stands for itself, and how to get back from them."""

    xml: bytes
    wide: str | None  # the encoding of a part in UTF-16, which is transcoded
    parsed_as: str  # what the XML parser is told; of single bytes, any code page will do

    @classmethod
    def of(cls, part: bytes) -> SheetText | None:
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


def column_widths(xml: bytes) -> dict[int, int]:
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


class _Child(NamedTuple):
    order: int
    start: int


@dataclass(frozen=True, slots=True)
class Tail:
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


def tail_of(text: SheetText) -> Tail | None:
    """Read what follows the cells; None where it is not as expected. The cells are not parsed."""
    xml = text.xml
    start = cells_end(xml)
    head = xml[: min(start, _HEAD)]
    asides = list(_asides(head))
    roots = _ROOT.finditer(head)
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
    return Tail(prefix, scan.children, scan.end, scan.drawing_rid, priorities)


def cells_end(xml: bytes) -> int:
    """Give the place just after `</sheetData>` or `<sheetData/>`; 0 where there is none."""
    asides: list[tuple[int, int]] | None = None
    at = xml.rfind(b"sheetData")
    while at > 0:
        opening = xml.rfind(b"<", max(0, at - _TAG), at)
        closing = xml.find(b">", at, at + _TAG)
        tag = xml[opening : closing + 1]
        if _CELLS_END.fullmatch(tag):
            # Only where an aside ends further on can this be in it: else all the cells are spared.
            if asides is None and any(xml.find(end, closing) >= 0 for end in _ASIDES.values()):
                asides = list(_asides(xml))
            if not _within(asides or (), opening):
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
