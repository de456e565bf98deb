"""What people send that is no workbook, or only nearly: one line and exit code 2, or findings."""

import io
import os
import stat
import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from click.testing import CliRunner

from fundtrack import columns, read
from fundtrack.cli import main
from fundtrack.grid import ErrorCell, Uncalculated
from fundtrack.model import FundtrackError
from fundtrack.pipeline import assess

SAMPLE = Path(__file__).parents[1] / "samples" / "donor_faulty.xlsx"
WHOLE = SAMPLE.read_bytes()
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def archive(entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return stream.getvalue()


def without(part):
    with zipfile.ZipFile(SAMPLE) as made:
        return archive({n: made.read(n) for n in made.namelist() if n != part})


def wrong_crc():
    at = WHOLE.index(b"PK\x01\x02") + 16  # the checksum in the table of contents
    return WHOLE[:at] + bytes([WHOLE[at] ^ 1]) + WHOLE[at + 1 :]


BAD = {
    "empty.xlsx": (b"", "The file is empty"),
    "cut.xlsx": (WHOLE[: len(WHOLE) // 2], "damaged or cut off"),
    "page.xlsx": (b"<html><table><tr><td>1</td></tr></table></html>", "an HTML page"),
    "table.xlsx": (b"Grant ID,Amount\nG1,5\n", "CSV under the name of a workbook"),
    "letter.xlsx": (b"%PDF-1.7", "a PDF"),
    "photo.csv": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "damaged file, or one of another program"),
    "CRS.parquet": (b"PAR1\x15\x04\0\0", "a Parquet file, not a workbook"),
    "grants.json": (b'{"grants": [{"id": "1", "title": "T"}]}', "JSON, not a workbook"),
    "pack.xlsx": (archive({"readme.txt": b"hello"}), "a ZIP archive, not a workbook"),
    "locked.xlsx": (OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
    "old.xls": (OLE + b"\0" * 2000, "cannot be read"),
    "core.xlsx": (without("xl/workbook.xml"), "core.xlsx"),
    "sheet.xlsx": (without("xl/worksheets/sheet2.xml"), "sheet.xlsx"),
    "crc.xlsx": (wrong_crc(), "crc.xlsx"),
    "column.csv": (b"just\none\ncolumn\n", "nor a CSV"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_workbook_ends_in_one_line_and_exit_code_2(name, tmp_path, monkeypatch):
    content, said = BAD[name]
    monkeypatch.setenv("FUNDTRACK_DEBUG", "1")  # a failure of our own would show as one
    path = tmp_path / name
    path.write_bytes(content)
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr and name in result.stderr
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_workbook_cut_anywhere_is_refused(cut, tmp_path):
    path = tmp_path / "cut.xlsx"
    path.write_bytes(WHOLE[: len(WHOLE) * cut // 100])
    with pytest.raises(FundtrackError, match=r"cut\.xlsx"):
        read.workbook(path)


def test_a_folder_a_pipe_and_a_missing_file(tmp_path):
    with pytest.raises(FundtrackError, match="This is a folder"):
        read.workbook(tmp_path)
    with pytest.raises(FundtrackError, match="There is no such file"):
        read.workbook(tmp_path / "nothing.xlsx")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FundtrackError, match="not a regular file"):
            read.workbook(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(WHOLE)
    path.chmod(stat.S_IWUSR)
    with pytest.raises(FundtrackError, match="cannot be read"):
        read.workbook(path)


def test_a_workbook_in_which_nothing_is_recognised(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "menu.xlsx") as made:
        made.add_worksheet("Menu").write_row(0, 0, ["Dish", "Price"])
    with pytest.raises(FundtrackError, match=r"No sheet is recognised \(found “Menu”\)"):
        assess(tmp_path / "menu.xlsx")


def test_addresses_are_true_below_blank_rows_and_beside_blank_columns(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "deep.xlsx") as made:
        made.add_worksheet("A").write("C7", "here")
    grid = read.workbook(tmp_path / "deep.xlsx").grids[0]
    assert grid.rows[6][2] == "here"


def test_errors_and_uncalculated_formulas_are_no_blanks(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "odd.xlsx") as made:
        sheet = made.add_worksheet("A")
        sheet.write_row(0, 0, ["#N/A", "x", "end"])  # a text that only looks like an error
        sheet.write_formula("A2", "=1/0", value="#DIV/0!")
        sheet.write_formula("B2", "=1+1", value="")
        sheet.write_formula("C2", "=1+1", value=2)
    grid = read.workbook(tmp_path / "odd.xlsx").grids[0]
    assert [type(v) for v in grid.rows[1]] == [ErrorCell, Uncalculated, float]
    assert type(grid.rows[0][0]) is str
    assert (grid.errors, grid.uncalculated) == (["A2"], ["B2"])
    assert grid.formulas == ["A2", "B2", "C2"]


def test_the_digest_changes_with_a_figure_and_not_with_a_format(tmp_path):
    def made(name, value, number_format):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            sheet = book.add_worksheet("A")
            sheet.write("B2", value, book.add_format({"num_format": number_format}))
            sheet.write_blank("D9", None, book.add_format({"bold": True}))
        return read.workbook(tmp_path / name).values_digest

    assert made("a.xlsx", 1.5, "0.00") == made("b.xlsx", 1.5, "0.0")
    assert made("a.xlsx", 1.5, "0.00") != made("c.xlsx", 1.6, "0.00")


def test_another_program_that_saves_the_file_does_not_change_the_digest(write, tmp_path):
    path = write(grants="grant_id | amount\nG1 | 1,000.5\nG2 | 2,000")
    openpyxl.load_workbook(path).save(tmp_path / "saved.xlsx")
    assert (tmp_path / "saved.xlsx").read_bytes() != path.read_bytes()
    before, after = read.workbook(path), read.workbook(tmp_path / "saved.xlsx")
    assert before.values_digest == after.values_digest


def test_days_of_a_workbook_that_counts_from_1904_are_the_days_that_it_shows(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "mac.xlsx", {"date_1904": True}) as made:
        form = made.add_format({"num_format": "yyyy-mm-dd"})
        made.add_worksheet("A").write_datetime("A1", date(2024, 6, 30), form)
    assert read.workbook(tmp_path / "mac.xlsx").grids[0].rows[0][0] == date(2024, 6, 30)


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8-sig", ","), ("utf-8", ";"), ("utf-16", "\t"), ("cp1252", ";")],
)
def test_a_csv_in_the_ways_in_which_they_come(tmp_path, encoding, delimiter):
    rows = [
        ["Grant ID", "Title", "Provider", "Recipient", "Signed on", "Start date as signed"],
        ["G1", "Café d’été", "D", "R", "2024-01-01", "2024-02-01"],
    ]
    rows[0] += ["End date as signed", "Amount awarded", "Currency"]
    rows[1] += ["2026-01-31", "1000.50", "EUR"]
    path = tmp_path / "grants.csv"
    path.write_bytes("\r\n".join(delimiter.join(r) for r in rows).encode(encoding))
    frame = assess(path).tables["grants"].frame
    assert frame["title"].tolist() == ["Café d’été"]
    assert frame["amount"].tolist() == [1000.5]
    assert f"{frame['planned_end_date'].iloc[0]:%Y-%m-%d}" == "2026-01-31"


@pytest.mark.parametrize("kind", ["ods", "xls"])
def test_formats_without_a_package_come_back_with_their_values(kind, tmp_path, soffice):
    path = soffice(SAMPLE, kind)
    seen = assess(path)
    assert {"DUR-01", "LOC-01"} <= {f.check for f in seen.findings}
    assert any("cannot be told from blank cells" in r for r in seen.remarks)
    result = CliRunner().invoke(main, ["check", str(path), "-q"])
    assert result.exit_code == 1, result.output
    copy = openpyxl.load_workbook(path.with_name("donor_faulty.checked.xlsx"))
    assert copy["Grants"]["A6"].value == "G-001"


def test_a_sheet_known_by_its_headings_alone(write):
    path = write(grants="grant_id\nG1")
    book = openpyxl.load_workbook(path)
    book["Grants"].title = "Register 2024"
    book.save(path)
    facts = {s.sheet: s for s in columns.mapped(read.workbook(path)).sheets}
    assert facts["Register 2024"].table == "grants"
    assert facts["Register 2024"].how == "by its headings"
