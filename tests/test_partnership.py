"""Partnerships: days covered by hand for LNK-01, then what LNK-04 asks of each security grant.

LNK-01 by hand. Every grant runs from 2024-01-01 to 2024-04-09: 100 days (31 + 29 + 31 + 9).
Day 40 is 2024-02-09, day 41 is 2024-02-10, day 90 is 2024-03-30, day 91 is 2024-03-31.

    OVERLAP   1-40 and 31-90                     40 + 60 - 10 = 90    90%: met
    INSIDE    1-90 and 41-60                     the second adds none: 90%, met
    TWICE     1-60 and 1-60                      60, not 120: 60%
    GAP       1-40 and 42-90                     40 + 49 = 89: 89%, one day short
    TOUCH     1-40 and 41-90                     40 + 50 = 90: no gap, met
    OPEN      from day 11, no end                90: met
    LATE      from day 12, no end                89: 89%
    WIDER     from 2023 to 2025                  100
    BEFORE    ends the day before the grant      0: an error
    LAST-DAY  the first day only                 1: 1%, a warning
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
    keys,
    only,
    result,
    rows_of,
    status,
)
from fundtrack.model import Severity
from fundtrack.pipeline import assess

TERM = {
    "recipient_org_id": "POLICE",
    "planned_start_date": "2024-01-01",
    "planned_end_date": "2024-04-09",
}
COVER = rows_of("""
grant_id | from       | to         | and from   | and to     | bare | share
OVERLAP  | 2024-01-01 | 2024-02-09 | 2024-01-31 | 2024-03-30 |      |
INSIDE   | 2024-01-01 | 2024-03-30 | 2024-02-10 | 2024-02-29 |      |
TWICE    | 2024-01-01 | 2024-02-29 | 2024-01-01 | 2024-02-29 | 40   | 60%
GAP      | 2024-01-01 | 2024-02-09 | 2024-02-11 | 2024-03-30 | 11   | 89%
TOUCH    | 2024-01-01 | 2024-02-09 | 2024-02-10 | 2024-03-30 |      |
OPEN     | 2024-01-11 |            |            |            |      |
LATE     | 2024-01-12 |            |            |            | 11   | 89%
WIDER    | 2023-01-01 | 2025-12-31 |            |            |      |
BEFORE   | 2023-01-01 | 2023-12-31 |            |            | any  |
FIRST    | 2024-01-01 | 2024-01-01 |            |            | 99   | 1%
NONE     |            |            |            |            | any  |
""")


def partner(number: object, grant: str, start: str, end: str = "", **more: object) -> dict:
    return {
        "partnership_id": f"SP{number}",
        "security_grant_id": grant,
        "partner_org_id": "LOC-A",
        "area_code": "NG-BO",
        "start_date": start,
        "end_date": end,
        **more,
    }


def partners() -> list[dict]:
    rows = []
    for row in COVER:
        for start, end in (("from", "to"), ("and from", "and to")):
            if row[start]:
                rows.append(partner(len(rows), row["grant_id"], row[start], row[end]))
    return rows


@pytest.fixture(scope="module")
def covered(tmp_path_factory):
    grants = [{"grant_id": row["grant_id"], **TERM} for row in COVER]
    grants += [
        {**TERM, "grant_id": "NGO", "recipient_org_id": "LOC-A"},
        {**TERM, "grant_id": "CANCELLED", "activity_status": "5"},
    ]
    folder = tmp_path_factory.mktemp("covered")
    return assess(book(folder, grants=grants, security_partnerships=partners()))


@pytest.mark.parametrize("row", COVER, ids=lambda row: row["grant_id"])
def test_days_with_a_partner(covered, row):
    hits = found(covered, "LNK-01", key=row["grant_id"])
    assert len(hits) == bool(row["bare"])
    for hit in hits:
        assert hit.severity is (Severity.ERROR if row["bare"] == "any" else Severity.WARNING)
        words = f"partnership is recorded for {row['bare']} of the 100 days of its term"
        assert words in hit.message
        if row["share"]:
            assert hit.message.endswith(f"; {row['share']} of them are covered.")


def test_lnk_01_leaves_out_other_recipients_and_cancelled_grants(covered):
    assert {"NGO", "CANCELLED"}.isdisjoint(keys(covered, "LNK-01"))
    one = result(covered, "LNK-01")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, len(COVER), len(COVER))


def test_what_lnk_01_says_and_where(covered):
    hit = only(covered, "LNK-01", key="NONE")
    assert (hit.sheet, hit.heading, hit.value) == ("Grants", "Recipient", "POLICE")
    assert hit.message == (
        "Grant NONE funds POLICE, but no community or civil society partnership is recorded for "
        "any of the 100 days of its term."
    )
    assert "Hold the next instalment" in hit.remedy


def grant(**more: object) -> dict:
    return {"grant_id": "G1", **TERM, **more}


EDGES = [
    ("to the end as extended", grant(amended_end_date="2024-04-20"), [("2024-01-01", "2024-04-09")],
     PASS, None),  # 100 of 111: 90.09%
    ("a day further", grant(amended_end_date="2024-04-21"), [("2024-01-01", "2024-04-09")],
     FAIL, "12 of the 112 days"),  # 100 of 112: 89.3%
    ("open, and extended", grant(amended_end_date="2024-12-31"), [("2024-01-01", "")], PASS, None),
    ("no end, no partner", grant(planned_end_date=""), [], FAIL, "any day of its term"),
    ("no end", grant(planned_end_date=""), [("2024-01-01", "2024-02-01")], NOT_ASSESSABLE, None),
    ("perhaps", grant(), [("2024-01-01", "2024-02-09"), ("", "")], NOT_ASSESSABLE, None),
    ("perhaps too little", grant(), [("", "2024-02-09")], FAIL, "60 of the 100 days"),
    ("known to be enough", grant(), [("2024-01-01", ""), ("", "")], PASS, None),
    ("not security", grant(recipient_org_id="LOC-A"), [], NOT_APPLICABLE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "terms", "verdict", "said"), [e[1:] for e in EDGES], ids=[e[0] for e in EDGES]
)
def test_edges_of_lnk_01(judge, given, terms, verdict, said):
    rows = [partner(i, "G1", *term) for i, term in enumerate(terms)] or [
        partner(1, "OTHER", "2024-01-01")
    ]
    seen = judge(grants=[given], security_partnerships=rows)
    assert status(seen, "LNK-01") is verdict
    assert [said in f.message for f in found(seen, "LNK-01")] == ([True] if said else [])


def test_a_partner_that_is_a_state_body_is_no_community(judge):
    row = partner(1, "G1", "2024-01-01", partner_org_id="POLICE")
    seen = judge(grants=[grant()], security_partnerships=[row])
    assert only(seen, "LNK-01").severity is Severity.ERROR


def test_an_unknown_partner_or_agency_is_not_judged(judge):
    row = partner(1, "G1", "2024-01-01", partner_org_id="")
    seen = judge(grants=[grant()], security_partnerships=[row])
    assert result(seen, "LNK-01").status is NOT_ASSESSABLE
    assert "“Community or CSO partner” is blank" in result(seen, "LNK-01").reason
    seen = judge(
        grants=[grant(recipient_org_id="X")],
        organisations=[{"org_id": "X", "is_security_agency": ""}],
        security_partnerships=[partner(1, "OTHER", "2024-01-01")],
    )
    assert result(seen, "LNK-01").status is NOT_ASSESSABLE
    assert "“Security agency?”" in result(seen, "LNK-01").reason


def test_without_its_sheets_neither_check_is_assessable(judge):
    seen = judge(grants=[grant()])
    for check, sheet in (("LNK-01", "Security partnerships"), ("LNK-04", "Oversight")):
        assert result(seen, check).status is NOT_ASSESSABLE
        assert f"There is no sheet “{sheet}”" in result(seen, check).reason


@pytest.mark.parametrize("asked", [89, 90])
def test_the_donor_sets_and_confirms_the_share(judge, asked):
    """89 of 100 days: below 90 even when it is confirmed, it stays a warning, as the check says."""
    seen = judge(
        grants=[grant()],
        security_partnerships=[partner(1, "G1", "2024-01-12")],
        thresholds=[{"parameter": "lnk.cover_min_pct", "value": asked}],
    )
    assert [f.severity for f in found(seen, "LNK-01")] == [Severity.WARNING] * (asked == 90)


# --- LNK-04, on 2024-12-31 ------------------------------------------------------------------------
# Six months to 2024-12-31, both days counted, begin on 2024-07-01; twelve begin on 2024-01-01.

REPORT = "expenditure_report"
LONG = {**TERM, "planned_start_date": "2023-01-01", "planned_end_date": "2026-12-31"}


def step(kind: str, done: str, **more: object) -> dict:
    return {"type": kind, "done_date": done, "finding": "clean" if done else "", **more}


FRESH = [step(REPORT, "2024-11-01"), step("audit", "2024-11-01")]
WATCHED = {
    # the last day of each interval, and the day before
    "EXACT": ({}, [step(REPORT, "2024-07-01"), step("spot_check", "2024-01-01")], None),
    "REPORT": ({}, [step(REPORT, "2024-06-30"), step("audit", "2024-11-01")],
               "the last expenditure report is of 2024-06-30 (6 months 2 days to 2024-12-31)"),
    "AUDIT": ({}, [step(REPORT, "2024-11-01"), step("audit", "2023-12-31")],
              "the last audit or visit without notice is of 2023-12-31"),
    "NO-AUDIT": ({}, [step(REPORT, "2024-11-01")],
                 "no audit or visit without notice is recorded"),
    "RIGHTS": ({}, [step("hr_due_diligence", "2024-11-01")],
               "no expenditure report is recorded; no audit or visit without notice is recorded"),
    # overdue: due before the reference date, and not done
    "OVERDUE": ({}, [*FRESH, step(REPORT, "", due_date="2024-12-30")],
                "overdue: OVERDUE-2 (due on 2024-12-30)"),
    "DUE-NOW": ({}, [*FRESH, step(REPORT, "", due_date="2024-12-31")], None),
    "DONE-LATE": ({}, [*FRESH, step("audit", "2024-11-01", due_date="2024-02-01")], None),
    # major findings
    "MAJOR": ({}, [FRESH[0], step("audit", "2024-11-01", finding="major")],
              "not settled: MAJOR-1 (major)"),
    "SETTLED": ({}, [FRESH[0], step("audit", "2024-11-01", finding="major",
                                    follow_up_date="2024-12-01")], None),
    "MINOR": ({}, [FRESH[0], step("audit", "2024-11-01", finding="minor")], None),
    # nothing at all; a plan is no step done
    "NEVER": ({}, [], "never"),
    "PLANNED": ({}, [step(REPORT, "", due_date="2025-02-01")], "never"),
    # young: six months old to the day is too young for a report, a day more is not
    "NEW": ({"planned_start_date": "2024-07-01"}, [], "scope"),
    "NEW-DUE": ({"planned_start_date": "2024-10-01"}, [step(REPORT, "", due_date="2024-12-01")],
                "overdue: NEW-DUE-0 (due on 2024-12-01)"),
    "DAY-MORE": ({"planned_start_date": "2024-06-30"}, [], "never"),
    "YEAR": ({"planned_start_date": "2024-01-01"}, [step(REPORT, "2024-11-01")], None),
    "YEAR-MORE": ({"planned_start_date": "2023-12-31"}, [step(REPORT, "2024-11-01")],
                  "no audit or visit without notice is recorded"),
    # over: counted back from its end, not from the reference date
    "ENDED": ({"planned_end_date": "2023-12-31"},
              [step(REPORT, "2023-07-01"), step("audit", "2023-01-01")], None),
    "ENDED-LONG": ({"planned_end_date": "2023-12-31"},
                   [step(REPORT, "2023-06-30"), step("audit", "2023-12-01")],
                   "(6 months 2 days to 2023-12-31)"),
    # not known
    "NO-WORD": ({}, [FRESH[0], step("audit", "2024-11-01", finding="")], "blank"),
    "NO-TYPE": ({}, [FRESH[0], step("", "2024-11-01")], "blank"),
    "NO-START": ({"planned_start_date": ""}, [FRESH[0]], "blank"),
}  # fmt: skip


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    grants = [{"grant_id": g, **LONG, **more} for g, (more, _, _) in WATCHED.items()]
    steps = [
        {"oversight_id": f"{g}-{i}", "grant_id": g, **row}
        for g, (_, rows, _) in WATCHED.items()
        for i, row in enumerate(rows)
    ]
    return assess(book(tmp_path_factory.mktemp("watched"), grants=grants, oversight=steps))


@pytest.mark.parametrize("key", WATCHED)
def test_each_grant_is_watched(watched, key):
    said = WATCHED[key][2]
    hits = found(watched, "LNK-04", key=key)
    assert len(hits) == (said not in (None, "scope", "blank"))
    for hit in hits:
        never = said == "never"
        assert hit.severity is (Severity.ERROR if never else Severity.WARNING)
        assert ("no step to watch its spending was ever done" if never else said) in hit.message
        assert (hit.sheet, hit.heading, hit.value) == ("Grants", "Grant ID", key)


def test_lnk_04_counts_and_says_what_it_could_not_judge(watched):
    one = result(watched, "LNK-04")
    assert one.rows_in_scope == len(WATCHED) - 1  # NEW is out of scope
    assert one.assessed_rows == one.rows_in_scope - 3
    assert "NO-WORD, NO-TYPE, NO-START" in one.reason


def test_lnk_04_names_all_that_is_missing_in_one_message(judge):
    rows = [
        step(REPORT, "2024-03-01", oversight_id="OV-1", finding="major"),
        step("audit", "", oversight_id="OV-2", due_date="2024-10-31"),
    ]
    seen = judge(grants=[grant(**LONG)], oversight=[{"grant_id": "G1", **row} for row in rows])
    assert only(seen, "LNK-04").message == (
        "Grant G1 to POLICE is not watched as it should be: the last expenditure report is of "
        "2024-03-01 (10 months 0 days to 2024-12-31); no audit or visit without notice is "
        "recorded; overdue: OV-2 (due on 2024-10-31); not settled: OV-1 (major)."
    )


@pytest.mark.parametrize(
    ("given", "rows", "verdict"),
    [
        ({}, FRESH, PASS),
        ({}, FRESH[:1], FAIL),
        ({"recipient_org_id": "LOC-A"}, FRESH, NOT_APPLICABLE),
        ({"activity_status": "5"}, [], NOT_APPLICABLE),
        ({"planned_start_date": "2024-10-01"}, [], NOT_APPLICABLE),
        ({}, [FRESH[0], step("audit", "2024-11-01", finding="")], NOT_ASSESSABLE),
    ],
    ids=["watched", "no audit", "no agency", "cancelled", "too young", "blank"],
)
def test_verdicts_of_lnk_04(judge, given, rows, verdict):
    rows = [{"oversight_id": f"OV-{i}", "grant_id": "G1", **r} for i, r in enumerate(rows)]
    rows.append({"oversight_id": "OV-X", "grant_id": "OTHER", **step("audit", "2024-01-01")})
    assert status(judge(grants=[grant(**{**LONG, **given})], oversight=rows), "LNK-04") is verdict


def test_one_blank_among_many_leaves_lnk_04_undetermined(judge):
    grants = [{**LONG, "grant_id": f"G{i}"} for i in range(6)]
    rows = [
        {"oversight_id": f"{kind}-{i}", "grant_id": f"G{i}", **step(kind, "2024-11-01")}
        for i in range(6)
        for kind in (REPORT, "audit")
    ]
    rows[-1]["finding"] = ""
    one = result(judge(grants=grants, oversight=rows), "LNK-04")
    assert (one.status, one.assessed_rows) == (UNDETERMINED, 5)
    assert "“Finding” is blank or not usable (G5)" in one.reason
