"""Files in the formats that donors already have: each with what it can tell, and what it cannot.

The files are written here in the formats' own headings, small enough to be added up by hand.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from click.testing import CliRunner

from books import (
    FAIL,
    NOT_ASSESSABLE,
    UNDETERMINED,
    book,
    found,
    only,
    result,
    rows_of,
    status,
)
from fundtrack import schema
from fundtrack.cli import main
from fundtrack.model import FundtrackError
from fundtrack.pipeline import assess, inspect


@pytest.fixture
def export(tmp_path):
    """Writes a pipe table as a CSV, and gives its path."""

    def make(table, name="export.csv", delimiter=",", encoding="utf-8", above=()):
        rows = rows_of(table) if isinstance(table, str) else table
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(list(rows[0]))
        writer.writerows(above)
        writer.writerows(row.values() for row in rows)
        path = tmp_path / name
        path.write_bytes(stream.getvalue().encode(encoding))
        return path

    return make


@pytest.fixture
def workbook(tmp_path):
    """Writes sheets of rows as an .xlsx, and gives its path."""

    def make(name="export.xlsx", **sheets):
        path = tmp_path / name
        with xlsxwriter.Workbook(path) as target:
            day = target.add_format({"num_format": "yyyy-mm-dd"})
            for title, rows in sheets.items():
                sheet = target.add_worksheet(title)
                for r, row in enumerate(rows):
                    for c, value in enumerate(row):
                        if isinstance(value, date):
                            sheet.write_datetime(r, c, value, day)
                        elif value != "":
                            sheet.write(r, c, value)
        return path

    return make


def grants(seen):
    """The grants as they were read, by identifier."""
    return seen.tables["grants"].frame.set_index("grant_id")


def kinds(seen):
    """The kind of each organisation, None where it is unknown."""
    frame = seen.tables["organisations"].frame
    if not seen.tables["organisations"].has("org_type"):
        return None
    types = frame.set_index("org_id")["org_type"].astype(object)
    return types.where(types.notna(), None).to_dict()


def said(seen, words):
    """Whether a remark has those words."""
    return any(words in remark for remark in seen.remarks)


# --- 360Giving ------------------------------------------------------------------------------------

TITLES = """
Identifier | Title | Currency | Amount Awarded | Award Date | Planned Dates:Start Date | \
Planned Dates:End Date | Planned Dates:Duration (months) | Recipient Org:Identifier | \
Recipient Org:Name | Funding Org:Identifier | Funding Org:Name | Beneficiary Location:Country Code
360G-a-1   | Choir | GBP      | 1000           | 2024-01-15 | 2024-02-01               | \
2025-01-31             | 12                              | GB-CHC-1                 | \
Choir              | GB-CHC-9               | Trust            | GB
360G-a-2   | Hall  | GBP      | 2500.50        | 2024-03-01T00:00:00+00:00 |           | \
                       | 6                               | GB-CHC-2                 | \
Hall               | GB-CHC-9               | Trust            |
""".replace("\\\n", "")


def test_360giving_in_its_titles(export):
    seen = assess(export(TITLES))
    assert seen.layout == "360giving"
    frame = grants(seen)
    assert frame["amount"].tolist() == [1000, 2500.5]
    assert f"{frame.at['360G-a-2', 'signature_date']:%Y-%m-%d}" == "2024-03-01"
    assert frame["planned_duration_months"].tolist() == [12, 6]
    assert set(seen.tables["organisations"].frame["org_id"]) == {"GB-CHC-1", "GB-CHC-2"}
    assert status(seen, "LOC-01") is NOT_ASSESSABLE
    assert "“Organisation type” (Organisations)" in result(seen, "LOC-01").reason


@pytest.mark.parametrize(
    "spelt",
    [
        str.upper,
        lambda h: h.replace(" ", "").replace(":", " : "),
        lambda h: h.replace(":", ":0:") if ":" in h else h,
    ],
    ids=["capitals", "spacing", "numbered"],
)
def test_360giving_headings_in_any_case_and_spacing(export, spelt):
    rows = [{spelt(h): v for h, v in row.items()} for row in rows_of(TITLES)]
    assert grants(assess(export(rows))).equals(grants(assess(export(TITLES, "plain.csv"))))


def test_360giving_in_the_names_of_its_json(export):
    names = {
        "Identifier": "id",
        "Title": "title",
        "Currency": "currency",
        "Amount Awarded": "amountAwarded",
        "Award Date": "awardDate",
        "Planned Dates:Start Date": "plannedDates/0/startDate",
        "Planned Dates:End Date": "plannedDates/0/endDate",
        "Planned Dates:Duration (months)": "plannedDates/0/duration",
        "Recipient Org:Identifier": "recipientOrganization/0/id",
        "Recipient Org:Name": "recipientOrganization/0/name",
        "Funding Org:Identifier": "fundingOrganization/0/id",
        "Funding Org:Name": "fundingOrganization/0/name",
        "Beneficiary Location:Country Code": "beneficiaryLocation/0/countryCode",
    }
    rows = [{names[h]: v for h, v in row.items()} for row in rows_of(TITLES)]
    assert grants(assess(export(rows))).equals(grants(assess(export(TITLES, "plain.csv"))))


@pytest.fixture
def split(workbook):
    """A 360Giving workbook with sub-sheets, joined on the grant's identifier."""
    return workbook(
        grants=[
            ["Identifier", "Title", "Currency", "Amount Awarded", "Award Date"],
            ["G1", "Choir", "GBP", 1000, date(2024, 1, 15)],
            ["G2", "Hall", "GBP", 2000, date(2024, 3, 1)],
            ["G3", "Fair", "GBP", 3000, date(2024, 4, 1)],
        ],
        recipientOrg=[
            ["identifier", "Recipient Org:Identifier", "Recipient Org:Name"],
            ["G2", "GB-CHC-2", "Hall"],
            ["G1", "GB-CHC-1", "Choir"],
            ["G3", "GB-CHC-1", "Choir"],
            ["G9", "GB-CHC-8", "Nobody"],
        ],
        fundingOrg=[
            ["Identifier", "Funding Org:Identifier"],
            *([f"G{n}", "GB-CHC-9"] for n in (1, 2, 3)),
        ],
        plannedDates=[
            ["A sheet of dates"],
            ["Identifier", "Planned Dates:Start Date", "Planned Dates:End Date"],
            ["G1", date(2024, 2, 1), date(2024, 7, 31)],
            ["G2", date(2024, 5, 1), date(2024, 4, 1)],
        ],
        beneficiaryLocation=[
            ["Identifier", "Beneficiary Location:Country Code"],
            ["G1", "GB"],
            ["G2", "GB"],
            ["G2", "FR"],
            ["G3", "GB"],
            ["G3", "GB"],
        ],
    )


def test_360giving_in_sub_sheets(split):
    frame = grants(assess(split))
    assert frame["recipient_org_id"].tolist() == ["GB-CHC-1", "GB-CHC-2", "GB-CHC-1"]
    assert frame["planned_end_date"].notna().tolist() == [True, True, False]
    # Two countries are none; the same one twice is one.
    assert frame["recipient_country"].fillna("").tolist() == ["GB", "", "GB"]


def test_a_finding_in_a_sub_sheet_points_there(split):
    finding = only(assess(split), "DAT-01")
    assert (finding.sheet, finding.cell) == ("plannedDates", "C4")
    cell = openpyxl.load_workbook(split)[finding.sheet][finding.cell].value
    assert f"{cell:%Y-%m-%d}" == finding.value == "2024-04-01"


def test_rows_of_a_sub_sheet_that_belong_to_no_grant_are_said(split):
    seen = assess(split)
    assert said(seen, "“recipientOrg”: 1 row (row 5) belong to no row of “grants”")
    joined = {s.sheet: s.how for s in seen.sheets}
    assert joined["plannedDates"] == "joined to “grants” on “Identifier”"


def test_a_sub_sheet_with_keys_of_its_own_is_joined_by_the_layouts_first(workbook):
    """In whatever order Python keeps the headings, which differs from run to run."""
    heads = ["Identifier", "Title", "Currency", "Amount Awarded", "Award Date"]
    place = ["id", "Identifier", "Beneficiary Location:Country Code"]
    path = workbook(
        grants=[
            [*heads, "Funding Org:Identifier", "Recipient Org:Identifier"],
            ["G1", "A", "GBP", 10, date(2024, 1, 1), "F", "R"],
        ],
        places=[place, ["L1", "G1", "NG"]],
    )
    told = set()
    for seed in "01":
        command = [sys.executable, "-m", "fundtrack", "inspect", path]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        told.add(done.stdout.decode())
    assert len(told) == 1 and "joined to “grants” on “Identifier”" in told.pop()


def test_a_grant_to_two_organisations_is_attributed_to_neither(workbook):
    seen = assess(
        workbook(
            grants=[
                [
                    *("Identifier", "Title", "Currency", "Amount Awarded", "Award Date"),
                    *("Recipient Org:0:Identifier", "Recipient Org:1:Identifier"),
                    "Funding Org:0:Identifier",
                ],
                ["G1", "A", "GBP", 10, date(2024, 1, 1), "A", "B", "F"],
                ["G2", "B", "GBP", 10, date(2024, 1, 1), "A", "", "F"],
            ]
        )
    )
    assert grants(seen)["recipient_org_id"].tolist() == ["A; B", "A"]


def test_360giving_rows_of_one_grant_in_several_places_are_one_grant(export):
    row = rows_of(TITLES)[0]
    place = "Beneficiary Location:Country Code"
    seen = assess(export([row, row | {place: "KE"}]))
    assert grants(seen)["amount"].tolist() == [1000]
    assert grants(seen)["recipient_country"].isna().all()
    assert said(seen, "1 row repeats grants that stand in other rows")
    amended = assess(export([row, row | {"Amount Awarded": "900"}], "amended.csv"))
    assert [f.row for f in found(amended, "DAT-03")] == [2, 3]


# --- OCHA's country-based pooled funds ------------------------------------------------------------

FUNDS = """
PFId | PrjCode | OrgNm | OrgTypeId | PrjTitle | AStrDt | AEndDt | PrjDur | PrgBdg | PrjStsNm \
| ApprDt
23   | A/1 | Helpers | 1 | Water | 10/1/2023 12:00:00 AM | 3/31/2024 12:00:00 AM | 6 Months \
| 100.5 | Implementation | 1/1/0001 12:00:00 AM
23   | A/2 | Big     | 2 | Food  | 10/1/2023 12:00:00 AM | 9/30/2024 12:00:00 AM | 12 Months | 200 \
| Project Closure | 9/19/2023 11:04:24 AM
999  | A/3 | UNX     | 3 | Seeds | 10/1/2023 12:00:00 AM | 9/30/2024 12:00:00 AM | 12 Months | 300 \
| Brand New | 9/19/2023 11:04:24 AM
""".replace("\\\n", "")


def test_cbpf_dates_are_month_first_and_the_year_1_is_no_date(export):
    seen = assess(export(FUNDS))
    frame = grants(seen)
    assert seen.layout == "cbpf"
    assert f"{frame.at['A/1', 'planned_start_date']:%Y-%m-%d}" == "2023-10-01"
    assert frame["signature_date"].isna().tolist() == [True, False, False]
    assert [f.key for f in found(seen, "DUR-01")] == ["A/1"]
    assert kinds(seen) == {"Helpers": "22", "Big": "21", "UNX": "40"}


def test_a_national_ngo_of_a_pooled_fund_may_still_be_an_affiliate(export):
    direct = result(assess(export(FUNDS)), "LOC-02")
    assert (direct.low, round(direct.high, 6)) == (0, round(100.5 / 600.5, 6))


def test_cbpf_codes_that_nobody_listed_are_unknown_and_said(export):
    seen = assess(export(FUNDS))
    assert grants(seen)["recipient_country"].fillna("").tolist() == ["AF", "AF", ""]
    assert grants(seen)["activity_status"].fillna("").tolist() == ["2", "", ""]
    assert said(seen, "“999” (1)")
    assert said(seen, "“Brand New” (1)")
    assert found(seen, "DAT-06") == []


def test_cbpf_with_its_headings_written_out(export):
    long = {
        "PFId": "PooledFundId",
        "PrjCode": "ChfProjectCode",
        "OrgNm": "OrganizationName",
        "OrgTypeId": "OrganizationType",
        "PrjTitle": "ProjectTitle",
        "AStrDt": "ActualStartDate",
        "AEndDt": "ActualEndDate",
        "PrjDur": "ProjectDuration",
        "PrgBdg": "Budget",
        "PrjStsNm": "ProjectStatus",
        "ApprDt": "ApprovalDate",
    }
    types = {"1": "National NGO", "2": "International NGO", "3": "UN Agency"}
    rows = [{long[h]: v for h, v in row.items()} for row in rows_of(FUNDS)]
    for row in rows:
        row["OrganizationType"] = types[row["OrganizationType"]]
    seen = assess(export(rows))
    assert kinds(seen) == {"Helpers": "22", "Big": "21", "UNX": "40"}
    assert grants(seen)["amount"].sum() == 600.5


def test_cbpf_older_downloads_repeat_a_project_for_each_cluster_and_place(export):
    first = rows_of(FUNDS)[0]
    places = [first | {"Cluster": c, "Place": p} for c in ("Health", "Water") for p in ("N", "S")]
    seen = assess(export(places))
    assert grants(seen)["amount"].tolist() == [100.5]
    assert said(seen, "3 rows repeat grants that stand in other rows, with the same amount")
    assert found(seen, "DAT-03") == []


# --- OCHA's Financial Tracking Service ------------------------------------------------------------

FLOW = {
    "date": "2024-03-01",
    "description": "Aid",
    "amountUSD": "100",
    "srcOrganization": "Canada, Government of",
    "destOrganization": "Helpers",
    "destOrganizationTypes": "NGO",
    "destLocations": "JOR",
    "flowType": "Standard",
    "boundary": "incoming",
    "onBoundary": "single",
    "status": "commitment",
    "decisionDate": "2024-02-01",
    "id": "1",
}
HXL = ["#date", "#description+notes", "#value+funding+total+usd", *["#org"] * 10]


def flows(*rows):
    """Flows that differ from the usual one as stated, numbered from 1."""
    return [FLOW | {"id": str(n)} | row for n, row in enumerate(rows, 1)]


@pytest.mark.parametrize("above", [(), (HXL,)], ids=["without tags", "with HXL tags"])
def test_fts_with_and_without_its_row_of_tags(export, above):
    rows = flows({}, {"amountUSD": "50", "destOrganizationTypes": "UN agency"})
    seen = assess(export(rows, above=above))
    assert seen.layout == "fts"
    assert grants(seen)["amount"].tolist() == [100, 50]
    assert grants(seen)["recipient_country"].tolist() == ["JO", "JO"]
    skipped = seen.sheets[0].skipped
    assert skipped == ({"HXL tag rows": [2]} if above else {})


def test_fts_ngo_alone_gives_no_local_share_and_one_column_would(export, tmp_path):
    path = export(flows({}, {"destOrganization": "UNX", "destOrganizationTypes": "UN agency"}))
    seen = assess(path)
    assert kinds(seen) is None
    for check in ("LOC-01", "LOC-02", "LOC-03", "DUR-01"):
        assert status(seen, check) is NOT_ASSESSABLE, check
    assert "“Organisation type” (Organisations)" in result(seen, "LOC-02").reason
    assert said(seen, "does not tell the kinds of NGO apart (“NGO”)")
    beside = book(
        tmp_path,
        settings=None,
        organisations=[
            {"org_id": "Helpers", "org_type": "22", "hq_country": "JO"},
            {"org_id": "UNX", "org_type": "40", "hq_country": "US", "intl_affiliated": ""},
        ],
    )
    assert result(assess(path, [beside]), "LOC-02").value == 0.5


def test_fts_in_the_vocabulary_with_sub_types(export):
    rows = flows(
        {"destOrganizationTypes": "NGOs", "destOrganizationSubTypes": "International NGOs"},
        {"destOrganizationTypes": "NGOs", "destOrganizationSubTypes": "National NGOs/CSOs"},
        {"destOrganizationTypes": "NGOs", "destOrganizationSubTypes": "Local NGOs/CSOs"},
        {
            "destOrganizationTypes": "NGOs",
            "destOrganizationSubTypes": "Internationally Affiliated Organizations",
        },
        {"destOrganizationTypes": "NGOs", "destOrganizationSubTypes": "Uncategorized NGOs"},
        {
            "destOrganizationTypes": "Multilateral Organizations",
            "destOrganizationSubTypes": "UN Agencies",
        },
        {"destOrganizationTypes": "Governments", "destOrganizationSubTypes": ""},
    )
    for row, name in zip(rows, "ABCDEFG", strict=True):
        row["destOrganization"] = name
    seen = assess(export(rows))
    assert kinds(seen) == dict(
        zip("ABCDEFG", ["21", "22", "24", "22", None, "40", "10"], strict=True)
    )
    register = seen.tables["organisations"].frame.set_index("org_id")["intl_affiliated"]
    assert register["D"] == "yes"
    assert register.drop("D").isna().all()
    assert result(seen, "LOC-02").high < 1


def test_fts_where_the_sub_types_stand_in_the_column_of_the_types(export):
    rows = flows(
        {"destOrganization": "A", "destOrganizationTypes": "International NGOs"},
        {"destOrganization": "B", "destOrganizationTypes": "National NGOs/CSOs"},
    )
    assert kinds(assess(export(rows))) == {"A": "21", "B": "22"}


def test_fts_in_the_vocabulary_of_2026_where_a_type_holds_a_comma(export):
    types = {
        "A": "UN agencies, funds and other entities",
        "B": "Other multilateral organisations",
        "C": "International NGOs",
        "D": "International Movement of the Red Cross and Red Crescent",
        "E": "Pooled Funds",
    }
    rows = [{"destOrganization": o, "destOrganizationTypes": t} for o, t in types.items()]
    seen = assess(export(flows(*rows)))
    assert kinds(seen) == {"A": "40", "B": "40", "C": "21", "D": None, "E": None}
    (finding,) = [f for f in found(seen, "SCH-required") if f.value == "Pooled Funds"]
    assert "“Pooled Funds”, from which no one value can be told" in finding.message


def test_fts_money_carried_over_from_an_earlier_year_is_said(export):
    seen = assess(export(flows({}, {"flowType": "Carry-over (incoming)"})))
    assert said(seen, "flows carried over from an earlier year count (1)")


def test_fts_shared_flows_are_not_summed_twice(export):
    shared = {"id": "7", "onBoundary": "shared", "destLocations": "JOR,LBN"}
    seen = assess(export(flows({}, shared, shared)))
    assert grants(seen)["amount"].to_dict() == {"1": 100, "7": 100}
    assert said(seen, "1 row repeats grants that stand in other rows")
    assert found(seen, "DAT-03") == []


def test_fts_the_same_flow_in_the_files_of_two_countries_is_counted_once(export):
    shared = {"id": "7", "onBoundary": "shared", "destLocations": "JOR,LBN"}
    one, two = export(flows({}, shared), "jor.csv"), export(flows({"id": "2"}, shared), "lbn.csv")
    assert sorted(grants(assess(one, [two])).index) == ["1", "2", "7"]


def test_fts_two_flows_with_one_id_that_differ_are_both_named(export):
    seen = assess(export(flows({"id": "7"}, {"id": "7", "amountUSD": "5"})))
    hits = found(seen, "DAT-03")
    assert [f.row for f in hits] == [2, 3]
    assert all("row 2, row 3" in f.message for f in hits)


def test_fts_pledges_gifts_without_value_and_money_that_goes_on_do_not_count(export):
    seen = assess(
        export(
            flows(
                {},
                {"status": "pledge"},
                {"amountUSD": "0"},
                {"boundary": "internal"},
                {"boundary": "outgoing"},
                {"amountUSD": "-40"},
            )
        )
    )
    assert grants(seen)["amount"].dropna().to_dict() == {"1": 100}
    assert said(seen, "pledges, which are not yet commitments (1 row)")
    assert said(seen, "rows that are not “incoming” in “boundary” (2 rows)")
    assert [f.value for f in found(seen, "SCH-minimum")] == ["-40"]


def test_fts_what_came_in_and_what_went_on_in_two_files_is_the_same_money(export):
    one = export(flows({}, {}), "incoming.csv")
    two = export(flows({"id": "8", "boundary": "internal"}), "internal.csv")
    for first, second in ((one, two), (two, one)):
        seen = assess(first, [second])
        assert sorted(grants(seen).index) == ["1", "2"]
        assert said(seen, "rows that are not “incoming” in “boundary” (1 row)")


def test_fts_internal_flows_count_where_they_stand_alone(export):
    seen = assess(export(flows({"boundary": "internal"}, {"boundary": "internal"})))
    assert grants(seen)["amount"].sum() == 200


def test_fts_a_flow_to_several_organisations_is_of_a_kind_only_where_all_are(export):
    seen = assess(
        export(
            flows(
                {"destOrganization": "A", "destOrganizationTypes": "National NGOs/CSOs"},
                {
                    "destOrganization": "Multiple",
                    "destOrganizationTypes": "International NGOs,National NGOs/CSOs",
                },
                {"destOrganization": "B, C", "destOrganizationTypes": "UN Agencies,UN Agencies"},
            )
        )
    )
    assert kinds(seen) == {"A": "22", "Multiple": None, "B, C": "40"}


def test_an_organisation_that_a_file_calls_two_things_is_of_no_known_kind(export):
    seen = assess(
        export(
            flows(
                {"destOrganization": "A", "destOrganizationTypes": "National NGOs/CSOs"},
                {"destOrganization": "A", "destOrganizationTypes": "International NGOs"},
                {"destOrganization": "B", "destOrganizationTypes": "National NGOs/CSOs"},
            )
        )
    )
    assert kinds(seen) == {"A": None, "B": "22"}


# --- IATI -----------------------------------------------------------------------------------------

ACTIVITIES = """
iati-identifier | reporting-org-ref | title | activity-status-code | start-planned | end-planned | \
start-actual | end-actual | participating-org (Implementing) | \
participating-org-ref (Implementing) | participating-org-type-code (Implementing) | \
recipient-country-code | sector-code | sector-vocabulary-code | default-currency | currency | \
total-Commitment | total-Disbursement
X-1 | XM-1 | One   | 2 | 2024-01-01 | 2025-12-31 | | | Helpers     | NG-1 | 24    | NG    | 15220 \
| 1 | EUR | EUR | 1000 | 10
X-2 | XM-1 | Two   | 2 | 2024-01-01 | 2024-05-31 | | 2026-12-31 | A;B | | 22;22 | KE;UG \
| 15220;151 | 1;2 | EUR | NGN | 2000 | 0
X-3 | XM-1 | Three | 5 | 2024-01-01 | 2024-12-31 | | | A;C         |      | 22;21 | KE;KE \
| 15220;15160 | 1;1 | EUR | !Mixed currency | !Mixed currency | 0
X-4 | XM-1 | Four  | 2 | 2024-01-01 | 2024-12-31 | | | D           |      |       |       | \
| | EUR |     | 0 | 0
""".replace("\\\n", "")


@pytest.fixture
def activities(export):
    return assess(export(ACTIVITIES))


def test_iati_one_row_an_activity(activities):
    assert activities.layout == "iati"
    frame = grants(activities)
    assert list(frame.index) == ["X-1", "X-2", "X-3"]
    assert frame["amount"].fillna(-1).tolist() == [1000, 2000, -1]
    assert frame["currency"].fillna("").tolist() == ["EUR", "NGN", ""]
    assert said(activities, "activities without a commitment (1 row)")


def test_iati_the_default_currency_is_not_that_of_the_amounts(activities):
    """All rows say EUR by default; an amount in naira must not become one in euros."""
    assert grants(activities).at["X-2", "currency"] == "NGN"


def test_iati_several_organisations_are_never_attributed_to_the_first(activities):
    assert grants(activities)["recipient_org_id"].tolist() == ["NG-1", "A; B", "A; C"]
    assert kinds(activities) == {"NG-1": "24", "A; B": "22", "A; C": None}


def test_iati_lists_of_countries_and_sectors(activities):
    frame = grants(activities)
    assert frame["recipient_country"].fillna("").tolist() == ["NG", "", "KE"]
    assert frame["purpose_code"].fillna("").tolist() == ["15220", "15220", ""]


def test_iati_a_list_with_a_blank_place_names_no_sole_recipient(export):
    heads = ["participating-org-ref", "participating-org", "participating-org-type-code"]
    lists = [(";KE-2", "Big;Small", "21;22"), ("A;B", "Big;Small", ";22")]
    cells = [
        {f"{h} (Implementing)": v for h, v in zip(heads, row, strict=True)}
        | {"iati-identifier": f"Y-{n}", "participating-org-type (Implementing)": ""}
        for n, row in enumerate(lists)
    ]
    seen = assess(export([rows_of(ACTIVITIES)[0] | row for row in cells]))
    assert grants(seen)["recipient_org_id"].tolist() == ["Big; Small", "A; B"]
    assert kinds(seen) is None  # no kind is certain


def test_iati_planned_dates_are_read_and_actual_ones_are_not(activities):
    assert f"{grants(activities).at['X-2', 'planned_end_date']:%Y-%m-%d}" == "2024-05-31"
    assert [f.key for f in found(activities, "DUR-01")] == ["X-2"]
    assert grants(activities)["amended_end_date"].isna().all()


def test_iati_by_country_repeats_its_totals_and_they_are_not_summed_twice(export):
    row = rows_of(ACTIVITIES)[0]
    rows = [row | {"recipient-country-code": code} for code in ("KE", "UG", "NG")]
    rows.append(row | {"iati-identifier": "X-9"})
    seen = assess(export(rows))
    assert grants(seen)["amount"].to_dict() == {"X-1": 1000, "X-9": 1000}
    assert grants(seen)["recipient_country"].fillna("").to_dict() == {"X-1": "", "X-9": "NG"}
    assert said(seen, "2 rows repeat grants that stand in other rows")


def test_iati_as_a_workbook(workbook):
    rows = rows_of(ACTIVITIES)
    seen = assess(workbook(iati=[list(rows[0]), *(list(r.values()) for r in rows)]))
    assert seen.layout == "iati"
    assert kinds(seen) == {"NG-1": "24", "A; B": "22", "A; C": None}


def test_a_finding_points_at_the_column_that_was_read_in_its_place(export):
    """Without a reference the name stands in; DAT-05 compares recipients, LOC-05 points at them."""
    path = export(ACTIVITIES)
    table = assess(path).tables["grants"]
    labels = {v: n for n, v in table.frame["grant_id"].items()}
    places = {key: table.place(n, "recipient_org_id") for key, n in labels.items()}
    heads = list(rows_of(ACTIVITIES)[0])
    letters = {h: openpyxl.utils.get_column_letter(heads.index(h) + 1) for h in heads}
    assert places["X-1"].cell == f"{letters['participating-org-ref (Implementing)']}2"
    assert places["X-2"].cell == f"{letters['participating-org (Implementing)']}3"
    assert places["X-2"].heading == "participating-org (Implementing)"


STORE = {
    "iati_identifier": "X-1",
    "title_narrative": "One",
    "reporting_org_ref": "XM-1",
    "participating_org_ref": r"XM-1,NG-1",
    "participating_org_role": "1,4",
    "participating_org_type": "10,24",
    "activity_date_type": "1,2,3",
    "activity_date_iso_date": "2024-01-01T00:00:00Z,2024-02-01T00:00:00Z,2024-05-31T00:00:00Z",
    "default_currency": "EUR",
    "recipient_country_code": "NG",
    "transaction_transaction_type_code": "2,3,2",
    "transaction_value": "100,70,50.5",
    "transaction_value_currency": "USD,USD,USD",
}
STORED = rows_of("""
case             | amount | currency | recipient | kind
commitments only | 150.5  | USD      | NG-1      | 24
two currencies   |        |          | NG-1      | 24
default currency | 150.5  | EUR      | NG-1      | 24
lost a currency  |        | USD      | NG-1      | 24
lost the default | 150.5  | EUR      | NG-1      | 24
lost a value     |        | USD      | NG-1      | 24
two implementers | 150.5  | USD      | NG-1; NG-2 |
blank reference  | 150.5  | USD      | One; Two  |
lost a role      | 150.5  | USD      |           |
""")
CHANGES = {
    "commitments only": {},
    "two currencies": {"transaction_value_currency": "USD,USD,EUR"},
    "default currency": {"transaction_value_currency": ""},
    "lost a currency": {"transaction_value_currency": "USD"},
    "lost the default": {"transaction_value_currency": "EUR,EUR"},
    "lost a value": {"transaction_value": "100,70"},
    "two implementers": {
        "participating_org_ref": "NG-1,NG-2",
        "participating_org_role": "4,4",
        "participating_org_type": "24,21",
    },
    "blank reference": {
        "participating_org_ref": ",NG-2",
        "participating_org_narrative": "One,Two",
        "participating_org_role": "4,4",
        "participating_org_type": ",24",
    },
    "lost a role": {"participating_org_role": "4"},
}


@pytest.mark.parametrize("row", STORED, ids=lambda row: row["case"])
def test_iati_datastore_lists_side_by_side(export, row):
    seen = assess(export([STORE | CHANGES[row["case"]]]))
    frame = seen.tables["grants"].frame.iloc[0]
    assert seen.layout == "iati_datastore"
    assert (frame["amount"] == float(row["amount"])) if row["amount"] else frame.isna()["amount"]
    assert frame.fillna("")["currency"] == row["currency"]
    assert frame.fillna("")["recipient_org_id"] == row["recipient"]
    assert (kinds(seen) or {}).get(row["recipient"]) == (row["kind"] or None)
    assert f"{frame['planned_end_date']:%Y-%m-%d}" == "2024-05-31"


def test_an_export_that_names_no_organisation_still_has_its_rows(export):
    seen = assess(export([STORE | {"participating_org_role": "4"}]))
    assert len(seen.tables["grants"].frame) == 1
    assert not said(seen, "has headings but no rows")


def test_iati_datastore_with_one_row_a_transaction_is_refused(export):
    values = ("100", "70", "50.5")
    single = {"transaction_transaction_type_code": "2", "transaction_value_currency": "USD"}
    path = export([STORE | single | {"transaction_value": v} for v in values])
    with pytest.raises(FundtrackError) as refusal:
        assess(path)
    assert "one row a transaction" in refusal.value.reason
    twice = export([STORE, STORE])  # one activity in two rows is no such file
    assert grants(assess(twice))["amount"].tolist() == [150.5]


@pytest.mark.parametrize("store", [False, True], ids=["classic", "datastore"])
def test_iati_activities_below_others_are_said(export, store):
    rows = [STORE] if store else rows_of(ACTIVITIES)
    seen = assess(export([row | {"hierarchy": "2"} for row in rows]))
    counted = len(seen.tables["grants"].frame)
    assert said(seen, f"activities on the second level (“hierarchy” 2) count ({counted})")


# --- OECD DAC -------------------------------------------------------------------------------------

CRS = rows_of(
    """
Year | DonorCode | DonorName | CrsID | ProjectNumber | RecipientCode | RecipientName | \
USD_Commitment | USD_Disbursement | USD_Commitment_Defl | CurrencyCode | ProjectTitle | \
PurposeCode | ChannelCode | ChannelName | ChannelReportedName | ParentChannelCode | \
ExpectedStartDate | CompletionDate | CommitmentDate
2022 | 4 | France | 2022001 | A | 139 | Cameroon | 0.123457 | 0.05 | 9 | 918 | Talks | 15220 | \
21003 | x | Local Trust | 23000 | 2022-01-01 00:00:00.000 | 2022-06-30 00:00:00.000 | \
2021-12-01 00:00:00.000
2022 | 4 | France | 2022001 | A | 139 | Cameroon | 1.5 | | 9 | 918 | Talks | 15160 | 21016 | \
x | Big | 21000 | 2022-01-01 00:00:00.000 | 2023-12-31 00:00:00.000 | 2021-12-01 00:00:00.000
2022 | 4 | France | 2022002 | B | 298 | Africa, regional | 2 | | 9 | 918 | Roads | 15130 | 22000 | \
x | Nation | 22000 | | | 2021-12-01 00:00:00.000
2022 | 4 | France | 2022003 | C | 139 | Cameroon | | 3 | 9 | 918 | Old | 15130 | 12001 | \
x | State | 12000 | | | 2019-12-01 00:00:00.000
2022 | 4 | France | 2022004 | D | 139 | Cameroon | 3 | | 9 | 918 | New | 15130 | 99999 | \
x | Odd | | | | 2021-12-01 00:00:00.000
""".replace("\\\n", "")
)


def test_crs_amounts_are_millions_and_payments_no_commitments(export):
    seen = assess(export(CRS, delimiter="|"))
    assert seen.layout == "crs"
    frame = grants(seen)
    assert frame["amount"].tolist() == [123457, 1_500_000, 2_000_000, 3_000_000]
    assert list(frame.index) == ["4/2022001/A", "4/2022001/A (2)", "4/2022002/B", "4/2022004/D"]
    assert frame["recipient_country"].fillna("").tolist() == ["CM", "CM", "", "CM"]
    assert said(seen, "rows without a commitment in the year (1 row)")
    assert found(seen, "DAT-03") == []


def test_crs_millions_with_separators_are_millions_too(export):
    texts = ["1,234.56", "$1.25", "1,234", "(1.5)"]
    rows = [CRS[0] | {"CrsID": str(n), "USD_Commitment": t} for n, t in enumerate(texts)]
    seen = assess(export(rows))
    assert grants(seen)["amount"].fillna(0).tolist() == [1_234_560_000, 1_250_000, 0, 0]
    assert [f.value for f in found(seen, "SCH-type")] == ["1,234"]


def test_crs_codes_that_a_program_took_for_numbers(export):
    floats = ["PurposeCode", "ChannelCode", "ParentChannelCode", "DonorCode"]
    rows = [r | {h: f"{r[h]}.0" for h in floats if r[h]} for r in CRS]
    plain, taken = assess(export(CRS)), assess(export(rows, "floats.csv"))
    assert kinds(taken) == kinds(plain)
    assert grants(taken)["purpose_code"].to_dict() == grants(plain)["purpose_code"].to_dict()


def test_crs_a_channel_s_kind_comes_from_its_parent_and_never_from_its_figures(export):
    """21003 is a partner-country NGO, whatever its first two figures suggest; 99999 is unknown."""
    assert kinds(assess(export(CRS, delimiter="|"))) == {
        "Local Trust/21003": "24",
        "Big/21016": "21",
        "Nation/22000": "22",
        "Odd/99999": None,
    }


def test_the_parents_of_all_channels_are_those_of_the_list():
    codes = schema.codelists()["dac_channel"].codes
    ours = schema.layouts()["crs"].tables[1].codes["org_type"]
    assert len(codes) == 405
    misleading = [c for c, p in codes.items() if p[0] == "2" and c[:2] != p[:2]]
    assert len(misleading) > 20
    assert {p for p in codes.values() if p not in ours} == {"32000", "90000"}


@pytest.mark.parametrize(
    ("spelt", "encoding"),
    [(str.lower, "utf-16"), (str.upper, "cp1252"), (lambda h: h.replace("_", ""), "utf-8-sig")],
)
def test_crs_in_any_letter_case_and_encoding(export, spelt, encoding):
    rows = [{spelt(h): v for h, v in row.items()} for row in CRS]
    seen = assess(export(rows, "crs.txt", delimiter="|", encoding=encoding))
    assert grants(seen)["amount"].sum() == 6_623_457
    assert kinds(seen)["Local Trust/21003"] == "24"


def test_crs_with_quotation_marks_left_open(tmp_path):
    """As the OECD writes its text files: a stray mark must not swallow lines."""
    lines = ["|".join(CRS[0]), *("|".join(row.values()) for row in CRS)]
    lines[1] = lines[1].replace("|Talks|", '|"Talks about water, food|')
    path = tmp_path / "crs.txt"
    path.write_text("\r\n".join(lines), encoding="utf-8")
    assert grants(assess(path))["amount"].sum() == 6_623_457


def test_crs_a_half_year_grant_to_a_partner_country_ngo_is_found(export):
    seen = assess(export(CRS, delimiter="|"))
    finding = only(seen, "DUR-01")
    assert (finding.key, finding.value) == ("4/2022001/A", "2022-06-30 00:00:00.000")


# --- What is only nearly one of them --------------------------------------------------------------

NEARLY = {
    "fts summary": (
        [
            "countryCode",
            "id",
            "name",
            "code",
            "startDate",
            "requirements",
            "funding",
            "percentFunded",
        ],
        "a summary of FTS by appeal",
    ),
    "oecd totals": (
        ["DONOR", "Donor", "RECIPIENT", "SECTOR", "TIME_PERIOD", "OBS_VALUE"],
        "totals from the OECD's data explorer",
    ),
    "oecd totals by country": (
        ["DONOR", "RECIPIENT", "MEASURE", "TIME_PERIOD", "OBS_VALUE", "UNIT_MULT"],
        "aid by donor and recipient",
    ),
    "oecd totals by donor": (["DONOR", "PART", "AIDTYPE", "AMOUNTTYPE", "Value"], "DAC1"),
    "fts by appeal in hapi": (
        ["location_code", "appeal_code", "requirements_usd", "funding_usd"],
        "a summary of FTS by appeal, as HDX HAPI gives it",
    ),
    "fts website": (
        ["Flow ID", "Amount (US$)", "Source organization", "Destination organization"],
        "a list of flows from the website of FTS",
    ),
    "cbpf contributions": (
        ["FiscalYear", "GMSDonorName", "PooledFundName", "PledgeAmt", "PaidAmt"],
        "what donors gave to the pooled funds",
    ),
    "cbpf donors": (
        ["Year", "Donor", "Donor type", "Paid", "Pledged", "Total"],
        "what donors gave to the pooled funds",
    ),
    "cbpf allocations": (["Year", "PooledFund", "AllocationType", "Budget"], "allocations by fund"),
    "cbpf places": (["PFId", "PrjCode", "AdmLoc1", "ClstAgg"], "the places and clusters"),
    "cbpf reports": (["ChfProjectCode", "ReportId", "ReportType"], "a list of the reports"),
    "cbpf pages": (
        ["Pooled Fund", "Allocation Type", "Project Code", "Organization", "Budget"],
        "from the pages of the pooled funds' data hub",
    ),
    "grants to people": (
        [
            *("Identifier", "Title", "Currency", "Amount Awarded", "Award Date"),
            *("Recipient Ind:Identifier", "Recipient Ind:Name", "Funding Org:Name"),
        ],
        "a 360Giving file of grants to people",
    ),
    "no recipient": (
        ["Identifier", "Title", "Currency", "Amount Awarded", "Award Date", "Funding Org:Name"],
        "but has no column “Recipient Org:Identifier”",
    ),
    "grantnav totals": (["Recipient Name", "Recipient ID", "Grants", "Total"], "by recipient"),
    "iati budgets": (["iati_identifier", "budget_type", "budget_value"], "one row a budget"),
    "fund list": (["PFId", "PFName", "PFAbbrv", "PFLat"], "the list of the pooled funds"),
    "transactions": (
        ["iati-identifier", "transaction-type", "transaction-date", "transaction-value"],
        "one row a transaction",
    ),
    "iati without amounts": (
        [
            *("iati-identifier", "reporting-org-ref", "title", "currency"),
            "participating-org (Implementing)",
        ],
        "looks like the export “IATI Datastore activities”, but has no column “total-Commitment”",
    ),
    "fts without types": (
        [h for h in FLOW if h != "destOrganizationTypes"],
        "looks like the export “OCHA FTS flows”, but has no column “destOrganizationTypes”",
    ),
}


@pytest.mark.parametrize("case", NEARLY)
def test_a_file_that_is_only_like_one_is_refused_with_what_it_lacks(case, tmp_path):
    heads, words = NEARLY[case]
    path = tmp_path / "near.csv"
    path.write_text(",".join(f'"{h}"' for h in heads) + "\n" + ",".join("1" * len(heads)))
    with pytest.raises(FundtrackError) as refusal:
        assess(path)
    assert words in refusal.value.reason
    answer = CliRunner().invoke(main, ["check", str(path)])
    assert (answer.exit_code, len(answer.stderr.splitlines())) == (2, 1)


def test_two_columns_with_one_heading_are_both_left_unused(export):
    path = export(CRS, delimiter="|")
    lines = path.read_text().splitlines()
    lines = [f"{lines[0]}|USD_Commitment", *(f"{line}|7" for line in lines[1:])]
    path.write_text("\n".join(lines))
    seen = assess(path)
    assert "Two columns, H1 and U1, both have the heading “USD_Commitment”" in (
        only(seen, "SCH-two-columns").message
    )
    assert not seen.tables["grants"].has("amount")


def test_every_layout_says_what_it_cannot_tell_and_names_fields_of_a_schema():
    for layout in schema.layouts().values():
        assert layout.silent, layout.name
        assert layout.identify, layout.name


def test_inspect_tells_each_column_and_what_was_left(export, tmp_path):
    path = export(flows({"status": "pledge"}, {}))
    answer = CliRunner().invoke(main, ["inspect", str(path)])
    assert answer.exit_code == 0
    assert "C  amountUSD" in answer.stdout and "Amount awarded" in answer.stdout
    assert (
        "date                                          Signed on (beside the first)"
        in answer.stdout
    )
    assert (
        "status                                        (decides which rows count)" in answer.stdout
    )
    assert "left out: pledges, which are not yet commitments: 1 (row 2)" in answer.stdout
    assert "OCHA FTS flows: It does not tell where an organisation has its head office" in (
        answer.stdout
    )
    assert inspect(path).layout == "fts"


def test_shares_of_a_known_file_by_hand(export):
    """Three flows of 100 to a national, an international NGO and a UN agency."""
    rows = flows(
        {"destOrganization": "A", "destOrganizationTypes": "National NGOs/CSOs"},
        {"destOrganization": "B", "destOrganizationTypes": "International NGOs"},
        {"destOrganization": "C", "destOrganizationTypes": "UN Agencies"},
        {"destOrganization": "D", "destOrganizationTypes": "Governments"},
    )
    seen = assess(export(rows))
    direct = result(seen, "LOC-02")
    assert result(seen, "LOC-01").figures["T"] == 300  # less the government
    assert (direct.low, round(direct.high, 9)) == (0, round(1 / 3, 9))
    assert result(seen, "LOC-01").status is UNDETERMINED
    assert FAIL is not result(seen, "LOC-01").status


# --- The page on adding a format ------------------------------------------------------------------


def test_the_page_on_adding_a_format_works_as_it_is_written(tmp_path, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "adding-a-format.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(csv|yaml|python)\n(.*?)```", page, re.S))
    folder = tmp_path / "schemas"
    shutil.copytree(schema.root(), folder)
    (folder / "layouts" / "helping.yaml").write_text(blocks["yaml"], encoding="utf-8")
    monkeypatch.setattr(schema, "root", lambda: folder)
    schema.layouts.cache_clear()
    try:
        names = {"assess": assess, "HELPING": blocks["csv"]}
        exec(compile(blocks["python"], "adding-a-format.md", "exec"), names)
        names["test_the_helping_fund"](tmp_path)
    finally:
        schema.layouts.cache_clear()


def test_the_table_of_keys_is_that_of_the_loader():
    text = (schema.root() / "README.md").read_text(encoding="utf-8")
    keys = {f.name for kind in (schema.Layout, schema.LayoutTable) for f in fields(kind)}
    assert {key for key in keys - {"table"} if f"`{key}`" not in text} == set()
