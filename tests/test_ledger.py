"""The ledger: what becomes of findings from check to check, and that nothing of it is ever lost."""

import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path

import jsonschema
import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from books import book, rows_of
from fundtrack import accountability, schema
from fundtrack.cli import main
from fundtrack.trail import positions, ranges

SAMPLES = Path(__file__).parents[1] / "samples"
SERVER = "FUNDTRACK_TEST_POSTGRES"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """A ledger that is not there yet: a file, or a schema of its own on the server."""
    if request.param == "sqlite":
        yield str(tmp_path / "fundtrack.db")
        return
    url = os.environ.get(SERVER)
    if not url:
        pytest.skip(f"no PostgreSQL server: {SERVER} names none")
    name = f"ledger_{os.getpid()}_{time.monotonic_ns()}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as server:
        server.exec_driver_sql(f"CREATE SCHEMA {name}")
        yield f"{url}?options=-csearch_path%3D{name}"
        server.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    engine.dispose()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in an empty folder; each has a moment of its own, a day after the last."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNDTRACK_DEBUG", "1")
    days = count(1_735_689_600, 86_400)

    def go(*arguments, code=0):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(next(days)))
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        assert result.exit_code == code, result.output
        return result

    return go


@pytest.fixture
def check(run, tmp_path, place):
    """Checks a workbook made from the tables given, and keeps it in the ledger."""
    numbers = count(1)

    def go(*, copy=False, **given):
        folder = tmp_path / f"q{next(numbers)}"
        folder.mkdir()
        path = book(folder, **given)
        options = ["--fail-on", "never", "--record", "--ledger", place]
        run("check", path, *options, *([] if copy else ["--no-report"]))
        return path.with_name("book.checked.xlsx")

    return go


def told(place, **asked):
    """The history of the only portfolio."""
    asked = {"portfolio": None, "since": None, "until": None, "as_of": None} | asked
    (history,) = accountability.history(place, **asked)
    return history


def became(place, check):
    """What the last check says of each record's finding; a dash where it is closed since long."""
    history = told(place)
    now = history.moments[-1].number
    return {
        f.record: f.what.value if f.last == now else "still_open" if f.state != "closed" else "-"
        for f in told(place).findings
        if f.check == check
    }


# --- A year of a portfolio ------------------------------------------------------------------------

# How many months each grant runs in each version of the register, or: blank (its end is), -
# (not listed), cut (cancelled). Below each version what DUR-01 (over 6 months) makes of it; in the
# fourth, the threshold is 9 months. The exception for G8 ends between the second and the third.
YEAR = """
grant | v1    | v2         | v3                | v4              | v5
G1    | 4     | 4          | 4                 | 4               | 4
      | new   | still_open | still_open        | still_open      | still_open
G2    | 4     | 12         | 12                | 12              | 12
      | new   | resolved   | -                 | -               | -
G3    | 4     | 4          | -                 | -               | -
      | new   | still_open | gone              | -               | -
G4    | 4     | blank      | 4                 | 4               | 12
      | new   | not_judged | still_open        | still_open      | resolved
G5    | 4     | 12         | 12                | 4               | 4
      | new   | resolved   | -                 | reopened        | still_open
G6    | -     | -          | 4                 | 4               | 12
      |       |            | new               | still_open      | resolved
G7    | 8     | 8          | 8                 | 8               | 8
      |       |            |                   | new             | terms_changed
G8    | 4     | 4          | 4                 | 4               | 12
      | new   | still_open | exception_expired | still_open      | resolved
G9    | 4     | 4          | 4                 | cut             | cut
      | new   | still_open | still_open        | no_longer_asked | -
G10   | 4     | -          | 4                 | 4               | 4
      | new   | gone       | reopened          | still_open      | still_open
G11   | 8     | 8          | 8                 | 8               | 12
      |       |            |                   | new             | resolved
G12   | blank | 4          | blank             | -               | 4
      |       | new        | not_judged        | gone            | reopened
"""
QUARTERS = ("2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31", "2025-03-31")


def version(number):
    """The register of one quarter: other rows, another order, and what the table says of it."""
    lines = rows_of(YEAR)
    grants, expected = [], {}
    for at in range(0, len(lines), 2):
        name, months = lines[at]["grant"], lines[at][f"v{number}"]
        if what := lines[at + 1][f"v{number}"]:
            expected[name] = what
        if months == "-":
            continue
        row = {"grant_id": name, "planned_start_date": "2024-01-01"}
        row["activity_status"] = "5" if months == "cut" else "2"
        length = {"blank": "", "cut": 4}.get(months, months)
        row["planned_end_date"] = f"2024-{int(length):02}-28" if length else ""
        grants.append(row)
    grants = grants[number:] + grants[:number]
    thresholds = [{"parameter": "dur.short_months", "value": 9 if number == 4 else 6}]
    exceptions = [{"check_id": "DUR-01", "object_id": "G8", "expires_date": "2024-08-15"}]
    return {
        "settings": {"reference_date": QUARTERS[number - 1]},
        "grants": grants if number % 2 else grants[::-1],
        "thresholds": thresholds,
        "exceptions": exceptions,
    }, expected


def test_a_year_of_a_register_every_transition_is_right(check, place):
    for number in range(1, 6):
        given, expected = version(number)
        check(**given)
        assert became(place, "DUR-01") == expected, f"version {number}"
    moved = {f.record: f for f in told(place).findings if f.check == "DUR-01"}
    assert moved["G7"].reason == "dur.short_months from 9 to 6"
    assert [m.number for m in told(place).moments if m.terms and "dur." in str(m.terms)] == [4, 5]
    assert (moved["G1"].found, moved["G1"].age_days) == (date(2024, 3, 31), 365)


@pytest.mark.parametrize("form", ["record", "json"])
def test_what_is_not_judged_is_not_put_right(run, write, place, form):
    """A sheet that is left out, and a column: both stay open until somebody looks again."""
    short = {"grant_id": "G1", "planned_end_date": "2024-04-30"}
    blank, filled = [{"line_id": "L1", "amount": ""}], [{"line_id": "L1"}]
    endless = {"grants": ["planned_end_date"]}
    passed = [
        {"grants": [short], "budget_lines": blank},
        {"grants": [short], "budget_lines": None},
        {"grants": [short], "budget_lines": filled, "without": endless},
    ]
    said = []
    for tables in passed:
        path = write(**tables)
        options = ["--no-report", "--fail-on", "never"]
        if form == "record":
            run("check", path, "--record", "--ledger", place, *options)
        else:
            printed = run("check", path, "--format", "json", *options).stdout
            path.with_suffix(".json").write_text(printed, encoding="utf-8")
            run("record", path.with_suffix(".json"), "--ledger", place)
        said.append((became(place, "DUR-01")["G1"], became(place, "SCH-required")["L1"]))
    assert said == [("new", "new"), ("still_open", "not_judged"), ("not_judged", "resolved")]


def test_a_change_of_terms_does_not_count_as_put_right_but_mending_does(check, place):
    """Both change at once: only trying today's figures on the old terms can tell."""
    of = [("A", "2024-08-31"), ("B", "2024-08-31"), ("C", "2024-04-30")]
    first = [{"grant_id": name, "planned_end_date": end} for name, end in of]
    second = [first[0], first[1] | {"planned_end_date": "2026-12-31"}, first[2]]
    number = [{"parameter": "dur.short_months", "value": 9}]
    check(grants=first, thresholds=number)
    check(grants=second)
    assert became(place, "DUR-01") == {"A": "terms_changed", "B": "resolved", "C": "still_open"}


def test_a_setting_that_moves_a_finding_is_named(check, place):
    grants = [{"grant_id": "G1", "recipient_org_id": "INGO-X", "amount": 900_000}]
    check(grants=grants, settings={"period_start": "2024-01-01", "period_end": "2024-06-30"})
    later = {"period_start": "2024-07-01", "period_end": "2024-12-31"}
    check(grants=grants, settings=later)
    gone = [f for f in told(place).findings if f.check == "LOC-01"]
    assert [f.what.value for f in gone] == ["terms_changed"]
    assert "period start from 2024-01-01 to 2024-07-01" in gone[0].reason


def test_an_exception_that_is_taken_back_is_told_from_one_that_ended(check, place):
    grants = [{"grant_id": "G1", "planned_end_date": "2024-04-30"}]
    excepted = [{"check_id": "DUR-01", "object_id": "G1", "expires_date": "2025-01-31"}]
    check(grants=grants, exceptions=excepted)
    (finding,) = [f for f in told(place).findings if f.check == "DUR-01"]
    assert (finding.state.value, finding.until) == ("standing_accepted", date(2025, 1, 31))
    check(grants=grants)
    assert became(place, "DUR-01") == {"G1": "exception_withdrawn"}
    check(grants=grants, exceptions=excepted)
    assert became(place, "DUR-01") == {"G1": "accepted"}
    check(grants=grants, exceptions=excepted, settings={"reference_date": "2025-03-31"})
    assert became(place, "DUR-01") == {"G1": "exception_expired"}
    (finding,) = [f for f in told(place).findings if f.check == "DUR-01"]
    assert finding.reason == "it ended on 2025-01-31"


def test_the_same_run_is_recognised_and_not_doubled(run, write, place):
    path = write(grants=[{"grant_id": "G1", "planned_end_date": "2024-04-30"}])
    options = ["--no-report", "--fail-on", "never", "--record", "--ledger", place]
    first = run("check", path, *options)
    again = run("check", path, *options)
    assert "as check 1 of “DONOR” (donor): 4 new." in first.stdout
    assert "Recorded already" in again.stdout and "as check 1 of" in again.stdout
    assert "as check 2 of" in run("check", path, *options, "--as-of", "2025-03-31").stdout
    assert len(told(place).moments) == 2


def test_portfolios_never_mix_and_a_ledger_goes_forward_only(run, write, place):
    path = write(grants=[{"grant_id": "G1", "planned_end_date": "2024-04-30"}])
    keep_it = ["--no-report", "--fail-on", "never", "--record", "--ledger", place]
    run("check", path, *keep_it)
    run("check", path, *keep_it, "--portfolio", "Sahel")
    two = accountability.history(place, portfolio=None, since=None, until=None, as_of=None)
    assert [(h.portfolio, len(h.moments)) for h in two] == [("DONOR", 1), ("Sahel", 1)]
    refused = run("check", path, *keep_it, "--as-of", "2023-12-31", code=2)
    assert "a ledger goes forward only" in refused.stderr and "--portfolio" in refused.stderr
    assert "The ledger could not be used" in refused.stderr and "G1" in refused.stdout
    which = run("history", "--ledger", place, "--diff", "1", "1", code=2).stderr
    assert "“DONOR” (donor), “Sahel” (donor)" in which
    assert "It has “DONOR”" in run("history", "--ledger", place, "--portfolio", "X", code=2).stderr


# --- Reviewers' answers ---------------------------------------------------------------------------


def answered(copy, to, *records, **cells):
    """The copy as a reviewer saves it elsewhere, with cells filled beside the records' findings."""
    workbook = openpyxl.load_workbook(copy)
    sheet = workbook["Findings"]
    headings = {cell.value: cell.column for cell in sheet[1]}
    for row in sheet.iter_rows(min_row=2):
        if row[headings["Record"] - 1].value in records:
            for heading, value in cells.items():
                sheet.cell(row[0].row, headings[heading.replace("_", " ")]).value = value
    to.parent.mkdir(exist_ok=True)
    workbook.save(to)
    return to


@pytest.fixture
def reviewed(run, check, place, tmp_path):
    """A recorded check of two short grants, and a command that reviews a copy of it."""
    short = {"planned_end_date": "2024-04-30"}
    grants = [{"grant_id": f"G{n}", "amount": 1000 * n, **short} for n in (1, 2)]

    def again(number):
        settings = {"reference_date": f"2024-12-{number:02}"}
        return check(copy=True, grants=grants, settings=settings)

    def review(copy, name, *records, code=0, **cells):
        path = answered(copy, tmp_path / name, *records, **cells)
        return run("review", path, "--ledger", place, code=code).stdout

    return again, review


def replies(place):
    """Record -> the status and response of each answer in force."""
    found = {f.record: f.replies for f in told(place).findings if f.check == "DUR-01"}
    return {
        record: [(r.answer.status, r.answer.response) for r in answers]
        for record, answers in found.items()
    }


def test_an_answer_is_kept_once_and_an_action_grows_overdue(run, reviewed, place):
    again, review = reviewed
    copy = again(1)
    act = {"Status": "agreed", "Agreed_action": "Extend it", "Due_date": date(2024, 12, 10)}
    act |= {"Response": "We know", "Reviewer's_role": "Desk"}
    said = review(copy, "a.checked.xlsx", "G1", **act)
    assert "a.checked.xlsx: 1 answer added to “DONOR” (donor)" in said
    assert "0 answers added" in review(copy, "b.checked.xlsx", "G1", **act)
    assert replies(place) == {"G1": [("agreed", "We know")], "G2": []}
    assert "Overdue" not in run("history", "--ledger", place).stdout
    page = run("history", "--ledger", place, "--as-of", "2024-12-31").stdout
    line = "DUR-01  Grants G1 (End date as signed): Extend it, due 2024-12-10 [Desk]"
    assert f"Overdue actions: 1\n     21 days  {line}" in page
    again(20)
    assert "   10 days  DUR-01" in run("history", "--ledger", place).stdout


def test_a_copy_may_claim_to_have_seen_any_answer(run, reviewed, place, tmp_path):
    """Whoever edits the provenance claims nothing that the ledger would take its own word for."""
    again, _ = reviewed
    copy = answered(again(1), tmp_path / "a.checked.xlsx", "G1", Status="agreed")
    workbook = openpyxl.load_workbook(copy)
    (mark,) = [c for row in workbook["Provenance"] for c in row if "answers up to" in str(c.value)]
    mark.value = mark.value.replace("up to 0", f"up to {'9' * 5000}")
    workbook.save(copy)
    assert "1 answer added" in run("review", copy, "--ledger", place).stdout


def test_two_reviewers_who_differ_are_shown_and_none_is_overwritten(run, reviewed, place):
    again, review = reviewed
    copy = again(1)
    review(copy, "north.checked.xlsx", "G1", "G2", Status="agreed", Response="Will extend")
    said = review(copy, "south.checked.xlsx", "G1", Status="rejected", Response="It is right so")
    assert "1 finding answered differently" in said
    assert "agreed; Will extend  [north.checked.xlsx]" in said
    assert "rejected; It is right so  [south.checked.xlsx]" in said
    both = [("agreed", "Will extend"), ("rejected", "It is right so")]
    assert replies(place) == {"G1": both, "G2": [("agreed", "Will extend")]}
    assert "Answered differently by two reviewers: 1" in run("history", "--ledger", place).stdout
    # The next copy could see both, so what is written in it settles the matter ...
    copy = again(20)
    review(copy, "next.checked.xlsx", "G1", Status="agreed", Response="Extended after all")
    assert replies(place)["G1"] == [("agreed", "Extended after all")]
    # ... and an old copy that turns up late does not undo it.
    late = run("review", "south.checked.xlsx", "--ledger", place).stdout
    assert "0 answers added" in late
    assert replies(place)["G1"] == [("agreed", "Extended after all")]


def test_what_is_said_to_be_done_and_still_found_is_shown(run, reviewed, place):
    again, review = reviewed
    review(again(1), "a.checked.xlsx", "G2", Status="done", Response="Extended")
    page = run("history", "--ledger", place).stdout
    assert "Said to be done, still found: 1\n  DUR-01  Grants G2" in page


def test_a_copy_whose_check_was_never_recorded_is_told(run, reviewed, write, place):
    again, _ = reviewed
    again(1)
    other = write(settings={"organisation_id": "AGENCY"}, grants=[{"grant_id": "G1"}])
    run("check", other, "--fail-on", "never")
    copy = other.with_name("book.checked.xlsx")
    refused = run("review", copy, "--ledger", place, code=2).stderr
    assert "no recorded check of “AGENCY” (donor)" in refused and "--record" in refused
    assert "no sheet of findings" in run("review", other, "--ledger", place, code=2).stderr


def test_a_blank_answer_in_a_copy_made_without_a_ledger_takes_nothing_back(run, reviewed, place):
    again, review = reviewed
    copy = again(1)
    review(copy, "a.checked.xlsx", "G1", Status="agreed", Response="Will extend")
    run("check", copy.with_name("book.xlsx"), "--fail-on", "never")
    assert "0 answers added" in run("review", copy, "--ledger", place).stdout
    assert replies(place)["G1"] == [("agreed", "Will extend")]


def test_answers_come_back_in_the_next_copy_and_are_not_taken_twice(run, reviewed, place):
    again, review = reviewed
    act = {"Agreed action": "Extend it", "Due date": date(2025, 2, 1), "Reviewer's role": "Desk"}
    review(again(1), "a.checked.xlsx", "G1", Status="agreed", Response="We know", **act)
    copy = again(20)
    sheet = openpyxl.load_workbook(copy)["Findings"]
    rows = [dict(zip([c.value for c in sheet[1]], r, strict=True)) for r in sheet.values]
    (row,) = [r for r in rows if (r["Check"], r["Record"]) == ("DUR-01", "G1")]
    assert (row["Status"], row["Response"]) == ("agreed", "We know")
    assert (row["Agreed action"], row["Due date"].date()) == ("Extend it", date(2025, 2, 1))
    assert "0 answers added" in run("review", copy, "--ledger", place).stdout
    # What a reviewer wrote into a copy is in the ledger before the copy is replaced.
    answered(copy, copy, "G2", Status="rejected", Response="It is right so")
    again_there = ["check", copy.with_name("book.xlsx"), "--record", "--ledger", place]
    run(*again_there, "--fail-on", "never", "--as-of", "2024-12-28")
    assert replies(place) == {"G1": [("agreed", "We know")], "G2": [("rejected", "It is right so")]}
    # Without --record the ledger's answers are shown, and nothing is written.
    plain = copy.with_name("other.checked.xlsx")
    book_again = ["check", copy.with_name("book.xlsx"), "-o", plain, "--fail-on", "never"]
    run(*book_again, "--ledger", place, "--as-of", "2025-01-31")
    assert len(told(place).moments) == 3
    values = list(openpyxl.load_workbook(plain)["Findings"].values)
    assert [r for r in values if "It is right so" in r] != []


# --- Killed, crowded, full, read-only -------------------------------------------------------------


@pytest.fixture(scope="module")
def json_of_the_sample():
    options = ["--no-report", "--fail-on", "never", "--format", "json"]
    done = CliRunner().invoke(main, ["check", str(SAMPLES / "donor_faulty.xlsx"), *options])
    return done.stdout


@pytest.fixture
def printed(run, tmp_path, json_of_the_sample):
    """The JSON of the faulty sample, as a file."""
    path = tmp_path / "run.json"
    path.write_text(json_of_the_sample, encoding="utf-8")
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed by signal here only")
def test_killed_at_any_moment_the_ledger_holds_whole_runs_and_all_that_were_told(printed, place):
    program = [sys.executable, Path(__file__).with_name("crash.py"), printed, place, "200"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    met = json.loads(done.stdout)
    assert (met["kills"], met["lost"], met["part"], met["unread"]) == (200, 0, 0, 0)
    assert met["while_writing"] >= 100 and met["recorded"] >= 20


RECORDING = """
import json, sys
from fundtrack.ledger import Run, Store, record
plain, place, who = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2], sys.argv[3]
for n in range(10):
    plain["workbook"]["values_digest"] = f"{who}{n}"
    record(Store(place, new=True), Run(plain), "2025-01-01", under=None)
"""


def test_two_who_record_at_once_both_succeed(printed, place):
    program = [sys.executable, "-c", RECORDING, printed, place]
    both = [subprocess.Popen([*program, who], stderr=subprocess.PIPE) for who in "ab"]
    assert [p.communicate()[1] for p in both] == [b"", b""]
    assert [p.returncode for p in both] == [0, 0]
    assert [m.number for m in told(place).moments] == list(range(1, 21))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size can be set here")
def test_a_full_disk_gives_a_clear_line_and_loses_nothing(run, printed):
    """The system itself refuses to let the file grow, in the middle of the write."""
    run("record", printed)
    before = [(f.id, f.what) for f in told("fundtrack.db").findings]
    small = (
        "import resource, runpy, signal, sys\n"
        "import fundtrack.ledger, sqlite3\n"
        f"size = {Path('fundtrack.db').stat().st_size}\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))\n"
        "sys.argv = ['fundtrack', *sys.argv[1:]]\n"
        "from fundtrack.cli import main; main()\n"
    )
    later = ["check", SAMPLES / "donor_faulty.xlsx", "--as-of", "2025-06-30", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", small, *later, "--no-report", "--record"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "ledger could not be used: fundtrack.db: The disk" in line and "lost" in line
    assert [(f.id, f.what) for f in told("fundtrack.db").findings] == before
    run(*later, "--no-report", "--record", code=1)
    assert len(told("fundtrack.db").moments) == 2


AS_ANYBODY = """
import os, sys
import fundtrack.accountability, fundtrack.cli, fundtrack.ledger, fundtrack.report, fundtrack.rules
from fundtrack import rules; rules.catalogue()
from sqlalchemy.dialects import sqlite; import sqlite3, sqlalchemy.dialects.sqlite.pysqlite
if not os.getuid():
    os.setgid(65534), os.setuid(65534)  # permissions do not bind the superuser
fundtrack.cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
def test_a_ledger_that_cannot_be_written_can_still_be_read(run, printed):
    run("record", printed)
    # Not below tmp_path, which pytest closes to everybody else, whenever it starts anew.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("fundtrack.db", "run.json"):
            shutil.copyfile(file, folder / file)
            (folder / file).chmod(0o444)
        folder.chmod(0o555)
        start = [sys.executable, "-c", AS_ANYBODY]
        write = subprocess.run(
            [*start, "record", "run.json"], capture_output=True, check=False, cwd=folder
        )
        look = subprocess.run([*start, "history"], capture_output=True, check=False, cwd=folder)
        left = sorted(p.name for p in folder.iterdir())
        folder.chmod(0o755)
    said = b"fundtrack.db: It cannot be written: the file or its folder is read-only."
    assert write.returncode == 2 and said in write.stderr
    assert look.returncode == 0, look.stderr
    assert b"DONOR-001 (donor): 1 check recorded" in look.stdout
    assert left == ["fundtrack.db", "run.json"]


def test_a_copy_is_written_though_the_ledger_is_not(run, write):
    path = write(grants=[{"grant_id": "G1"}])
    Path("notes.db").write_text("These are not the figures that you look for. " * 30)
    done = run("check", path, "--record", "--ledger", "notes.db", code=2)
    said = "The copy was written, but the ledger could not be used: notes.db: It is not a ledger"
    assert said in done.stderr
    assert path.with_name("book.checked.xlsx").exists()
    assert Path("notes.db").read_text().startswith("These are not")


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        ("nowhere/fundtrack.db", "the folder is not there"),
        (".", "It is a folder"),
        ("", "It names no file"),
        (":memory:", "It names no file"),
        ("x" * 300, "It cannot be used"),
        ("mysql://host/db", "That kind of database is not known"),
        ("postgresql://u:secret@127.0.0.1:1/db", "postgresql+psycopg://u:***@127.0.0.1:1/db"),
        ("other.db", "a database, but not a ledger of fundtrack"),
        ("newer.db", "Update fundtrack; the ledger was not touched."),
    ],
)
def test_what_is_not_a_ledger_is_told_in_one_line(run, printed, ledger, said):
    with closing(sqlite3.connect("other.db")) as other:
        other.execute("CREATE TABLE accounts (n)")
    with closing(sqlite3.connect("newer.db")) as newer:
        newer.execute("CREATE TABLE fundtrack_version (version INTEGER)")
        newer.execute("INSERT INTO fundtrack_version VALUES (99)")
        newer.commit()
    (line,) = run("record", printed, "--ledger", ledger, code=2).stderr.strip().splitlines()
    assert said in line and "secret" not in line


def test_a_question_to_no_ledger_makes_none(run):
    assert "There is no such ledger. `fundtrack check" in run("history", code=2).stderr
    assert list(Path().iterdir()) == []


NOT_A_RUN = "It is not what"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The file is empty."),
        ("[1, 2", NOT_A_RUN),
        ("[]", NOT_A_RUN),
        ("{}", NOT_A_RUN),
        ("3", NOT_A_RUN),
        ('{"trail": 3}', NOT_A_RUN),
        ('[{"check": "DUR-01"}]', NOT_A_RUN),
    ],
)
def test_what_is_not_a_run_is_refused_before_anything_is_written(run, text, said):
    Path("odd.json").write_text(text)
    assert f"odd.json: {said}" in run("record", "odd.json", code=2).stderr
    assert not Path("fundtrack.db").exists()


def changed(text, path, value):
    """The JSON of a run in which another value stands at that path."""
    plain = json.loads(text)
    *way, last = path.split("/")
    at = plain
    for name in way:
        at = at[int(name) if isinstance(at, list) else name]
    at[last] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("checked", "yesterday"),
        ("checked", 20_241_231),
        ("settings/reference_date", "2024-02-30"),
        ("settings/organisation_id", ["DONOR-001"]),
        ("workbook/path", 5),
        ("workbook/sha256", {"a": 1}),
        ("findings/0/key", 7),
        ("findings/0/organisation", "half a character \ud800"),
        ("findings/0/severity", None),
        ("findings", {"id": 1}),
        ("results/0/low", "much"),
        ("results/0/high", 10**400),
        ("results/0/status", []),
        ("results/0/threshold", "a quarter"),
        ("results/0/threshold", 10**400),
        ("results/0/low", float("inf")),
        ("results/0/high", float("nan")),
        ("thresholds/dur.short_months", float("nan")),
        ("thresholds", []),
        ("trail/records", "all"),
        ("trail/judged/DUR-01", "5-"),
    ],
)
def test_a_run_with_a_value_that_it_cannot_have_is_refused(run, json_of_the_sample, path, value):
    plain = changed(json_of_the_sample, path, value)
    Path("odd.json").write_text(json.dumps(plain), encoding="utf-8")
    (line,) = run("record", "odd.json", code=2).stderr.strip().splitlines()
    assert line.startswith(f"fundtrack: odd.json: {NOT_A_RUN}")
    assert not Path("fundtrack.db").exists()


@pytest.mark.parametrize("sample", ["donor_clean", "programme_clean", "programme_faulty"])
def test_what_a_check_prints_can_be_recorded(run, sample):
    words = ["check", SAMPLES / f"{sample}.xlsx", "--no-report", "--format", "json"]
    printed = run(*words, "--fail-on", "never").stdout
    Path("run.json").write_text(printed, encoding="utf-8")
    new = len(json.loads(printed)["findings"])
    assert f": {new} new" in run("record", "run.json").stdout.replace("no findings", "0 new")


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "1" * 100_000, "NaN", "-Infinity", '"\\ud800"', "\ufeff{}"],
)
def test_what_only_looks_like_json_is_refused(run, text):
    Path("odd.json").write_text(text, encoding="utf-8")
    (line,) = run("record", "odd.json", code=2).stderr.strip().splitlines()
    assert line.startswith(f"fundtrack: odd.json: {NOT_A_RUN}")
    assert not Path("fundtrack.db").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fundtrack_run SET thresholds = '{'",
        "UPDATE fundtrack_run SET reference_date = 'spring'",
        "UPDATE fundtrack_run SET number = 'first'",
        "UPDATE fundtrack_change SET what = 'odd'",
        "UPDATE fundtrack_count SET number = 'many'",
        "UPDATE fundtrack_result SET low = 'little'",
        "DROP TABLE fundtrack_count",
    ],
)
def test_a_damaged_ledger_is_told_and_kept(run, printed, monkeypatch, statement):
    run("record", printed)
    with closing(sqlite3.connect("fundtrack.db")) as ledger:
        ledger.execute(statement)
        ledger.commit()
    before = Path("fundtrack.db").read_bytes()
    monkeypatch.delenv("FUNDTRACK_DEBUG")
    for words in (["history"], ["history", "--diff", "1", "1"]):
        (line,) = run(*words, code=2).stderr.strip().splitlines()
        assert "fundtrack.db: The file is damaged. Put back a copy of it from before" in line
    assert Path("fundtrack.db").read_bytes() == before


def test_a_fault_of_ours_is_not_told_as_damage_of_the_ledger(run, printed, monkeypatch):
    def broken(*_):
        raise KeyError("a fault")

    monkeypatch.setattr("fundtrack.ledger.questions._moments", broken)
    run("record", printed)
    assert isinstance(run("history", code=1).exception, KeyError)  # for who looks for it
    monkeypatch.delenv("FUNDTRACK_DEBUG")
    (line,) = run("history", code=2).stderr.strip().splitlines()
    assert "fundtrack itself failed (KeyError at test_ledger.py:" in line
    assert "the ledger is sound and not changed" in line


# --- Older ledgers --------------------------------------------------------------------------------

# As the first version made them, before there were answers; a release never changes this text.
VERSION_1 = """
CREATE TABLE fundtrack_version (version INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE fundtrack_portfolio (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,
 kind TEXT NOT NULL, UNIQUE (name, kind));
CREATE TABLE fundtrack_run (id INTEGER NOT NULL PRIMARY KEY,
 portfolio_id INTEGER NOT NULL REFERENCES fundtrack_portfolio (id), number INTEGER NOT NULL,
 recorded TEXT NOT NULL, checked TEXT NOT NULL, reference_date TEXT, file TEXT NOT NULL,
 sha256 TEXT NOT NULL, values_digest TEXT NOT NULL, fundtrack TEXT NOT NULL,
 guidance TEXT NOT NULL, settings TEXT NOT NULL, thresholds TEXT NOT NULL,
 fingerprint TEXT NOT NULL, UNIQUE (portfolio_id, number));
CREATE TABLE fundtrack_result (run_id INTEGER NOT NULL REFERENCES fundtrack_run (id),
 check_id TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, unit TEXT, low FLOAT,
 high FLOAT, threshold FLOAT,
 PRIMARY KEY (run_id, check_id));
CREATE TABLE fundtrack_finding (id INTEGER NOT NULL PRIMARY KEY,
 portfolio_id INTEGER NOT NULL REFERENCES fundtrack_portfolio (id), finding TEXT NOT NULL,
 check_id TEXT NOT NULL, scope TEXT NOT NULL, table_name TEXT, sheet TEXT, field TEXT,
 heading TEXT, record TEXT, record_digest TEXT, organisation TEXT, UNIQUE (portfolio_id, finding));
CREATE TABLE fundtrack_change (run_id INTEGER NOT NULL REFERENCES fundtrack_run (id),
 finding_id INTEGER NOT NULL REFERENCES fundtrack_finding (id), portfolio_id INTEGER NOT NULL,
 what TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL, until TEXT, reason TEXT,
 PRIMARY KEY (run_id, finding_id));
CREATE INDEX fundtrack_change_by_finding
 ON fundtrack_change (portfolio_id, finding_id, run_id);
CREATE TABLE fundtrack_count (run_id INTEGER NOT NULL REFERENCES fundtrack_run (id),
 what TEXT NOT NULL, severity TEXT NOT NULL, number INTEGER NOT NULL,
 PRIMARY KEY (run_id, what, severity));
INSERT INTO fundtrack_version VALUES (1);
INSERT INTO fundtrack_portfolio VALUES (1, 'DONOR', 'donor');
INSERT INTO fundtrack_run VALUES (1, 1, 1, '2023-01-01', '2023-01-01', '2022-12-31', 'old.xlsx',
 'a', 'b', '0.1.0', 'ICAN 2017', '{}', '{}', 'c');
INSERT INTO fundtrack_finding VALUES (1, 1, '0123456789abcdef', 'DUR-01', 'grant', 'grants',
 'Grants', 'planned_end_date', 'End date as signed', 'G0', '5ac0e5a1a5c0e5a1', 'LOC-A');
INSERT INTO fundtrack_change VALUES (1, 1, 1, 'new', 'open', 'error', NULL, NULL);
INSERT INTO fundtrack_count VALUES (1, 'new', 'error', 1);
INSERT INTO fundtrack_count VALUES (1, 'open', 'error', 1);
"""


@pytest.fixture
def old(place):
    """A ledger of the first version, with one check and one finding."""
    url = place if "://" in place else f"sqlite:///{place}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in VERSION_1.strip().split(";\n"):
            connection.exec_driver_sql(statement.strip(";"))
    engine.dispose()
    return place


def test_an_older_ledger_is_brought_forward_with_all_that_it_holds(run, old):
    page = run("history", "--ledger", old).stdout
    assert "DONOR (donor): 1 check recorded, 2022-12-31" in page
    (finding,) = told(old).findings
    assert (finding.record, finding.found) == ("G0", date(2022, 12, 31))


def test_an_older_ledger_takes_checks_and_answers(old, reviewed):
    again, review = reviewed
    copy = again(1)
    assert became(old, "DUR-01") == {"G0": "gone", "G1": "new", "G2": "new"}
    assert "1 answer added" in review(copy, "a.checked.xlsx", "G1", Status="agreed")


# --- What is kept, and what is told ---------------------------------------------------------------


def test_the_ledger_keeps_no_text_of_the_workbook_and_nothing_of_restricted_sheets(run, tmp_path):
    run("check", SAMPLES / "programme_faulty.xlsx", "--no-report", "--record", code=1)
    printed = run(
        "check", SAMPLES / "programme_faulty.xlsx", "--no-report", "--format", "json", code=1
    ).stdout
    plain = json.loads(printed)
    hidden = {"cso_security", "incidents", "participants"}
    inside = [f for f in plain["findings"] if f["table"] in hidden]
    keys = {f["key"] for f in inside if not f["key"].startswith(("ORG", "column"))}
    assert inside and keys
    with closing(sqlite3.connect("fundtrack.db")) as ledger:
        tables = ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        rows = [row for (name,) in tables for row in ledger.execute(f"SELECT * FROM {name}")]
        of_hidden = ledger.execute(
            "SELECT record, organisation FROM fundtrack_finding WHERE table_name IN "
            "('cso_security', 'incidents', 'participants')"
        ).fetchall()
    texts = {value for row in rows for value in row if isinstance(value, str)}
    assert not texts & {f["message"] for f in plain["findings"]}
    assert of_hidden and set(of_hidden) == {(None, None)}
    assert not texts & keys
    trail = plain["trail"]["records"]
    assert {trail[name] for name in hidden if name in trail} == {None}
    assert "(restricted)" in run("history", "--by", "finding").stdout


@pytest.fixture
def two_checks(run, printed):
    """Two checks of the faulty sample, half a year apart."""
    run("record", printed)
    run("check", SAMPLES / "donor_faulty.xlsx", "--no-report", "--record", "--as-of", "2025-07-15",
        code=1)  # fmt: skip


def test_history_in_every_form_tells_the_same(run, two_checks):
    plain = json.loads(run("history", "--format", "json").stdout)
    moments = list(csv.DictReader(io.StringIO(run("history", "--format", "csv").stdout)))
    assert [int(m["open"]) for m in moments] == [c["open"] for c in plain["checks"]]
    lists = {"finding": "findings", "check": "by_check", "organisation": "by_organisation"}
    for by, name in lists.items():
        text = run("history", "--by", by, "--format", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        first = "id" if by == "finding" else by
        assert [r[first] for r in rows] == [r[first] for r in plain[name]]
        assert len(run("history", "--by", by).stdout.splitlines()) == len(rows) + 1
    open_ = [f for f in plain["findings"] if f["state"] == "open"]
    assert len(open_) == plain["checks"][-1]["open"] == sum(r["open"] for r in plain["by_check"])
    assert {f["age_days"] for f in open_} == {0, 196}


def test_a_period_shows_its_checks_and_how_things_stood_at_its_end(run, two_checks):
    first = run("history", "--until", "2024-12-31").stdout
    assert "1 check recorded, 2024-12-31; ages as of 2024-12-31" in first
    later = json.loads(run("history", "--since", "2025-01-01", "--format", "json").stdout)
    assert [check["number"] for check in later["checks"]] == [2]
    none = run("history", "--since", "2026-01-01", code=2).stderr
    assert "It holds no check of the period 2026-01-01 to" in none


def test_two_checks_are_compared(run, two_checks):
    text = run("history", "--diff", "previous", "last").stdout
    assert "check 1 (2024-12-31) against check 2 (2025-07-15): 77 open then, 78 now" in text
    assert "Appeared: 1\n  LNK-04  Grants G-026" in text and "Open in both: 77" in text
    same = json.loads(run("history", "--diff", "1", "2025-07-15", "--format", "json").stdout)
    assert sum(f["change"] == "appeared" for f in same["findings"]) == 1
    none = run("history", "--diff", "1", "7", code=2).stderr
    assert "Name one by its number or day: 1 (2024-12-31), 2" in none
    for odd in ("²", "9" * 5000, "0", "2024-02-30", "-1"):
        assert "It has no check" in run("history", "--diff", "1", odd, code=2).stderr


def test_history_as_json_keeps_to_its_schema_and_csv_has_its_columns(
    run, printed, two_checks, reviewed, place
):
    run("record", printed, "--portfolio", "Sahel")
    again, review = reviewed
    copy = again(1)
    act = {"Status": "agreed", "Agreed_action": "Extend it", "Due_date": date(2024, 12, 10)}
    review(copy, "a.checked.xlsx", "G1", **act)
    shape = json.loads((schema.root() / "history.schema.json").read_text(encoding="utf-8"))
    one = ["--portfolio", "DONOR-001"]
    answered = ["--ledger", place, "--portfolio", "DONOR"]
    asked = [
        *([], one, answered, [*answered, "--as-of", "2026-01-01"]),
        [*answered, "--diff", "1", "1"],
        *([*one, "--by", by] for by in ("finding", "organisation", "check")),
        *([*one, *period] for period in (["--since", "2025-01-01"], ["--until", "2024-12-31"])),
        [*one, "--diff", "previous", "last"],
    ]
    for options in asked:
        printed = run("history", *options, "--format", "json").stdout
        jsonschema.validate(json.loads(printed), shape)
        text = run("history", *options, "--format", "csv").stdout
        by = options[3] if "--by" in options else None
        name = {"finding": "finding", "organisation": "of_organisation", "check": "of_check"}
        members = shape["$defs"][name.get(by, "moment")]["properties"]
        head = ["portfolio", "kind", *members]
        if "--diff" in options:
            members = shape["$defs"]["compared"]["properties"]
            head = ["change", *(m for m in members if m != "change")]
        assert text.splitlines()[0].split(",") == [m for m in head if m != "answers"]


def test_the_workbook_of_a_history_has_tables_and_charts_and_is_not_put_over_another_file(
    run, two_checks
):
    Path("mine.xlsx").write_bytes(b"mine")
    assert "--force" in run("history", "-o", "mine.xlsx", code=2).stderr
    for _ in range(2):
        assert "trends.xlsx" in run("history", "-o", "trends.xlsx").stdout
    workbook = openpyxl.load_workbook("trends.xlsx")
    assert workbook.sheetnames == ["Checks", "Figures", "Findings"]
    assert [row[3] for row in workbook["Checks"].iter_rows(2, 3, values_only=True)] == [77, 78]
    assert len(workbook["Findings"]["A"]) == 79
    assert (len(workbook["Checks"]._charts), len(workbook["Figures"]._charts)) == (2, 6)


def test_help_is_shown_without_the_database_library():
    program = (
        "import sys; from fundtrack.cli import main\n"
        "try: main(['history', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit(any(m in sys.modules for m in ('pandas', 'sqlalchemy', 'lxml', 'xlsxwriter')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0


@given(st.sets(st.integers(0, 60)))
def test_positions_are_written_in_short_and_read_back(at):
    assert positions(ranges(at)) == at


def test_what_is_made_to_be_shared_is_not_recorded(run):
    shared = ["check", SAMPLES / "donor_faulty.xlsx", "--no-report", "--redact"]
    assert "is not kept" in run(*shared, "--record", code=2).stderr
    printed = run(*shared, "--format", "json", code=1).stdout
    assert json.loads(printed)["trail"] == {"records": {}, "blank": {}, "judged": {}}
    Path("shared.json").write_text(printed, encoding="utf-8")
    assert "made to be shared" in run("record", "shared.json", code=2).stderr
