"""What may be shared: a workbook full of secrets goes in, and none of them comes out."""

import csv
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import jsonschema
import openpyxl
import pytest
from click.testing import CliRunner
from openxml_audit import OpenXmlValidator

from books import book
from fundtrack import report, rules, schema
from fundtrack.cli import main
from fundtrack.model import Severity, Status
from fundtrack.ooxml import Package
from fundtrack.pipeline import Request, assess, check

SAMPLES = Path(__file__).parent.parent / "samples"
SECRET = "Zebrowski"
SCHEMA = json.loads((schema.root() / "output.schema.json").read_text(encoding="utf-8"))


def seeded(source, folder):
    """A sample in which every text and identifier holds a name, and so do its surroundings."""
    codes = {code for codelist in schema.codelists().values() for code in codelist.codes}
    codes |= {"yes", "no", "donor", "programme", "commitment", "disbursement", "not_applicable"}
    words = {
        schema.fold(w) for t in schema.tables().values() for f in t.fields for w in f.spellings
    }
    workbook = openpyxl.load_workbook(source)
    known = {s for t in schema.tables().values() for s in t.spellings}
    for page in workbook:
        for row in page.iter_rows():
            for cell in row:
                text = cell.value
                if not isinstance(text, str) or text.startswith("="):
                    continue
                if text not in codes and schema.fold(text) not in words:
                    cell.value = f"{text}{SECRET}"
        page.cell(1, page.max_column + 1).value = f"{SECRET} says"
        if schema.fold(page.title) not in known:
            page.title = f"{SECRET} {page.title}"[:31]
    workbook.properties.creator = workbook.properties.title = SECRET
    folder.mkdir()
    path = folder / "grants.xlsx"
    workbook.save(path)
    return path


@pytest.fixture(scope="module", params=["donor_faulty", "programme_faulty"])
def secret(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / SECRET
    return seeded(SAMPLES / f"{request.param}.xlsx", folder)


def run(*arguments):
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code in (0, 1), done.stderr
    return done


STYLES = ("text", "json", "csv")


@pytest.fixture(scope="module")
def told(secret):
    """What the command prints of it, redacted, in each style; and in full, under "full"."""
    outputs = {s: run("check", secret, "--redact", "--format", s, "-v") for s in STYLES}
    return outputs | {"full": run("check", secret, "--no-report", "--format", "json")}


def everything(path):
    """All that is in a package, each part inflated."""
    with zipfile.ZipFile(path) as archive:
        named = "\n".join(archive.namelist()).encode()
        return b"\n".join([named, *(archive.read(name) for name in archive.namelist())])


def test_no_secret_comes_out(secret, told):
    assert told["full"].stdout.count(SECRET) > 100  # so there is something to keep back
    full = json.loads(told["full"].stdout)
    shared = everything(secret.with_name("grants.shared.xlsx")).decode("utf-8")
    for output in (*(told[style].stdout for style in STYLES), shared):
        assert SECRET.lower() not in output.lower()
        assert full["workbook"]["sha256"] not in output
        assert full["workbook"]["values_digest"] not in output
        assert not {f["id"] for f in full["findings"]} & set(re.findall("[0-9a-f]{16}", output))
        places = {f"{f['sheet']}!{f['cell']}" for f in full["findings"] if f["cell"]}
        assert not [place for place in places if place in output]


def test_restricted_sheets_and_their_checks_are_left_out(told):
    shown = json.loads(told["json"].stdout)
    restricted = {t.name for t in schema.tables().values() if t.restricted}
    assert not restricted & {s["table"] for s in shown["sheets"]}
    assert not restricted & {f["table"] for f in shown["findings"]}
    checks = rules.catalogue().values()
    rests = {c.id for c in checks if restricted & {*c.needs, *c.weighs}}
    assert rests
    assert {r["check"] for r in shown["results"]} == {c.id for c in checks} - rests


def test_every_output_says_the_same_and_keeps_to_the_schema(secret, told):
    shown = json.loads(told["json"].stdout)
    jsonschema.validate(shown, SCHEMA)
    assert shown["redacted"] is True
    listed = list(csv.DictReader(io.StringIO(told["csv"].stdout)))
    sheet = openpyxl.load_workbook(secret.with_name("grants.shared.xlsx"))["Findings"]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [r[1] for r in rows] == [f["check"] for f in listed]
    assert [(r[1], r[5]) for r in rows] == [(f["check"], f["value"]) for f in shown["findings"]]
    assert all(f["message"] in told["text"].stdout for f in shown["findings"])
    total = sum(shown["counts"].values())
    assert total == sum(f["value"] or 1 for f in shown["findings"])
    assert total == sum(r["findings"] for r in shown["results"]) + sum(
        f["value"] for f in shown["findings"] if f["check"].startswith("SCH-")
    )


def test_the_exit_code_is_that_of_the_workbook(told, write):
    assert {done.exit_code for done in told.values()} == {1}
    rare = write(**short(1))
    for level in ("error", "warning"):
        options = ["--no-report", "-q", "--fail-on", level]
        codes = [run("check", rare, *options, *more).exit_code for more in ([], ["--redact"])]
        assert codes[0] == codes[1]


def test_the_workbook_to_share_is_sound_and_is_made_again(secret, told):
    shared = secret.with_name("grants.shared.xlsx")
    first = shared.read_bytes()
    assert not OpenXmlValidator().validate(str(shared)).errors
    names = ["Summary", "Findings", "Checks", "Provenance"]
    assert openpyxl.load_workbook(shared).sheetnames == names
    assert not report.is_annotated(Package(shared))
    run("check", secret, "--redact", "-q")
    assert shared.read_bytes() == first
    shutil.copy(secret, shared)
    done = CliRunner().invoke(main, ["check", str(secret), "--redact"])
    assert done.exit_code == 2
    assert "did not make it" in done.stderr


# Counts under five


def short(count, **more):
    rows = [{"grant_id": f"G{n}"} for n in range(20)]
    for row in rows[:count]:
        row["planned_end_date"] = "2024-05-31"
    return {"grants": rows, **more}


def shared(path):
    done = check(Request(path, redact=True, report=False))
    return done.assessment


def test_a_kind_of_finding_is_shown_from_five_on(write):
    five, four = shared(write(**short(5))), shared(write(**short(4)))
    (line,) = [f for f in five.findings if f.check == "DUR-01"]
    assert (line.value, line.sheet, line.heading) == (5, "Grants", "End date as signed")
    assert line.message.startswith("5 findings against: ")
    assert not [f for f in four.findings if f.check == "DUR-01"]
    assert [r.status for r in four.results if r.check.id == "DUR-01"] == [Status.FAIL]


def test_what_is_too_rare_to_be_shown_is_in_no_total(write):
    """Else the total less what is shown would give it away."""
    without = write(**short(5))
    rare = short(5)
    for row in rare["grants"][6:9]:  # three more findings, of another kind
        row["recipient_country"] = "XX"
    rarer = write(**rare)
    assert len(assess(rarer).findings) > len(assess(without).findings)
    seen = [shared(path) for path in (without, rarer)]
    kinds = [[(f.check, f.table, f.value) for f in a.findings if f.table] for a in seen]
    assert kinds[0] == kinds[1]
    assert seen[0].counts()[Severity.ERROR] == seen[1].counts()[Severity.ERROR]


def test_rows_are_rounded_down_and_a_share_of_few_rows_is_not_shown(write):
    many = shared(write(grants=[{"grant_id": f"G{n}"} for n in range(23)]))
    assert [s.rows for s in many.sheets if s.table == "grants"] == [20]
    assert {r.rows_in_scope % 5 for r in many.results} == {0}
    (share,) = [r for r in many.results if r.check.id == "LOC-01"]
    assert share.value == 1
    few = shared(write(grants=[{"grant_id": f"G{n}"} for n in range(4)]))
    assert not [s for s in few.sheets if s.table == "grants"]
    (share,) = [r for r in few.results if r.check.id == "LOC-01"]
    assert (share.value, share.low, share.high) == (None, None, None)


def test_accepted_findings_and_who_confirmed_what_are_left_out(tmp_path):
    given = short(
        6,
        exceptions=f"check_id | object_id | reason\nDUR-01 | G0 | {SECRET}\nDUR-01 | G1 | {SECRET}",
        thresholds=f"parameter | value | confirmed_by\ndur.short_months | 7 | {SECRET}",
    )
    path = book(tmp_path, **given)
    told = shared(path)
    assert not [f for f in told.findings if f.check == "DUR-01"]  # four are left
    limit = told.limits.all["dur.short_months"]
    assert (limit.value, limit.confirmed) == (7, True)
    run("check", path, "--redact")
    assert SECRET.encode() not in everything(path.with_name("book.shared.xlsx"))
