"""The commands as a user runs them: their words, their exit codes, what they leave on the disk."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import jsonschema
import openpyxl
import pytest
import xlsxwriter
from click.testing import CliRunner

from books import found
from fundtrack import __version__, rules, schema
from fundtrack.cli import main

SAMPLES = Path(__file__).parents[1] / "samples"
FAULTY, CLEAN = SAMPLES / "donor_faulty.xlsx", SAMPLES / "donor_clean.xlsx"


@pytest.fixture
def faulty(tmp_path):
    path = tmp_path / "grants.xlsx"
    path.write_bytes(FAULTY.read_bytes())
    return path


def digest(path):
    return sha256(path.read_bytes()).hexdigest()


def test_check_writes_the_annotated_copy_and_leaves_the_input_alone(run, faulty):
    before = digest(faulty)
    result = run("check", faulty, code=1)
    assert digest(faulty) == before
    assert sorted(p.name for p in faulty.parent.iterdir()) == ["grants.checked.xlsx", "grants.xlsx"]
    assert re.match(r"grants.xlsx: \d+ errors, \d+ warnings, \d+ notes; ", result.stdout)
    assert "Grants!I35  DUR-01  error  Grant G-030 to CSO-012 runs 4 months 0 days" in result.stdout
    assert "grants.checked.xlsx" in result.stdout.splitlines()[-1]
    sheets = openpyxl.load_workbook(faulty.with_name("grants.checked.xlsx")).sheetnames
    added = ["Summary", "Findings", "Checks", "Workings", "Workings rows", "Provenance"]
    assert sheets[-6:] == added


def test_strip_gives_the_original_back_byte_for_byte(run, faulty):
    run("check", faulty, code=1)
    run("strip", "grants.checked.xlsx", "-o", "back.xlsx")
    assert digest(Path("back.xlsx")) == digest(faulty)


def test_a_second_run_replaces_the_first_copy_with_the_same_bytes(run, faulty):
    run("check", faulty, code=1)
    first = digest(Path("grants.checked.xlsx"))
    run("check", faulty, code=1)
    assert digest(Path("grants.checked.xlsx")) == first


def test_an_annotated_copy_is_checked_like_its_original(run, faulty):
    first = json.loads(run("check", faulty, "--format", "json", code=1).stdout)
    again = json.loads(run("check", "grants.checked.xlsx", "--format", "json", code=1).stdout)
    assert again["workbook"]["sha256"] == first["workbook"]["sha256"]
    assert again["findings"] == [f | {"file": "grants.checked.xlsx"} for f in first["findings"]]
    assert Path(again["outputs"]["report"]).name == "grants.checked.again.xlsx"


def test_a_file_that_fundtrack_did_not_make_is_not_replaced(run, faulty):
    Path("grants.checked.xlsx").write_bytes(b"mine")
    result = run("check", faulty, code=2)
    assert Path("grants.checked.xlsx").read_bytes() == b"mine"
    assert "--force" in result.stderr
    run("check", faulty, "--force", code=1)
    assert Path("grants.checked.xlsx").read_bytes() != b"mine"


def test_the_output_is_never_the_input(run, faulty):
    before = digest(faulty)
    assert "is the input itself" in run("check", faulty, "-o", faulty, "--force", code=2).stderr
    assert digest(faulty) == before


def test_the_clean_sample_passes(run):
    assert "No findings" in run("check", CLEAN, "--no-report").stdout
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("level", "code"), [("error", 1), ("warning", 1), ("never", 0)])
def test_the_exit_code_follows_fail_on(run, level, code):
    run("check", FAULTY, "--no-report", "-q", "--fail-on", level, code=code)


def test_two_workbooks_never_share_a_copy(run, faulty):
    namesake = Path("elsewhere") / faulty.name
    namesake.parent.mkdir()
    namesake.write_bytes(CLEAN.read_bytes())
    Path("out").mkdir()
    said = run("check", faulty, namesake, "-o", "out", code=2).stderr
    assert "would have the same copy" in said and not list(Path("out").iterdir())
    run("check", faulty, namesake, "-q", code=1)  # beside each: two copies
    assert namesake.with_name("grants.checked.xlsx").exists()


def test_several_workbooks_and_one_that_cannot_be_read(run, faulty):
    Path("out").mkdir()
    Path("broken.xlsx").write_bytes(faulty.read_bytes()[:5000])
    result = run("check", "broken.xlsx", faulty, CLEAN, "-o", "out", "--jobs", "2", code=2)
    assert "broken.xlsx" in result.stderr and "Traceback" not in result.output
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "donor_clean.checked.xlsx",
        "grants.checked.xlsx",
    ]
    assert result.stdout.index("grants.xlsx:") < result.stdout.index("donor_clean.xlsx:")


def test_json_keeps_to_its_schema(run):
    shape = json.loads((schema.root() / "output.schema.json").read_text(encoding="utf-8"))
    one = json.loads(run("check", FAULTY, "--no-report", "--format", "json", code=1).stdout)
    two = json.loads(run("check", FAULTY, CLEAN, "--no-report", "--format", "json", code=1).stdout)
    jsonschema.validate(one, shape)
    jsonschema.validate(two, shape)
    assert [r["check"] for r in one["results"]] == list(rules.catalogue())
    assert one["counts"]["error"] == sum(f["severity"] == "error" for f in one["findings"])


def test_json_is_the_same_on_every_run(run, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1735689600")
    first = run("check", FAULTY, "--no-report", "--format", "json", code=1).stdout
    assert first == run("check", FAULTY, "--no-report", "--format", "json", code=1).stdout
    assert json.loads(first)["checked"] == "2025-01-01"


def test_csv_has_a_line_for_every_finding(run):
    found = json.loads(run("check", FAULTY, "--no-report", "--format", "json", code=1).stdout)
    printed = run("check", FAULTY, "--no-report", "--format", "csv", code=1).stdout
    rows = list(csv.DictReader(io.StringIO(printed, newline="")))
    assert [r["id"] for r in rows] == [f["id"] for f in found["findings"]]


def test_options_win_over_the_settings_and_the_report_says_so(run):
    result = run("check", CLEAN, "--no-report", "--as-of", "2025-07-15", code=1)
    assert "reference date 2025-07-15" in result.stdout
    assert "The reference date 2025-07-15 was given on the command line" in result.stdout
    # The exception for G-030 ended on 2025-06-30.
    assert "An exception for it ended on 2025-06-30." in result.stdout


def test_thresholds_from_a_file(run, write):
    path = write(thresholds="parameter | value\ndur.short_months | 30")
    result = run("check", CLEAN, "--no-report", "--thresholds", path, code=1)
    assert "more than 30 months" in result.stdout


@pytest.mark.parametrize("value", [0.07, "7%", 7, "7"])
def test_a_threshold_in_a_cell_that_shows_7_per_cent_is_7(value, run):
    with xlsxwriter.Workbook("own.xlsx") as target:
        sheet = target.add_worksheet("Thresholds")
        sheet.write_row(0, 0, ["Parameter", "Value", "Confirmed by (role)", "Confirmed on"])
        look = target.add_format({"num_format": 9 if value == 0.07 else 0})
        sheet.write_row(1, 0, ["loc.as_direct_min_pct", value], look)
    told = run(
        "check", CLEAN, "--no-report", "--with", "own.xlsx", "--format", "json", code=1
    ).stdout
    assert json.loads(told)["thresholds"]["loc.as_direct_min_pct"] == 7


@pytest.mark.parametrize("value", ["nan", -1, 1e12])
def test_a_threshold_that_no_check_can_use_is_a_finding_and_not_in_force(value, judge):
    names = ("fx.max_age_days", "flx.first_payment_days")
    rows = [{"parameter": name, "value": value} for name in names]
    seen = judge(grants="grant_id\nG1", thresholds=rows)
    told = [f.message for f in found(seen, "DAT-06")]
    assert ["not a number from 0 to 1,000,000" in message for message in told] == [True, True]
    assert not any(seen.limits.all[name].changed for name in names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", FAULTY, "--as-of", "31.12.2024"], "YYYY-MM-DD"),
        (["check", FAULTY, "--reporting-currency", "EURO"], "ISO 4217"),
        (["check"], "WORKBOOK"),
        (["explain", "DUR-1"], "Did you mean DUR-01?"),
        (["checks", "--family", "XYZ"], "The families are DAT"),
        (["inspect", "nothing.xlsx"], "There is no such file"),
        (["strip", FAULTY], "donor_faulty.xlsx"),
    ],
)
def test_a_mistake_in_the_command_is_answered_with_the_cure(run, arguments, said):
    assert said in run(*arguments, code=2).stderr


def test_inspect_shows_what_is_read_and_what_is_ignored(run):
    text = run("inspect", FAULTY).stdout
    assert re.search(r"Sheet “Grants”: Grants, by its name; headings in row 5", text)
    assert re.search(r"J  Amount Awarded +Amount awarded", text)
    assert re.search(r"V  Desk officer comment +\(ignored\)", text)
    assert "left out: totals rows: 1 (row " in text
    assert "“Notes” (hidden): not recognised; ignored." in text
    facts = json.loads(run("inspect", FAULTY, "--format", "json").stdout)
    assert {s["table"] for s in facts["sheets"]} >= {"grants", "settings", None}


def test_checks_lists_the_catalogue_in_every_format(run):
    ids = list(rules.catalogue())
    assert re.findall(r"^  ([A-Z]{3}-\d\d) ", run("checks").stdout, re.M) == ids
    assert [c["id"] for c in json.loads(run("checks", "--format", "json").stdout)] == ids
    rows = csv.DictReader(io.StringIO(run("checks", "--format", "csv").stdout, newline=""))
    assert [row["id"] for row in rows] == ids


def test_the_readme_shows_what_is_really_printed(run):
    readme = (SAMPLES.parent / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)```", readme, re.S).group(1).splitlines()
    printed = run("check", FAULTY, "--no-report", code=1).stdout.splitlines()
    assert [line for line in shown if line not in printed] == []
    families = set(re.findall(r"\b[A-Z]{3}\b", readme.split("## What it checks")[1].split("##")[0]))
    assert families == set(rules.FAMILIES) | (families & {"NGO"})


def test_every_command_shows_an_example_that_runs(run, faulty):
    run("check", faulty, code=1)
    printed = run("check", faulty, "--no-report", "--format", "json", code=1).stdout
    Path("grants.json").write_text(printed, encoding="utf-8")
    for name, command in main.commands.items():
        example = re.search(r"Example: fundtrack (.+)", run(name, "--help").stdout).group(1)
        words = example.replace("samples/", f"{SAMPLES.as_posix()}/").split()
        assert words[0] == name and command.epilog
        words += ["--no-report"] if name == "check" else []
        words += ["--force"] if name == "strip" else []
        result = CliRunner().invoke(main, words)
        assert result.exit_code in (0, 1), result.output


def test_help_and_version_do_not_load_pandas():
    program = (
        "import sys; from fundtrack.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(any(m in sys.modules for m in ('pandas', 'pandera', 'numpy', 'lxml')))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode
        == 0
    )


def test_the_module_runs_as_a_program_and_says_its_version():
    done = subprocess.run(
        [sys.executable, "-m", "fundtrack", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == f"fundtrack {__version__}"


def test_a_terminal_that_cannot_show_a_character_does_not_stop_the_run(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fundtrack", "check", str(FAULTY), "--no-report"],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "cp850", "PYTHONUTF8": "0"},
        cwd=tmp_path,
    )
    assert done.returncode == 1 and done.stderr == b""
    assert b"donor_faulty.xlsx: 38 errors" in done.stdout and b"\\u201c" in done.stdout
