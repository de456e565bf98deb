"""Convenings: each edge of CON-01, 02, 04 and 06, through workbooks.

The days before an event, by hand. 2024 is a leap year and 10 September is its 254th day:

    confirmed or sent | day of the year | 254 less it | says
    2024-06-18        | 170             | 84          | in time
    2024-06-19        | 171             | 83          | warning
    2024-07-27        | 209             | 45          | warning
    2024-07-28        | 210             | 44          | error
    2024-09-10        | 254             | 0           | error, on the first day
    2024-09-13        | 257             | -3          | error, 3 days after the first day
"""

from __future__ import annotations

import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    UNDETERMINED,
    book,
    found,
    held,
    keys,
    only,
    programmes,
    result,
    rows_of,
    status,
)
from fundtrack.model import Severity
from fundtrack.pipeline import assess

ERROR, WARNING = Severity.ERROR, Severity.WARNING

EVENT = {
    "event_id": "E1",
    "format": "in_person",
    "host_country": "NG",
    "start_date": "2024-09-10",
    "confirmed_date": "2024-03-01",
}
PERSON = {
    "participant_ref": "P-1",
    "event_id": "E1",
    "sector": "cso",
    "from_country": "KE",
    "visa_required": "yes",
    "documents_sent_date": "2024-03-05",
    "visa_outcome": "granted",
}


def events(rows):
    return [{**EVENT, **row} for row in rows_of(rows)]


def people(rows):
    rows = [{**PERSON, **row} for row in rows_of(rows)]
    return [{**row, "participant_ref": f"P-{i}"} for i, row in enumerate(rows, 1)]


# --- CON-01: events confirmed in time -------------------------------------------------------------

CONFIRMED = rows_of("""
event_id | confirmed_date | format    | visas       | severity | said
EARLY    | 2024-03-01     | in_person | yes         |          |
D84      | 2024-06-18     | in_person | yes         |          |
D83      | 2024-06-19     | in_person | yes yes no  | warning  | 83 days before its first day, 2024-09-10; 2 civil society participants needed visas.
D45      | 2024-07-27     | in_person | yes         | warning  | 45 days before its first day, 2024-09-10; 1 civil society participant needed a visa.
D44      | 2024-07-28     | hybrid    | yes         | error    | 44 days before its first day, 2024-09-10; 1 civil society participant needed a visa.
D1       | 2024-09-09     | in_person | yes blank   | error    | 1 day before its first day, 2024-09-10; 1 civil society participant needed a visa.
D0       | 2024-09-10     | in_person | yes         | error    | on its first day, 2024-09-10; 1 civil society participant needed a visa.
AFTER    | 2024-09-13     | in_person | yes         | error    | 3 days after its first day, 2024-09-10; 1 civil society participant needed a visa.
ONLINE   | 2024-09-09     | online    | yes         |          |
NO-VISA  | 2024-09-09     | in_person | no no       |          |
""")  # noqa: E501


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory):
    """The table; at NO-VISA the only one who needs a visa is of the police."""
    rows = [{k: row[k] for k in ("event_id", "confirmed_date", "format")} for row in CONFIRMED]
    guests = [
        {"event_id": row["event_id"], "visa_required": visa.replace("blank", "")}
        for row in CONFIRMED
        for visa in row["visas"].split()
    ]
    guests.append({"event_id": "NO-VISA", "sector": "security_national"})
    path = book(
        tmp_path_factory.mktemp("confirmed"), convenings=events(rows), participants=people(guests)
    )
    return path, assess(path)


@pytest.mark.parametrize("row", CONFIRMED, ids=lambda row: row["event_id"])
def test_how_long_ahead_an_event_was_confirmed(confirmed, row):
    path, seen = confirmed
    hits = found(seen, "CON-01", key=row["event_id"])
    assert [f.severity for f in hits] == ([Severity(row["severity"])] if row["severity"] else [])
    for finding in hits:
        begins = f"Event {row['event_id']} was confirmed to its participants "
        assert finding.message == begins + row["said"]
        assert finding.value == row["confirmed_date"]
        value, heading = held(path, finding)
        assert value.date().isoformat() == row["confirmed_date"]
        assert heading == "Date and place confirmed to participants on"
        assert "at least 84 days ahead" in finding.remedy
        assert "P-" not in f"{finding.message} {finding.remedy} {finding.expected}"


def test_con_01_judges_the_events_that_need_visas_only(confirmed):
    one = result(confirmed[1], "CON-01")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 8, 8)


# An event confirmed 11 days ahead beside four in time: what is blank, and what the check says.
OPEN = rows_of("""
case              | changed        | guests    | verdict        | because
one is blank      |                | blank no  | undetermined   | “Visa needed?” is blank
nobody listed     |                |           | undetermined   | no participant is listed
no day given      | confirmed_date | yes       | undetermined   | “Date and place confirmed
no first day      | start_date     | yes       | undetermined   | “First day” is blank
no format         | format         | yes       | undetermined   | “Format” is blank
blank, not needed | confirmed_date | no        | pass           |
surely one        |                | blank yes | fail           |
""")


@pytest.mark.parametrize("row", OPEN, ids=lambda row: row["case"])
def test_what_is_blank_leaves_an_event_unjudged(judge, row):
    timely = [{"event_id": f"T{i}"} for i in range(4)]
    late = {"event_id": "LATE", "confirmed_date": "2024-08-30"}
    if row["changed"]:
        late[row["changed"]] = ""
    guests = [{"event_id": event["event_id"]} for event in timely]
    for visa in row["guests"].split():
        guests.append({"event_id": "LATE", "visa_required": visa.replace("blank", "")})
    seen = judge(convenings=events([*timely, late]), participants=people(guests))
    one = result(seen, "CON-01")
    assert one.status.value == row["verdict"]
    assert row["because"] in (one.reason or "")
    assert ("LATE" in (one.reason or "")) == (one.status is UNDETERMINED)
    assert keys(seen, "CON-01") == (["LATE"] if one.status is FAIL else [])


@pytest.mark.parametrize(
    ("given", "con_01", "con_02"),
    [
        ({}, PASS, PASS),
        ({"participants": None}, NOT_ASSESSABLE, NOT_ASSESSABLE),
        ({"convenings": events([{"format": "online"}])}, NOT_APPLICABLE, NOT_APPLICABLE),
        ({"without": {"participants": ["visa_required"]}}, NOT_ASSESSABLE, NOT_ASSESSABLE),
        ({"without": {"participants": ["documents_sent_date"]}}, PASS, NOT_ASSESSABLE),
        ({"without": {"convenings": ["confirmed_date"]}}, NOT_ASSESSABLE, PASS),
    ],
    ids=["met", "no participants", "online", "no visas", "no sending dates", "no confirmations"],
)
def test_verdicts_of_con_01_and_con_02(judge, given, con_01, con_02):
    seen = judge(**{"convenings": [EVENT], "participants": [PERSON], **given})
    assert (status(seen, "CON-01"), status(seen, "CON-02")) == (con_01, con_02)


def test_a_donor_may_set_other_lead_times(judge):
    rows = "event_id | confirmed_date\nA | 2024-08-11\nB | 2024-08-12\nC | 2024-08-22"
    numbers = "parameter | value\ncon.lead_error_days | 20\ncon.lead_warn_days | 30"
    guests = people([{"event_id": name} for name in "ABC"])
    seen = judge(convenings=events(rows), participants=guests, thresholds=numbers)
    assert {f.key: f.severity for f in found(seen, "CON-01")} == {"B": WARNING, "C": ERROR}
    assert "at least 30 days" in only(seen, "CON-01", key="B").remedy


# --- CON-02: visa documents -----------------------------------------------------------------------

# Judged on 2024-12-31. For what was not sent, the days left count: 25 March 2025 is 84 days off
# (31 + 28 + 25), 14 February 45 (31 + 14).
SENT = rows_of("""
ref | first      | sent         | format    | sector | visa | severity | said
P1  | 2024-09-10 | 2024-06-18   | in_person | cso    | yes  |          |
P2  | 2024-09-10 | 2024-06-19   | in_person | cso    | yes  | warning  | went out 83 days before
P3  | 2024-09-10 | 2024-07-27   | in_person | cso    | yes  | warning  | went out 45 days before
P4  | 2024-09-10 | 2024-07-28   | hybrid    | cso    | yes  | error    | went out 44 days before
P5  | 2024-09-10 | 2024-09-10   | in_person | cso    | yes  | error    | went out on
P6  | 2024-09-10 | 2024-09-11   | in_person | cso    | yes  | error    | went out 1 day after
P7  | 2024-09-10 |              | in_person | cso    | yes  | error    | are still not marked as sent, 112 days after
P8  | 2025-03-25 |              | in_person | cso    | yes  |          |
P9  | 2025-03-24 |              | in_person | cso    | yes  | warning  | are still not marked as sent, 83 days before
P10 | 2025-02-14 |              | in_person | cso    | yes  | warning  | are still not marked as sent, 45 days before
P11 | 2025-02-13 |              | in_person | cso    | yes  | error    | are still not marked as sent, 44 days before
P12 | 2024-09-10 |              | online    | cso    | yes  |          |
P13 | 2024-09-10 |              | in_person | donor  | yes  |          |
P14 | 2024-09-10 |              | in_person | cso    | no   |          |
P15 | 2025-03-25 | 2024-12-30   | in_person | cso    | yes  |          |
P16 | 2025-03-25 | "next month" | in_person | cso    | yes  |          |
P17 | 2025-02-13 | "02/03/2024" | in_person | cso    | yes  |          |
""")  # noqa: E501


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """An event a row, all in one workbook."""
    path = book(
        tmp_path_factory.mktemp("sent"),
        convenings=[
            {**EVENT, "event_id": row["ref"], "start_date": row["first"], "format": row["format"]}
            for row in SENT
        ],
        participants=[
            {
                **PERSON,
                "participant_ref": row["ref"],
                "event_id": row["ref"],
                "documents_sent_date": row["sent"],
                "sector": row["sector"],
                "visa_required": row["visa"],
            }
            for row in SENT
        ],
    )
    return path, assess(path)


@pytest.mark.parametrize("row", SENT, ids=lambda row: row["ref"])
def test_how_long_ahead_the_documents_were_sent(sent, row):
    path, seen = sent
    hits = found(seen, "CON-02", key=f"{row['ref']}, {row['ref']}")
    assert [f.severity for f in hits] == ([Severity(row["severity"])] if row["severity"] else [])
    for finding in hits:
        assert finding.message == (
            f"The visa documents for this participant {row['said']} the first day of "
            f"{row['ref']}, {row['first']}. Of the civil society participants who needed them, 1 "
            "of 1 had theirs fewer than 84 days ahead or not at all."
        )
        value, heading = held(path, finding)
        assert heading == "Visa documents sent on"
        assert (value.date().isoformat() if value else "") == row["sent"]


def test_a_day_that_cannot_be_read_is_not_read_as_not_sent(sent):
    """P16 and P17 are left open; P8, with 84 days left, P12, P13 and P14 are out of scope."""
    one = result(sent[1], "CON-02")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 13, 11)
    assert "2 of 13 rows" in one.reason
    assert "the day of sending cannot be read" in one.reason


def test_each_finding_says_how_many_of_the_event_are_late(judge):
    guests = """
    event_id | documents_sent_date | visa_required | sector
    E1       | 2024-06-01          | yes           | cso
    E1       | 2024-08-11          | yes           | cso
    E1       |                     | yes           | cso
    E1       |                     | no            | cso
    E1       |                     | yes           | government
    E2       | 2024-08-11          | yes           | cso
    """
    seen = judge(convenings=events("event_id\nE1\nE2"), participants=people(guests))
    counts = {f.cell: f.message.split("needed them, ")[1][:6] for f in found(seen, "CON-02")}
    assert counts == {"F3": "2 of 3", "F4": "2 of 3", "F7": "1 of 1"}


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"visa_required": ""}, "“Visa needed?” is blank"),
        ({"sector": ""}, "“Sector” is blank"),
        ({"event_id": "GONE"}, "the event is not listed"),
    ],
    ids=["visa", "sector", "an event that is not listed"],
)
def test_participants_of_whom_too_little_is_known_are_not_judged(judge, changed, because):
    guests = people([{}, {}, {}, {}, {"documents_sent_date": "", **changed}])
    one = result(judge(convenings=[EVENT], participants=guests), "CON-02")
    assert (one.status, one.findings, one.rows_in_scope) == (UNDETERMINED, [], 5)
    assert because in one.reason


# --- CON-04: regions ------------------------------------------------------------------------------


def hosted(*hosts: str, **more):
    """Events of 2024, each in a country or a region."""
    return [
        {
            **EVENT,
            "event_id": f"E{i}",
            "host_country": host if host.isalpha() else "",
            "host_region": "" if host.isalpha() else host,
            **more,
        }
        for i, host in enumerate(hosts, 1)
    ]


# Hosts (NG, KE, GH, 014 Eastern and 011 Western Africa are all in 202, Sub-Saharan Africa; FR is in
# 155, TH in 035, - is not given), and the share of the largest region.
HOSTS = rows_of("""
hosts                    | verdict        | low | high | because
NG KE GH                 | fail           | 1   | 1    |
NG KE GH FR              | fail           | 75  | 75   |
NG KE GH FR TH           | pass           | 60  | 60   |
NG KE GH FR TH BE NG KE  | fail           | 62.5| 62.5 |
NG FR TH                 | pass           | 33  | 33   |
014 011 202 FR           | fail           | 75  | 75   |
014 NG FR 155            | pass           | 50  | 50   |
NG KE -                  | fail           | 67  | 100  |
NG FR -                  | undetermined   | 33  | 67   | “Host region” of E3
NG KE FR TH -            | pass           | 40  | 60   |
- - - -                  | undetermined   | 0   | 100  |
NG KE                    | not_applicable |     |      |
""")


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row["hosts"])
def test_the_share_of_the_largest_region(judge, row):
    hosts = [host.replace("-", "") for host in row["hosts"].split()]
    seen = judge(convenings=hosted(*hosts))
    one = result(seen, "CON-04")
    assert one.status.value == row["verdict"]
    if row["low"]:
        low, high = float(row["low"]), float(row["high"])
        scale = 1 if high == 1 else 100
        assert (one.low * scale, one.high * scale) == pytest.approx((low, high), abs=0.5)
    assert row["because"] in (one.reason or "")
    assert len(found(seen, "CON-04")) == (one.status is FAIL)


def test_con_04_names_the_region_and_where_most_people_live(judge):
    """Of those from outside Sub-Saharan Africa, two travel from Western Europe, one from Asia."""
    origins = ["KE", "KE", "KE", "KE", "FR", "BE", "TH"]
    seen = judge(
        convenings=hosted("NG", "NG", "NG", "FR"),
        participants=people([{"from_country": country} for country in origins]),
    )
    finding = only(seen, "CON-04")
    assert (finding.severity, finding.key, finding.cell) == (WARNING, "portfolio", None)
    assert finding.message == (
        "75% of the 4 events in the 12 months up to 2024-12-31 were held in Sub-Saharan Africa; "
        "the benchmark is at most 60%. (The benchmark is a house default that no donor has "
        "confirmed.)"
    )
    assert finding.remedy == (
        "Hold the next event in Western Europe, from where most of the participants from "
        "elsewhere travel."
    )
    alone = only(judge(convenings=hosted("NG", "NG", "NG")), "CON-04")
    assert alone.remedy.startswith("Hold the next event in another region, nearer to")


# With two events that count, in Nigeria: does the third, in Kenya, make three?
THIRD = rows_of("""
start_date | format    | verdict
2024-01-01 | in_person | fail
2024-12-31 | hybrid    | fail
2023-12-31 | in_person | not_applicable
2025-01-01 | in_person | not_applicable
2024-06-01 | online    | not_applicable
           | in_person | not_assessable
2024-06-01 |           | not_assessable
2023-12-31 |           | not_applicable
""")


@pytest.mark.parametrize("row", THIRD, ids=lambda row: f"{row['start_date']} {row['format']}")
def test_which_events_con_04_counts(judge, row):
    third = {"event_id": "E3", "start_date": row["start_date"], "format": row["format"]}
    seen = judge(convenings=[*hosted("NG", "NG"), {**EVENT, **third, "host_country": "KE"}])
    assert status(seen, "CON-04").value == row["verdict"]


def test_an_event_whose_day_is_blank_may_tip_the_share(judge):
    """Three of five are 60%; a sixth in the same region would make it four of six."""
    rows = hosted("NG", "NG", "NG", "FR", "TH", "KE")
    rows[-1]["start_date"] = ""
    one = result(judge(convenings=rows), "CON-04")
    assert one.status is UNDETERMINED
    assert (one.low, one.high) == pytest.approx((3 / 6, 4 / 6))
    assert "“First day” of E6" in one.reason


def test_con_04_where_there_is_little_to_judge(judge):
    blind = judge(convenings=hosted("NG", "NG", "NG"), settings={"reference_date": ""})
    assert status(blind, "CON-04") is NOT_ASSESSABLE
    no_host = {"convenings": ["host_country", "host_region"]}
    assert status(judge(convenings=hosted("NG"), without=no_host), "CON-04") is NOT_ASSESSABLE
    assert status(judge(convenings=None), "CON-04") is NOT_ASSESSABLE


def test_two_regions_are_the_least_even_where_a_donor_allows_any_share(judge):
    any_share = "parameter | value\ncon.region_max_share_pct | 100"
    alone = judge(convenings=hosted("NG", "KE", "GH"), thresholds=any_share)
    finding = only(alone, "CON-04")
    assert finding.message == (
        "All 3 events of the last 12 months were held in Sub-Saharan Africa."
    )
    two = judge(convenings=hosted("NG", "KE", "FR"), thresholds=any_share)
    assert status(two, "CON-04") is PASS
    open_ = result(judge(convenings=hosted(*["NG"] * 5, ""), thresholds=any_share), "CON-04")
    assert (open_.status, open_.findings) == (UNDETERMINED, [])


# --- CON-06: the police at convenings -------------------------------------------------------------

GRANTS = rows_of("""
grant_id | recipient | activity_status | programme_id
POL      | POLICE    |                 | PRG
POL-SUB  | POLICE    |                 |
POL-NONE | POLICE    |                 |
POL-ZERO | POLICE    |                 |
POL-OLD  | POLICE    |                 |
POL-GONE | POLICE    | 5               |
CSO      | LOC-A     |                 |
UNKNOWN  | MAYBE     |                 |
SILENT   | QUIET     |                 |
UNLISTED | POLICE    |                 |
NO-CODE  | POLICE    |                 |
""")
ORGS = """
org_id | org_type | is_security_agency
LOC-A  | 24       | no
QUIET  | 24       |
MAYBE  | 10       |
POLICE | 10       | yes
"""
# POL-OLD had such a line, and its revised budget has none. SUB is a sub-grant of POL-SUB.
LINES = """
line_id | parent_type | parent_id | category     | amount | budget_type
1       | grant       | POL       | CONV_SECPROF | 5000   |
2       | grant       | POL-SUB   | POL_TRAIN    | 5000   |
3       | subgrant    | SUB       | CONV_SECPROF | 0.01   |
4       | grant       | POL-NONE  | POL_TRAIN    | 5000   |
5       | grant       | POL-NONE  | CONV_TRAVEL  | 5000   |
6       | grant       | POL-ZERO  | CONV_SECPROF | 0      |
7       | grant       | POL-OLD   | CONV_SECPROF | 5000   | 1
8       | grant       | POL-OLD   | POL_TRAIN    | 5000   | 2
9       | grant       | POL-GONE  | POL_TRAIN    | 5000   |
10      | grant       | CSO       | RESIL        | 5000   |
11      | grant       | UNKNOWN   | RESIL        | 5000   |
12      | grant       | SILENT    | RESIL        | 5000   |
13      | grant       | NO-CODE   |              | 5000   |
14      | programme   | OWN       | CONV_SECPROF | 5000   |
15      | programme   | TRAIN     | POL_TRAIN    | 5000   |
16      | programme   | CIVIL     | RESIL        | 5000   |
17      | programme   | BLANK     | RESIL        | 5000   |
"""
PROGRAMMES = rows_of("""
programme_id | works_with_security
OWN          | yes
PRG          | yes
TRAIN        | yes
CIVIL        | no
BLANK        |
""")


def test_con_06_by_grant_and_by_programme(write):
    """Judged: six police grants that live (POL-GONE does not), and three programmes."""
    path = write(
        grants=GRANTS,
        organisations=ORGS,
        subgrants=[{"subgrant_id": "SUB", "parent_grant_id": "POL-SUB"}],
        budget_lines=LINES,
        programmes=programmes(PROGRAMMES),
    )
    seen = assess(path)
    one = result(seen, "CON-06")
    assert keys(seen, "CON-06") == ["POL-NONE", "POL-ZERO", "POL-OLD", "TRAIN"]
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 12, 8)
    for name in ("UNKNOWN", "UNLISTED", "NO-CODE", "BLANK"):
        assert name in one.reason
    assert "“Works with security actors?” is blank" in one.reason
    grant = only(seen, "CON-06", key="POL-NONE")
    assert (grant.severity, grant.scope) == (WARNING, "security grant")
    assert grant.message == (
        "Grant POL-NONE to POLICE has no budget for security practitioners to attend meetings "
        "with other sectors."
    )
    assert "stations and districts" in grant.remedy
    assert held(path, grant) == ("POL-NONE", "Grant ID")
    programme = only(seen, "CON-06", key="TRAIN")
    assert programme.scope == "programme"
    assert programme.message.startswith("Programme TRAIN has no budget for")
    assert held(path, programme) == ("TRAIN", "Programme ID")


@pytest.mark.parametrize(
    ("grant", "lines", "verdict"),
    [
        ("POLICE", [{"line_id": "1", "category": "CONV_SECPROF"}], PASS),
        ("POLICE", [{"line_id": "1", "category": "CONV_SECPROF", "currency": "XTS"}], PASS),
        ("POLICE", [{"line_id": "1", "category": "POL_PAY"}], FAIL),
        ("POLICE", [{"line_id": "1", "category": "CONV_SECPROF", "amount": ""}], NOT_ASSESSABLE),
        ("POLICE", None, NOT_ASSESSABLE),
        ("LOC-A", [{"line_id": "1"}], NOT_APPLICABLE),
    ],
    ids=["met", "no rate is needed", "pay only", "no amount", "no budget lines", "not the police"],
)
def test_verdicts_of_con_06(judge, grant, lines, verdict):
    seen = judge(grants=[{"grant_id": "G1", "recipient_org_id": grant}], budget_lines=lines)
    assert status(seen, "CON-06") is verdict
