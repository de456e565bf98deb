"""Grafts the sheets of one package onto another: formats, names, tables and parts renumbered."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from lxml import etree

from fundtrack.model import FundtrackError
from fundtrack.ooxml import MAIN, STRICT_MAIN, Package, child, children, local, rels_name
from fundtrack.report.notes import renumbered
from fundtrack.report.package import Draft, like, parse_part, serialise
from fundtrack.report.rows import Block, spliced, stretched

# Excel refuses a workbook with more cell formats than this.
MOST_FORMATS = 65_490
_LAST_SHEET_ID = 65_534
_LAST_FORMAT_ID = 2**31 - 1_000  # of a number format, with room for ours
_ROOM = 200  # formats that the added sheets may need

_STYLES = "xl/styles.xml"
_STYLES_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
_TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_GROUPS = (
    "numFmts",
    "fonts",
    "fills",
    "borders",
    "cellStyleXfs",
    "cellXfs",
    "cellStyles",
    "dxfs",
    "tableStyles",
    "colors",
    "extLst",
)
_WORKBOOK_ORDER = (
    "fileVersion",
    "fileSharing",
    "workbookPr",
    "workbookProtection",
    "bookViews",
    "sheets",
    "functionGroups",
    "externalReferences",
    "definedNames",
    "calcPr",
    "oleSize",
    "customWorkbookViews",
    "pivotCaches",
    "smartTagPr",
    "smartTagTypes",
    "webPublishing",
    "fileRecoveryPr",
    "webPublishObjects",
    "extLst",
)
_EMPTY_STYLES = (
    '<styleSheet xmlns="{0}"><fonts><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    "<borders><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_STRINGS = "xl/sharedStrings.xml"  # some readers look for them nowhere else
_STRINGS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
# A strict workbook's other namespaces, which charts and drawings have too.
_STRICT_NAMES = (
    (MAIN, STRICT_MAIN),
    (_TRANSITIONAL, _STRICT),
    ("http://schemas.openxmlformats.org/drawingml/2006/", "http://purl.oclc.org/ooxml/drawingml/"),
)
_SHARED = re.compile(rb"<si>(.*?)</si>", re.DOTALL)
_STRING_ITEM = re.compile(rb"<(?:\w+:)?si[\s/>]")
_INLINE = re.compile(rb' t="inlineStr"><is><t(?: xml:space="preserve")?>([^<]*)</t></is>')
_CELL = re.compile(rb'(<c r="[A-Z]+[0-9]+")(?: s="([0-9]+)")?(?: t="s"><v>([0-9]+)</v>)?')
_FORMAT = re.compile(rb'(<(?:col|row)\b[^>]*? (?:style|s)=")([0-9]+)')
_DIFFERENTIAL = re.compile(rb'((?:dxfId|DxfId|CellStyleDxfId)=")([0-9]+)')


class Styles:
    """The original's styles, appended to; nothing that stands there is renumbered.

    `usable` is False where the workbook has no room left for cell formats: then it stays as it is.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft, self._namespace = draft, STRICT_MAIN if draft.package.strict else MAIN
        part = draft.package.part_of_kind("styles")
        if part is None:
            self._part = _STYLES  # some readers look for it nowhere else
            empty = _EMPTY_STYLES.format(self._namespace)
            # Where it is there but not linked, those readers use it already: it is linked.
            linked = draft.package.has(self._part)
            self._root = parse_part(draft, self._part) if linked else etree.fromstring(empty)
        else:
            self._part, self._root = part, parse_part(draft, part)
            self._namespace = etree.QName(self._root).namespace or self._namespace
        self._new = part is None
        self.usable = len(children(self._root, "cellXfs", "xf")) + _ROOM <= MOST_FORMATS

    def append_formats(self, source: Package) -> tuple[list[int], int]:
        """Append another package's cell formats; give their new numbers and the first dxf's."""
        part = source.part_of_kind("styles")
        root = source.parse(part) if part else etree.Element("styleSheet")
        numbers = self._append_number_formats(root)
        first = {
            group: self._append(group, children(root, group, name))
            for group, name in (("fonts", "font"), ("fills", "fill"), ("borders", "border"))
        }
        formats = children(root, "cellXfs", "xf")
        for xf in formats:
            for key, group in (("fontId", "fonts"), ("fillId", "fills"), ("borderId", "borders")):
                xf.set(key, str(int(xf.get(key, "0")) + first[group]))
            number = int(xf.get("numFmtId", "0"))
            xf.set("numFmtId", str(numbers.get(number, number)))
            xf.set("xfId", "0")
        start = self._append("cellXfs", formats)
        first_dxf = self._append("dxfs", children(root, "dxfs", "dxf"))
        return [start + i for i in range(len(formats))], first_dxf

    def append_differential(self, xml: str) -> int:
        """Append one differential format, given without namespace, and give its number."""
        return self._append("dxfs", [etree.fromstring(xml)])

    def save(self) -> None:
        """Put the part into the draft."""
        if self._new:
            self._draft.link(self._draft.package.main_part, "styles", self._part)
        self._draft.put(self._part, serialise(self._root), _STYLES_TYPE if self._new else "")

    def _append_number_formats(self, root: etree._Element) -> dict[int, int]:
        # Also of those that are used but nowhere given: else cells would take on one of ours.
        numbered = (e.get("numFmtId", "") for e in self._root.iter("{*}*"))
        used = [int(number) for number in numbered if number.isdecimal()]
        free = max([163, *(number for number in used if number <= _LAST_FORMAT_ID)]) + 1
        numbers = {}
        added = children(root, "numFmts", "numFmt")
        for offset, element in enumerate(added):
            numbers[int(element.get("numFmtId", "0"))] = free + offset
            element.set("numFmtId", str(free + offset))
        self._append("numFmts", added)
        return numbers

    def _append(self, group: str, elements: list[etree._Element]) -> int:
        """Append to a group, made where there is none, and give the first new position."""
        name = {"cellXfs": "xf", "numFmts": "numFmt"}.get(group, group[:-1])
        start = len(children(self._root, group, name))
        if not elements:
            return start
        parent = child(self._root, group)
        if parent is None:
            parent = _insert(self._root, group, _GROUPS)
        for element in elements:
            parent.append(_renamed(element, self._namespace))
        parent.set("count", str(start + len(elements)))
        return start


def add_sheets(
    draft: Draft,
    source: Package,
    styles: Styles,
    blocks: Mapping[str, Sequence[Block]] = MappingProxyType({}),
) -> None:
    """Add the sheets of `source` after the draft's own, which opens on the first of them.

    `blocks` are rows that are still to be put into the sheets of those names.
    """
    before = draft.package.sheets
    root = draft.tree(draft.package.main_part)
    formats, first_dxf = styles.append_formats(source) if styles.usable else ([], 0)
    graft = _Graft(draft, source, formats if styles.usable else None, first_dxf)
    listed = child(root, "sheets")
    assert listed is not None  # a package without sheets has nothing to annotate
    ids = _free_ids({sheet.sheet_id for sheet in before})
    for sheet, number in zip(source.sheets, ids, strict=False):
        part = graft.part(sheet.part, blocks.get(sheet.name, ()))
        rid = draft.link(draft.package.main_part, "worksheet", part)
        # Declared here, as r may stand on each <sheet> alone; some readers know it by its prefix.
        element = etree.SubElement(listed, like(listed, "sheet"), nsmap={"r": draft.link_type})
        element.set("name", sheet.name)
        element.set("sheetId", str(number))
        element.set(f"{{{draft.link_type}}}id", rid)
    _open_on(root, len(before))
    _add_names(root, _names(source, len(before)))


def _free_ids(taken: set[int]) -> Iterator[int]:
    """Give ids for further sheets, past those that are there as far as Excel counts."""
    yield from range(max(taken, default=0) + 1, _LAST_SHEET_ID + 1)
    yield from (number for number in range(1, _LAST_SHEET_ID) if number not in taken)


def _open_on(root: etree._Element, position: int) -> None:
    views = child(root, "bookViews")
    if views is None:
        views = _insert(root, "bookViews", _WORKBOOK_ORDER)
    if child(views, "workbookView") is None:
        etree.SubElement(views, like(views, "workbookView"))
    view = child(views, "workbookView")
    assert view is not None
    # The sheet that was active keeps its own tabSelected (its bytes may not change), so Excel
    # selects it together with this one. Typing into a selected group writes to all its sheets;
    # the first added sheet is therefore protected (without password): Excel then refuses, and a
    # click on any other tab ends the group.
    view.set("activeTab", str(position))


def _names(source: Package, offset: int) -> list[etree._Element]:
    """Give the defined names of the source, with positions counted in the whole workbook."""
    names = children(source.workbook, "definedNames", "definedName")
    for name in names:
        if name.get("localSheetId") is not None:
            name.set("localSheetId", str(int(name.get("localSheetId", "0")) + offset))
        else:
            name.set("hidden", "1")  # it leads `strip` to the sheet; people need not see it
    return names


def _add_names(root: etree._Element, names: list[etree._Element]) -> None:
    group = child(root, "definedNames")
    if group is None:
        group = _insert(root, "definedNames", _WORKBOOK_ORDER)
    namespace = etree.QName(root).namespace
    for name in names:
        group.append(_renamed(name, namespace))


class _Graft:
    """Copies parts and all that they link to under free names."""

    def __init__(
        self, draft: Draft, source: Package, formats: list[int] | None, first_dxf: int
    ) -> None:
        self._draft, self._source, self._formats = draft, source, formats
        self._first_dxf = first_dxf
        self._copied: dict[str, str] = {}
        styles = source.part_of_kind("styles")
        self._source_formats = len(children(source.parse(styles), "cellXfs", "xf")) if styles else 0
        shared = source.part_of_kind("sharedStrings")
        # The workbook's shared strings stay untouched: ours stand in the cells. A workbook that has
        # none takes ours as they are. Where its table is there but empty (as Apache POI writes it
        # for a book of numbers), Excel would rewrite inline strings: they are written as values.
        self._strings: list[bytes] | None = []
        self._as_values = False
        if shared and _has_no_strings(draft):
            self._strings = None
            draft.put(_STRINGS, self._spelt(source.read(shared)), _STRINGS_TYPE)
            draft.link(draft.package.main_part, "sharedStrings", _STRINGS)
        elif shared:
            texts = _SHARED.findall(source.read(shared))
            self._strings = [b' t="inlineStr"><is>%b</is>' % text for text in texts]
            self._as_values = not _has_string_items(draft)
        self._table_ids, self._table_names = _tables(draft.package)

    def part(self, name: str, blocks: Sequence[Block] = ()) -> str:
        """Copy one part, a sheet or its table with their blocks of rows, and give its new name."""
        if name in self._copied:
            return self._copied[name]
        new = self._copied[name] = self._draft.free_name(name)
        content_type = self._source.content_types.of(name)
        self._draft.put(new, b"", content_type)  # takes the name before linked parts look for one
        if self._source.has(rels_name(name)):
            self._draft.put(rels_name(new), self._links(name, new, blocks))
        data = self._source.read(name)
        if content_type.endswith("worksheet+xml"):
            data = spliced(self._sheet(data), blocks)
            if self._as_values:
                data = _INLINE.sub(rb' t="str"><v>\1</v>', data)
        elif content_type.endswith("table+xml"):
            data = self._table(stretched(data, blocks))
        elif name.endswith(".vml"):
            data = renumbered(self._draft, data)
        self._draft.put(new, self._spelt(data) if data.startswith(b"<") else data)
        return new

    def _spelt(self, xml: bytes) -> bytes:
        """Give the part in the namespaces of the draft."""
        if self._draft.package.strict:
            for usual, strict in _STRICT_NAMES:
                xml = xml.replace(usual.encode(), strict.encode())
        return xml

    def _links(self, name: str, new: str, blocks: Sequence[Block]) -> bytes:
        root = self._source.parse(rels_name(name))
        targets = {link.id: link for link in self._source.rels(name)}
        for element in root:
            link = targets[element.get("Id", "")]
            if not link.external:
                target = self.part(link.target, blocks)
                element.set("Target", posixpath.relpath(target, posixpath.dirname(new)))
        return self._spelt(serialise(root))

    def _sheet(self, data: bytes) -> bytes:
        start, end = data.find(b"<sheetData"), data.rfind(b"sheetData")
        # Heights stay as measured until a cell is edited; then Excel fits them anew.
        head, cells = (
            _FORMAT.sub(self._formatted, part.replace(b' customHeight="1"', b""))
            for part in (data[:start], data[start:end])
        )
        return head + self._cells(cells) + self._differential(data[end:])

    def _formatted(self, match: re.Match[bytes]) -> bytes:
        return match[1] + b"%d" % self._format(int(match[2]))

    def _cells(self, data: bytes) -> bytes:
        """Give the cells with their formats renumbered and their strings inline."""
        strings = self._strings
        formats: dict[bytes | None, bytes] = {None: b""}
        for number in range(self._source_formats):
            formats[b"%d" % number] = b' s="%d"' % self._format(number)

        def cell(match: re.Match[bytes]) -> bytes:
            start, number, text = match.groups()
            if text is None:
                return start + formats[number]
            if strings is None:
                return b'%b%b t="s"><v>%b</v>' % (start, formats[number], text)
            return start + formats[number] + strings[int(text)]

        return _CELL.sub(cell, data)

    def _format(self, number: int) -> int:
        return 0 if self._formats is None else self._formats[number]

    def _differential(self, data: bytes) -> bytes:
        if self._formats is None:
            return re.sub(rb' (?:dxfId|\w+DxfId)="[0-9]+"', b"", data)
        return _DIFFERENTIAL.sub(lambda m: m[1] + b"%d" % (int(m[2]) + self._first_dxf), data)

    def _table(self, data: bytes) -> bytes:
        root = etree.fromstring(data)
        number = max(self._table_ids, default=0) + 1
        name = root.get("displayName", "")
        while name.lower() in self._table_names:
            name = f"{name.rstrip('0123456789')}{number}"
            number += 1
        self._table_ids.add(number)
        self._table_names.add(name.lower())
        root.set("id", str(number))
        root.set("name", name)
        root.set("displayName", name)
        return self._differential(serialise(root))


def _has_no_strings(draft: Draft) -> bool:
    # Some readers find the strings by their place or type, whether or not a link leads to them.
    package = draft.package
    return not (
        package.part_of_kind("sharedStrings")
        or draft.has(_STRINGS)
        or any(package.content_types.of(name) == _STRINGS_TYPE for name in package.names)
    )


def _has_string_items(draft: Draft) -> bool:
    part = draft.package.part_of_kind("sharedStrings") or _STRINGS
    return draft.has(part) and bool(_STRING_ITEM.search(draft.read(part)))


def _tables(package: Package) -> tuple[set[int], set[str]]:
    """Give the ids and names of the tables (and the defined names) that are taken."""
    ids, names = {0}, set[str]()
    for name in package.names:
        if package.content_types.of(name).endswith("table+xml"):
            try:
                root = package.parse(name)
            except FundtrackError:  # Excel repairs it; it is not for us to judge
                continue
            ids.add(int(root.get("id", "0")) if root.get("id", "0").isdecimal() else 0)
            names |= {root.get("displayName", "").lower(), root.get("name", "").lower()}
    for element in children(package.workbook, "definedNames", "definedName"):
        names.add(element.get("name", "").lower())
    return ids, names


def _insert(root: etree._Element, name: str, order: tuple[str, ...]) -> etree._Element:
    """Give a new child of that name at its place in the schema's order."""
    element = etree.Element(like(root, name))
    later: Mapping[str, int] = {n: i for i, n in enumerate(order)}
    position = next((i for i, e in enumerate(root) if later.get(local(e), -1) > later[name]), None)
    root.insert(len(root) if position is None else position, element)
    return element


def _renamed(element: etree._Element, namespace: str | None) -> etree._Element:
    """Give a copy whose elements are in `namespace`, without the declarations of its source."""
    name = f"{{{namespace}}}{local(element)}" if namespace else local(element)
    copy = etree.Element(name, {str(k): str(v) for k, v in element.attrib.items()})
    copy.text = element.text
    for inner in element:
        copy.append(_renamed(inner, namespace))
    return copy
