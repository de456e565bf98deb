"""Packages that are legal, or nearly, and seldom met: nothing of them is lost or mistaken."""

import re

import pytest
from lxml import etree

from fundtrack import read, report
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package
from fundtrack.pipeline import assess
from packages import (
    MAIN,
    NOTE,
    NOTE_SHAPE,
    OFFICE,
    SHEET,
    VML,
    declared,
    linked_from,
    links,
    noted,
    package,
    worksheet,
    zipped,
)
from test_origins import CELLS, annotated, entries

PART, RELS = "xl/worksheets/sheet1.xml", "xl/worksheets/_rels/sheet1.xml.rels"
BOOK, BOOK_RELS, TYPES = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml"


def marked(folder, parts, name="odd.xlsx"):
    """Give what the copy of a workbook of these parts holds; it comes back when stripped."""
    original = zipped(folder / name, parts)
    copy = annotated(original, folder)
    back = folder / f"back-{name}"
    report.strip(copy, back)
    assert back.read_bytes() == original.read_bytes()
    return entries(copy)


def resaved(folder, parts):
    """Give the parts of a copy that another program saved, after its annotation was taken out."""
    copy = zipped(folder / "saved.xlsx", {n: d for n, d in parts.items() if "original" not in n})
    back = folder / "back.xlsx"
    report.strip(copy, back, force=True)
    return entries(back)


def after_cells(sheet):
    names = [etree.QName(e).localname for e in etree.fromstring(sheet) if isinstance(e.tag, str)]
    return names[names.index("sheetData") + 1 :]


# --- Where the cells end --------------------------------------------------------------------------

DECOYS = {
    "a comment": "<!-- </sheetData><pageMargins/><legacyDrawing/> -->{}",
    "an instruction": "<?note </sheetData><pageMargins/>?>{}",
    "a text": "{}<headerFooter><oddHeader><![CDATA[</sheetData><!-- ]]></oddHeader></headerFooter>",
    "a text in a comment": "<!-- <![CDATA[ </sheetData> -->{}<!-- ]]> -->",
}


@pytest.mark.parametrize("decoy", DECOYS)
def test_what_only_looks_like_the_end_of_the_cells_is_passed_over(decoy, tmp_path):
    after = DECOYS[decoy].format('<pageMargins left="1"/>')
    sheet = marked(tmp_path, package({"Grants": worksheet(after=after)}))[PART]
    assert sheet.count(b"N(&quot;fundtrack&quot;)") == 3  # one rule a severity
    assert after_cells(sheet)[:4] == ["conditionalFormatting"] * 3 + ["pageMargins"]
    assert after_cells(sheet)[-1] == "legacyDrawing"


def test_remarks_around_the_sheet_may_hold_anything(tmp_path):
    around = worksheet().replace(b"\n<worksheet", b'\n<!-- <worksheet a="b"> --><worksheet')
    sheet = marked(tmp_path, package({"Grants": around + b"<!-- </sheetData></worksheet> -->"}))
    assert after_cells(sheet[PART]) == ["conditionalFormatting"] * 3 + ["legacyDrawing"]
    again = resaved(tmp_path, sheet)[PART]
    assert b"fundtrack" not in again


def test_remarks_stand_in_any_part(tmp_path):
    parts = noted(package(), VML.format(NOTE_SHAPE))
    declared(parts, "xl/styles.xml", SHEET + "styles+xml", STYLES.encode())
    linked_from(parts, BOOK_RELS, ("rId90", "styles", "styles.xml"))
    remark = rb"<!-- <c> --><?go on?>"
    for name, data in parts.items():
        if name.endswith((".xml", ".rels")):
            parts[name] = re.sub(rb"(?<=>)(?=<\w)|(?=</\w+>$)", remark, data.strip())
    copy = marked(tmp_path, parts)
    assert remark in copy["xl/styles.xml"]
    assert b"fundtrack" in copy["xl/comments1.xml"]
    again = resaved(tmp_path, copy)
    assert b"fundtrack" not in b"".join(again.values())


# --- Names and numbers that are taken -------------------------------------------------------------


def test_a_name_of_the_workbooks_own_that_begins_like_ours_leads_to_no_sheet_of_ours(tmp_path):
    parts = package({"Grants": worksheet(), "More": worksheet()})
    name = '<definedName name="fundtrack_findings_total">Grants!$A$1</definedName>'
    book = (
        parts[BOOK].decode().replace("</sheets>", f"</sheets><definedNames>{name}</definedNames>")
    )
    parts[BOOK] = book.encode()
    original = zipped(tmp_path / "named.xlsx", parts)
    assert not report.is_annotated(Package(original))
    again = resaved(tmp_path, marked(tmp_path, parts))
    assert b"fundtrack_findings_total" in again[BOOK]
    assert b'name="Grants"' in again[BOOK]


def test_of_two_sheets_of_one_name_the_one_that_is_read_is_marked(tmp_path):
    other = worksheet('<row r="1"><c r="A1"><v>7</v></c></row>')
    parts = package({"Grants": worksheet(), "Second": other})
    parts[BOOK] = parts[BOOK].replace(b'"Second"', b'"Grants"')
    path = zipped(tmp_path / "twice.xlsx", parts)
    assert [g.rows[0][0] for g in read.workbook(path).grids] == ["G1 é", "G1 é"]
    copy = marked(tmp_path, parts)
    assert b"fundtrack" in copy[PART]
    assert copy["xl/worksheets/sheet2.xml"] == other


STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="" formatCode="0"/>'
    '<numFmt numFmtId="x" formatCode="0"/><numFmt formatCode="0"/>'
    '<numFmt numFmtId="4294967295" formatCode="0"/></numFmts><fonts><font/></fonts>'
    "<fills><fill/></fills><borders><border/></borders><cellXfs><xf/>"
    '<xf numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


def test_formats_of_numbers_are_told_from_those_that_are_used_but_nowhere_given(tmp_path):
    parts = package()
    declared(parts, "xl/styles.xml", SHEET + "styles+xml", STYLES.encode())
    linked_from(parts, BOOK_RELS, ("rId90", "styles", "styles.xml"))
    styles = etree.fromstring(marked(tmp_path, parts)["xl/styles.xml"])
    given = [e.get("numFmtId") for e in styles.iter(f"{{{MAIN}}}numFmt")]
    assert given[:4] == ["", "x", None, "4294967295"]
    added = [int(number) for number in given[4:]]
    assert added
    assert all(164 < number < 2**31 for number in added)


# --- Notes that are there -------------------------------------------------------------------------


def with_a_drawing_called(name, parts):
    """Give the noted parts with their legacy drawing under another name."""
    declared(parts, f"xl/drawings/{name}", OFFICE + "vmlDrawing", parts.pop(DRAWING))
    parts[RELS] = parts[RELS].replace(b"vmlDrawing1.vml", name.encode())
    return parts


DRAWING = "xl/drawings/vmlDrawing1.vml"


def test_shapes_in_a_drawing_of_any_name_keep_ids_of_their_own(tmp_path):
    parts = with_a_drawing_called("notes.xml", noted(package(), VML.format(NOTE_SHAPE)))
    copy = marked(tmp_path, parts)
    ids = re.findall(rb'<v:shape id="(\w+)"', copy["xl/drawings/notes.xml"])
    assert len(ids) == len(set(ids)) == len(set(CELLS))  # at C3 theirs
    assert re.search(rb'idmap[^>]* data="1,2"', copy["xl/drawings/notes.xml"])


def test_a_note_whose_address_is_written_otherwise_is_no_free_cell(tmp_path):
    comments = NOTE.replace('"C3"', '"$c$3"')
    copy = marked(tmp_path, noted(package(), VML.format(NOTE_SHAPE), comments))
    refs = re.findall(rb'<comment ref="([^"]*)"', copy["xl/comments1.xml"])
    assert b"$c$3" in refs
    assert b"C3" not in refs


def test_a_drawing_without_shapes_stays_after_another_program_has_saved(tmp_path):
    parts = package()
    parts["xl/drawings/vmlDrawing9.vml"] = VML.format("").encode()
    default = f'<Default Extension="vml" ContentType="{OFFICE}vmlDrawing"/><Override'
    parts[TYPES] = parts[TYPES].replace(b"<Override", default.encode(), 1)
    parts[RELS] = links(("rId1", "vmlDrawing", "../drawings/vmlDrawing9.vml"))
    again = resaved(tmp_path, marked(tmp_path, parts))
    assert again["xl/drawings/vmlDrawing9.vml"] == parts["xl/drawings/vmlDrawing9.vml"]
    assert Package(tmp_path / "back.xlsx").rels(PART)[0].kind == "vmldrawing"


# --- What parts are, and where they stand ---------------------------------------------------------


def test_every_part_is_of_its_kind_whatever_the_extensions_mean(tmp_path):
    parts = package()
    kind = "application/vnd.openxmlformats-package.relationships+xml"
    types = re.sub(r'<Default Extension="rels"[^>]*/>', "", parts[TYPES].decode())
    own = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>' for name in parts if "_rels" in name
    )
    other = '<Default Extension="vml" ContentType="application/xml"/>'
    types = types.replace("<Override", f"{other}<Override", 1).replace("</Types>", f"{own}</Types>")
    parts[TYPES] = types.encode()
    copy = marked(tmp_path, parts)
    found = Package(tmp_path / "odd.checked.xlsx").content_types
    assert {found.of(name) for name in copy if name.endswith(".rels")} == {kind}
    assert found.of(DRAWING) == OFFICE + "vmlDrawing"


@pytest.mark.parametrize(
    "target", ["my%20sheet%20%5B1%5D.xml", "./my sheet [1].xml", "../worksheets//my sheet [1].xml"]
)
def test_a_target_is_followed_however_it_is_written(target, tmp_path):
    parts = package()
    parts["xl/worksheets/my sheet [1].xml"] = parts.pop(PART)
    parts[BOOK_RELS] = parts[BOOK_RELS].replace(b"sheet1.xml", target.encode())
    parts[TYPES] = parts[TYPES].replace(b"sheet1.xml", b"my%20sheet%20%5B1%5D.xml")
    path = zipped(tmp_path / "far.xlsx", parts)
    assert read.workbook(path).grids[0].rows[0][:2] == ["G1 é", 10]
    assert b"fundtrack" in marked(tmp_path, parts)["xl/worksheets/my sheet [1].xml"]


def test_a_sheet_that_is_listed_and_not_there_is_told_by_its_name(tmp_path):
    parts = package({"Grants": worksheet(), "Gone": worksheet()})
    del parts["xl/worksheets/sheet2.xml"]
    with pytest.raises(FundtrackError, match=r"sheet “Gone”: .* does not hold .* let Excel repair"):
        assess(zipped(tmp_path / "gone.xlsx", parts))


def test_macros_of_excel_4_do_not_keep_the_other_sheets_from_being_read(tmp_path):
    sheets = {"Macro1": worksheet(), "Grants": worksheet()}
    made = package(sheets, kinds={"Macro1": "xlMacrosheet"})
    parts = {  # where Excel puts them
        name.replace("xlmacro", "macro"): data.replace(b"xlmacrosheets/", b"macrosheets/")
        for name, data in made.items()
    }
    path = zipped(tmp_path / "macros.xlsm", parts)
    assert [(g.sheet, g.rows[0][0]) for g in read.workbook(path).grids] == [("Grants", "G1 é")]


@pytest.mark.parametrize("extent", ["1:6", "$1:$6", ""])
def test_an_extent_without_columns_as_libreoffice_writes_it_is_passed_over(extent, tmp_path):
    sheet = worksheet().replace(b"<sheetData>", f'<dimension ref="{extent}"/><sheetData>'.encode())
    parts = package({"Grants": sheet})
    path = zipped(tmp_path / "wide.xlsx", parts)
    assert read.workbook(path).grids[0].rows[5][:2] == ["G6 é", 60]
    assert f'<dimension ref="{extent}"/>'.encode() in marked(tmp_path, parts)[PART]


def test_the_copy_of_a_workbook_of_very_many_sheets_is_not_refused_itself(tmp_path):
    sheets = {f"S{number}": worksheet('<row r="1"><c r="A1"/></row>') for number in range(520)}
    copy = marked(tmp_path, package(sheets))
    assert len(copy) > 2_050
    assert not report.refuse_target(tmp_path / "new", tmp_path / "odd.checked.xlsx", force=False)
