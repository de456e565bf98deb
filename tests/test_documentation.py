"""Documentation: each edge of DOC-01 and DOC-02, through workbooks.

The window of 24 months that ends on 2024-12-31, by rule M, both days included:

    completed  | up to the day after the reference date, 2025-01-01 | counts
    2023-01-01 | 24 months 0 days                                   | yes
    2022-12-31 | 24 months 1 day                                    | no
    2024-12-31 | 0 months 1 day                                     | yes
    2025-01-01 | after the reference date                           | no
"""

from __future__ import annotations

import pytest

from books import (
    FAIL,
    NOT_APPLICABLE,
    NOT_ASSESSABLE,
    PASS,
    UNDETERMINED,
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

STUDY = {
    "output_id": "R1",
    "type": "case_study",
    "outcome_documented": "failure",
    "completed_date": "2024-06-30",
}
FOUR_STUDIES = [{**STUDY, "output_id": f"R{i}"} for i in range(1, 5)]
PAID = [
    {"line_id": "1", "category": "DOC"},
    *({"line_id": str(i), "category": "RESIL"} for i in range(2, 6)),
]
UNPAID = PAID[1:]
MONEY, FAILURE = "money for case studies", "case study of failure"

# --- DOC-01: case studies of failure --------------------------------------------------------------

# One study each, in a workbook that pays for documentation; “+” adds four that tell of successes.
STUDIES = rows_of("""
case           | type       | outcome | completed  | published  | more | verdict
failure        | case_study | failure | 2024-06-30 |            |      | pass
both           | case_study | both    | 2024-06-30 |            |      | pass
success        | case_study | success | 2024-06-30 |            |      | fail
does not apply | case_study | na      | 2024-06-30 |            |      | fail
other study    | lessons    | failure | 2024-06-30 |            |      | fail
first day      | case_study | failure | 2023-01-01 |            |      | pass
day before     | case_study | failure | 2022-12-31 |            |      | fail
last day       | case_study | failure | 2024-12-31 |            |      | pass
day after      | case_study | failure | 2025-01-01 |            |      | fail
published      | case_study | failure |            | 2024-11-15 |      | pass
long completed | case_study | failure | 2022-06-30 | 2024-11-15 |      | fail
no day         | case_study | failure |            |            | +    | undetermined
no outcome     | case_study |         | 2024-06-30 |            | +    | undetermined
no type        |            | failure | 2024-06-30 |            | +    | undetermined
old, no type   |            | failure | 2022-06-30 |            | +    | fail
""")


@pytest.mark.parametrize("row", STUDIES, ids=lambda row: row["case"])
def test_which_studies_tell_of_a_failure(judge, row):
    study = {
        "output_id": "R1",
        "type": row["type"],
        "outcome_documented": row["outcome"],
        "completed_date": row["completed"],
        "published_date": row["published"],
    }
    more = [{**STUDY, "output_id": f"S{i}", "outcome_documented": "success"} for i in range(4)]
    seen = judge(
        grants=[{"grant_id": "G1"}],
        budget_lines=PAID,
        research_outputs=[study, *(more if row["more"] else [])],
    )
    one = result(seen, "DOC-01")
    assert one.status.value == row["verdict"]
    assert keys(seen, "DOC-01") == ([FAILURE] if one.status is FAIL else [])
    open_ = "Whether a case study of a failure was made is open: the type, the outcome or the date"
    assert (one.reason or "").startswith(open_) == (one.status is UNDETERMINED)


def test_what_is_missing_is_named(judge):
    seen = judge(
        grants=[{"grant_id": "G1"}],
        budget_lines=UNPAID,
        research_outputs=[{**STUDY, "outcome_documented": "success"}],
    )
    money, failure = only(seen, "DOC-01", key=MONEY), only(seen, "DOC-01", key=FAILURE)
    assert {f.severity for f in (money, failure)} == {Severity.WARNING}
    assert money.message == "No budget line in force pays for the documentation of case studies."
    assert "DOC" in money.remedy
    assert failure.message == (
        "No case study that documents a failure was completed in the last 24 months."
    )
    assert failure.remedy == "Commission one on a programme that did not work."
    assert (failure.cell, failure.scope) == (None, "portfolio")


@pytest.mark.parametrize(
    ("given", "verdict", "missing"),
    [
        ({"budget_lines": PAID, "research_outputs": [STUDY]}, PASS, []),
        ({"budget_lines": UNPAID, "research_outputs": [STUDY]}, FAIL, [MONEY]),
        ({"budget_lines": PAID, "research_outputs": None}, UNDETERMINED, []),
        ({"budget_lines": UNPAID, "research_outputs": None}, FAIL, [MONEY]),
        ({"budget_lines": None, "research_outputs": FOUR_STUDIES}, UNDETERMINED, []),
        ({"budget_lines": None, "research_outputs": None}, NOT_ASSESSABLE, []),
    ],
    ids=["both", "no money", "no studies' sheet", "no money nor sheet", "no lines", "neither"],
)
def test_verdicts_of_doc_01(judge, given, verdict, missing):
    """A sheet that is not there leaves its half open: never a pass, and never a finding."""
    seen = judge(grants=[{"grant_id": "G1"}], **given)
    assert (status(seen, "DOC-01"), keys(seen, "DOC-01")) == (verdict, missing)
    for table, sheet in (("budget_lines", "Budget lines"), ("research_outputs", "Research")):
        reason = (result(seen, "DOC-01").reason or "").casefold()
        assert (f"there is no sheet “{sheet}".casefold() in reason) == (given[table] is None)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ("1 | grant | G1   | DOC |      | 0.01", PASS),
        ("1 | grant | G1   | DOC |      | 0", FAIL),
        ("1 | grant | GONE | DOC |      | 500", FAIL),
        ("1 | grant | G1   | DOC | 1    | 500\n2 | grant | G1 | OPS | 2 | 500", FAIL),
        ("1 | programme | PRG | DOC |   | 500", PASS),
        ("1 | grant | G1   |     |      | 500", UNDETERMINED),
        ("1 | grant | G1   | DOC |      | 500\n2 | grant | G1 | |  |", PASS),
    ],
    ids=[
        "a cent",
        "zero",
        "a cancelled grant",
        "revised away",
        "a programme",
        "perhaps",
        "surely one",
    ],
)
def test_which_lines_pay_for_case_studies(judge, lines, verdict):
    head = "line_id | parent_type | parent_id | category | budget_type | amount\n"
    seen = judge(
        grants=[{"grant_id": "G1"}, {"grant_id": "GONE", "activity_status": "5"}],
        budget_lines=head + lines,
        research_outputs=FOUR_STUDIES,
    )
    assert status(seen, "DOC-01") is verdict


def test_doc_01_needs_a_reference_date_and_the_donors_window(judge):
    given = {"budget_lines": PAID, "research_outputs": [{**STUDY, "completed_date": "2024-05-31"}]}
    blind = judge(settings={"reference_date": ""}, **given)
    assert status(blind, "DOC-01") in (UNDETERMINED, NOT_ASSESSABLE)
    shorter = judge(thresholds="parameter | value\ndoc.window_months | 6", **given)
    assert "in the last 6 months" in only(shorter, "DOC-01").message


# --- DOC-02: research on foreign fighters ---------------------------------------------------------


PROGRAMMES = """
programme_id | country | returnee_context
QUIET-1      | NG      | no
FACED-1      | NG      | yes
FACED-2      | NG      | yes
LINE         | KE      | yes
GRANT-LINE   | TN      | yes
STUDY        | BA      | yes
NONE         | BE      | no
ZERO         | XK      | yes
"""
GRANTS = """
grant_id | country | activity_status
G-TN     | TN      |
G-BA     | BA      |
G-NG     | NG      | 5
"""
# The line and the study of G-NG, which was cancelled, are no help to Nigeria.
LINES = """
line_id | parent_type | parent_id | category | amount
1       | programme   | LINE      | RES_FF   | 500
2       | grant       | G-TN      | RES_FF   | 500
3       | grant       | G-NG      | RES_FF   | 500
4       | programme   | FACED-1   | RESEARCH | 500
5       | programme   | ZERO      | RES_FF   | 0
"""
OUTPUTS = """
output_id | type             | grant_id
1         | foreign_fighters | G-BA
2         | case_study       | G-TN
3         | foreign_fighters | G-NG
"""


def test_doc_02_country_by_country(write):
    """Judged: NG, KE, TN, BA, XK. Found: NG once, at its first programme with returnees, and XK."""
    path = write(
        programmes=programmes(PROGRAMMES),
        grants=GRANTS,
        budget_lines=LINES,
        research_outputs=OUTPUTS,
    )
    seen = assess(path)
    one = result(seen, "DOC-02")
    assert (one.status, one.rows_in_scope, one.assessed_rows) == (FAIL, 5, 5)
    assert keys(seen, "DOC-02") == ["NG", "XK"]
    finding = only(seen, "DOC-02", key="NG")
    assert (finding.severity, finding.scope) == (Severity.WARNING, "country")
    assert finding.message == (
        "Nigeria faces returning foreign fighters (FACED-1, FACED-2), and no research on their "
        "effect is funded there."
    )
    assert "local researchers" in finding.remedy
    assert finding.row == 3
    assert held(path, finding) == ("yes", "Area faces returning foreign fighters?")


FOUR = "programme_id | country | returnee_context\n" + "\n".join(
    f"P{i} | {country} | yes" for i, country in enumerate(["NG", "KE", "TN", "BA"])
)
EVERYWHERE = "line_id | parent_type | parent_id | category\n" + "\n".join(
    f"{i} | programme | P{i} | RES_FF" for i in range(4)
)
NO_STUDY = [{**STUDY, "output_id": "R9"}]
PLACELESS = [{**STUDY, "type": "foreign_fighters"}]


@pytest.mark.parametrize(
    ("more", "studies", "verdict", "because"),
    [
        ("", NO_STUDY, PASS, ""),
        ("P4 | BE | yes", NO_STUDY, FAIL, ""),
        ("P4 | BE | no", NO_STUDY, PASS, ""),
        ("P4 | BE |", NO_STUDY, UNDETERMINED, "returning foreign fighters?” is blank"),
        ("P4 | NG |", NO_STUDY, PASS, ""),
        ("P4 | | yes", NO_STUDY, UNDETERMINED, "“Country” is blank"),
        ("P4 | BE | yes", PLACELESS, UNDETERMINED, "the country, category, type or amount"),
        ("P4 | BE | yes", None, UNDETERMINED, "there is no sheet “Research outputs”"),
    ],
    ids=[
        "all funded",
        "one is not",
        "no returnees there",
        "not known whether any return",
        "known by another programme",
        "country unknown",
        "a study of an unknown country",
        "no sheet of studies",
    ],
)
def test_verdicts_of_doc_02(judge, more, studies, verdict, because):
    seen = judge(
        programmes=programmes(f"{FOUR}\n{more}"),
        budget_lines=EVERYWHERE,
        research_outputs=studies,
        headings={"programmes": {"recipient_country": "Country"}},
    )
    one = result(seen, "DOC-02")
    assert one.status is verdict
    assert because in (one.reason or "")
    assert len(found(seen, "DOC-02")) == (verdict is FAIL)


def test_in_a_workbook_of_one_country_all_research_is_about_it(judge):
    alone = programmes("programme_id | country | returnee_context\nP | NG | yes")
    assert status(judge(programmes=alone, research_outputs=PLACELESS), "DOC-02") is PASS
    line = [{"line_id": "1", "category": "RES_FF", "parent_id": "NOWHERE"}]
    assert status(judge(programmes=alone, budget_lines=line), "DOC-02") is PASS


def test_where_doc_02_has_nothing_to_say(judge):
    calm = programmes("programme_id | country | returnee_context\nP | NG | no")
    assert status(judge(programmes=calm, budget_lines=PAID), "DOC-02") is NOT_APPLICABLE
    assert status(judge(grants=[{"grant_id": "G1"}]), "DOC-02") is NOT_ASSESSABLE
    faced = programmes("programme_id | country | returnee_context\nP | NG | yes")
    neither = result(judge(programmes=faced), "DOC-02")
    assert neither.status is NOT_ASSESSABLE
    assert "no sheet “Budget lines” and there is no sheet “Research outputs”" in neither.reason
