"""Workbooks of every origin come back whole: nothing is lost, all is marked, all can be undone."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openxml_audit import OpenXmlValidator
from python_calamine import CalamineWorkbook

from fundtrack import report
from fundtrack.model import Severity
from fundtrack.ooxml import Package, rels_name
from packages import BUILDERS
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


CELLS_END = re.compile(rb"</(?:[\w.-]+:)?sheetData\s*>|<(?:[\w.-]+:)?sheetData\s*/>")


def upto_cells_end(sheet):
    wide = sheet.startswith((b"\xff\xfe", b"\xfe\xff"))
    (end,) = CELLS_END.finditer(sheet.replace(b"\0", b"") if wide else sheet)
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
    sheet = openpyxl.load_workbook(io.BytesIO(copy.read_bytes()))["Provenance"]
    return " ".join(row[2] for row in sheet.iter_rows(values_only=True) if row[0] == "Remarks")


def test_locks_and_signatures_are_kept_and_said(made):
    _, copy = made("locked_and_signed")
    assert "structure is locked" in remarks(copy)
    assert "digitally signed" in remarks(copy)
