"""Bad files end in one line and exit code 2, or in a report; never in harm. See SECURITY.md."""

import hashlib
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import hostile
from fundtrack import readers
from fundtrack.bounds import Bounds
from fundtrack.cli import main

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
    assert run("check", copy, *given, "--no-report", "-q").exit_code == 1
    assert run("strip", copy, *given).exit_code == 0
    stripped = (tmp_path / "mine.original.xlsx").read_bytes()
    assert readers.unlocked(stripped, "Ünlock me") == SAMPLE.read_bytes()
    word.write_text("wrong", encoding="utf-8")
    wrong = run("inspect", path, *given)
    assert wrong.exit_code == 2 and "The password does not open it" in wrong.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(b"PK")
    path.chmod(stat.S_IWUSR)
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2 and "cannot be read" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals or such limits")
class TestInterrupted:
    """What was there before is whole, whenever the writing stops."""

    def test_killed_while_it_works(self, tmp_path):
        path = tmp_path / "book.xlsx"
        path.write_bytes(SAMPLE.read_bytes())
        report = tmp_path / "book.checked.xlsx"
        assert subprocess.run([*COMMAND, "check", path, "-q"], check=False).returncode == 1
        whole = report.read_bytes()
        moments = random.Random(1)
        for _ in range(4):
            process = subprocess.Popen([*COMMAND, "check", path, "-q"])
            time.sleep(moments.uniform(0.3, 1.4))
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert hashlib.sha256(report.read_bytes()).digest() == hashlib.sha256(whole).digest()
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
