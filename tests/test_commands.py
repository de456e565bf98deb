"""What a machine may do to a command: no room, reader, console or time, a place that cannot be.

Whatever it is, it ends in one line and exit code 2; no file is lost, half-written or replaced that
is not the command's own.
"""

import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
FAULTY, CLEAN = SAMPLES / "donor_faulty.xlsx", SAMPLES / "donor_clean.xlsx"
COMMAND = [sys.executable, "-m", "fundtrack"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files or signals")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workbook, its copy and a ledger."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "grants.xlsx").write_bytes(CLEAN.read_bytes())
    command = [*COMMAND, "check", "grants.xlsx", "--record", "-q"]
    subprocess.run(command, check=True, cwd=folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def book(run, made):
    """The same in the folder in which the commands run; the path of the workbook."""
    for name, data in made.items():
        Path(name).write_bytes(data)
    return Path("grants.xlsx")


WRITERS = {
    "check": ["check", "grants.xlsx", "-q", "-o"],
    "redact": ["check", "grants.xlsx", "-q", "--redact", "-o"],
    "strip": ["strip", "grants.checked.xlsx", "-o"],
    "template": ["template", "donor", "-o"],
    "template from": ["template", "--from", "grants.xlsx", "-o"],
    "history": ["history", "-o"],
}


def digests():
    return {p: sha256(p.read_bytes()).hexdigest() for p in Path().iterdir() if p.is_file()}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_place_where_no_file_can_be_is_refused_in_one_line(run, book, writer):
    Path("folder.xlsx").mkdir()
    Path("other.txt").write_text("mine")
    places = {
        "nowhere/a.xlsx": "there is no folder",
        "other.txt/a.xlsx": "there is no folder",
        f"{'x' * 300}.xlsx": "its name or path is too long",
        "nowhere/": "the wrong ending",
        "report.doc": "the wrong ending",
    }
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe.xlsx")
        places["pipe.xlsx"] = "is not a regular file"
    if writer == "history":
        places["folder.xlsx"] = "is a folder"
    before = digests()
    for place, said in places.items():
        (line,) = run(*WRITERS[writer], place, "--force", code=2).stderr.strip().splitlines()
        assert said in line and len(line) < 500, place
    assert digests() == before
    assert not hasattr(os, "mkfifo") or stat.S_ISFIFO(Path("pipe.xlsx").stat().st_mode)


@pytest.mark.parametrize("writer", [w for w in WRITERS if w != "history"])
def test_into_a_folder_a_file_goes_under_its_usual_name(run, book, writer):
    folder = Path("Ünï 😀 of 2025")
    folder.mkdir()
    run(*WRITERS[writer], folder)
    assert [p.suffix for p in folder.iterdir()] == [".xlsx"]


@pytest.mark.parametrize("kind", [pytest.param("symlink_to", marks=posix), "hardlink_to"])
def test_no_input_is_replaced_by_whatever_name_it_is_called(run, book, kind):
    for name, real in (("a.xlsx", "grants.xlsx"), ("b.xlsx", "grants.checked.xlsx")):
        getattr(Path(name), kind)(Path(real).resolve())
    before = digests()
    for writer, place in (("check", "a"), ("redact", "a"), ("template from", "a"), ("strip", "b")):
        said = run(*WRITERS[writer], f"{place}.xlsx", "--force", code=2).stderr
        assert "is the input itself" in said
    assert digests() == before


def test_a_companion_is_an_input_too(run, book, write):
    path = write(thresholds="parameter | value\ndur.short_months | 30")
    before = sha256(path.read_bytes()).hexdigest()
    for option in ("--with", "--thresholds"):
        said = run("check", book, option, path, "-o", path, "--force", code=2).stderr
        assert "is the input itself" in said
    assert sha256(path.read_bytes()).hexdigest() == before


def test_a_file_that_is_given_twice_is_not_counted_twice(run, book, write):
    path = write(thresholds="parameter | value\ndur.short_months | 30")
    for files in (["--with", book], ["--with", path, "--thresholds", path]):
        assert "It is given twice" in run("check", book, *files, "--no-report", code=2).stderr


def test_of_all_files_of_a_folder_the_copies_of_last_time_are_left_out(run, book):
    """As `fundtrack check *.xlsx` names them."""
    names = set(digests())
    done = run("check", "grants.checked.xlsx", book, "--format", "json")
    assert "grants.checked.xlsx: Left out, as the new copy of grants.xlsx replaces" in done.stderr
    assert json.loads(done.stdout)["workbook"]["path"] == "grants.xlsx"
    assert set(digests()) == names
    run("check", "grants.checked.xlsx", book, "--no-report", "-q")


def test_a_copy_whose_original_is_left_out_is_checked_by_itself(run, book):
    Path("grants.checked.again.xlsx").write_bytes(Path("grants.checked.xlsx").read_bytes())
    done = run("check", *sorted(Path().glob("*.xlsx")), "--format", "json")
    seen = {one["workbook"]["path"] for one in json.loads(done.stdout)}
    assert seen == {"grants.xlsx", "grants.checked.again.xlsx"}
    assert done.stderr.count("Left out") == 1


def test_a_workbook_of_others_with_the_name_of_a_copy_is_never_replaced(run, book):
    Path("grants.checked.xlsx").write_bytes(book.read_bytes())
    before = digests()
    said = run("check", "grants.checked.xlsx", book, "--force", code=2).stderr
    assert "would replace grants.checked.xlsx" in " ".join(said.split())
    assert digests() == before


@pytest.mark.parametrize("name", [".", "..", "", "x" * 300, "gone.xlsx", "loop.xlsx", "pipe.xlsx"])
def test_what_cannot_be_an_input_is_told_by_every_command(run, book, name):
    if sys.platform != "win32":
        Path("gone.xlsx").symlink_to("nowhere")
        Path("loop.xlsx").symlink_to("loop.xlsx")
        os.mkfifo("pipe.xlsx")
    before = digests()
    for words in (["check"], ["inspect"], ["strip"], ["verify"], ["review"], ["template", "--from"],
                  ["record"], ["check", book, "--with"], ["check", book, "--thresholds"],
                  ["check", book, "--password-file"]):  # fmt: skip
        (line,) = run(*words, name, code=2).stderr.strip().splitlines()
        assert "itself failed" not in line
    assert digests() == before


def outcome(*arguments, **given):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **given,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize(
    "words", [["check", FAULTY, "--no-report"], ["checks", "--format", "csv"], ["check", "--help"]]
)
def test_what_cannot_be_printed_is_no_verdict(words, tmp_path):
    with Path("/dev/full").open("w") as full:
        code, said = outcome(*words, stdout=full, cwd=tmp_path)
    assert code == 2 and len(said) == 1
    assert "cannot be printed (No space left on device)" in said[0]


@posix
@pytest.mark.parametrize(("words", "verdict"), [(["check", FAULTY, "--no-report"], 1),
                                                (["inspect", FAULTY], 0),
                                                (["--help"], 0),
                                                (["check", "--help"], 0)])  # fmt: skip
def test_a_reader_who_has_seen_enough_changes_no_verdict(words, verdict, tmp_path):
    inlet, outlet = os.pipe()
    os.close(inlet)
    code, said = outcome(*words, stdout=outlet, cwd=tmp_path)
    os.close(outlet)
    assert (code, said) == (verdict, [])


def test_without_a_console_several_are_checked_side_by_side(tmp_path):
    """As pythonw does, which has no standard output; the processes beside it begin afresh."""
    (tmp_path / "broken.xlsx").write_bytes(FAULTY.read_bytes()[:5000])
    for name in ("one.xlsx", "two.xlsx"):
        (tmp_path / name).write_bytes(CLEAN.read_bytes())
    program = "import sys; sys.stdout = sys.stderr = None; from fundtrack.cli import main; main()"
    names = ["broken.xlsx", "one.xlsx", "two.xlsx"]
    done = subprocess.run(
        [sys.executable, "-c", program, "check", *names, "--jobs", "2"],
        check=False,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode == 2
    copies = {"one.checked.xlsx", "two.checked.xlsx"}
    assert {p.name for p in tmp_path.iterdir()} == {*names, *copies}


@posix
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_check_that_is_stopped_leaves_everything_as_it_was(stop, jobs, tmp_path):
    """Pressed in a terminal, Ctrl-C reaches every process of the group."""
    names = [f"{n}.xlsx" for n in range(30)]  # more than are done before the stop
    for name in names:
        (tmp_path / name).write_bytes(FAULTY.read_bytes())
    # What is begun in the background of a shell does not hear Ctrl-C unless it asks to.
    begin = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from fundtrack.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", begin, "check", *names, "-q", "--jobs", jobs],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while process.poll() is None and not list(tmp_path.glob("*.checked.xlsx")):
            time.sleep(0.01)
        ours = os.killpg if stop == signal.SIGINT else os.kill
        ours(process.pid, stop)
        said = process.communicate(timeout=60)[1]
    # Python itself may end by the signal where it was met in code that it was compiling.
    assert process.returncode in (2, -stop)
    assert said.strip() == "fundtrack: Stopped before the end. Nothing was left half-written."
    assert not list(tmp_path.glob(".*.tmp"))
    assert all((tmp_path / n).read_bytes() == FAULTY.read_bytes() for n in names)
    assert all(zipfile.is_zipfile(copy) for copy in tmp_path.glob("*.checked.xlsx"))


def test_a_stop_that_comes_while_python_cleans_up_is_heard_all_the_same():
    """Of what cannot fail Python only says that it did; the run must not go on for that."""
    program = """
import time
from fundtrack import console

class Cleaned:
    def __del__(self):
        raise KeyboardInterrupt

console.end_when_told()
try:
    Cleaned()
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("stopped", "")


def test_two_who_write_the_same_copy_leave_one_whole(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(FAULTY.read_bytes())
    command = [*COMMAND, "check", "a.xlsx", "-q"]
    both = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(p.communicate()[1], p.returncode) for p in both] == [(b"", 1)] * 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.checked.xlsx", "a.xlsx"]
    assert outcome("verify", "a.checked.xlsx", "--format", "json", cwd=tmp_path) == (0, [])


@pytest.mark.parametrize("odd", ["9" * 30, "²", "-1e9", "soon", ""])
def test_a_moment_that_is_none_is_not_taken(run, monkeypatch, odd):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", odd)
    assert run("check", CLEAN, "--no-report", "--format", "json").stdout


@posix
def test_a_folder_that_is_gone_is_said(tmp_path):
    (tmp_path / "gone").mkdir()
    program = "import os; os.rmdir(os.getcwd()); from fundtrack.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "template", "donor"],
        check=False,
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "is no longer there" in done.stderr
    assert len(done.stderr.splitlines()) == 1
