"""Known answers for files that nobody here wrote, computed apart from this program (rule M)."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    UNDETERMINED,
    book,
    found,
    keys,
    only,
    result,
    status,
)
from fundtrack import schema
from fundtrack.model import FundtrackError, Severity
from fundtrack.months import Terms
from fundtrack.pipeline import assess

DATA = Path(__file__).parents[2] / "shared" / "data"


def real(name: str) -> Path:
    """A real file's path. Skips the test where the file is not at hand."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"the real file {name} is not at hand")
    return path


# --- OCHA's country-based pooled funds, 2019 ------------------------------------------------------

KINDS = {"22": "national NGO", "21": "international NGO", "40": "UN", "90": "other"}


@pytest.fixture(scope="module")
def funds():
    return assess(real("cbpf_project_summary_2019.csv"))


@pytest.fixture(scope="module")
def grants(funds):
    """The grants as they were read, each with the kind of its recipient."""
    frame = funds.tables["grants"].frame
    kinds = funds.tables["organisations"].frame.set_index("org_id")["org_type"].map(KINDS)
    return frame.assign(kind=frame["recipient_org_id"].map(kinds))


def test_every_grant_of_the_funds_is_read(funds, grants):
    assert (funds.layout, funds.kind) == ("cbpf", "donor")
    assert (len(grants), grants["grant_id"].nunique()) == (1647, 1647)
    assert grants["kind"].value_counts().to_dict() == {
        "international NGO": 795,
        "national NGO": 603,
        "UN": 231,
        "other": 18,
    }


def test_the_funds_budget(funds, grants):
    assert round(grants["amount"].sum(), 2) == 1_028_396_766.16
    shares = grants.groupby("kind")["amount"].sum() / grants["amount"].sum()
    assert shares["national NGO"] == pytest.approx(0.247471, abs=5e-7)
    assert shares["international NGO"] == pytest.approx(0.466948, abs=5e-7)
    assert round(result(funds, "LOC-01").figures["T"], 2) == 1_028_396_766.16


def test_the_funds_short_grants(funds, grants):
    short = grants[Terms(grants["planned_start_date"], grants["planned_end_date"]).at_most(6)]
    assert short["kind"].value_counts().to_dict() == {
        "national NGO": 228,
        "international NGO": 211,
        "UN": 80,
        "other": 4,
    }
    civil = short[short["kind"].isin(["national NGO", "international NGO"])]
    assert status(funds, "DUR-01") is FAIL
    assert sorted(keys(funds, "DUR-01")) == sorted(civil["grant_id"])
    assert {f.severity for f in found(funds, "DUR-01")} == {Severity.ERROR}


def test_the_funds_long_grants(grants):
    long = Terms(grants["planned_start_date"], grants["planned_end_date"]).at_least(24)
    assert int(long.sum()) == 12


def test_the_funds_local_share_stays_open(funds):
    """Nothing is said of affiliation or state control, nor of what was passed on."""
    direct = result(funds, "LOC-02")
    assert (direct.value, direct.low) == (None, 0)
    assert direct.high == pytest.approx(0.247471, abs=5e-7)
    share = result(funds, "LOC-01")
    assert (share.status, share.low, share.findings) == (UNDETERMINED, 0, [])
    assert share.high > 0.247471 + 0.466948
    assert "“All sub-grants listed?”" in share.reason
    assert "“Affiliated to an international NGO?”" in share.reason
    assert "“Controlled by a government?”" in share.reason
    assert funds.remarks


def test_the_funds_checks_without_data_say_which(funds):
    for check, sheet in (("DUR-02", "Sub-grants"), ("DUR-06", "Transactions")):
        assert status(funds, check) is NOT_ASSESSABLE
        assert f"“{sheet}”" in result(funds, check).reason
    assert status(funds, "LOC-03") is NOT_ASSESSABLE
    assert status(funds, "DAT-02") is NOT_APPLICABLE


def test_the_funds_dates_and_identifiers_are_sound(funds):
    for check in ("DAT-01", "DAT-03", "DAT-06"):
        assert (status(funds, check), found(funds, check)) == (PASS, []), check


def test_the_funds_findings_show_the_file_s_own_cells(funds):
    lines = real("cbpf_project_summary_2019.csv").read_text(encoding="utf-8-sig").splitlines()
    for finding in found(funds, "DUR-01")[:20]:
        assert finding.heading == "AEndDt"
        assert finding.value in lines[finding.row - 1]
        assert finding.key in lines[finding.row - 1]


# --- A 360Giving publisher ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def publisher():
    return assess(real("360giving_publisher.xlsx"))


def test_every_grant_of_the_publisher_is_read(publisher):
    frame = publisher.tables["grants"].frame
    assert publisher.layout == "360giving"
    assert len(frame) == 475
    assert frame["planned_duration_months"].notna().mean() > 0.98
    assert frame["planned_end_date"].isna().all()
    assert [f for f in publisher.findings if f.severity is Severity.ERROR] == []


def test_the_publisher_says_nothing_of_kinds_of_organisations(publisher):
    for check in ("LOC-01", "LOC-02", "LOC-05", "DUR-01", "DUR-04"):
        assert status(publisher, check) is NOT_ASSESSABLE
        assert "“Organisation type” (Organisations)" in result(publisher, check).reason


def test_with_a_register_beside_it_the_publisher_s_stated_durations_are_judged(publisher, tmp_path):
    """None is of six months or less, so the donor's own sheet asks for more than twelve."""
    path = real("360giving_publisher.xlsx")
    recipients = publisher.tables["grants"].frame["recipient_org_id"].unique()
    beside = book(
        tmp_path,
        name="register.xlsx",
        settings=None,
        organisations=[{"org_id": recipient} for recipient in recipients],
        thresholds=[{"parameter": "dur.short_months", "value": 12}],
    )
    seen = assess(path, [beside])
    heads, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    at, name = heads.index("Planned Dates:Duration (months)"), heads.index("Identifier")
    short = {row[name] for row in rows if row[at] and float(row[at]) <= 12}
    assert len(short) > 50
    assert set(keys(seen, "DUR-01")) == short
    finding = found(seen, "DUR-01")[0]
    assert finding.heading == "Planned Dates:Duration (months)"
    assert float(finding.value) <= 12


# --- OCHA's Financial Tracking Service ------------------------------------------------------------


@pytest.fixture(scope="module")
def jordan():
    return assess(real("fts_incoming_funding_jor.csv"))


def test_no_local_share_is_made_up_for_a_file_that_says_only_ngo(jordan):
    """Its types say “NGO” alone: no local share, and the summary names the column that would do."""
    for check in ("LOC-01", "LOC-02", "LOC-03"):
        assert status(jordan, check) is NOT_ASSESSABLE
        assert "“Organisation type” (Organisations)" in result(jordan, check).reason


def test_the_flows_that_count(jordan):
    """440 flows, less one pledge and 32 without a value; the sums were made by another program."""
    with real("fts_incoming_funding_jor.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    firm = [r for r in rows if r["status"] != "pledge" and float(r["amountUSD"])]
    frame = jordan.tables["grants"].frame
    assert (jordan.layout, len(rows), len(frame)) == ("fts", 440, 407)
    assert frame["amount"].sum() == sum(float(r["amountUSD"]) for r in firm)
    assert set(frame["grant_id"]) == {r["id"] for r in firm}
    assert frame["recipient_country"].value_counts().to_dict() == {"JO": 404}
    assert [f.check for f in jordan.findings if f.check in ("DAT-01", "DAT-03", "DAT-06")] == []


# --- Lists, and files that are only like one that can be read -------------------------------------


def test_the_parents_of_the_channels_are_those_of_the_list():
    with real("oecd_channel_parents.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    parents = {r["Channel ID"]: r["Channel Parent Category"] for r in rows}
    assert schema.codelists()["dac_channel"].codes == parents


@pytest.mark.parametrize("name", ["cbpf_funds.csv", "oecd_channel_parents.csv"])
def test_a_list_that_is_no_portfolio_is_refused_in_a_line(name):
    with pytest.raises(FundtrackError) as refusal:
        assess(real(name))
    assert name in str(refusal.value)
    assert refusal.value.cure


def test_the_share_that_lies_open_is_said_in_a_note(funds):
    note = only(funds, "LOC-02")
    assert (note.severity, note.value) == (Severity.NOTE, None)
    assert note.message.startswith("Between 0% and 24.7% of the money")
