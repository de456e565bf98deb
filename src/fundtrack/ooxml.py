"""Reads workbook packages (ECMA-376, ISO 29500): zip entries, relationships, sheets, styles; and
how addresses, names and texts are written in them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from lxml import etree

from fundtrack.archive import Archive
from fundtrack.bounds import MB, Bounds
from fundtrack.model import FundtrackError

PARSED = 64 * MB  # of a part that is parsed as a whole (no sheet is): its tree takes ten times that
STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

SheetKind = Literal["worksheet", "chartsheet", "dialogsheet", "macrosheet"]
SheetState = Literal["visible", "hidden", "veryHidden"]

_KINDS: dict[str, SheetKind] = {
    "worksheet": "worksheet",
    "chartsheet": "chartsheet",
    "dialogsheet": "dialogsheet",
    "xlmacrosheet": "macrosheet",
    "xlintlmacrosheet": "macrosheet",
}
_STATES: dict[str, SheetState] = {"hidden": "hidden", "veryhidden": "veryHidden"}
_MAIN_TYPES = (
    "spreadsheetml.sheet.main+xml",
    "spreadsheetml.template.main+xml",
    "excel.sheet.macroenabled.main+xml",
    "excel.template.macroenabled.main+xml",
)
# Encodings in which the bytes of "<!DOCTYPE" can be looked for; UTF-7 or EBCDIC would hide them.
_PLAIN_ENCODING = re.compile(
    rb"(utf-?8|utf-?16-?(le|be)?|us-ascii|ascii|iso-8859-\d+|windows-125\d)"
)
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']+)["']""")
_DECLARATION = re.compile(r"\ufeff?\s*<\?xml[^>]{0,500}\?>")
_WIDE = {
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384  # of a sheet in any spreadsheet
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9][0-9]{0,6})")
_ILLEGAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_NUMBER = re.compile("[0-9]{1,10}")
MAX_TEXT = 32_767  # characters in an Excel cell
_CUT = " … (cut)"


def column_letter(index0: int) -> str:
    """Give the letters of a column counted from 0: 0 is A, 26 is AA."""
    letters, number = "", index0 + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """Give the column counted from 0 of its letters, in either case: A is 0, AA is 26."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def address(row0: int, column0: int) -> str:
    """Give the address of a cell whose row and column are counted from 0."""
    return f"{column_letter(column0)}{row0 + 1}"


@lru_cache(2**17)
def cell_of(address: str | None) -> tuple[int, int] | None:
    """Give row and column of an address like M12, both counted from 0; None where it is none."""
    match = _CELL.fullmatch(address or "")
    if not match:
        return None
    row, column = int(match[2]) - 1, column_index(match[1])
    return (row, column) if row < MAX_ROWS and column < MAX_COLUMNS else None


def stacks(cells: Iterable[tuple[int, int]]) -> list[str]:
    """Give the cells, as `cell_of` does, in ranges of those that stand below one another: A2:A5."""
    ranges = []
    ordered = sorted((column, row) for row, column in cells)
    for column, stack in groupby(ordered, key=lambda at: at[0]):
        letter, rows = column_letter(column), [row for _, row in stack]
        for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
            first, *rest = [row + 1 for _, row in run]
            ranges.append(f"{letter}{first}:{letter}{rest[-1]}" if rest else f"{letter}{first}")
    return ranges


def quoted(sheet: str) -> str:
    """Give a sheet's name as formulas, names and links write it."""
    return "'" + sheet.replace("'", "''") + "'"


def sheet_of(reference: str) -> str:
    """Give the sheet's name in a reference such as 'Findings 2'!$A$1."""
    name = reference.removeprefix("$").rpartition("!")[0]
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def legible(text: str) -> str:
    r"""Give the text with what XML cannot hold, or what hides text, as \u202E; cut with a mark."""
    text = text.replace("\r\n", "\n")
    text = _ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04X}", text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(_CUT)] + _CUT


def local(element: etree._Element) -> str:
    """Give the name of an element without its namespace; empty for comments."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def child(element: etree._Element | None, name: str) -> etree._Element | None:
    """Give the first child of that local name, whatever its namespace, or None."""
    return next((e for e in element if local(e) == name), None) if element is not None else None


def number_of(text: str | None, otherwise: int = 0) -> int:
    """Give the whole number that an attribute states; `otherwise` where it states none."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else otherwise


def children(element: etree._Element, group: str, name: str) -> list[etree._Element]:
    """Give the elements called `name` inside the child `group`; none where there is no group."""
    parent = child(element, group)
    return [] if parent is None else [e for e in parent if local(e) == name]


def encoding_of(xml: bytes) -> str:
    """Give the encoding of a part, by its first bytes or as it is declared, in lower case."""
    wide = _WIDE.get(xml[:2])
    declared = None if wide else _DECLARED.search(xml[:200])
    return wide or (declared[1].decode("ascii", "replace").lower() if declared else "utf-8")


def in_utf8(xml: bytes) -> bytes:
    """Give a part's text in UTF-8, which some readers take all to be; the same bytes where it is.

    Raises UnicodeDecodeError where it is not in the encoding that it begins in.
    """
    encoding = encoding_of(xml)
    as_it_is = encoding in ("utf-8", "utf8", "utf-16")  # the last where its bytes tell otherwise
    if as_it_is or not _PLAIN_ENCODING.fullmatch(encoding.encode()):
        return xml
    return _DECLARATION.sub("", xml.decode(encoding), count=1).encode()


def parse_xml(data: bytes, file: str, part: str) -> etree._Element:
    """Give the root of a part. Entities are never resolved and nothing outside is loaded.

    Raises FundtrackError for a document type, an encoding that could hide one, or broken XML.
    """
    plain = data.replace(b"\0", b"") if b"\0" in data[:4] else data  # UTF-16, seen as ASCII
    declared = _DECLARED.search(plain[:200])
    if declared and not _PLAIN_ENCODING.fullmatch(declared[1].lower()):
        raise FundtrackError(
            file,
            f"refused: “{part}” is in the encoding {declared[1].decode('ascii', 'replace')[:40]}.",
            "Open the workbook in Excel or LibreOffice and save it again as .xlsx.",
        )
    # Looked for before parsing: entities inside attribute values would be expanded in any case.
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise FundtrackError(
            file,
            f"refused: “{part}” holds a document type or entity declaration, as only attacks do.",
            "Ask the sender for a workbook saved by Excel or LibreOffice.",
        )
    if len(data) > PARSED:
        raise FundtrackError(
            file,
            f"refused: “{part}” has {len(data) / MB:,.0f} MB, far more than in real workbooks.",
            "Open the workbook in Excel or LibreOffice and save it again as .xlsx.",
        )
    # Without `huge_tree`, lxml itself refuses elements nested deeper than 256.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        detail = " ".join(str(error).replace(" (<string>, line 1)", "").split())
        raise FundtrackError(
            file,
            f"“{part}” inside the workbook is damaged ({detail}).",
            "Open it in Excel, let Excel repair it, and save it again.",
        ) from error


@dataclass(frozen=True, slots=True)
class Relationship:
    """One link of a part. `target` is the entry's own name, or the raw text where external."""

    id: str
    type: str
    target: str
    external: bool

    @property
    def kind(self) -> str:
        """The last word of the type, in lower case: the same in strict and transitional files."""
        return self.type.rpartition("/")[2].lower()


@dataclass(frozen=True, slots=True)
class SheetPart:
    """One sheet of the workbook; `part` is empty where the package does not hold it."""

    name: str
    part: str
    rid: str
    kind: SheetKind
    state: SheetState
    sheet_id: int


@dataclass(frozen=True, slots=True)
class ContentTypes:
    """What each part is, by extension (in lower case) and by part (`/xl/...`, in lower case)."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)

    def of(self, part: str) -> str:
        """Give the content type of a part, empty where none is given."""
        name = "/" + part.replace("\\", "/").lstrip("/").lower()
        extension = name.rpartition(".")[2]
        return self.overrides.get(name) or self.defaults.get(extension, "")


class Package(Archive):
    """A workbook package held in memory; the file itself is opened once, only for reading.

    Raises FundtrackError as an archive does, and when it has no workbook part or a part that is
    parsed declares a document type.
    """

    def __init__(
        self, path: Path, *, data: bytes | None = None, bounds: Bounds | None = None
    ) -> None:
        super().__init__(path, data=data, bounds=bounds)
        self._links: dict[str, list[Relationship]] = {}
        self.content_types = self._content_types()
        self.main_part = self._main_part()
        self._workbook = self.parse(self.main_part)
        self.sheets = self._sheets()

    def parse(self, name: str) -> etree._Element:
        """Give the root element of an XML part; raises as `read` and `parse_xml` do."""
        return parse_xml(self.read(name), self.file, name)

    def rels(self, part: str) -> list[Relationship]:
        """Give the links of a part (of the package itself for ""), in order."""
        if part not in self._links:  # asked again and again, of many sheets
            name = rels_name(part)
            there = self.has(name)
            self._links[part] = self.links_in(self.parse(name), part) if there else []
        return self._links[part]

    def links_in(self, root: etree._Element, part: str) -> list[Relationship]:
        """Give the links that a relationships element states for a part, in order."""
        base = posixpath.dirname(part.replace("\\", "/"))
        return [self._relationship(e, base) for e in root if local(e) == "Relationship"]

    def winding(self, *kinds: str) -> bool:
        """Say whether the workbook links a part of these kinds other than by its plain path."""
        name = rels_name(self.main_part)
        return any(
            local(element) == "Relationship"
            and element.get("Type", "").endswith(tuple("/" + kind for kind in kinds))
            and any(mark in element.get("Target", "") for mark in ("\\", "%", "./", "//"))
            for element in (self.parse(name) if self.has(name) else ())
        )

    @property
    def workbook(self) -> etree._Element:
        """The root of the main part; read it, do not change it."""
        return self._workbook

    @property
    def strict(self) -> bool:
        """True for a Strict Open XML workbook, which has other namespaces."""
        return etree.QName(self._workbook).namespace == STRICT_MAIN

    def part_of_kind(self, kind: str) -> str | None:
        """Give the part that the workbook links as that kind (`styles`), None where not held."""
        for link in self.rels(self.main_part):
            if link.kind == kind.lower() and not link.external and self.has(link.target):
                return link.target
        return None

    @cached_property
    def percent_styles(self) -> set[int]:
        """Indices of the cell formats whose number format shows a percentage."""
        part = self.part_of_kind("styles")
        if part is None:
            return set()
        root = self.parse(part)
        codes = {9: "0%", 10: "0.00%"}
        for number_format in children(root, "numFmts", "numFmt"):
            codes[number_of(number_format.get("numFmtId"), -1)] = number_format.get(
                "formatCode", ""
            )
        percent = {number for number, code in codes.items() if _shows_percent(code)}
        xfs = children(root, "cellXfs", "xf")
        return {i for i, xf in enumerate(xfs) if number_of(xf.get("numFmtId")) in percent}

    # What follows is done once, while the package is opened.

    def _content_types(self) -> ContentTypes:
        name = "[Content_Types].xml"
        if not self.has(name):
            raise FundtrackError(
                self.file,
                f"is a zip archive but not a workbook: it has no “{name}”.",
                "Give the workbook itself, saved as .xlsx.",
            )
        defaults, overrides = {}, {}
        for element in self.parse(name):
            kind = element.get("ContentType", "")
            if local(element) == "Default":
                defaults[element.get("Extension", "").lower()] = kind
            elif local(element) == "Override":
                overrides[element.get("PartName", "").replace("\\", "/").lower()] = kind
        return ContentTypes(defaults, overrides)

    def _main_part(self) -> str:
        for link in self.rels(""):
            if link.kind == "officedocument" and not link.external and self.has(link.target):
                return self._workbook_part(link.target)
        for part in self.names:  # some programs find it by its type alone, without a link to it
            if self.content_types.of(part).lower().endswith(_MAIN_TYPES):
                return part
        raise FundtrackError(
            self.file,
            "is a zip archive but holds no workbook part.",
            "Open it in Excel, let Excel repair it, and save it as .xlsx.",
        )

    def _workbook_part(self, part: str) -> str:
        kind = self.content_types.of(part).lower()
        for program, word in (("wordprocessingml", "Word"), ("presentationml", "PowerPoint")):
            if program in kind:
                raise FundtrackError(
                    self.file, f"is a {word} document, not a workbook.", "Give an .xlsx workbook."
                )
        return part

    def _sheets(self) -> list[SheetPart]:
        links = {link.id: link for link in self.rels(self.main_part)}
        return [self._sheet(e, links) for e in children(self._workbook, "sheets", "sheet")]

    def _sheet(self, element: etree._Element, links: Mapping[str, Relationship]) -> SheetPart:
        # r:id is found by its local name: strict files have another namespace for it.
        ids = [str(v) for k, v in element.attrib.items() if str(k).endswith("}id")]
        rid = ids[0] if ids else ""
        link = links.get(rid)
        held = link is not None and not link.external and self.has(link.target)
        return SheetPart(
            name=element.get("name", ""),
            part=link.target if link is not None and held else "",
            rid=rid,
            kind=_KINDS.get(link.kind, "worksheet") if link is not None else "worksheet",
            state=_STATES.get(element.get("state", "").lower(), "visible"),
            sheet_id=number_of(element.get("sheetId")),
        )

    def _relationship(self, element: etree._Element, base: str) -> Relationship:
        target = element.get("Target", "")
        external = element.get("TargetMode", "").lower() == "external"
        return Relationship(
            id=element.get("Id", ""),
            type=element.get("Type", ""),
            target=target if external else self._resolve(target, base),
            external=external,
        )

    def _resolve(self, target: str, base: str) -> str:
        path = target.replace("\\", "/").partition("#")[0]
        path = path if path.startswith("/") else posixpath.join("/", base, path)
        path = posixpath.normpath(path).lstrip("/")
        return self.entry_name(path if self.has(path) else unquote(path))


def rels_name(part: str) -> str:
    """Give the entry that holds the links of a part ("" is the package itself)."""
    folder, _, name = part.replace("\\", "/").rpartition("/")
    return posixpath.join(folder, "_rels", f"{name}.rels")


def _shows_percent(code: str) -> bool:
    # What is quoted, escaped, padded or in brackets is shown as text, not as a percentage.
    return "%" in re.sub(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', "", code[:1000])
