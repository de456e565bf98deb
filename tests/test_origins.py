"""Workbooks of every origin come back whole: nothing is lost, all is marked, all can be undone."""

import io
import re
import shutil
import subprocess
import zipfile

import openpyxl
import pytest
import xlsxwriter
from openxml_audit import OpenXmlValidator
from python_calamine import CalamineWorkbook

from fundtrack import report
from fundtrack.model import FundtrackError, Severity
from fundtrack.ooxml import Package, rels_name
from fundtrack.report.parts.draft import Draft
from fundtrack.report.parts.styles import Styles
from fundtrack.report.sheets.graft import add_sheets
from packages import BUILDERS, package, parts_of, rich, worksheet, zipped
from test_report import assessed, finding

CELLS = ["A1", "A2", "A3", "B2", "C3", "C4", "D5", "A1", "H30", "Z9"]
ADDED = ["Summary", "Findings", "Checks", "Provenance"]


def findings_on(package):
    return [
        finding(cell, list(Severity)[number % 3], sheet=sheet.name, id=f"{sheet.name} {number}")
        for sheet in package.sheets
        if sheet.kind == "worksheet"
        for number, cell in enumerate(CELLS)
    ]


def annotated(path, folder):
    package = Package(path)
    target = folder / f"{path.stem}.checked{path.suffix}"
    report.annotate(path, assessed(findings_on(package)), target)
    return target


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Gives the original and its copy by the builder's name, each made once."""
    folder, books = tmp_path_factory.mktemp("origins"), {}

    def make(name):
        if name not in books:
            (folder / name).mkdir()
            original = BUILDERS[name](folder / name)
            books[name] = original, annotated(original, folder / name)
        return books[name]

    return make


every = pytest.mark.parametrize("name", BUILDERS)


def entries(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {info.orig_filename: archive.read(info) for info in archive.infolist()}


def changeable(package):
    """Give the parts that the annotation may change, and the worksheets among them."""
    main = package.main_part
    sheets = {s.part for s in package.sheets if s.kind == "worksheet"}
    own = {"[Content_Types].xml", main, rels_name(main), package.part_of_kind("styles") or ""}
    for sheet in sheets:
        own.add(rels_name(sheet))
        own |= {k.target for k in package.rels(sheet) if k.kind in ("comments", "vmldrawing")}
    return {package.entry_name(name) for name in own}, sheets


SHAPE_ID = re.compile(rb'<v:shape id="(_x0000_s\d+)"')
CELLS_END = re.compile(rb"</(?:[\w.-]+:)?sheetData\s*>|<(?:[\w.-]+:)?sheetData\s*/>")


def upto_cells_end(sheet):
    wide = sheet.startswith((b"\xff\xfe", b"\xfe\xff"))
    *_, end = CELLS_END.finditer(sheet.replace(b"\0", b"") if wide else sheet)
    return end.end() * 2 - 2 if wide else end.end()  # the mark at the start has no zeros in it


@every
def test_no_part_is_lost_and_no_cell_touched(made, name):
    original, copy = made(name)
    before, after = entries(original), entries(copy)
    may_change, sheets = changeable(Package(original))
    for part, data in before.items():
        assert part in after
        if part in sheets:
            assert data != after[part]
            end = upto_cells_end(data)
            assert after[part][:end] == data[:end]
        elif part not in may_change:
            assert after[part] == data, part


@every
def test_strip_gives_the_same_file_back(made, name, tmp_path):
    original, copy = made(name)
    back = tmp_path / original.name
    report.strip(copy, back)
    assert back.read_bytes() == original.read_bytes()


def values(path):
    book = CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def cells(path):
    """Give what openpyxl reads of each sheet: values and formats, notes, what is drawn."""
    found = {}
    for sheet in openpyxl.load_workbook(io.BytesIO(path.read_bytes())).worksheets:
        held = list(sheet._cells.values())
        found[sheet.title] = (
            {c.coordinate: (c.value, c.number_format) for c in held if c.value is not None},
            {c.coordinate: c.comment.text for c in held if c.comment},
            (len(sheet._charts), len(sheet._images), sorted(sheet.tables)),
        )
    return found


# What these two libraries cannot read, whoever annotates it; LibreOffice and Excel read most of it.
NOT_BY_CALAMINE = {
    "main_part_elsewhere",
    "backslash_targets",
    "entries_with_a_leading_slash",
    "sheets_that_hold_no_cells",
    "sheets_in_other_encodings",
}
NOT_BY_OPENPYXL = {
    "upper_case_parts",
    "backslash_targets",
    "backslash_entries",
    "entries_with_a_leading_slash",
    "sheets_that_hold_no_cells",
    "strict",
}


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - NOT_BY_CALAMINE))
def test_calamine_reads_the_same_of_the_copy(made, name):
    original, copy = made(name)
    before, after = values(original), values(copy)
    assert {sheet: after[sheet] for sheet in before} == before
    assert len(after) == len(before) + len(ADDED)


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - NOT_BY_OPENPYXL))
@pytest.mark.filterwarnings("ignore::UserWarning")  # of what openpyxl does not keep
def test_openpyxl_reads_the_same_of_the_copy_and_notes_where_there_were_none(made, name):
    original, copy = made(name)
    before, after = cells(original), cells(copy)
    assert len(after) == len(before) + len(ADDED)
    for sheet, (held, notes, drawn) in before.items():
        assert after[sheet][0] == held
        assert after[sheet][2] == drawn
        ours = {at: text for at, text in after[sheet][1].items() if at not in notes}
        assert {at: after[sheet][1][at] for at in notes} == notes
        assert ours.keys() == set(CELLS) - notes.keys()
        assert all(text.startswith("fundtrack: ") for text in ours.values())


def objections(path):
    return {(e.part_uri, e.description) for e in OpenXmlValidator().validate(str(path)).errors}


@every
def test_an_audit_finds_nothing_that_was_not_there_before(made, name):
    original, copy = made(name)
    assert objections(copy) - objections(original) == set()


def remarks(copy):
    rows = CalamineWorkbook.from_path(copy).get_sheet_by_name("Provenance").to_python()
    return " ".join(row[2] for row in rows if row[0] == "Remarks")


def test_locks_and_signatures_are_kept_and_said(made):
    _, copy = made("locked_and_signed")
    assert "structure is locked" in remarks(copy)
    assert "digitally signed" in remarks(copy)


def test_a_sheet_in_any_encoding_is_marked_in_its_own(made):
    _, copy = made("sheets_in_other_encodings")
    after = entries(copy)
    for number, encoding in enumerate(("utf-16", "utf-16", "latin-1", "utf-8-sig"), 1):
        text = after[f"xl/worksheets/sheet{number}.xml"].decode(encoding)
        assert "G6 é" in text
        assert "N(&quot;fundtrack&quot;)=0" in text.partition("</sheetData>")[2]


def test_a_damaged_note_part_costs_the_notes_and_is_said(tmp_path):
    parts = parts_of(BUILDERS["form_controls"](tmp_path))
    parts["xl/comments1.xml"] = b"<comments"
    target = annotated(zipped(tmp_path / "damaged.xlsx", parts), tmp_path)
    assert "Sheet “Grants” got no notes" in remarks(target)
    assert entries(target)["xl/comments1.xml"] == b"<comments"


def test_a_sheet_whose_end_cannot_be_read_stays_as_it_is_and_is_said(tmp_path):
    path = zipped(tmp_path / "odd.xlsx", package({"Grants": worksheet(after="&unknown;")}))
    target = annotated(path, tmp_path)
    assert "Sheet “Grants” could not be marked" in remarks(target)
    part = "xl/worksheets/sheet1.xml"
    assert entries(target)[part] == entries(path)[part]


def test_two_sheets_in_one_part_are_marked_for_both(tmp_path):
    parts = package({"Grants": worksheet(), "Again": worksheet()})
    rels = "xl/_rels/workbook.xml.rels"
    parts[rels] = parts[rels].replace(b"sheet2.xml", b"sheet1.xml")
    target = annotated(zipped(tmp_path / "twice.xlsx", parts), tmp_path)
    notes = entries(target)["xl/comments1.xml"]
    assert notes.count(b"<comment ") == len(set(CELLS))


def test_what_a_single_zip_cannot_hold_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("fundtrack.report.parts.draft._MOST_ENTRIES", 9)
    with pytest.raises(FundtrackError, match="too large to annotate"):
        annotated(zipped(tmp_path / "many.xlsx", package()), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["many.xlsx"]


def test_values_that_no_sheet_can_hold_are_not_cut_off(tmp_path):
    with pytest.raises(FundtrackError, match=r"more columns than Excel can hold .* Split"):
        report.plain_workbook([("Grants", [["x"] * 16_385])], "wide.xlsx")
    assert list(tmp_path.iterdir()) == []


# --- Whatever the added sheets hold ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["bare", "xlsxwriter_book", "openpyxl_book", "strict"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_sheet_can_be_grafted_with_all_it_leads_to(name, tmp_path):
    original = BUILDERS[name](tmp_path)
    source = tmp_path / "source.xlsx"
    with xlsxwriter.Workbook(source) as book:
        rich(book, tmp_path)
    renamed = {"Grants": "Added", "Other &amp; co": "More", "Chart": "Drawn"}
    parts = parts_of(source)
    for part, data in parts.items():
        if part.endswith((".xml", ".rels")):
            text = data.decode()
            for old, new in renamed.items():
                text = re.sub(rf"(?<=name=\"){old}(?=\")|'?{old}'?(?=!)", new, text)
            parts[part] = text.encode()
    draft = Draft(Package(original))
    styles = Styles(draft)
    add_sheets(draft, Package(zipped(source, parts)), styles)
    styles.save()
    target = tmp_path / "grafted.xlsx"
    draft.save(target)
    before, after = entries(original), entries(target)
    may_change, _ = changeable(Package(original))
    assert all(after[part] == data for part, data in before.items() if part not in may_change)
    assert objections(target) - objections(original) - objections(source) == set()
    if name != "strict":  # which openpyxl cannot read
        alone, grafted = cells(source), cells(target)
        assert grafted["Added"] == alone["Added"]
        assert grafted["More"][:2] == alone["More"][:2]
    taken, new = ([d for n, d in of.items() if n.endswith(".vml")] for of in (before, after))
    old = {i for d in taken for i in SHAPE_ID.findall(d)}
    ids = [i for d in new if d not in taken for i in SHAPE_ID.findall(d)]
    assert len(set(ids)) == len(ids) == 2  # a note and a button
    assert not old & set(ids)


# --- After another program has saved the copy -----------------------------------------------------


def stripped(saved, folder):
    """Strip, and see that nothing of ours is left, nor anything that leads nowhere; give it."""
    back = folder / f"stripped-{saved.name}"
    report.strip(saved, back)
    package = Package(back)
    assert not report.is_annotated(package)
    for name in package.names:
        if "tables/" not in name:  # one of the originals has a table with our table's name
            assert b"fundtrack" not in package.read(name).lower(), name
    assert all(package.has(part) for part in package.content_types.overrides)
    return back


def kinds_of_parts(path):
    return sorted(re.sub(r"\d+", "", name) for name in entries(path))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["openpyxl_book", "xlsxwriter_book", "form_controls", "bare"])
def test_what_openpyxl_saved_is_stripped_to_what_it_makes_of_the_original(made, name, tmp_path):
    saved = []
    for path in made(name):
        saved.append(tmp_path / path.name)
        openpyxl.load_workbook(io.BytesIO(path.read_bytes())).save(saved[-1])
    back = stripped(saved[1], tmp_path)
    assert cells(back) == cells(saved[0])
    # openpyxl numbers the drawings of all sheets, ours among them, before ours are taken out.
    assert kinds_of_parts(back) == kinds_of_parts(saved[0])
    new = {part for part, _ in objections(back) - objections(saved[0])}
    assert new <= {"/xl/styles.xml"}  # the formats of the report stay there, unused


def edited(path, target, *edits):
    """Change a copy as a program would that saves it: the original inside it is dropped."""
    parts = parts_of(path)
    del parts["fundtrack/original.dat"]
    text = parts["xl/workbook.xml"].decode()
    for pattern, new in edits:
        text, count = re.subn(pattern, new, text, flags=re.DOTALL)
        assert count
    return zipped(target, parts | {"xl/workbook.xml": text.encode()})


def test_added_sheets_are_found_by_the_names_that_follow_them_when_renamed(made, tmp_path):
    original, copy = made("openpyxl_book")
    renamed = edited(
        copy,
        tmp_path / "renamed.xlsx",
        ('"Checks"', '"Was geprüft"'),
        ("'Checks'", "'Was geprüft'"),
    )
    back = tmp_path / "back.xlsx"
    report.strip(renamed, back)
    assert cells(back) == cells(original)


def test_added_sheets_are_found_by_their_headings_where_the_names_are_lost(made, tmp_path):
    original, copy = made("named_like_ours")
    lost = edited(copy, tmp_path / "lost.xlsx", ("<definedNames>.*</definedNames>", ""))
    assert report.is_annotated(Package(lost))
    back = tmp_path / "back.xlsx"
    report.strip(lost, back)
    assert cells(back) == cells(original)
    assert not report.is_annotated(Package(original))


UNKNOWN_TO_LIBREOFFICE = {
    "backslash_entries",
    "backslash_targets",
    "entries_with_a_leading_slash",
    "upper_case_parts",
}
COMPARED = [
    "openpyxl_book",
    "form_controls",
    "extensions_after_the_cells",
    "xlsxwriter_macros_1904",
]


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_libreoffice_opens_every_copy_and_what_it_saved_can_be_stripped(made, tmp_path):
    """One test, so that LibreOffice is started twice only."""

    def resaved(paths, folder):
        profile = (tmp_path / "profile").as_uri()
        command = ["soffice", f"-env:UserInstallation={profile}", "--headless", "--convert-to"]
        command += ["xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder), *map(str, paths)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)

    sources = tmp_path / "sources"
    sources.mkdir()
    for name in sorted(BUILDERS.keys() - UNKNOWN_TO_LIBREOFFICE):
        original, copy = made(name)
        shutil.copy(copy, sources / f"{name}.copy{copy.suffix}")
        if name in COMPARED:
            shutil.copy(original, sources / f"{name}.own{original.suffix}")
    saved = tmp_path / "saved"
    resaved(sorted(sources.iterdir()), saved)
    kept = {"Chart", "Dialog", "Macro"}  # no cells to mark
    for source in sources.glob("*.copy.*"):
        sheets = cells(saved / f"{source.stem}.xlsx")
        assert len([s for s in sheets if re.fullmatch(rf"({'|'.join(ADDED)})( \d)?", s)]) >= 4
        for sheet in list(sheets)[:-4]:
            noted = {at for at, text in sheets[sheet][1].items() if "fundtrack: " in text}
            assert sheet in kept or noted >= set(CELLS) - {"C3"}, (source.name, sheet)
        assert len(highlighted(saved / f"{source.stem}.xlsx", next(iter(sheets)))) in (0, 3)
    backs = []
    for name in COMPARED:
        backs.append(stripped(saved / f"{name}.copy.xlsx", tmp_path))
        own = saved / f"{name}.own.xlsx"
        assert cells(backs[-1]) == cells(own)
        new = {part for part, _ in objections(backs[-1]) - objections(own)}
        assert new <= {"/xl/styles.xml"}  # the highlights' formats stay there, unused
        marked = annotated(own, tmp_path)  # LibreOffice's own workbooks are an origin too
        assert objections(marked) - objections(own) == set()
        report.strip(marked, tmp_path / f"undone-{own.name}")
        assert (tmp_path / f"undone-{own.name}").read_bytes() == own.read_bytes()
    again = tmp_path / "again"
    resaved(backs, again)
    for name, back in zip(COMPARED, backs, strict=True):
        assert cells(again / back.name) == cells(saved / f"{name}.own.xlsx")


def highlighted(path, sheet):
    """Give the areas that our rules cover in a sheet."""
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))
    rules = [(area, rule) for area in book[sheet].conditional_formatting for rule in area.rules]
    return [str(area.sqref) for area, rule in rules if rule.formula == ['N("fundtrack")=0']]
