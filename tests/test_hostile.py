"""Bad files end in one line and exit code 2, or in a report; never in harm. See SECURITY.md."""

import json
import os
import random
import re
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

import hostile
import packages
from fundtrack import pipeline, read, readers
from fundtrack.bounds import Bounds
from fundtrack.cli import main
from fundtrack.report.parts import files
from fundtrack.report.parts.original import ORIGINAL

SAMPLE = Path(__file__).parents[1] / "samples" / "donor_faulty.xlsx"
COMMAND = [sys.executable, "-m", "fundtrack"]


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Writes the bytes under that name, checks them, and gives the result; the input must stay."""
    monkeypatch.setenv("FUNDTRACK_DEBUG", "1")  # a failure of our own is raised

    def run(name, data, *options):
        path = tmp_path / name
        path.write_bytes(data)
        # Forced, since no copy in this folder is worth keeping.
        result = CliRunner().invoke(main, ["check", str(path), "--force", *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        assert path.read_bytes() == data
        assert not list(tmp_path.glob(".*.tmp"))
        return result

    return run


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_what_is_refused_ends_in_one_line(name, check, tmp_path):
    make, said = hostile.REFUSED[name]
    result = check(name, make())
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
    assert name in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", hostile.READ)
def test_one_odd_cell_never_makes_a_workbook_unreadable(name, check, tmp_path):
    result = check(name, hostile.READ[name]())
    assert result.exit_code in (0, 1), result.output
    assert result.stderr == ""
    assert not any(ord(mark) in {*range(10), *range(11, 32), 127, 0x202E} for mark in result.stdout)
    copy = tmp_path / f"{Path(name).stem}.checked.xlsx"
    with zipfile.ZipFile(copy) as made:
        before = set()
        if name.endswith(".xlsx"):
            with zipfile.ZipFile(tmp_path / name) as given:
                before = set(given.namelist())
        added = {n: made.read(n) for n in made.namelist() if n not in before}
    assert any(n.startswith("xl/worksheets/sheet") for n in added)
    # What came from the input is text there, and leads to nothing outside.
    assert not any(b'TargetMode="External"' in data for data in added.values())
    formulas = [f for data in added.values() for f in re.findall(rb"<f[ >].*?</f>", data)]
    assert not any(re.search(rb"cmd|example|SUM\(1|1\+1|2\+3|script", f) for f in formulas)


@pytest.mark.parametrize("cell", ["infinite", "minus infinite", "not a number", "large"])
def test_a_template_is_filled_from_a_workbook_with_a_number_that_is_none(cell, run):
    Path("odd.xlsx").write_bytes(hostile.READ[f"cell {cell}.xlsx"]())
    assert "Rows moved: Grants 2" in run("template", "--from", "odd.xlsx").stdout
    amounts = [row[12] for row in openpyxl.load_workbook("odd.template.xlsx")["Grants"].values][-2:]
    assert amounts
    run("check", "odd.template.xlsx", "--no-report", "-q", code=1)


def test_a_copy_with_a_link_to_a_part_that_is_not_there_is_stripped(run):
    """A program that saves a copy may leave out a part of a comment, and not the link to it."""
    Path("odd.xlsx").write_bytes(SAMPLE.read_bytes())
    run("check", "odd.xlsx", "-q", code=1)
    entries = packages.parts_of("odd.checked.xlsx")
    gone = [name for name in entries if re.search("comments|vmlDrawing", name)]
    kept = {n: data for n, data in entries.items() if n not in (*gone, ORIGINAL)}
    assert gone and packages.zipped(Path("odd.checked.xlsx"), kept)
    run("strip", "odd.checked.xlsx", "-o", "back.xlsx")
    given, back = (read.workbook(Path(name)) for name in ("odd.xlsx", "back.xlsx"))
    assert back.values_digest == given.values_digest


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/styles.xml", b'numFmtId="164"', b'numFmtId="1x4"'),
        ("xl/workbook.xml", b'sheetId="1"', b'sheetId="%s"' % (b"1" * 5_000)),
        ("xl/workbook.xml", b'name="Notes"', b'name="Summary"'),  # looks like a sheet of ours
    ],
)
def test_a_number_that_is_none_or_endless_stops_nothing(part, old, new, check, tmp_path):
    parts = packages.parts_of(SAMPLE)
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    if b"Summary" in new:
        cell = b'<row r="1"><c r="A1" t="s"><v>%s</v></c></row></sheetData>' % (b"9" * 40)
        notes = parts["xl/worksheets/sheet15.xml"]
        parts["xl/worksheets/sheet15.xml"] = re.sub(
            rb"(?s)(?<=<sheetData>).*</sheetData>", cell, notes
        )
    check("odd.xlsx", packages.zipped(tmp_path / "made.xlsx", parts).read_bytes())
    assert (tmp_path / "odd.checked.xlsx").is_file()


@pytest.mark.parametrize("name", ["sheet in UTF-16.xlsx", "sheet in Latin-1.xlsx"])
def test_a_sheet_in_another_encoding_is_read_and_kept_in_it(name, check, tmp_path):
    data = hostile.READ[name]()
    result = check(name, data, "--format", "json")
    assert json.loads(result.stdout)["sheets"][0]["rows"] == 2
    (grid,) = read.workbook(tmp_path / name).grids
    assert grid.rows[2][1] == "Año"
    before, after = (
        zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
        for path in (tmp_path / name, tmp_path / f"{Path(name).stem}.checked.xlsx")
    )
    assert after[:500] == before[:500]


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml"])
def test_any_part_may_be_in_utf_16(part, tmp_path):
    path = packages.BUILDERS["xlsxwriter_book"](tmp_path)
    entries = packages.parts_of(path)
    text = entries[part].decode().replace("UTF-8", "UTF-16").replace("utf-8", "utf-16")
    wide = tmp_path / "wide.xlsx"
    wide.write_bytes(hostile.zipped({**entries, part: text.encode("utf-16")}))
    assert read.workbook(wide).values_digest == read.workbook(path).values_digest


@pytest.mark.parametrize(
    "name",
    [
        "main_part_elsewhere",
        "backslash_targets",
        "backslash_entries",
        "entries_with_a_leading_slash",
        "sheets_that_hold_no_cells",
        "sheets_in_other_encodings",
    ],
)
def test_cells_are_read_wherever_their_parts_stand(name, tmp_path):
    usual = read.workbook(packages.zipped(tmp_path / "usual.xlsx", packages.package()))
    (tmp_path / "odd").mkdir()
    odd = read.workbook(packages.BUILDERS[name](tmp_path / "odd"))
    assert odd.grids[-1].rows == usual.grids[0].rows
    assert odd.grids[-1].formulas == usual.grids[0].formulas


def test_every_bound_is_an_option_that_its_refusal_names(check):
    data = hostile.sheet()
    for options, said in (
        (["--max-entries", "3"], "5 parts; the limit is 3"),
        (["--max-cells", "10"], "spans"),
    ):
        result = check("a.xlsx", data, *options)
        assert result.exit_code == 2
        assert said in result.stderr and options[0] in result.stderr
    shown = CliRunner().invoke(main, ["check", "--help"]).stdout
    assert all(option in shown for option, _, _ in Bounds.options().values())


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.xlsx"
    with path.open("wb") as file:
        file.truncate(257 * 2**20)  # takes no room on the disk
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2 and "--max-file-mb" in result.stderr


def test_the_far_corner_is_left_out_and_said(check):
    result = check(
        "far.xlsx", hostile.READ["one cell in the far corner.xlsx"](), "--format", "json"
    )
    assert "XFD1048576" in result.stdout and "were not read" not in result.stderr


def test_a_workbook_cut_at_every_hundredth_byte_is_refused(check):
    data = hostile.sheet()
    for length in range(0, len(data), 100):
        assert check("cut.xlsx", data[:length], "--no-report").exit_code == 2, length


def test_what_is_no_file_is_never_waited_for(tmp_path):
    paths = [tmp_path, tmp_path / "no\nfile.xlsx"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.xlsx")
        (tmp_path / "loop").symlink_to("loop")
        paths += [tmp_path / "pipe.xlsx", tmp_path / "loop", Path("/dev/zero")]
    result = CliRunner().invoke(main, ["check", *map(str, paths)])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == len(paths)


def test_the_copy_of_a_protected_workbook_is_protected_too(tmp_path):
    path, word = tmp_path / "mine.xlsx", tmp_path / "word.txt"
    path.write_bytes(readers.locked(SAMPLE.read_bytes(), "Ünlock me"))
    word.write_text("Ünlock me\nnot this\n", encoding="utf-8")
    given = ["--password-file", str(word)]

    def run(*args):
        return CliRunner().invoke(main, [*map(str, args)])

    refused = run("check", path)
    assert refused.exit_code == 2 and "--password-file" in refused.stderr
    nothing = tmp_path / "nothing.txt"
    nothing.write_bytes(b"\xef\xbb\xbf")  # what Notepad saves where nothing was typed
    refused = run("check", path, "--password-file", nothing)
    assert refused.exit_code == 2 and len(refused.stderr.splitlines()) == 1
    assert run("check", path, *given, "-q").exit_code == 1
    copy = tmp_path / "mine.checked.xlsx"
    assert not zipfile.is_zipfile(copy)
    assert b"PK" not in copy.read_bytes()[:4]
    again = run("check", path, *given, "-q")
    assert again.exit_code == 1, again.stderr  # it is known to be ours
    assert run("check", copy, *given, "--no-report", "-q").exit_code == 1
    assert run("strip", copy, *given).exit_code == 0
    stripped = (tmp_path / "mine.original.xlsx").read_bytes()
    assert readers.unlocked(stripped, "Ünlock me") == SAMPLE.read_bytes()
    word.write_text("wrong", encoding="utf-8")
    wrong = run("inspect", path, *given)
    assert wrong.exit_code == 2 and "The password does not open it" in wrong.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_file_that_may_not_be_read():
    """Root may read all, so that a process of root's gives its rights up first."""
    with tempfile.TemporaryDirectory() as folder:  # others may not enter tmp_path
        Path(folder).chmod(0o755)
        path = Path(folder) / "mine.xlsx"
        path.write_bytes(b"PK")
        path.chmod(stat.S_IWUSR)
        check = f"main(['check', {str(path)!r}], standalone_mode=False)"
        run = f"""
import contextlib, io, os
from fundtrack.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
    {check}  # loads what the other user might not be allowed to
os.geteuid() or os.setuid(65534)
{check}"""
        result = subprocess.run(
            [sys.executable, "-c", run], capture_output=True, text=True, check=False
        )
    assert result.returncode == 2 and "cannot be read" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_killed_runs_left_is_cleared_away(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(SAMPLE.read_bytes())
    report = tmp_path / "book.checked.xlsx"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale, used = (files._beside(report, str(pid)) for pid in (dead.pid, os.getppid()))
    others = [
        stale.with_name("." + stale.name[1:].replace("book.checked", "other.checked")),
        stale.with_name(stale.name + ".xlsx"),
        stale.with_name(f".{report.name}.{dead.pid}.tmp"),
        stale.with_name(f".~lock.{report.name}#"),
    ]
    for left in (stale, used, *others):
        left.write_bytes(b"half")
    assert CliRunner().invoke(main, ["check", str(path), "-q"]).exit_code == 1
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in (path, report, used, *others)}


CRAFTED = {  # what a pattern would seek the end of from each of its beginnings
    "xl/worksheets/sheet1.xml": b"<conditionalFormatting><cfRule><formula>N(&quot;fundtrack&quot;)",
    "xl/sharedStrings.xml": b"<si><t>",
    "xl/worksheets/sheet2.xml": b'<c r="A1" t="s"><f>',
    "xl/drawings/vmlDrawing1.vml": b"<v:shapetype id='a'><v:shape>",
}


@pytest.mark.parametrize("part", CRAFTED)
def test_a_crafted_copy_is_stripped_in_time(part, tmp_path):
    pipeline.check(pipeline.Request(SAMPLE, output=tmp_path))
    entries = packages.parts_of(tmp_path / f"{SAMPLE.stem}.checked.xlsx")
    del entries[ORIGINAL]
    assert part in entries
    many = CRAFTED[part] * (2**21 // len(CRAFTED[part]))
    at = entries[part].rindex(b"</")
    entries[part] = entries[part][:at] + many + entries[part][at:]
    crafted = packages.zipped(tmp_path / "crafted.xlsx", entries)
    result = subprocess.run(
        [*COMMAND, "strip", crafted], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode in (0, 2)
    assert len(result.stderr.splitlines()) == (result.returncode == 2)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals or such limits")
class TestInterrupted:
    """What was there before is whole, whenever the writing stops."""

    def test_killed_while_it_works(self, tmp_path):
        path = tmp_path / "book.xlsx"
        path.write_bytes(SAMPLE.read_bytes())
        report = tmp_path / "book.checked.xlsx"
        assert subprocess.run([*COMMAND, "check", path, "-q"], check=False).returncode == 1
        whole = report.read_bytes()
        write = "import sys; from pathlib import Path; from fundtrack.report.parts import files\n"
        write += "new = Path(sys.argv[1]).read_bytes()[::-1] * 400; print('begun', flush=True)\n"
        write += "while True: files.write_file(Path(sys.argv[2]), new)"
        source = tmp_path / "source"
        source.write_bytes(whole)
        new, moments, replaced = whole[::-1] * 400, random.Random(1), 0
        for _ in range(12):  # other bytes than before: half a file would be neither
            report.write_bytes(whole)
            with subprocess.Popen(
                [sys.executable, "-c", write, source, report], stdout=subprocess.PIPE
            ) as process:
                process.stdout.readline()
                time.sleep(moments.uniform(0, 0.2))
                process.kill()
            now = report.read_bytes()
            assert now in (whole, new)
            replaced += now == new
        assert replaced
        assert path.read_bytes() == SAMPLE.read_bytes()

    def test_a_full_disk(self, tmp_path):
        path = tmp_path / "book.xlsx"
        path.write_bytes(SAMPLE.read_bytes())
        report = tmp_path / "book.checked.xlsx"
        subprocess.run([*COMMAND, "check", path, "-q"], check=False)
        whole = report.read_bytes()
        limited = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); "
        limited += "from fundtrack.cli import main; main()"
        result = subprocess.run(
            [sys.executable, "-c", limited, "check", path, "-q"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 2 and "cannot be written" in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert report.read_bytes() == whole
        assert {p.name for p in tmp_path.iterdir()} == {path.name, report.name}
