"""Are the figures of a copy those that were checked? Whoever saved it, and whatever was changed."""

import json
import shutil

import openpyxl
import pytest
from click.testing import CliRunner
from openpyxl.workbook.defined_name import DefinedName

from books import book
from fundtrack import report
from fundtrack.cli import main
from fundtrack.model import FundtrackError
from fundtrack.ooxml import Package
from fundtrack.pipeline import Request, check
from fundtrack.report.parts.draft import Draft

GRANTS = [{"grant_id": f"G{n}", "amount": 1000 * n + n / 3} for n in range(1, 9)]
GRANTS[0]["planned_end_date"] = "2024-05-31"  # a finding: its sheet is marked


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A workbook with what a program may change in saving: long fractions, dates, truths, text."""
    folder = tmp_path_factory.mktemp("verify")
    path = book(folder, grants=GRANTS)
    workbook = openpyxl.load_workbook(path)
    page = workbook.create_sheet("Own sums")
    page.append([1 / 3, 2 / 3, 0.1 + 0.2, 123456789.123456789, True, False, -0.5])
    page.append(["  spaces  ", "two\nlines", "text", "ünï", "12", "_x0041_", 1e-7])
    page.append([None, 0.075])
    page["B3"].number_format = "0.0%"
    workbook.create_sheet("Empty")
    workbook.save(path)
    return path


@pytest.fixture(scope="module")
def copy(original):
    done = check(Request(original))
    return original.parent / done.outputs["report"]


def altered(copy, target, edit):
    workbook = openpyxl.load_workbook(copy)
    edit(workbook)
    workbook.save(target)
    return report.verify(target)


def test_a_fresh_copy_is_unchanged(copy):
    found = report.verify(copy)
    assert found.same
    assert {"Grants", "Own sums", "Settings"} <= set(found.unchanged)


def test_saving_elsewhere_and_answering_changes_no_figure(copy, tmp_path, soffice):
    answered = tmp_path / "answered.xlsx"

    def answer(workbook):
        workbook["Findings"]["L2"].value = "We know"
        workbook["Checks"]["A2"].value = "overwritten"

    assert altered(copy, answered, answer).same
    saved = soffice(copy, "xlsx", answered)
    for path in (saved, saved.with_name("answered.xlsx")):
        found = report.verify(path)
        assert found.same, found
        assert len(found.unchanged) == len(report.verify(copy).unchanged)


EDITS = {
    "a figure by a cent": (lambda w: _set(w, "Grants", "G3", 2000.68), ["Grants"]),
    "a figure in the tenth digit": (
        lambda w: _set(w, "Own sums", "A1", 0.3333333334),
        ["Own sums"],
    ),
    "a text": (lambda w: _set(w, "Own sums", "D2", "uni"), ["Own sums"]),
    "a truth": (lambda w: _set(w, "Own sums", "E1", False), ["Own sums"]),
    "a number made a text": (lambda w: _set(w, "Own sums", "G1", "-0.5"), ["Own sums"]),
    "a value made a formula": (lambda w: _set(w, "Own sums", "G1", "=-1/2"), ["Own sums"]),
    "a value below the last row": (lambda w: _set(w, "Grants", "A40", "G40"), ["Grants"]),
    "a row less": (lambda w: w["Grants"].delete_rows(4), ["Grants"]),
    "a row more": (lambda w: w["Grants"].insert_rows(4), ["Grants"]),
    "two rows in another order": (lambda w: _swap(w["Grants"], 3, 4), ["Grants"]),
}


def _set(workbook, sheet, cell, value):
    workbook[sheet][cell].value = value


def _swap(page, one, other):
    for a, b in zip(page[one], page[other], strict=True):
        a.value, b.value = b.value, a.value


@pytest.mark.parametrize("what", EDITS)
def test_any_changed_figure_is_told_with_its_sheet(copy, tmp_path, what):
    edit, sheets = EDITS[what]
    found = altered(copy, tmp_path / "a.xlsx", edit)
    assert not found.same
    assert list(found.altered) == sheets
    assert "Settings" in found.unchanged


def test_sheets_that_went_or_came_are_named(copy, tmp_path):
    def edit(workbook):
        del workbook["Organisations"]
        workbook["Own sums"].title = "Sums"
        workbook.create_sheet("More")["A1"].value = 1
        workbook.create_sheet("Blank")

    found = altered(copy, tmp_path / "a.xlsx", edit)
    assert (set(found.gone), set(found.new)) == (
        {"Organisations", "Own sums"},
        {"Sums", "More"},
    )


def test_the_cells_are_named_where_the_original_is_beside_it(original, copy, tmp_path):
    def edit(workbook):
        for row in range(2, 9):
            _set(workbook, "Own sums", f"H{row}", row)
        _set(workbook, "Own sums", "A2", None)

    assert altered(copy, tmp_path / "a.xlsx", edit).cells is None
    shutil.copy(original, tmp_path / original.name)
    cells = report.verify(tmp_path / "a.xlsx").cells
    assert [(c.cell, c.was, c.now) for c in cells][:2] == [("A2", "  spaces  ", ""), ("H2", "", 2)]
    assert len(cells) == 8
    (tmp_path / original.name).write_bytes(original.read_bytes() + b" ")  # not that very file
    assert report.verify(tmp_path / "a.xlsx").cells is None


def test_the_cells_are_named_from_the_original_inside_the_copy(copy, tmp_path):
    """Somebody changed a figure in the file's own XML, and left the rest as it was."""
    target = tmp_path / "b.xlsx"
    package = Package(copy)
    (part,) = [sheet.part for sheet in package.sheets if sheet.name == "Grants"]
    draft = Draft(package)
    xml = package.read(part)
    draft.put(part, xml.replace(b"8002.666666666667", b"9002.5"))
    draft.save(target, with_original=False)
    found = report.verify(target)
    assert list(found.altered) == ["Grants"]
    (cell,) = found.cells
    assert (round(cell.was, 6), cell.now) == (8002.666667, 9002.5)


def test_a_formula_that_had_no_result_may_have_one_now(tmp_path, soffice):
    path = book(tmp_path, grants=GRANTS, budget_lines="line_id | amount\nB1 | =")
    copy = tmp_path / check(Request(path)).outputs["report"]
    assert report.verify(copy).same
    saved = soffice(copy, "xlsx")
    found = report.verify(saved)
    assert found.same
    assert [c.split("!")[0] for c in found.calculated] == ["Budget lines"]
    done = CliRunner().invoke(main, ["verify", str(saved)])
    assert "1 formula without a result when checked has one now" in done.stdout


def test_formulas_that_are_not_read_may_have_results_now_too(tmp_path, soffice):
    """Beside the columns that are known, in a sheet that is not; more than one cell can list."""
    path = book(tmp_path, grants=GRANTS)
    workbook = openpyxl.load_workbook(path)
    workbook["Grants"]["AZ2"] = "=1+1"
    other = workbook.create_sheet("Sums")
    for row in range(1, 12_001, 2):
        other.cell(row, 1).value = f"={row}*2"
    workbook.save(path)
    copy = tmp_path / check(Request(path)).outputs["report"]
    found = report.verify(soffice(copy, "xlsx"))
    assert found.same
    assert len(found.calculated) == 6_001


def test_a_copy_of_another_format_is_compared_with_what_stands_in_it(tmp_path, soffice):
    path = book(tmp_path, grants=GRANTS)
    ods = soffice(path, "ods")
    copy = ods.parent / check(Request(ods)).outputs["report"]
    assert report.verify(copy).same


def test_a_file_of_somebody_else_cannot_be_told(original, tmp_path):
    with pytest.raises(FundtrackError, match="no digest of checked figures"):
        report.verify(original)
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FundtrackError, match="no digest"):
        report.verify(path)


def test_the_command_says_it_in_a_sentence_and_by_its_exit_code(copy, original, tmp_path):
    run = CliRunner().invoke
    done = run(main, ["verify", str(copy)])
    assert done.exit_code == 0
    assert done.stdout.startswith("book.checked.xlsx: unchanged. The figures in ")
    altered(copy, tmp_path / "a.xlsx", lambda w: _set(w, "Grants", "A3", "G9"))
    shutil.copy(original, tmp_path)
    done = run(main, ["verify", str(tmp_path / "a.xlsx")])
    assert done.exit_code == 1
    assert "  Grants!A3: was G2, is G9." in done.stdout.splitlines()
    assert "fundtrack added" in done.stdout.splitlines()[-1]
    done = run(main, ["verify", str(tmp_path / "a.xlsx"), "--format", "json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["unchanged"]) == (1, False)
    assert told["cells"] == [{"sheet": "Grants", "cell": "A3", "was": "G2", "is": "G9"}]
    done = run(main, ["verify", str(original)])
    assert (done.exit_code, done.stdout) == (2, "")


def test_formulas_that_a_script_emptied_are_told(tmp_path):
    path = book(tmp_path, grants=GRANTS)
    copy = tmp_path / check(Request(path)).outputs["report"]
    altered(copy, tmp_path / "a.xlsx", lambda w: _set(w, "Grants", "Z1", "=1+1"))
    done = CliRunner().invoke(main, ["verify", str(tmp_path / "a.xlsx")])
    assert "Formulas have lost their results" in done.stdout


def test_figures_are_compared_where_a_program_has_dropped_the_hidden_names(copy, tmp_path):
    workbook = openpyxl.load_workbook(copy)
    for name in list(workbook.defined_names):
        del workbook.defined_names[name]
    workbook.defined_names["fundtrack_total"] = DefinedName(
        "fundtrack_total", attr_text="Grants!$A$1"
    )
    workbook.save(tmp_path / "a.xlsx")
    found = report.verify(tmp_path / "a.xlsx")
    assert found.same
    assert "Grants" in found.unchanged
