"""Reads workbook packages (ECMA-376, ISO 29500): zip entries, relationships, sheets, styles."""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from lxml import etree

from fundtrack.model import FundtrackError

PART_LIMIT = 512 * 2**20
KEPT = 128 * 2**20  # inflated bytes that a package holds for its next reader
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
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
# Encodings in which the bytes of "<!DOCTYPE" can be looked for; UTF-7 or EBCDIC would hide them.
_PLAIN_ENCODING = re.compile(rb"(utf-?8|utf-?16(le|be)?|us-ascii|ascii|iso-8859-\d+|windows-125\d)")
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']+)["']""")


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


def local(element: etree._Element) -> str:
    """Give the name of an element without its namespace; empty for comments."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def child(element: etree._Element | None, name: str) -> etree._Element | None:
    """Give the first child of that local name, whatever its namespace, or None."""
    return next((e for e in element if local(e) == name), None) if element is not None else None


def children(element: etree._Element, group: str, name: str) -> list[etree._Element]:
    """Give the elements called `name` inside the child `group`; none where there is no group."""
    parent = child(element, group)
    return [] if parent is None else [e for e in parent if local(e) == name]


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
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FundtrackError(
            file,
            f"“{part}” inside the workbook is damaged ({error}).",
            "Open it in Excel, let Excel repair it, and save it again.",
        ) from error


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One zip entry as it lies in the file; `data` is still compressed."""

    name: str  # as the zip directory has it
    name_bytes: bytes
    method: int  # 0 stored, 8 deflated
    crc: int
    size: int  # inflated, as the directory claims
    start: int  # of `data` in the file
    data: memoryview
    utf8: bool
    date_time: tuple[int, int]  # DOS time, DOS date
    external: int  # attributes of the file system it came from


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


class Package:
    """A workbook package held in memory; the file itself is opened once, only for reading.

    Raises FundtrackError when it is not a zip, is truncated, has encrypted, overlapping or doubled
    entries, has no workbook part, or when a part that is parsed declares a document type.
    """

    def __init__(
        self, path: Path, *, data: bytes | None = None, part_limit: int = PART_LIMIT
    ) -> None:
        self.path, self.file, self.part_limit = path, path.name, part_limit
        self.bytes = _bytes_of(path) if data is None else data
        self._kept: dict[str, bytes] = {}
        self._infos = self._directory()
        self._raw = {info.orig_filename: self._entry(info) for info in self._infos}
        self.names = [info.orig_filename for info in self._infos]
        self._by_key = {_key(name): name for name in self.names}
        self._refuse_odd_entries()
        self.content_types = self._content_types()
        self.main_part = self._main_part()
        self._workbook = self.parse(self.main_part)
        self.sheets = self._sheets()

    def has(self, name: str) -> bool:
        """Say whether the package holds the entry, whatever the case of its name."""
        return _key(name) in self._by_key

    def entry_name(self, name: str) -> str:
        """Give the entry's own spelling of a part name; the name itself where there is none."""
        return self._by_key.get(_key(name), name.replace("\\", "/").lstrip("/"))

    def raw(self, name: str) -> RawEntry:
        """Give an entry's compressed bytes and header facts. Raises KeyError when there is none."""
        return self._raw[self.entry_name(name)]

    def read(self, name: str, *, keep: bool = False) -> bytes:
        """Give the inflated bytes of an entry, its CRC verified.

        `keep` holds them for the next reader, up to KEPT bytes in all. Raises KeyError when there
        is none, FundtrackError when it is damaged or over `part_limit` (counted while inflating:
        the size that a header claims is not believed).
        """
        entry = self.raw(name)
        if entry.name in self._kept:
            return self._kept.pop(entry.name)
        try:
            data = self._inflate(entry)
        except zlib.error as error:
            raise self._damaged(f"“{name}” cannot be inflated") from error
        if len(data) > self.part_limit:
            raise FundtrackError(
                self.file,
                f"refused: “{name}” inflates to over {self.part_limit // 2**20} MB.",
                "Split the workbook, or raise the limit if you trust its sender.",
            )
        if zlib.crc32(data) != entry.crc:
            raise self._damaged(f"“{name}” does not match its checksum")
        if keep and len(data) + sum(map(len, self._kept.values())) <= KEPT:
            self._kept[entry.name] = data
        return data

    def parse(self, name: str) -> etree._Element:
        """Give the root element of an XML part; raises as `read` and `parse_xml` do."""
        return parse_xml(self.read(name), self.file, name)

    def rels(self, part: str) -> list[Relationship]:
        """Give the links of a part (of the package itself for ""), in order."""
        name = rels_name(part)
        return self.links_in(self.parse(name), part) if self.has(name) else []

    def links_in(self, root: etree._Element, part: str) -> list[Relationship]:
        """Give the links that a relationships element states for a part, in order."""
        base = posixpath.dirname(part.replace("\\", "/"))
        return [self._relationship(e, base) for e in root if local(e) == "Relationship"]

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
            number = number_format.get("numFmtId", "")
            if number.isdecimal():
                codes[int(number)] = number_format.get("formatCode", "")
        percent = {number for number, code in codes.items() if _shows_percent(code)}
        xfs = children(root, "cellXfs", "xf")
        return {
            i
            for i, xf in enumerate(xfs)
            if xf.get("numFmtId", "0").isdecimal() and int(xf.get("numFmtId", "0")) in percent
        }

    # What follows is done once, while the package is opened.

    def _damaged(self, what: str) -> FundtrackError:
        return FundtrackError(
            self.file,
            f"is damaged: {what}.",
            "Copy or download it again, or open it in Excel and save it anew.",
        )

    def _directory(self) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(io.BytesIO(self.bytes)) as archive:
                return archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as error:
            if self.bytes[:4] == b"PK\x03\x04":
                raise self._damaged("it is cut short or its directory is unreadable") from error
            raise FundtrackError(
                self.file,
                "is not a workbook package (.xlsx and its kin are zip archives).",
                "Save it as .xlsx in Excel or LibreOffice.",
            ) from error

    def _entry(self, info: zipfile.ZipInfo) -> RawEntry:
        at = info.header_offset
        head = self.bytes[at : at + 30]
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise self._damaged(f"“{info.orig_filename}” is not where the directory says")
        name_size, extra_size = struct.unpack("<HH", head[26:30])
        start = at + 30 + name_size + extra_size
        data = memoryview(self.bytes)[start : start + info.compress_size]
        if len(data) < info.compress_size:
            raise self._damaged(f"“{info.orig_filename}” is cut short")
        year, month, day, hour, minute, second = info.date_time
        return RawEntry(
            name=info.orig_filename,
            name_bytes=self.bytes[at + 30 : at + 30 + name_size],
            method=info.compress_type,
            crc=info.CRC,
            size=info.file_size,
            start=start,
            data=data,
            utf8=bool(info.flag_bits & _UTF8_NAME),
            date_time=(
                hour << 11 | minute << 5 | second // 2,
                (year - 1980) << 9 | month << 5 | day,
            ),
            external=info.external_attr,
        )

    def _refuse_odd_entries(self) -> None:
        reason = None
        keys = [_key(name) for name in self.names]
        if len(set(keys)) < len(keys):
            twice = next(name for name in self.names if keys.count(_key(name)) > 1)
            reason = f"the entry “{twice}” is there twice"
        elif locked := next((i for i in self._infos if i.flag_bits & _ENCRYPTED), None):
            reason = f"the entry “{locked.orig_filename}” is encrypted"
        elif odd := next((i for i in self._infos if i.compress_type not in (0, 8)), None):
            reason = f"“{odd.orig_filename}” uses compression method {odd.compress_type}"
        else:
            end = 0
            for info in sorted(self._infos, key=lambda i: i.header_offset):
                if info.header_offset < end:
                    reason = f"the entry “{info.orig_filename}” overlaps another"
                entry = self._raw[info.orig_filename]
                end = entry.start + len(entry.data)
        if reason:
            raise FundtrackError(
                self.file,
                f"refused: {reason}.",
                "Ask the sender for a workbook saved by Excel or LibreOffice.",
            )

    def _inflate(self, entry: RawEntry) -> bytes:
        if entry.method == 0:
            return bytes(entry.data)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        data = inflater.decompress(entry.data, self.part_limit + 1)
        if len(data) <= self.part_limit and not inflater.eof:
            raise zlib.error("incomplete")
        return data

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
        number = element.get("sheetId", "0")
        return SheetPart(
            name=element.get("name", ""),
            part=link.target if link is not None and held else "",
            rid=rid,
            kind=_KINDS.get(link.kind, "worksheet") if link is not None else "worksheet",
            state=_STATES.get(element.get("state", "").lower(), "visible"),
            sheet_id=int(number) if number.isdecimal() else 0,
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


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise FundtrackError(
            path.name, f"cannot be read ({reason}).", "Check the path and its permissions."
        ) from error


def _key(name: str) -> str:
    """Part names are compared without case (ECMA-376 part 2, 6.2); some writers use backslashes."""
    return name.replace("\\", "/").lstrip("/").lower()


def _shows_percent(code: str) -> bool:
    # What is quoted, escaped, padded or in brackets is shown as text, not as a percentage.
    return "%" in re.sub(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', "", code)
