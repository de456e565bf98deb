"""The samples: clean is clean, faulty fires every check, each fault is found where it stands."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openxml_audit import OpenXmlValidator

from fundtrack import pages, pipeline, rules
from fundtrack.ooxml import Package
from fundtrack.pipeline import assess
from fundtrack.report import text

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"
FAULTY = SAMPLES / "donor_faulty.xlsx"


def script():
    spec = importlib.util.spec_from_file_location("make_samples", SAMPLES / "make_samples.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def faulty():
    return assess(SAMPLES / "donor_faulty.xlsx")


def test_the_script_makes_the_samples_again_byte_for_byte(tmp_path, monkeypatch):
    make = script()
    monkeypatch.setattr(make, "HERE", tmp_path)
    make.main()
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (SAMPLES / path.name).read_bytes(), path.name
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in SAMPLES.glob("*.xlsx")}


def test_the_clean_sample_has_no_finding_that_is_not_accepted():
    seen = assess(SAMPLES / "donor_clean.xlsx")
    assert [f.message for f in seen.findings if not f.accepted] == []
    assert [f.key for f in seen.findings] == ["G-030"]


def test_the_faulty_sample_fires_every_check(faulty):
    assert {f.check for f in faulty.findings} >= set(rules.catalogue())


@pytest.mark.parametrize(("check", "sheet", "place", "what"), script().PLANTED)
def test_each_planted_fault_is_found_where_it_stands(faulty, check, sheet, place, what):
    cell = re.fullmatch(r"[A-Z]{1,3}\d+", place)
    found = [f for f in faulty.findings if f.check == check]
    if cell:
        assert (sheet, place) in {(f.sheet, f.cell) for f in found}, what
    else:
        assert any(place in (f.key or "") or place in f.message for f in found), what


def snapshot(name, made, request):
    """Compares with a file that is reviewed as prose; `pytest --snapshots` writes it anew."""
    path = HERE / "snapshots" / name
    if request.config.getoption("--snapshots"):
        path.write_text(made, encoding="utf-8", newline="\n")
    assert made == path.read_text(encoding="utf-8")


def test_the_findings_of_the_faulty_sample_read_well(faulty, request):
    lines = [text.line(f) for f in faulty.findings]
    snapshot("donor_faulty.txt", "\n".join(lines) + "\n", request)


def test_no_message_names_a_field_a_type_or_a_library(faulty):
    for finding in faulty.findings:
        words = f"{finding.message} {finding.remedy} {finding.expected}"
        assert not re.search(r"\b(nan|NaT|<NA>|None|dtype|pandas|Float64|datetime)\b", words), words
        assert "{" not in words and "_" not in words.replace("row_", ""), words


@pytest.mark.parametrize("check", rules.catalogue())
def test_the_page_of_every_check_reads_well(check, request, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    snapshot(f"explain/{check}.txt", pages.explain(check) + "\n", request)


def test_ids_are_unique_and_stay_when_the_order_of_rows_changes(faulty):
    assert max(Counter(f.id for f in faulty.findings).values()) == 1


# --- The annotated copy of the faulty sample ------------------------------------------------------


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    path = tmp_path_factory.mktemp("copy") / "donor_faulty.checked.xlsx"
    pipeline.check(pipeline.Request(FAULTY, output=path))
    return path


def test_the_parts_that_must_not_change_are_the_same_bytes(copy, faulty):
    marked = {f.sheet for f in faulty.findings if f.cell}
    before, after = Package(FAULTY), Package(copy)
    may_change = {"[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml"}
    may_change |= {"xl/_rels/workbook.xml.rels"}
    for sheet in before.sheets:
        if sheet.name in marked:
            cells = before.read(sheet.part).split(b"</sheetData>")[0]
            assert after.read(sheet.part).startswith(cells + b"</sheetData>")
            folder, name = sheet.part.rsplit("/", 1)
            may_change |= {sheet.part, f"{folder}/_rels/{name}.rels"}
            may_change |= {r.target for r in before.rels(sheet.part) if "omment" in r.type}
            may_change |= {r.target for r in before.rels(sheet.part) if "vmlDrawing" in r.type}
    kept = [name for name in before.names if name not in may_change]
    assert len(kept) > 10
    assert [name for name in kept if before.read(name) != after.read(name)] == []


def test_nothing_is_wrong_with_the_copy_that_was_not_wrong_before(copy):
    def faults(path):
        found = OpenXmlValidator().validate(str(path))
        return {str(e.description) for e in found.errors}

    assert faults(copy) - faults(FAULTY) == set()


def test_libreoffice_shows_highlights_notes_and_sheets(copy, soffice, faulty):
    saved = openpyxl.load_workbook(soffice(copy, "xlsx"))
    assert saved.sheetnames[-4:] == ["Summary", "Findings", "Checks", "Provenance"]
    grants = saved["Grants"]
    cells = {f.cell for f in faulty.findings if f.sheet == "Grants" and f.cell}
    marked = {c for area in grants.conditional_formatting for c in _cells(area.sqref)}
    assert cells <= marked
    noted = {c.coordinate for row in grants.iter_rows() for c in row if c.comment}
    assert cells <= noted
    assert "runs 6 months 0 days" in grants["I20"].comment.text


def _cells(area):
    return {f"{get_column_letter(c)}{r}" for x in area.ranges for r, c in x.cells}
