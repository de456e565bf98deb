"""What of an .xlsx package may be handed to calamine, and whether that is safe in this process.

Every part is inflated and measured first: a few bytes can ask for gigabytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from fundtrack.bounds import MB, Bounds
from fundtrack.extent import Extent, extent, without_far_cells
from fundtrack.model import FundtrackError
from fundtrack.ooxml import (
    MAIN,
    Package,
    child,
    in_utf8,
)
from fundtrack.read.calamine import SAVE_AS
from fundtrack.words import plural

# What is read here, in this process: cells, cells in a sheet's rectangle, characters of text. More
# is read in a process of its own, which costs a second copy but can be stopped.
_HERE_CELLS, _HERE_BOX, _HERE_TEXT = 4_000_000, 8_000_000, 2**28


def measured_package(
    package: Package, data: bytes, bounds: Bounds, remarks: list[str]
) -> tuple[bytes, bool]:
    """What may be handed to calamine, and whether that can be done in this process.

    Every part is inflated and measured, whether or not a sheet leads to it: another reader may find
    its way by other rules. Raises FundtrackError where a bound is passed.
    """
    harmless, cells, texts = package.plain, 0, list[int]()
    cut: dict[str, bytes] = {}
    sheets = []
    names = {sheet.part: sheet.name for sheet in package.sheets}
    for name, part in package.parts():
        xml = _text(package, name, part, names.get(name))
        if xml is not part:  # calamine would see a blank sheet
            cut[name] = xml
        if b"sheetData" in xml:
            if rows := _ONLY_ROWS.search(xml, 0, _HEAD):
                xml = cut[name] = xml[: rows.start(1)] + b"A1" + xml[rows.end(1) :]
            reach = extent(xml)
            harmless &= reach is not None
            if b' t="e"' in xml and (known := _with_known_errors(xml)) != xml:
                cut[name] = known
            if reach is None:
                continue
            sheet = names.get(name, name)
            if reach.impossible:
                raise FundtrackError(
                    package.file,
                    "refused: it has a cell past the last row or column that a workbook can have.",
                    SAVE_AS,
                    sheet=sheet,
                )
            if reach.box > bounds.cells:
                whole = cut.get(name, xml)
                cut[name] = _without_far(package, sheet, whole, reach, bounds, remarks)
            cells += reach.cells
            sheets.append(name)
            harmless &= reach.box <= _HERE_BOX
        elif b"sst" in xml[:4096]:
            texts += map(len, xml.split(b"</si>"))
            said = _COUNT.search(xml[:4096])
            harmless &= not said or int(said[1][:12]) <= len(xml)
    size = _size_of_texts(package, sheets, cells, texts)
    if size > bounds.memory_mb * MB:
        what = f"its texts, repeated as its cells ask, take {size / MB:,.0f} MB"
        raise bounds.refusal(package.file, "memory_mb", what)
    harmless = harmless and cells <= _HERE_CELLS and size <= _HERE_TEXT
    if cut or not _usual(package):
        data = _for_calamine(package, cut)
    return data, harmless


# LibreOffice tells the extent of a sheet that is used from side to side without its columns (1:5),
# at which calamine gives up. It needs no extent.
_ONLY_ROWS = re.compile(rb"""<(?:\w+:)?dimension\s[^<>]{0,200}?\bref\s*=\s*["']([\d$:]*)["']""")
_HEAD = 2**16  # bytes of a sheet in which it surely stands


def _text(package: Package, name: str, xml: bytes, sheet: str | None) -> bytes:
    """A part as it is, or in UTF-8 where it is of text in another encoding."""
    try:
        return in_utf8(xml) if name.lower().endswith((".xml", ".rels")) or sheet else xml
    except UnicodeDecodeError:
        raise FundtrackError(
            package.file,
            f"“{name}” inside the workbook is damaged: it is not in the encoding that it says.",
            SAVE_AS,
            sheet=sheet,
        ) from None


def _size_of_texts(package: Package, sheets: list[str], cells: int, texts: list[int]) -> int:
    """The bytes, at most, of the shared texts, repeated wherever a cell asks for one.

    Exact only where it matters: one text of 32,000 characters in a million cells takes 32 GB.
    """
    if cells * max(texts, default=0) <= _HERE_TEXT:
        return 0
    long = {i: size for i, size in enumerate(texts) if size * cells > _HERE_TEXT // 2}
    total = _HERE_TEXT // 2
    for name in sheets:
        xml = in_utf8(package.read(name, keep=True))
        if len(long) <= 20:
            total += sum(xml.count(b">%d</" % i) * size for i, size in long.items())
        else:
            total += sum(long.get(int(i), 0) for i in _INDEX.findall(xml))
    return total


def _with_known_errors(xml: bytes) -> bytes:
    """The sheet with #N/A for error values that calamine does not know, such as #SPILL!.

    One of them would keep it from reading the sheet at all. `scan` tells what the cell shows.
    """
    return _ERROR_CELL.sub(
        lambda match: match[0] if match[2] in _KNOWN_ERRORS else match[1] + b"#N/A", xml
    )


_ERROR_CELL = re.compile(
    rb"""( t="e"[^>]{0,200}>(?:<f[^>]{0,200}>(?:[^<]{0,9000}</f>)?)?<v>)([^<]{0,100})(?=</v>)"""
)
_KNOWN_ERRORS = (
    b"#DIV/0!", b"#N/A", b"#NAME?", b"#NULL!", b"#NUM!", b"#REF!", b"#VALUE!", b"#GETTING_DATA",
)  # fmt: skip
_INDEX = re.compile(rb">(\d{1,9})</")
_COUNT = re.compile(rb"""\buniqueCount\s*=\s*["'](\d+)""")


def _without_far(
    package: Package, sheet: str, xml: bytes, reach: Extent, bounds: Bounds, remarks: list[str]
) -> bytes:
    """The sheet's part with the cells left out that stand far from all others."""
    if reach.cells > min(_FEW, bounds.cells // 4):
        what = f"it spans {reach.box:,} cells"
        raise bounds.refusal(package.file, "cells", what, sheet=sheet)
    near, far = without_far_cells(xml, _NEAR)
    if len(far) > max(100, reach.cells // 10):  # then they are no strays, but what the sheet holds
        what = f"it spans {reach.box:,} cells"
        raise bounds.refusal(package.file, "cells", what, sheet=sheet)
    first = ", ".join(far[:3]) + (" and others" if len(far) > 3 else "")
    remarks.append(
        f"Sheet “{sheet}”: {len(far):,} {plural('cell', len(far))} far from the rest ({first}) "
        f"{'was' if len(far) == 1 else 'were'} not read. With "
        f"{'it' if len(far) == 1 else 'them'} the sheet would span {reach.box:,} cells."
    )
    return near


_FEW = 2_000_000  # cells that are looked at one by one
_NEAR = 2_000_000  # cells in the rectangle of those that are kept


def _usual(package: Package) -> bool:
    """True where the parts that hold cells stand where calamine looks for them."""
    return (
        package.main_part.lower() == "xl/workbook.xml"
        and not any("\\" in name or name.startswith("/") for name in package.names)
        and not package.winding("worksheet", "sharedStrings", "styles")
        and all(s.part.lower().startswith(f"xl/{s.kind}s/") for s in package.sheets if s.part)
        and all(s.rid for s in package.sheets)  # modules of Excel 5 are listed, without a part
        and all(s.kind != "macrosheet" for s in package.sheets)  # calamine knows none of Excel 4
    )


def _for_calamine(package: Package, changed: dict[str, bytes]) -> bytes:
    """The parts that hold cells, in a package as Excel would lay it out."""
    facts = child(package.workbook, "workbookPr")
    since_1904 = facts is not None and facts.get("date1904") in ("1", "true")
    listed, links, parts = [], [], {}
    sheets = (s for s in package.sheets if s.kind == "worksheet" and s.rid)
    for n, sheet in enumerate(sheets, 1):
        listed.append(
            f'<sheet name={_quoted(sheet.name)} sheetId="{n}" state="{sheet.state}" r:id="rId{n}"/>'
        )
        links.append(_LINK % (f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml"))
        parts[f"xl/worksheets/sheet{n}.xml"] = sheet.part  # where it is missing, calamine says so
    for kind in ("sharedStrings", "styles"):
        if part := package.part_of_kind(kind):
            links.append(_LINK % (kind, kind, f"{kind}.xml"))
            parts[f"xl/{kind}.xml"] = part
    made = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _links([_LINK % ("rId1", "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_KINDS}"><workbookPr '
        f'date1904="{int(since_1904)}"/><sheets>{"".join(listed)}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _links(links),
    }
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in made.items():
            archive.writestr(name, text.encode("utf-8", "replace"))
        for name, part in parts.items():
            if part:
                held = package.entry_name(part)
                data = changed[held] if held in changed else package.read(held, keep=True)
                archive.writestr(name, data)
    return stream.getvalue()


_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINK = f'<Relationship Id="%s" Type="{_KINDS}/%s" Target="%s"/>'


def _links(links: Sequence[str]) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(links)}</Relationships>'


def _quoted(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
