"""The formats of a workbook: appended to, nothing that stands there is renumbered."""

from __future__ import annotations

from lxml import etree

from fundtrack.ooxml import MAIN, STRICT_MAIN, Package, child, children, number_of
from fundtrack.report.parts.draft import Draft, parse_part
from fundtrack.report.parts.elements import insert, renamed, serialise

# Excel refuses a workbook with more cell formats than this.
MOST_FORMATS = 65_490
_LAST_FORMAT_ID = 2**31 - 1_000  # of a number format, with room for ours
_ROOM = 200  # formats that the added sheets may need
_STYLES = "xl/styles.xml"
_STYLES_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
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
_EMPTY_STYLES = (
    '<styleSheet xmlns="{0}"><fonts><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    "<borders><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


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
        used = (number_of(e.get("numFmtId")) for e in self._root.iter("{*}*"))
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
            parent = insert(self._root, group, _GROUPS)
        for element in elements:
            parent.append(renamed(element, self._namespace))
        parent.set("count", str(start + len(elements)))
        return start
