"""The samples: the clean one is clean, the faulty one fires every check, each fault where it stands."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import pytest

from fundtrack import pages, rules
from fundtrack.pipeline import assess
from fundtrack.report import text

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "samples"


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
