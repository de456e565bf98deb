"""Workbooks as other programs write them, from XlsxWriter's own to zips that Excel alone accepts.

`BUILDERS` names them: each writes one file into a folder and gives its path. The first worksheet of
nearly all holds the same small grid, so that a test can point at its cells.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import xlsxwriter
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.worksheet.table import Table

Parts = dict[str, bytes]
BUILDERS: dict[str, Callable[[Path], Path]] = {}

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
XM = "http://schemas.microsoft.com/office/excel/2006/main"
OFFICE = "application/vnd.openxmlformats-officedocument."
SHEET = OFFICE + "spreadsheetml."
TYPES = {
    "workbook": SHEET + "sheet.main+xml",
    "worksheet": SHEET + "worksheet+xml",
    "comments": SHEET + "comments+xml",
    "chartsheet": SHEET + "chartsheet+xml",
    "dialogsheet": SHEET + "dialogsheet+xml",
    "xlMacrosheet": "application/vnd.ms-excel.macrosheet+xml",
    "drawing": "application/vnd.openxmlformats-officedocument.drawing+xml",
}
ROWS = "".join(
    f'<row r="{row}">'
    f'<c r="A{row}" t="inlineStr"><is><t>G{row} é</t></is></c>'
    f'<c r="B{row}"><v>{row * 10}</v></c><c r="C{row}"><f>B{row}*2</f><v>{row * 20}</v></c></row>'
    for row in range(1, 7)
)
NOTE = (
    f'<comments xmlns="{MAIN}"><authors><author>Donor</author></authors><commentList>'
    '<comment ref="C3" authorId="0"><text><t>Mine</t></text></comment></commentList></comments>'
)
NOTE_SHAPE = (
    '<v:shape id="_x0000_s1025" type="#_x0000_t202" style="position:absolute;visibility:hidden">'
    '<x:ClientData ObjectType="Note"><x:Anchor>3, 15, 1, 10, 5, 15, 5, 4</x:Anchor>'
    "<x:Row>2</x:Row><x:Column>2</x:Column></x:ClientData></v:shape>"
)
BUTTON_SHAPE = (
    '<v:shape id="_x0000_s1026" type="#_x0000_t201" style="position:absolute;margin-left:9pt">'
    '<x:ClientData ObjectType="Checkbox"><x:Anchor>4, 0, 1, 0, 6, 0, 3, 0</x:Anchor>'
    "</x:ClientData></v:shape>"
)
VML = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
    ' xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit">'
    '<o:idmap v:ext="edit" data="1"/></o:shapelayout>{}</xml>'
)


def builder(build: Callable[[Path], Path]) -> Callable[[Path], Path]:
    BUILDERS[build.__name__] = build
    return build


def parts_of(path: Path) -> Parts:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, parts: Parts) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def worksheet(rows: str = ROWS, *, root: str = "", after: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="{MAIN}"{root}>'
        f"<sheetData>{rows}</sheetData>{after}</worksheet>"
    ).encode()


def links(*of: tuple[str, str, str], external: bool = False) -> bytes:
    mode = ' TargetMode="External"' if external else ""
    inner = "".join(
        f'<Relationship Id="{rid}" Type="{kind if ":" in kind else LINKS + "/" + kind}" '
        f'Target="{target}"{mode}/>'
        for rid, kind, target in of
    )
    return f'<Relationships xmlns="{RELS}">{inner}</Relationships>'.encode()


def package(
    sheets: dict[str, bytes] | None = None,
    *,
    attributes: str = "",
    before: str = "",
    after: str = "",
    main: str = "xl/workbook.xml",
    kinds: dict[str, str] | None = None,
    types: str = "",
) -> Parts:
    """Gives the parts of a workbook of the given sheets, without styles or shared strings."""
    sheets = sheets or {"Grants": worksheet()}
    folder, _, own = main.rpartition("/")
    listed, linked, typed, parts = "", [], types, {}
    for number, (name, data) in enumerate(sheets.items(), 1):
        kind = (kinds or {}).get(name, "worksheet")
        part = f"{kind.lower()}s/sheet{number}.xml"
        listed += f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        target_type = (
            "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet"
            if kind == "xlMacrosheet"
            else kind
        )
        linked.append((f"rId{number}", target_type, part))
        typed += f'<Override PartName="/{folder}/{part}" ContentType="{TYPES[kind]}"/>'
        parts[f"{folder}/{part}"] = data
    return {
        "[Content_Types].xml": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/{main}" ContentType="{TYPES["workbook"]}"/>{typed}</Types>'
        ).encode(),
        "_rels/.rels": links(("rId1", "officeDocument", main)),
        main: (
            f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"{attributes}>{before}'
            f"<sheets>{listed}</sheets>{after}</workbook>"
        ).encode(),
        f"{folder}/_rels/{own}.rels": links(*linked),
        **parts,
    }


def noted(parts: Parts, vml: str | None, comments: str = NOTE, more: str = "") -> Parts:
    """Adds the donor's note on C3, its drawing, and what stands beside its link in the sheet."""
    sheet = "xl/worksheets/sheet1.xml"
    linked = [("rId1", "comments", "../comments1.xml")]
    parts["xl/comments1.xml"] = comments.encode()
    typed = f'<Override PartName="/xl/comments1.xml" ContentType="{TYPES["comments"]}"/>'
    if vml is not None:
        linked.append(("rId2", "vmlDrawing", "../drawings/vmlDrawing1.vml"))
        parts["xl/drawings/vmlDrawing1.vml"] = vml.encode()
        typed = (
            '<Default Extension="vml" '
            'ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
        ) + typed
        more = f'<legacyDrawing xmlns:r="{LINKS}" r:id="rId2"/>' + more
    parts[sheet] = parts[sheet].replace(b"</worksheet>", more.encode() + b"</worksheet>")
    parts["xl/worksheets/_rels/sheet1.xml.rels"] = links(*linked)
    types = parts["[Content_Types].xml"]
    parts["[Content_Types].xml"] = types.replace(b"<Override", typed.encode() + b"<Override", 1)
    if typed.startswith("<Default"):  # defaults come first
        kept = re.sub(
            rb'<Override PartName="/xl/comments1.xml"[^>]*/>', b"", parts["[Content_Types].xml"]
        )
        override = f'<Override PartName="/xl/comments1.xml" ContentType="{TYPES["comments"]}"/>'
        parts["[Content_Types].xml"] = kept.replace(b"</Types>", override.encode() + b"</Types>")
    return parts


def declared(parts: Parts, part: str, kind: str, data: bytes) -> None:
    """Adds a part and its content type."""
    parts[part] = data
    override = f'<Override PartName="/{part}" ContentType="{kind}"/></Types>'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>", override.encode()
    )


def linked_from(parts: Parts, rels: str, *of: tuple[str, str, str], external: bool = False) -> None:
    """Adds links to those that are there."""
    new = links(*of, external=external)
    if rels in parts:
        inner = new[new.index(b">") + 1 :]
        new = parts[rels].replace(b"</Relationships>", inner)
    parts[rels] = new


# --- Whole programs -------------------------------------------------------------------------------


def rich(book: xlsxwriter.Workbook, folder: Path) -> None:
    """Writes what XlsxWriter can: charts, pictures, controls, tables, formats, notes."""
    picture = folder / "pixel.png"
    picture.write_bytes(PIXEL)
    money = book.add_format({"num_format": '0.00" €"', "bg_color": "#FFEEEE"})
    sheet = book.add_worksheet("Grants")
    for row in range(12):
        sheet.write_row(row, 0, [f"G{row}", row * 10])
        sheet.write_formula(row, 2, f"=B{row + 1}*2", money, row * 20)
    sheet.write_datetime("D1", date(2024, 3, 1), book.add_format({"num_format": "d mmm yy"}))
    sheet.write_comment("C3", "Mine", {"author": "Donor"})
    sheet.conditional_format("B1:B9", {"type": "data_bar", "data_bar_2010": True})
    sheet.conditional_format(
        "C1:C9", {"type": "cell", "criteria": ">", "value": 3, "format": money}
    )
    sheet.conditional_format("A1:A9", {"type": "icon_set", "icon_style": "3_arrows"})
    sheet.data_validation("E1:E9", {"validate": "list", "source": ["yes", "no"]})
    sheet.add_sparkline("F1", {"range": "Grants!B1:B9"})
    sheet.write_url("G1", "https://example.org", string="link")
    sheet.write_url("G2", "internal:'Other & co'!A1")
    sheet.insert_button("H1", {"caption": "Run"})
    sheet.insert_textbox("H5", "A text")
    sheet.insert_image("H9", picture)
    sheet.set_header("&C&G", {"image_center": picture})
    sheet.set_row(3, None, None, {"level": 1, "hidden": True})
    sheet.merge_range("I1:J2", "merged")
    sheet.autofilter("A1:C9")
    sheet.protect("", {"sort": True})
    sheet.freeze_panes(1, 1)
    sheet.print_area("A1:C9")
    sheet.set_background(picture)
    for kind in ("line", "pie"):
        chart = book.add_chart({"type": kind})
        chart.add_series({"values": "=Grants!$B$1:$B$9"})
        sheet.insert_chart("K2", chart)
    other = book.add_worksheet("Other & co")
    other.add_table("A1:B3", {"data": [["x", 2], ["y", 4]], "style": "Table Style Light 1"})
    other.very_hidden()
    chart = book.add_chart({"type": "bar"})
    chart.add_series({"values": "=Grants!$B$1:$B$9"})
    book.add_chartsheet("Chart").set_chart(chart)
    book.define_name("Rate", "=Grants!$B$1")
    book.define_name("'Other & co'!Local", "='Other & co'!$A$1")


@builder
def xlsxwriter_book(folder: Path) -> Path:
    path = folder / "xlsxwriter.xlsx"
    with xlsxwriter.Workbook(path) as book:
        rich(book, folder)
    return path


@builder
def xlsxwriter_macros_1904(folder: Path) -> Path:
    path, code = folder / "macros.xlsm", folder / "vbaProject.bin"
    code.write_bytes(b"\xd0\xcf\x11\xe0 not read by anybody here")
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        book.add_vba_project(code)
        book.add_signed_vba_project(code, code)
        rich(book, folder)
    return path


@builder
def openpyxl_book(folder: Path) -> Path:
    path, book = folder / "openpyxl.xlsx", openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Grants"
    sheet.append(["Grant", "Amount", "Double"])
    for row in range(2, 9):
        sheet.append([f"G{row}", row * 10, f"=B{row}*2"])
    sheet["C3"].comment = Comment("Mine", "Donor")
    sheet.conditional_formatting.add("B2:B8", CellIsRule("greaterThan", ["3"]))
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=8))
    sheet.add_chart(chart, "F2")
    table = book.create_sheet("findings")
    table.append(["a", "b"])
    table.append([1, 2])
    table.add_table(Table(displayName="fundtrack_findings_table", ref="A1:B2"))
    book.save(path)
    return path


@builder
def openpyxl_template(folder: Path) -> Path:
    path, book = folder / "template.xltx", openpyxl.Workbook()
    book.active.title = "Grants"
    book.active.append(["Grant", 1, 2])
    book.template = True
    book.save(path)
    return path


@builder
def pandas_openpyxl(folder: Path) -> Path:
    path = folder / "pandas.xlsx"
    frame = pd.DataFrame({"grant": ["G1", "G2"], "day": pd.to_datetime(["2024-01-01"] * 2)})
    frame.to_excel(path, sheet_name="Grants", engine="openpyxl")
    return path


@builder
def pandas_xlsxwriter(folder: Path) -> Path:
    path = folder / "pandas2.xlsx"
    with pd.ExcelWriter(path, engine="xlsxwriter") as writer:
        pd.DataFrame({"grant": ["G1"], "amount": [1.5]}).to_excel(writer, sheet_name="Grants")
        pd.DataFrame(index=range(3)).to_excel(writer, sheet_name="Empty", index=False)
    return path


# --- Packages by hand -----------------------------------------------------------------------------


@builder
def bare(folder: Path) -> Path:
    """No styles, no shared strings, as small programs write them."""
    return zipped(folder / "bare.xlsx", package())


@builder
def shared_strings_that_are_empty(folder: Path) -> Path:
    """As Apache POI writes a book of numbers: the table of strings is there, with nothing in it."""
    parts = package({"Grants": worksheet(re.sub(r"<c r=.A\d.*?</c>", "", ROWS))})
    kind = SHEET + "sharedStrings+xml"
    declared(parts, "xl/sharedStrings.xml", kind, f'<sst xmlns="{MAIN}" count="0"/>'.encode())
    rels = "xl/_rels/workbook.xml.rels"
    linked_from(parts, rels, ("rId9", "sharedStrings", "sharedStrings.xml"))
    return zipped(folder / "empty_sst.xlsx", parts)


@builder
def named_like_ours(folder: Path) -> Path:
    names = ["Summary", "FINDINGS", "Checks", "Provenance", "Findings 2"]
    return zipped(folder / "ours.xlsx", package({name: worksheet() for name in names}))


@builder
def oddly_named_sheets(folder: Path) -> Path:
    names = [
        "It&apos;s &amp; &lt;fine&gt;",
        "x" * 31,
        "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}",
        "\N{SUN WITH FACE} sun",
        "&quot;q&quot;",
        "a.b#c",
    ]
    return zipped(folder / "names.xlsx", package({name: worksheet() for name in names}))


@builder
def prefixes_everywhere(folder: Path) -> Path:
    parts = noted(package(), VML.format(NOTE_SHAPE))
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/comments1.xml"):
        text = re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", parts[name])
        parts[name] = text.replace(b"xmlns=", b"xmlns:x=")
    return zipped(folder / "prefix.xlsx", parts)


@builder
def r_declared_on_the_sheet(folder: Path) -> Path:
    parts = package()
    declaration = f' xmlns:r="{LINKS}"'.encode()
    text = parts["xl/workbook.xml"].replace(declaration, b"")
    parts["xl/workbook.xml"] = text.replace(b"<sheet ", b"<sheet" + declaration + b" ")
    return zipped(folder / "r.xlsx", parts)


@builder
def cells_without_addresses(folder: Path) -> Path:
    rows = re.sub(r' r="[A-C]?\d+"', "", ROWS)
    return zipped(folder / "no_r.xlsx", package({"Grants": worksheet(rows)}))


@builder
def empty_sheet_data(folder: Path) -> Path:
    data = worksheet("").replace(b"<sheetData></sheetData>", b"<sheetData/>")
    return zipped(folder / "empty.xlsx", package({"Grants": data}))


@builder
def main_part_elsewhere(folder: Path) -> Path:
    return zipped(folder / "elsewhere.xlsx", package(main="the/book/main.xml"))


@builder
def upper_case_parts(folder: Path) -> Path:
    parts = package()
    upper = {n.upper() if n.startswith("xl/worksheets") else n: d for n, d in parts.items()}
    return zipped(folder / "upper.xlsx", upper)


@builder
def absolute_targets(folder: Path) -> Path:
    parts = package()
    rels = "xl/_rels/workbook.xml.rels"
    parts[rels] = parts[rels].replace(b'Target="', b'Target="/xl/')
    parts["_rels/.rels"] = parts["_rels/.rels"].replace(b'Target="', b'Target="/')
    return zipped(folder / "absolute.xlsx", parts)


@builder
def backslash_targets(folder: Path) -> Path:
    parts = package()
    rels = "xl/_rels/workbook.xml.rels"
    parts[rels] = parts[rels].replace(b'"worksheets/', b'"\\xl\\worksheets\\')
    return zipped(folder / "backslash.xlsx", parts)


@builder
def backslash_entries(folder: Path) -> Path:
    parts = noted(package(), VML.format(NOTE_SHAPE))
    return zipped(folder / "entries.xlsx", {n.replace("/", "\\"): d for n, d in parts.items()})


@builder
def entries_with_a_leading_slash(folder: Path) -> Path:
    return zipped(folder / "slash.xlsx", {f"/{n}": d for n, d in package().items()})


@builder
def comments_without_a_drawing(folder: Path) -> Path:
    return zipped(folder / "no_vml.xlsx", noted(package(), None))


@builder
def drawing_that_is_no_xml(folder: Path) -> Path:
    vml = VML.format(NOTE_SHAPE.replace("</x:ClientData>", "</x:ClientData><br>"))
    return zipped(folder / "bad_vml.xlsx", noted(package(), vml))


@builder
def form_controls(folder: Path) -> Path:
    """A check box: an alternative after the cells, its properties, a shape among the notes'."""
    control = (
        f'<mc:AlternateContent xmlns:mc="{MC}"><mc:Choice Requires="x14" xmlns:x14="{X14}">'
        f'<controls><mc:AlternateContent><mc:Choice Requires="x14">'
        f'<control shapeId="1026" r:id="rId3" name="Check Box 1" xmlns:r="{LINKS}">'
        '<controlPr defaultSize="0" autoFill="0"><anchor moveWithCells="1"><from>'
        '<xdr:col xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing">'
        "4</xdr:col></from></anchor></controlPr></control>"
        "</mc:Choice></mc:AlternateContent></controls></mc:Choice></mc:AlternateContent>"
    )
    parts = noted(package(), VML.format(NOTE_SHAPE + BUTTON_SHAPE), more=control)
    linked_from(
        parts,
        "xl/worksheets/_rels/sheet1.xml.rels",
        ("rId3", "ctrlProp", "../ctrlProps/ctrlProp1.xml"),
    )
    properties = f'<formControlPr xmlns="{X14}" objectType="CheckBox" checked="Checked"/>'
    declared(
        parts,
        "xl/ctrlProps/ctrlProp1.xml",
        "application/vnd.ms-excel.controlproperties+xml",
        properties.encode(),
    )
    return zipped(folder / "controls.xlsx", parts)


@builder
def threaded_comments(folder: Path) -> Path:
    uri = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    person, comment = (
        "{11111111-1111-1111-1111-111111111111}",
        "{2222222A-1111-1111-1111-111111111111}",
    )
    legacy = NOTE.replace("Donor", f"tc={comment}").replace("Mine", "[Threaded comment] Mine")
    parts = noted(package(), VML.format(NOTE_SHAPE), legacy)
    kinds = "http://schemas.microsoft.com/office/2017/10/relationships/"
    linked_from(
        parts,
        "xl/worksheets/_rels/sheet1.xml.rels",
        ("rId9", kinds + "threadedComment", "../threadedComments/threadedComment1.xml"),
    )
    linked_from(
        parts, "xl/_rels/workbook.xml.rels", ("rId9", kinds + "person", "persons/person.xml")
    )
    declared(
        parts,
        "xl/threadedComments/threadedComment1.xml",
        "application/vnd.ms-excel.threadedcomments+xml",
        f'<ThreadedComments xmlns="{uri}"><threadedComment ref="C3" dT="2024-01-01T00:00:00.00" '
        f'personId="{person}" id="{comment}"><text>Mine</text></threadedComment>'
        "</ThreadedComments>".encode(),
    )
    declared(
        parts,
        "xl/persons/person.xml",
        "application/vnd.ms-excel.person+xml",
        f'<personList xmlns="{uri}"><person displayName="Donor" id="{person}" userId="d" '
        'providerId="None"/></personList>'.encode(),
    )
    return zipped(folder / "threaded.xlsx", parts)


@builder
def pivots_slicers_links_and_xml(folder: Path) -> Path:
    """Parts that are linked from everywhere and read by nobody here: only their bytes count."""
    parts = package(
        after='<definedNames><definedName name="Rate">Grants!$B$1</definedName>'
        '<definedName name="Mine" localSheetId="0">Grants!$B$2</definedName></definedNames>'
    )
    rels, sheet_rels = "xl/_rels/workbook.xml.rels", "xl/worksheets/_rels/sheet1.xml.rels"
    strange = {
        "xl/pivotCache/pivotCacheDefinition1.xml": SHEET + "pivotCacheDefinition+xml",
        "xl/pivotCache/pivotCacheRecords1.xml": SHEET + "pivotCacheRecords+xml",
        "xl/pivotTables/pivotTable1.xml": SHEET + "pivotTable+xml",
        "xl/slicers/slicer1.xml": "application/vnd.ms-excel.slicer+xml",
        "xl/slicerCaches/slicerCache1.xml": "application/vnd.ms-excel.slicerCache+xml",
        "xl/externalLinks/externalLink1.xml": SHEET + "externalLink+xml",
        "xl/connections.xml": SHEET + "connections+xml",
        "xl/queryTables/queryTable1.xml": SHEET + "queryTable+xml",
        "xl/calcChain.xml": SHEET + "calcChain+xml",
        "customXml/item1.xml": "application/xml",
        "customXml/itemProps1.xml": OFFICE + "customXmlProperties+xml",
        "docProps/custom.xml": OFFICE + "custom-properties+xml",
    }
    for part, kind in strange.items():
        declared(parts, part, kind, f"<!-- {part} --><anything>\r\n</anything>".encode())
    parts["xl/printerSettings/printerSettings1.bin"] = bytes(range(256)) * 9
    parts["xl/media/picture.EMF"] = bytes(range(255, 0, -1)) * 9
    parts["docProps/thumbnail.jpeg"] = b"\xff\xd8\xff"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"<Override",
        b'<Default Extension="bin" ContentType="application/vnd.openxmlformats-officedocument.'
        b'spreadsheetml.printerSettings"/><Default Extension="emf" ContentType="image/x-emf"/>'
        b'<Default Extension="jpeg" ContentType="image/jpeg"/><Override',
        1,
    )
    linked_from(
        parts,
        sheet_rels,
        ("rId1", "printerSettings", "../printerSettings/printerSettings1.bin"),
        ("rId2", "image", "../media/picture.EMF"),
    )
    linked_from(parts, rels, ("rId70", "customXml", "../customXml/item1.xml"))
    return zipped(folder / "pivots.xlsx", parts)


@builder
def extensions_after_the_cells(folder: Path) -> Path:
    """Nearly every element that can follow the cells, with Excel's extensions at the end."""
    after = (
        '<sheetProtection sheet="1"/><autoFilter ref="A1:C6"/>'
        '<mergeCells count="1"><mergeCell ref="E1:F1"/></mergeCells>'
        '<conditionalFormatting sqref="B1:B6"><cfRule type="expression" priority="1">'
        "<formula>B1&gt;3</formula></cfRule></conditionalFormatting>"
        '<dataValidations count="1"><dataValidation type="whole" sqref="B1:B6">'
        "<formula1>1</formula1><formula2>9</formula2></dataValidation></dataValidations>"
        '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
        "<headerFooter><oddHeader>&amp;C é</oddHeader></headerFooter>"
        f'<extLst><ext uri="{{78C0D931-6437-407d-A8EE-F0AAD7539E65}}" xmlns:x14="{X14}">'
        f'<x14:conditionalFormattings><x14:conditionalFormatting xmlns:xm="{XM}">'
        '<x14:cfRule type="expression" priority="2" id="{11111111-1111-1111-1111-111111111112}">'
        "<xm:f>B1&gt;4</xm:f><x14:dxf><font><b/></font></x14:dxf></x14:cfRule><xm:sqref>B1:B6</xm:sqref></x14:conditionalFormatting>"
        "</x14:conditionalFormattings></ext>"
        f'<ext uri="{{05C60535-1F16-4fd2-B633-F4F36F0B64E0}}" xmlns:x14="{X14}">'
        f'<x14:sparklineGroups xmlns:xm="{XM}"><x14:sparklineGroup><x14:sparklines>'
        "<x14:sparkline><xm:f>Grants!B1:B6</xm:f><xm:sqref>H1</xm:sqref></x14:sparkline>"
        "</x14:sparklines></x14:sparklineGroup></x14:sparklineGroups></ext></extLst>"
    )
    root = f' xmlns:mc="{MC}" mc:Ignorable="x14ac" xmlns:x14ac="{X14}/ac"'
    return zipped(folder / "ext.xlsx", package({"Grants": worksheet(root=root, after=after)}))


@builder
def sheets_that_hold_no_cells(folder: Path) -> Path:
    """A chart sheet, a dialog sheet and an Excel 4 macro sheet beside the worksheet."""
    sheets = {
        "Chart": f'<chartsheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0"/>'
        "</sheetViews></chartsheet>".encode(),
        "Dialog": f'<dialogsheet xmlns="{MAIN}"/>'.encode(),
        "Macro": f'<xm:macrosheet xmlns:xm="{XM}"/>'.encode(),
        "Grants": worksheet(),
    }
    kinds = {"Chart": "chartsheet", "Dialog": "dialogsheet", "Macro": "xlMacrosheet"}
    return zipped(folder / "kinds.xlsx", package(sheets, kinds=kinds))


@builder
def locked_and_signed(folder: Path) -> Path:
    parts = package(before='<workbookProtection lockStructure="1"/>')
    kind = "application/vnd.openxmlformats-package.digital-signature-"
    declared(parts, "_xmlsignatures/sig1.xml", kind + "xmlsignature+xml", b"<Signature/>")
    declared(parts, "_xmlsignatures/origin.sigs", kind + "origin", b"")
    return zipped(folder / "locked.xlsx", parts)


@builder
def sheets_in_other_encodings(folder: Path) -> Path:
    text = worksheet().decode()
    encoded = {
        "Little": b"\xff\xfe" + text.replace("UTF-8", "UTF-16").encode("utf-16-le"),
        "Big": b"\xfe\xff" + text.replace("UTF-8", "UTF-16").encode("utf-16-be"),
        "Latin": text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        "Marked": b"\xef\xbb\xbf" + text.encode(),
    }
    return zipped(folder / "encodings.xlsx", package(encoded))


STRICT = (
    (MAIN.encode(), b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
    (LINKS.encode(), b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
)


@builder
def strict(folder: Path) -> Path:
    parts = noted(package(attributes=' conformance="strict"'), VML.format(NOTE_SHAPE))
    for name in parts:
        for usual, other in STRICT:
            parts[name] = parts[name].replace(usual, other)
    return zipped(folder / "strict.xlsx", parts)


@builder
def stale_content_types(folder: Path) -> Path:
    """Types and links are stated of parts that are not there, under the names that come next."""
    stale = "".join(
        f'<Override PartName="/xl/{part}" ContentType="application/xml"/>'
        for part in ("comments1.xml", "worksheets/sheet2.xml", "styles.xml")
    )
    parts = package(types=stale)
    parts["xl/worksheets/_rels/sheet2.xml.rels"] = links()
    return zipped(folder / "stale.xlsx", parts)


# --- Zips -----------------------------------------------------------------------------------------


class Unseekable(io.RawIOBase):
    """A stream as a web server writes it: sizes can only follow the data."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        return self.file.write(data)


@builder
def streamed_zip(folder: Path) -> Path:
    path = folder / "streamed.xlsx"
    with path.open("wb") as file, zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in package().items():
            z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


@builder
def stored_zip_with_folders_and_a_comment(folder: Path) -> Path:
    path = folder / "stored.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("_rels/", "xl/", "xl/worksheets/"):
            archive.writestr(zipfile.ZipInfo(name), b"")
        for name, data in reversed(package().items()):  # the content types come last
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.comment = b"made by hand"
    return path


@builder
def zip64_heads_and_flags(folder: Path) -> Path:
    path = folder / "zip64.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in package().items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            with archive.open(info, "w", force_zip64=True) as entry:
                entry.write(data)
        extra = zipfile.ZipInfo("customXml/é.xml")  # sets the flag of UTF-8 names
        extra.extra = struct.pack("<HHBL", 0x5455, 5, 1, 0)
        archive.writestr(extra, b"<a/>")
    return path


@builder
def nothing_called_compressed(folder: Path) -> Path:
    """A preview picture of no bytes, not even those of an empty stream, with method 8."""
    path, name = folder / "nothing.xlsx", b"docProps/thumbnail.wmf"
    zipped(path, package())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name.decode()), b"")
    data = bytearray(path.read_bytes())
    data[data.index(name) - 22] = data[data.rindex(name) - 36] = zipfile.ZIP_DEFLATED
    path.write_bytes(data)
    return path
