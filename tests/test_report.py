"""The annotated copy: what changes, what does not, and that the original comes back."""

import hashlib
import re
import shutil
import subprocess
import zipfile
from datetime import date

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from lxml import etree
from openxml_audit import OpenXmlValidator
from python_calamine import CalamineWorkbook

from books import rezip
from fundtrack import report
from fundtrack.model import (
    Assessment,
    Basis,
    Check,
    Clause,
    Finding,
    FundtrackError,
    Limit,
    Limits,
    Pictures,
    Result,
    Severity,
    SheetFacts,
    Status,
    Threshold,
)
from fundtrack.ooxml import Package

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
CHECK = Check(
    "DUR-01",
    "A grant to a civil society organisation lasts more than six months",
    "Short grants",
    "row",
    1,
    "brief",
    Severity.ERROR,
    {},
    None,
    brief=Clause("p. 31", "three to six-month implementation periods"),
    thresholds=[Threshold("loc.share_pct", 25, "%", Basis.SOURCE, ("S01",), "of value")],
)


def finding(cell, severity=Severity.ERROR, **more):
    row = int(re.sub(r"\D", "", cell)) if cell else None
    facts = {
        "id": f"f-{cell}-{severity}",
        "check": "DUR-01",
        "severity": severity,
        "scope": "row",
        "table": "grants",
        "file": "grants.xlsx",
        "sheet": "Grants",
        "cell": cell,
        "row": row,
        "field": "planned_end_date",
        "heading": "End date",
        "key": f"G{row}",
        "value": date(2024, 3, 31),
        "expected": "more than 6 months",
        "message": f"Grant G{row} runs 3 months 0 days.",
        "remedy": "Re-issue it as one longer agreement.",
    }
    return Finding(**(facts | more))


def assessed(findings, **more):
    threshold = CHECK.thresholds[0]
    share = (Status.FAIL, Severity.WARNING, "share", 0.24996, 0.2, 0.3, 0.25, Basis.SOURCE)
    facts = {
        "file": "grants.xlsx",
        "sha256": "ab" * 32,
        "values_digest": "cd" * 32,
        "kind": "donor",
        "layout": "fundtrack",
        "layout_title": "fundtrack workbook",
        "settings": {"reporting_currency": "EUR", "reference_date": date(2024, 12, 31)},
        "sheets": [SheetFacts("grants.xlsx", "Grants", "grants", "by its name", 1, 40)],
        "limits": Limits({threshold.parameter: Limit(threshold, 30, "Head of unit")}),
        "results": [
            Result(CHECK, *share, findings=findings),
            Result(CHECK, Status.NOT_ASSESSABLE, reason="No currency is given."),
        ],
        "findings": findings,
        "exceptions": [],
        "tables": {},
        "remarks": ["The reference date is the latest payment's."],
    }
    return Assessment(**(facts | more))


FINDINGS = [
    finding("C2"),
    finding("C3"),
    finding("C4", Severity.WARNING),
    finding("B2", Severity.NOTE, message='=HYPERLINK("http://example.org")'),
    finding("C2", Severity.NOTE, id="second on C2"),
    finding("D5", Severity.WARNING, value=None),
    finding(None, scope="portfolio", sheet=None, key=None, value=None),
]


@pytest.fixture
def book(tmp_path):
    """A workbook with much of what a person puts into one."""
    path, picture = tmp_path / "grants.xlsx", tmp_path / "pixel.png"
    picture.write_bytes(PIXEL)
    with xlsxwriter.Workbook(path) as workbook:
        red = workbook.add_format({"bg_color": "red", "num_format": '0.00" €"'})
        grants = workbook.add_worksheet("Grants")
        grants.write_row(0, 0, ["Grant", "Name", "End date", "Amount"])
        for row in range(1, 41):
            grants.write_row(row, 0, [f"G{row + 1}", "name", 45000 + row])
            grants.write_formula(row, 3, f"=C{row + 1}*2", red, 2 * (45000 + row))
        grants.write_comment("C3", "Mine", {"author": "Donor"})
        grants.conditional_format("D2:D9", {"type": "cell", "criteria": ">", "value": 3})
        grants.data_validation("B2:B9", {"validate": "list", "source": ["name", "other"]})
        grants.set_column("E:E", 40)
        chart = workbook.add_chart({"type": "line"})
        chart.add_series({"values": "=Grants!$C$2:$C$9"})
        grants.insert_chart("F2", chart)
        grants.insert_image("F20", picture)
        grants.write_url("A5", "https://example.org")
        table = workbook.add_worksheet("findings")
        table.add_table("A1:B3", {"name": "fundtrack_findings_table", "data": [[1, 2], [3, 4]]})
        table.activate()
        hidden = workbook.add_worksheet('A\'s & "B"')
        hidden.hide()
        hidden.write("A1", 1)
        workbook.define_name("Rate", "=Grants!$A$1")
        workbook.define_name("findings!Local", "=Grants!$A$2")
    return path


@pytest.fixture
def annotated(book):
    target = book.with_name("grants.checked.xlsx")
    report.annotate(book, assessed(FINDINGS), target)
    return target


def parts(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_the_listed_parts_change(book, annotated):
    before, after = parts(book), parts(annotated)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        "[Content_Types].xml",
        "xl/_rels/workbook.xml.rels",
        "xl/comments1.xml",
        "xl/drawings/vmlDrawing1.vml",
        "xl/styles.xml",
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
    }
    end = b"</sheetData>"
    old, new = before["xl/worksheets/sheet1.xml"], after["xl/worksheets/sheet1.xml"]
    assert new.startswith(old[: old.index(end) + len(end)])


def test_strip_gives_the_same_file_back(book, annotated):
    target = book.with_name("back.xlsx")
    report.strip(annotated, target)
    assert digest(target) == digest(book)


def test_nothing_for_an_audit_to_object_to(book, annotated):
    validator = OpenXmlValidator()
    assert not validator.validate(str(book)).errors
    assert not validator.validate(str(annotated)).errors


def test_other_readers_see_the_sheets_and_the_same_values(book, annotated):
    names = ["Grants", "findings", 'A\'s & "B"', "Summary", "Findings 2", "Checks", "Provenance"]
    reader = CalamineWorkbook.from_path(annotated)
    assert reader.sheet_names == names
    original = CalamineWorkbook.from_path(book)
    for name in original.sheet_names:
        assert (
            reader.get_sheet_by_name(name).to_python()
            == original.get_sheet_by_name(name).to_python()
        )
    workbook = openpyxl.load_workbook(annotated)
    assert workbook.sheetnames == names
    assert workbook.active.title == "Summary"
    assert workbook["Grants"]["D2"].number_format == '0.00" €"'
    assert workbook["findings"].defined_names["Local"].value == "Grants!$A$2"


def test_findings_are_listed_worst_first_with_links_and_places_to_answer(annotated):
    sheet = openpyxl.load_workbook(annotated)["Findings 2"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:4] == ("Finding", "Severity", "Check", "Where")
    assert [row[1] for row in rows[1:]] == ["error"] * 3 + ["warning"] * 2 + ["note"] * 2
    assert rows[1][3] == "Grants!C2"
    assert sheet["D2"].hyperlink.location == "'Grants'!C2"
    assert sheet["D2"].hyperlink.target is None
    assert {row[14] for row in rows[1:]} == {"open"}
    (text,) = [row for row in sheet["J"] if str(row.value).startswith("=")]
    assert text.data_type in ("s", "inlineStr")
    (table,) = sheet.tables.values()
    assert table.ref == "A1:Q8"
    assert table.displayName != "fundtrack_findings_table"


def test_notes_keep_what_was_there_and_share_a_cell(book, annotated):
    sheet = openpyxl.load_workbook(annotated)["Grants"]
    assert sheet["C3"].comment.text == "Mine"
    assert sheet["C2"].comment.author == "fundtrack"
    assert "2 findings" in sheet["C2"].comment.text
    assert "How to fix: Re-issue it" in sheet["C2"].comment.text
    assert report.annotate(book, assessed(FINDINGS), book.with_name("b.xlsx")) == 1


def test_the_worst_get_notes_where_there_may_be_few(book):
    target = book.with_name("few.xlsx")
    left = report.annotate(book, assessed(FINDINGS), target, max_notes=1)
    assert left == len([f for f in FINDINGS if f.cell]) - 2
    sheet = openpyxl.load_workbook(target)["Grants"]
    assert [c.coordinate for row in sheet for c in row if c.comment] == ["C2", "C3"]


def highlights(path, sheet="Grants"):
    """Give what is highlighted, worst first."""
    found = []
    for area in openpyxl.load_workbook(path)[sheet].conditional_formatting:
        for rule in area.rules:
            if rule.formula == ['N("fundtrack")=0']:
                found.append((rule.priority, str(area.sqref), rule.dxf.fill.bgColor.rgb))
    return sorted(found)


def test_highlights_are_merged_down_the_column_and_the_worst_wins(annotated):
    found = highlights(annotated)
    assert [cells for _, cells, _ in found] == ["C2:C3", "C4 D5", "B2"]
    assert len({colour for _, _, colour in found}) == 3
    others = [
        rule.priority
        for area in openpyxl.load_workbook(annotated)["Grants"].conditional_formatting
        for rule in area.rules
    ]
    assert len(set(others)) == len(others)


def test_the_same_input_gives_the_same_bytes(book, annotated):
    again = book.with_name("again.xlsx")
    report.annotate(book, assessed(FINDINGS), again)
    assert digest(again) == digest(annotated)


def test_the_input_is_never_changed_or_replaced(book):
    before = digest(book)
    with pytest.raises(FundtrackError, match="is the input itself"):
        report.annotate(book, assessed(FINDINGS), book, force=True)
    assert digest(book) == before


def test_a_file_that_is_not_ours_is_replaced_only_by_force(book, annotated):
    report.annotate(book, assessed(FINDINGS), annotated)  # ours: replaced
    foreign = book.with_name("foreign.xlsx")
    shutil.copy(book, foreign)
    with pytest.raises(FundtrackError, match="did not make it"):
        report.annotate(book, assessed(FINDINGS), foreign)
    assert digest(foreign) == digest(book)
    report.annotate(book, assessed(FINDINGS), foreign, force=True)
    assert report.is_annotated(Package(foreign))


def test_an_annotated_workbook_is_not_annotated_twice(annotated):
    with pytest.raises(FundtrackError, match="annotated already"):
        report.annotate(annotated, assessed(FINDINGS), annotated.with_name("twice.xlsx"))


def test_nothing_is_left_behind_after_an_error(book):
    folder = book.with_name("taken.xlsx")
    folder.mkdir()
    before = sorted(p.name for p in book.parent.iterdir())
    with pytest.raises(FundtrackError, match="cannot be written"):
        report.annotate(book, assessed(FINDINGS), folder, force=True)
    with pytest.raises(FundtrackError, match="cannot be written"):
        report.annotate(book, assessed(FINDINGS), book.parent / "none" / "a.xlsx")
    assert sorted(p.name for p in book.parent.iterdir()) == before


def test_no_findings_is_said_without_breaking_the_table(book):
    target = book.with_name("clean.xlsx")
    assert report.annotate(book, assessed([]), target) == 0
    sheet = openpyxl.load_workbook(target)["Findings 2"]
    assert sheet["J2"].value == "No findings."
    assert parts(target)["xl/worksheets/sheet1.xml"] == parts(book)["xl/worksheets/sheet1.xml"]
    assert not OpenXmlValidator().validate(str(target)).errors


def test_the_same_fault_down_a_column_is_one_line(book):
    target = book.with_name("folded.xlsx")
    many = [finding(f"C{row}", message="Too short.") for row in range(2, 40)]
    report.annotate(book, assessed(many), target)
    rows = list(openpyxl.load_workbook(target)["Findings 2"].iter_rows(values_only=True))
    assert len(rows) == 2
    assert rows[1][3] == "Grants!C2:C39"
    assert rows[1][9] == "Too short. The same in 38 rows, 2 to 39."


def test_a_share_just_under_its_threshold_does_not_print_as_the_threshold(annotated):
    sheet = openpyxl.load_workbook(annotated)["Checks"]
    assert sheet["F2"].value == 0.24996
    assert sheet["F2"].number_format == "0.000%"


def test_odd_text_is_shown_not_obeyed(book):
    odd = finding("C2", message="a\x00b\u202ec\ud800 _x0041_" + "x" * 40_000, key="\tG1")
    target = book.with_name("odd.xlsx")
    report.annotate(book, assessed([odd]), target)
    text = openpyxl.load_workbook(target)["Findings 2"]["J2"].value
    assert text.startswith("a\\u0000b\\u202Ec\\uD800 ")
    assert "_x005F_x0041_" in text  # Excel reads this as _x0041_, not as the letter A
    assert len(text.replace("_x005F_", "_")) <= 32_767
    assert text.endswith("(cut)")


# Packages as other programs write them.


def simple(tmp_path):
    path = tmp_path / "simple.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("Grants")
        for row in range(6):
            sheet.write_row(row, 0, range(5))
    return path


def annotate_and_back(path, findings=FINDINGS):
    """Annotate, see that others read it and that it can be undone; give the copy."""
    target, back = path.with_name("t.xlsx"), path.with_name("b.xlsx")
    report.annotate(path, assessed(findings), target)
    assert "Summary" in CalamineWorkbook.from_path(target).sheet_names
    openpyxl.load_workbook(target)
    report.strip(target, back)
    assert digest(back) == digest(path)
    return target


def without_styles(name, data):
    if name == "xl/styles.xml":
        return None
    data = re.sub(rb"<(Override|Relationship) [^>]*styles[^>]*/>", b"", data)
    return name, data


def prefixed(name, data):
    if name == "xl/worksheets/sheet1.xml":
        data = re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", data).replace(b"xmlns=", b"xmlns:x=")
    return name, data


def empty_cells(name, data):
    if name == "xl/worksheets/sheet1.xml":
        data = re.sub(rb"<sheetData>.*</sheetData>", b"<sheetData/>", data)
    return name, data


def absolute_targets(name, data):
    if name == "xl/_rels/workbook.xml.rels":
        data = data.replace(b'Target="worksheets/', b'Target="\\xl\\worksheets\\')
    return name, data


@pytest.mark.parametrize("edit", [without_styles, prefixed, empty_cells])
def test_packages_as_others_write_them(tmp_path, edit):
    target = annotate_and_back(rezip(simple(tmp_path), edit))
    assert [cells for _, cells, _ in highlights(target)] == ["C2:C3", "C4 D5", "B2"]
    assert openpyxl.load_workbook(target)["Grants"]["C2"].comment.author == "fundtrack"


def test_backslash_targets(tmp_path):
    path = rezip(simple(tmp_path), absolute_targets)
    target = path.with_name("t.xlsx")
    report.annotate(path, assessed(FINDINGS), target)
    assert [s.name for s in Package(target).sheets][:2] == ["Grants", "Summary"]


STRICT = [
    (
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    ),
    (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    ),
    (
        b"http://schemas.openxmlformats.org/drawingml/2006/",
        b"http://purl.oclc.org/ooxml/drawingml/",
    ),
]


def strict(name, data):
    for transitional, namespace in STRICT:
        data = data.replace(transitional, namespace)
    return name, data


def test_a_strict_workbook_stays_strict(tmp_path):
    path = rezip(simple(tmp_path), strict)
    target = path.with_name("t.xlsx")
    report.annotate(path, assessed(FINDINGS), target)
    assert Package(target).strict
    for name, data in parts(target).items():
        if name.endswith((".xml", ".rels")):
            assert not any(transitional in data for transitional, _ in STRICT), name


def broken_drawing(name, data):
    if name.endswith(".vml"):
        data = data.replace(b"</o:shapelayout>", b"</o:shapelayout><br>")
    return name, data


def test_a_drawing_that_is_not_well_formed_is_appended_to(book):
    path = rezip(book, broken_drawing)
    target = path.with_name("t.xlsx")
    assert report.annotate(path, assessed(FINDINGS), target) == 1
    drawing = parts(target)["xl/drawings/vmlDrawing1.vml"]
    assert b"<br>" in drawing
    assert drawing.count(b'ObjectType="Note"') == 5
    ids = re.findall(rb'id="(_x0000_s\d+)"', drawing)
    assert len(set(ids)) == len(ids)


def test_a_drawing_that_cannot_be_appended_to_leaves_highlights_only(book):
    def edit(name, data):
        return name, b"unreadable" if name.endswith(".vml") else data

    path = rezip(book, edit)
    target = path.with_name("t.xlsx")
    assert report.annotate(path, assessed(FINDINGS), target) == 6
    assert parts(target)["xl/comments1.xml"] == parts(path)["xl/comments1.xml"]
    assert b"N(&quot;fundtrack&quot;)" in parts(target)["xl/worksheets/sheet1.xml"]


def test_a_workbook_with_all_cell_formats_used_gets_notes_only(tmp_path):
    def edit(name, data):
        if name == "xl/styles.xml":
            xf = b'<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
            data = re.sub(
                rb"<cellXfs.*</cellXfs>", b"<cellXfs>" + xf * 65_400 + b"</cellXfs>", data
            )
        return name, data

    path = rezip(simple(tmp_path), edit)
    target = annotate_and_back(path)
    assert parts(target)["xl/styles.xml"] == parts(path)["xl/styles.xml"]
    assert highlights(target) == []
    assert openpyxl.load_workbook(target)["Grants"]["C2"].comment is not None


def test_values_alone_are_written_where_there_is_no_package(tmp_path):
    path = tmp_path / "plain.xlsx"
    grid = [["=1+1", None, 2.5], [date(2024, 1, 31), True, "@x"]]
    path.write_bytes(report.plain_workbook([("Grants", grid)], path.name)[0])
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Grants").to_python()
    assert rows == [["=1+1", "", 2.5], [date(2024, 1, 31), True, "@x"]]
    annotate_and_back(path, [finding("A2")])


def test_after_another_program_saved_it_the_annotation_is_still_found(book, annotated):
    openpyxl.load_workbook(annotated).save(annotated)
    target = book.with_name("back.xlsx")
    report.strip(annotated, target)
    workbook = openpyxl.load_workbook(target)
    assert workbook.sheetnames == ["Grants", "findings", 'A\'s & "B"']
    assert highlights(target) == []
    notes = {c.coordinate: c.comment.text for r in workbook["Grants"] for c in r if c.comment}
    assert notes == {"C3": "Mine"}
    original = openpyxl.load_workbook(book)
    for sheet in original:
        assert list(sheet.values) == list(workbook[sheet.title].values)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_keeps_sheets_notes_and_highlights(book, annotated, tmp_path):
    out = tmp_path / "saved"
    subprocess.run(
        [
            "soffice",
            f"-env:UserInstallation=file://{tmp_path}/profile",
            *("--headless", "--convert-to", "xlsx", "--outdir", str(out), str(annotated)),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    saved = out / annotated.name
    workbook = openpyxl.load_workbook(saved)
    assert workbook.sheetnames[3:] == ["Summary", "Findings 2", "Checks", "Provenance"]
    assert "How to fix" in workbook["Grants"]["C2"].comment.text
    assert workbook["Grants"]["C3"].comment.text.endswith("Mine")
    assert {cells for _, cells, _ in highlights(saved)} == {"C2:C3", "C4 D5", "B2"}
    target = tmp_path / "back.xlsx"
    report.strip(saved, target)
    assert openpyxl.load_workbook(target).sheetnames == ["Grants", "findings", 'A\'s & "B"']


def test_a_name_that_no_xml_can_hold_does_not_break_a_chart(book):
    rank = "Con\x01stable"
    pay = pd.DataFrame({"rank": [rank], "officers": [3.0], "pay": [200.0], "wage": [300.0]})
    lasting = pd.DataFrame(columns=["months", "grants", "kind"])
    target = book.with_name("drawn.xlsx")
    pictures = Pictures(lasting, pay, "E\x02R")
    report.annotate(book, assessed(FINDINGS, pictures=pictures), target)
    drawings = []
    with zipfile.ZipFile(target) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                root = etree.fromstring(archive.read(name))
                drawings += [e.get("descr", "") for e in root.iter("{*}cNvPr")]
    assert any("Con\\u0001stable" in told for told in drawings)
