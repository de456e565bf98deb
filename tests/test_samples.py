"""The samples: clean is clean, faulty fires every check, each fault is found where it stands.

There are two kinds, a donor's portfolio and a programme; between them the faulty ones fire all.
"""

import importlib
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openxml_audit import OpenXmlValidator

from fundtrack import pages, pipeline, rules, schema
from fundtrack.ooxml import Package
from fundtrack.pipeline import assess
from fundtrack.report import text

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"
SCRIPTS = {"donor": "make_samples", "programme": "make_programme"}
FAULTY = {kind: SAMPLES / f"{kind}_faulty.xlsx" for kind in SCRIPTS}


def script(kind):
    sys.path.insert(0, str(SAMPLES))
    try:
        return importlib.import_module(SCRIPTS[kind])
    finally:
        sys.path.remove(str(SAMPLES))


@cache
def judged(kind):
    return assess(FAULTY[kind])


@pytest.fixture(params=SCRIPTS)
def kind(request):
    return request.param


@pytest.fixture
def faulty(kind):
    return judged(kind)


def names(folder):
    """The workbooks in a folder, without annotated copies of them."""
    return {p.name for p in folder.glob("*.xlsx") if ".checked" not in p.name}


def test_the_scripts_make_the_samples_again_byte_for_byte(tmp_path, monkeypatch):
    for kind in SCRIPTS:
        make = script(kind)
        monkeypatch.setattr(make, "HERE", tmp_path)
        make.main()
    assert names(tmp_path) == names(SAMPLES)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (SAMPLES / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", sorted(names(SAMPLES)))
def test_nothing_is_wrong_with_the_samples_as_packages(name):
    found = OpenXmlValidator().validate(str(SAMPLES / name))
    assert [str(e.description) for e in found.errors] == []


@pytest.mark.parametrize(
    ("name", "companions", "accepted"),
    [
        ("donor_clean.xlsx", [], ["G-030"]),
        ("programme_clean.xlsx", ["programme_clean_restricted.xlsx"], ["CV-105"]),
    ],
)
def test_the_clean_samples_have_no_finding_that_is_not_accepted(name, companions, accepted):
    seen = assess(SAMPLES / name, [SAMPLES / other for other in companions])
    assert [f.message for f in seen.findings if not f.accepted] == []
    assert [f.key for f in seen.findings] == accepted


def test_the_faulty_samples_fire_every_check():
    fired = {f.check for kind in SCRIPTS for f in judged(kind).findings}
    assert set(rules.catalogue()) - fired == set()


PLANTED = [(kind, *fault) for kind in SCRIPTS for fault in script(kind).PLANTED]


@pytest.mark.parametrize(("kind", "check", "sheet", "place", "what"), PLANTED)
def test_each_planted_fault_is_found_where_it_stands(kind, check, sheet, place, what):
    cell = re.fullmatch(r"[A-Z]{1,3}\d+", place)
    found = [f for f in judged(kind).findings if f.check == check]
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


def test_the_findings_of_the_faulty_samples_read_well(kind, faulty, request):
    lines = [text.line(f) for f in faulty.findings]
    snapshot(f"{kind}_faulty.txt", "\n".join(lines) + "\n", request)


def test_no_message_names_a_field_a_type_or_a_library(faulty):
    codes = {code for each in schema.codelists().values() for code in each.codes if "_" in code}
    for finding in faulty.findings:
        words = f"{finding.message} {finding.remedy} {finding.expected}"
        assert not re.search(r"\b(nan|NaT|<NA>|None|dtype|pandas|Float64|datetime)\b", words), words
        unknown = {word for word in re.findall(r"\w+_\w*", words) if word not in codes}
        assert "{" not in words and not unknown, words


@pytest.mark.parametrize("check", rules.catalogue())
def test_the_page_of_every_check_reads_well(check, request, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    snapshot(f"explain/{check}.txt", pages.explain(check) + "\n", request)


def test_no_two_findings_share_an_id(faulty):
    assert max(Counter(f.id for f in faulty.findings).values()) == 1


# --- The annotated copy of the faulty samples -----------------------------------------------------


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """The annotated copy of each faulty sample, by kind."""
    folder = tmp_path_factory.mktemp("copies")
    requests = {kind: pipeline.Request(path, output=folder) for kind, path in FAULTY.items()}
    return {kind: Path(pipeline.check(r).outputs["report"]) for kind, r in requests.items()}


def test_the_parts_that_must_not_change_are_the_same_bytes(copies, kind, faulty):
    marked = {f.sheet for f in faulty.findings if f.cell}
    before, after = Package(FAULTY[kind]), Package(copies[kind])
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


def test_nothing_is_wrong_with_the_copy_that_was_not_wrong_before(copies, kind):
    def faults(path):
        found = OpenXmlValidator().validate(str(path))
        return {str(e.description) for e in found.errors}

    assert faults(copies[kind]) - faults(FAULTY[kind]) == set()


@pytest.mark.parametrize(
    ("kind", "sheet", "cell", "words"),
    [
        ("donor", "Grants", "I20", "runs 6 months 0 days"),
        ("programme", "Police pay", "F23", "86.7% of the living wage"),
    ],
)
def test_libreoffice_shows_highlights_notes_and_sheets(copies, soffice, kind, sheet, cell, words):
    saved = openpyxl.load_workbook(soffice(copies[kind], "xlsx"))
    added = ["Summary", "Findings", "Checks", "Workings", "Workings rows", "Provenance"]
    assert saved.sheetnames[-6:] == added
    assert len(saved["Summary"]._charts) >= 3
    shown = saved[sheet]
    cells = {f.cell for f in judged(kind).findings if f.sheet == sheet and f.cell}
    marked = {c for area in shown.conditional_formatting for c in _cells(area.sqref)}
    assert cells <= marked
    noted = {c.coordinate for row in shown.iter_rows() for c in row if c.comment}
    assert cells <= noted
    assert words in shown[cell].comment.text


def _cells(area):
    return {f"{get_column_letter(c)}{r}" for x in area.ranges for r, c in x.cells}
