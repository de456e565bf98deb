"""Writes the sample donor workbooks, `donor_clean.xlsx` and `donor_faulty.xlsx`, beside itself.

Both hold one invented portfolio, as a grants officer would send it: a title block over the grants,
a column left empty, a totals row, a chart, a hidden sheet. The clean one gives no finding but those
that the donor accepted. The faulty one is the same portfolio after the edits of FAULTS and
CHANGES, with the rows of CHAIN; PLANTED lists what should then be found. The same bytes come out
on every run.

    python samples/make_samples.py
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

HERE = Path(__file__).parent
MADE = datetime(2025, 1, 15, 9, 0, 0)

Row = dict[str, Any]


class Formula(NamedTuple):
    """A cell with a formula and the value that Excel last saw; "" where it never calculated."""

    text: str
    value: float | str


def day(text: str) -> date:
    return date.fromisoformat(text)


# --- The portfolio --------------------------------------------------------------------------------

SETTINGS: list[tuple[str, Any]] = [
    ("Workbook type", "donor"),
    ("Schema version", "1"),
    ("Organisation id", "DONOR-001"),
    ("Reporting currency", "EUR"),
    ("Period start", day("2024-01-01")),
    ("Period end", day("2024-12-31")),
    ("Reference date", day("2024-12-31")),
    ("Value basis", "commitment"),
    ("Recipient countries", "NG, KE, LK"),
    ("Pseudonyms used", "yes"),
    ("Treat unknown affiliation as", "unknown"),
]

# field: heading. Officers keep their own headings; some of these are 360Giving's.
HEADINGS: dict[str, dict[str, str]] = {
    "Thresholds": {
        "parameter": "Parameter",
        "value": "Value",
        "confirmed_by": "Confirmed by (role)",
        "confirmed_date": "Confirmed on",
        "source_note": "Source or reason",
    },
    "Exceptions": {
        "check_id": "Check",
        "object_id": "Grant, organisation, event … concerned",
        "reason": "Reason",
        "approved_by": "Approved by (role)",
        "approved_date": "Approved on",
        "expires_date": "Valid until",
    },
    "Organisations": {
        "org_id": "Organisation ID",
        "org_name": "Organisation name or alias",
        "org_type": "Organisation type",
        "hq_country": "Headquarters country",
        "intl_affiliated": "Affiliated to an international NGO?",
        "state_controlled": "Controlled by a government?",
        "is_security_agency": "Security agency?",
        "security_level": "Level of the agency",
        "women_led": "Women-led?",
        "youth_led": "Youth-led?",
    },
    "Grants": {
        "grant_id": "Grant ID",
        "title": "Title",
        "provider_org_id": "Provider",
        "recipient_org_id": "Recipient Org:Identifier",
        "recipient_country": "Country where the work is done",
        "area_code": "Area",
        "signature_date": "Award Date",
        "planned_start_date": "Start date as signed",
        "planned_end_date": "End date as signed",
        "amount": "Amount Awarded",
        "currency": "Currency",
        "value_date": "Value date",
        "activity_status": "Status",
        "aid_type": "Type of aid",
        "earmarking_category": "Earmarking",
        "purpose_code": "Purpose code",
        "pve_strand": "Strand",
        "gender_marker": "Gender equality marker",
        "renewal_of_grant_id": "Renews grant",
        "indirect_cost_pct": "Indirect cost rate",
        "subgrants_reported": "All sub-grants listed?",
        "comment": "Desk officer comment",
    },
    "Sub-grants": {
        "subgrant_id": "Sub-grant ID",
        "parent_grant_id": "From grant",
        "provider_org_id": "Passed on by",
        "receiver_org_id": "Received by",
        "planned_start_date": "Start date as signed",
        "planned_end_date": "End date as signed",
        "amount": "Amount",
        "currency": "Currency",
        "value_date": "Value date",
        "purpose": "Kind of sub-grant",
    },
    "Budget lines": {
        "line_id": "Line ID",
        "parent_type": "Belongs to",
        "parent_id": "ID of the grant, sub-grant or programme",
        "category": "Category",
        "description": "Description",
        "amount": "Amount",
        "currency": "Currency",
        "budget_type": "Original or revised",
        "beneficiary_org_id": "For which organisation",
    },
    "Transactions": {
        "transaction_id": "Payment ID",
        "grant_id": "Grant",
        "transaction_type": "Type",
        "transaction_date": "Date",
        "value": "Value",
        "currency": "Currency",
    },
    "Exchange rates": {
        "from_currency": "From",
        "to_currency": "To",
        "rate_date": "Rate date",
        "rate": "Rate: 1 From = ? To",
        "source": "Source",
    },
}

THRESHOLDS = """
loc.direct_min_pct           | 25 | Head of Grants | 2024-01-10 | Internal policy on local partners
dur.multi_year_share_min_pct | 30 | Head of Grants | 2024-01-10 | Confirmed as it stands
"""

EXCEPTIONS = """
DUR-01 | G-030 | Flood response; four months by design | Head of Grants | 2024-08-20 | 2025-06-30
DUR-04 | G-030 | Flood response; four months by design | Head of Grants | 2024-08-20 | 2025-06-30
"""

# id | alias | type | head office | affiliated | state | security | level | women-led | youth-led
ORGANISATIONS = """
DONOR-001 | The ministry                   | 10 | NL |     |     | no  |          |     |
INGO-001  | International NGO One          | 21 | GB | yes | no  | no  |          | no  | no
INGO-002  | International NGO Two          | 21 | DE | yes | no  | no  |          | yes | no
INGO-003  | International NGO Three        | 21 | US | yes | no  | no  |          | no  | no
UN-001    | Multilateral agency            | 40 | CH |     |     | no  |          |     |
FND-001   | Regional foundation            | 60 | KE |     |     | no  |          |     |
REG-001   | Regional NGO Baobab            | 23 | KE | no  | no  | no  |          | yes | no
UNI-001   | University partner             | 80 | LK |     |     | no  |          |     |
POL-001   | National police                | 10 | NG |     | yes | yes | national |     |
POL-002   | County police                  | 11 | KE |     | yes | yes | local    |     |
CSO-001   | Partner Acacia                 | 24 | NG | no  | no  | no  |          | yes | no
CSO-002   | Partner Cedar                  | 24 | NG | no  | no  | no  |          | no  | yes
CSO-003   | Partner Date Palm              | 22 | NG | no  | no  | no  |          | no  | no
CSO-004   | Partner Ebony                  | 24 | NG | no  | no  | no  |          | yes | no
CSO-005   | Partner Fig                    | 24 | NG | no  | no  | no  |          | no  | yes
CSO-006   | Partner Guava                  | 24 | KE | no  | no  | no  |          | yes | no
CSO-007   | Partner Hibiscus               | 24 | KE | no  | no  | no  |          | no  | no
CSO-008   | Partner Iroko                  | 22 | KE | no  | no  | no  |          | no  | yes
CSO-009   | Partner Jasmine                | 24 | KE | no  | no  | no  |          | yes | no
CSO-010   | Partner Kapok                  | 24 | KE | no  | no  | no  |          | no  | no
CSO-011   | Partner Lotus                  | 24 | LK | no  | no  | no  |          | yes | no
CSO-012   | Partner Mango                  | 24 | LK | no  | no  | no  |          | no  | no
CSO-013   | Partner Neem                   | 22 | LK | no  | no  | no  |          | no  | yes
CSO-014   | Partner Orchid                 | 22 | LK | no  | no  | no  |          | yes | no
"""

# id | recipient | area | signed | start | end | amount | currency
GRANTS = """
G-001 | INGO-001 | NG-BO | 2024-01-08 | 2024-02-01 | 2027-01-31 | 2400000 | EUR
G-002 | INGO-001 | KE-28 | 2024-02-05 | 2024-03-01 | 2026-02-28 |  420000 | USD
G-003 | INGO-002 | LK-51 | 2024-01-22 | 2024-02-15 | 2026-08-14 |  500000 | EUR
G-004 | INGO-002 | NG-YO | 2024-03-04 | 2024-04-01 | 2026-03-31 |  380000 | GBP
G-005 | INGO-003 | KE-10 | 2024-04-15 | 2024-05-01 | 2026-04-30 |  350000 | EUR
G-006 | INGO-003 | LK-41 | 2024-05-13 | 2024-06-01 | 2026-05-31 |  260000 | USD
G-007 | UN-001   | NG-AD | 2024-02-19 | 2024-03-15 | 2026-09-14 |  600000 | USD
G-008 | UN-001   | KE-46 | 2024-06-10 | 2024-07-01 | 2026-06-30 |  300000 | USD
G-009 | FND-001  | KE-30 | 2024-03-18 | 2024-04-15 | 2026-10-14 |  240000 | EUR
G-010 | CSO-001  | NG-BO | 2024-01-15 | 2024-02-01 | 2027-01-31 |  320000 | EUR
G-011 | CSO-002  | NG-YO | 2024-01-29 | 2024-02-15 | 2026-02-14 |  280000 | EUR
G-012 | CSO-003  | NG-AD | 2024-02-12 | 2024-03-01 | 2026-02-28 |  210000 | USD
G-013 | CSO-004  | NG-BO | 2024-03-11 | 2024-04-01 | 2027-03-31 |  450000 | EUR
G-014 | CSO-001  | NG-BO | 2024-05-20 | 2024-06-01 | 2026-05-31 |   95000 | EUR
G-015 | CSO-006  | KE-28 | 2024-02-26 | 2024-03-15 | 2026-03-14 |  300000 | EUR
G-016 | CSO-007  | KE-10 | 2024-03-25 | 2024-04-15 | 2026-10-14 |  260000 | GBP
G-017 | CSO-008  | KE-30 | 2024-04-22 | 2024-05-15 | 2026-05-14 |  190000 | EUR
G-018 | CSO-009  | KE-46 | 2024-06-03 | 2024-06-15 | 2026-06-14 |  120000 | EUR
G-019 | CSO-011  | LK-51 | 2024-01-18 | 2024-02-01 | 2027-01-31 |  280000 | EUR
G-020 | CSO-012  | LK-41 | 2024-03-07 | 2024-04-01 | 2026-03-31 |  210000 | EUR
G-021 | CSO-013  | LK-52 | 2024-05-06 | 2024-06-01 | 2026-05-31 |  180000 | USD
G-022 | CSO-014  | LK-51 | 2024-07-08 | 2024-08-01 | 2026-07-31 |   90000 | EUR
G-023 | REG-001  | KE-30 | 2024-04-08 | 2024-05-01 | 2026-04-30 |  150000 | EUR
G-024 | UNI-001  | LK-11 | 2024-02-08 | 2024-03-01 | 2026-02-28 |  110000 | EUR
G-025 | POL-001  | NG-FC | 2024-03-20 | 2024-04-15 | 2026-04-14 |  400000 | EUR
G-026 | POL-002  | KE-28 | 2024-05-27 | 2024-06-15 | 2026-06-14 |  180000 | EUR
G-027 | CSO-005  | NG-AD | 2024-06-17 | 2024-07-01 | 2026-06-30 |  130000 | EUR
G-028 | CSO-010  | KE-10 | 2024-07-15 | 2024-08-01 | 2026-07-31 |  140000 | EUR
G-029 | CSO-002  | NG-YO | 2024-04-02 | 2024-05-01 | 2026-04-30 |   75000 | EUR
G-030 | CSO-012  | LK-41 | 2024-08-12 | 2024-09-01 | 2024-12-31 |   40000 | EUR
"""

# id | status | aid | earmarking | purpose | strand | gender | overheads % | all sub-grants? | title
TERMS = """
G-001 | 2 | C01 | 3 | 15220 | resilience   | 1 |  7 | yes            | Trust across Lake towns
G-002 | 2 | C01 | 3 | 15150 | resilience   | 1 |  7 | yes            | Coastal youth councils
G-003 | 2 | C01 | 3 | 15170 | resilience   | 2 |  7 | yes            | Women mediators' network
G-004 | 2 | C01 | 3 | 15240 | individual   | 1 |  7 | yes            | Reintegration with families
G-005 | 2 | C01 | 3 | 15153 | resilience   | 0 |  8 | yes            | Local radio and rumours
G-006 | 2 | C01 | 3 | 15160 | resilience   | 1 |  8 | yes            | Rights clinics
G-007 | 2 | B03 | 2 | 15130 | security     | 1 |  7 | yes            | Community policing pilot
G-008 | 2 | B03 | 2 | 15220 | resilience   | 1 |  7 | yes            | Border market committees
G-009 | 2 | B04 | 2 | 15150 | resilience   | 1 |  7 | yes            | Small grants window
G-010 | 2 | C01 | 3 | 15170 | resilience   | 2 | 10 | not_applicable | Mothers' schools
G-011 | 2 | C01 | 3 | 15150 | resilience   | 1 | 10 | not_applicable | Youth mentors
G-012 | 2 | C01 | 3 | 15220 | resilience   | 1 | 10 | not_applicable | Schools without fear
G-013 | 2 | B01 | 1 | 15170 | resilience   | 2 | 10 | not_applicable | Core support, women of Yobe
G-014 | 2 | C01 | 3 | 15130 | individual   | 1 | 10 | not_applicable | Legal aid for returnees
G-015 | 2 | C01 | 3 | 15220 | resilience   | 2 | 10 | not_applicable | Market women's early warning
G-016 | 2 | C01 | 3 | 15220 | resilience   | 1 | 10 | not_applicable | Theatre for dialogue
G-017 | 2 | C01 | 3 | 15150 | resilience   | 0 | 10 | not_applicable | Students against hate
G-018 | 2 | C01 | 3 | 15160 | resilience   | 1 | 10 | not_applicable | Protection of mediators
G-019 | 2 | C01 | 3 | 15220 | resilience   | 1 | 10 | not_applicable | Interfaith councils
G-020 | 2 | C01 | 3 | 15220 | resilience   | 1 | 10 | not_applicable | Listening circles
G-021 | 2 | C01 | 3 | 15153 | resilience   | 0 | 10 | not_applicable | Young reporters
G-022 | 2 | C01 | 3 | 15180 | individual   | 2 | 10 | not_applicable | Family counselling
G-023 | 2 | C01 | 3 | 15150 | crosscutting | 1 |  8 | not_applicable | Peer network of the region
G-024 | 2 | C01 | 3 | 15220 | crosscutting | 1 |  8 | not_applicable | Study of what works
G-025 | 2 | C01 | 4 | 15132 | security     | 1 |  5 | not_applicable | Police training in rights
G-026 | 2 | C01 | 4 | 15132 | security     | 1 |  5 | not_applicable | Foot patrols with residents
G-027 | 2 | C01 | 3 | 15220 | resilience   | 1 | 10 | not_applicable | Farmers and herders talk
G-028 | 2 | C01 | 3 | 15170 | resilience   | 2 | 10 | not_applicable | Girls' football league
G-029 | 5 | C01 | 3 | 15153 | resilience   | 0 | 10 | not_applicable | Mobile cinema
G-030 | 2 | C01 | 3 | 15220 | resilience   | 1 | 10 | not_applicable | Dialogue in flooded villages
"""

COMMENTS = {
    "G-001": "Lead partner of the region",
    "G-007": "Steering group meets in May",
    "G-013": "First core grant in this country",
    "G-029": "Cancelled before the first payment",
    "G-030": "See the accepted exception",
}

# id | grant | received by | start | end | amount | currency | value date | kind
SUBGRANTS = """
SG-001 | G-001 | CSO-002 | 2024-03-01 | 2026-12-31 | 400000 | EUR | 2024-02-20 | implementation
SG-002 | G-001 | CSO-005 | 2024-03-01 | 2026-12-31 | 320000 | EUR | 2024-02-20 | implementation
SG-003 | G-002 | CSO-007 | 2024-04-01 | 2026-02-28 | 130000 | USD | 2024-03-18 | implementation
SG-004 | G-003 | CSO-011 | 2024-03-15 | 2026-08-14 | 100000 | EUR | 2024-03-04 | implementation
SG-005 | G-003 | CSO-013 | 2024-03-15 | 2026-08-14 |  60000 | EUR | 2024-03-04 | monitoring
SG-006 | G-004 | CSO-003 | 2024-05-01 | 2026-03-31 | 120000 | GBP | 2024-04-15 | implementation
SG-007 | G-005 | CSO-008 | 2024-06-01 | 2026-04-30 |  70000 | EUR | 2024-05-15 | implementation
SG-008 | G-005 | CSO-009 | 2024-06-01 | 2026-04-30 |  45000 | EUR | 2024-05-15 | strengthening
SG-009 | G-006 | CSO-012 | 2024-07-01 | 2026-05-31 |  90000 | USD | 2024-06-17 | implementation
SG-010 | G-007 | CSO-004 | 2024-04-15 | 2026-09-14 | 120000 | USD | 2024-04-08 | implementation
SG-011 | G-007 | CSO-001 | 2024-04-15 | 2026-09-14 |  80000 | USD | 2024-04-08 | monitoring
SG-012 | G-008 | CSO-010 | 2024-08-01 | 2026-06-30 | 100000 | USD | 2024-07-15 | implementation
SG-013 | G-009 | CSO-006 | 2024-05-15 | 2026-10-14 |  50000 | EUR | 2024-05-06 | implementation
SG-014 | G-009 | CSO-010 | 2024-05-15 | 2026-10-14 |  40000 | EUR | 2024-05-06 | strengthening
SG-015 | G-003 | CSO-014 | 2024-04-01 | 2026-08-14 |  20000 | EUR | 2024-03-18 | implementation
"""

# id | belongs to | of | category | description | amount | currency | for which organisation
BUDGET_LINES = """
L-001 | grant    | G-001  | SUBGRANT     | Grants to local partners        |  720000 | EUR |
L-002 | grant    | G-001  | RESIL        | Dialogue in twelve towns        | 1123000 | EUR |
L-003 | grant    | G-001  | STAFF        | Field team                      |  400000 | EUR |
L-004 | grant    | G-001  | OVERHEAD     | Overheads, 7%                   |  157000 | EUR |
L-005 | grant    | G-003  | SUBGRANT     | Grants to local partners        |  180000 | EUR |
L-006 | grant    | G-003  | PEERNET      | Meetings of the network         |  207000 | EUR |
L-007 | grant    | G-003  | MEL          | Monitoring and learning         |   80000 | EUR |
L-008 | grant    | G-003  | OVERHEAD     | Overheads, 7%                   |   33000 | EUR |
L-009 | grant    | G-010  | RESIL        | Courses for mothers             |  226000 | EUR |
L-010 | grant    | G-010  | CSO_SECURITY | Safe transport and insurance    |   25000 | EUR | CSO-001
L-011 | grant    | G-010  | STAFF        | Trainers                        |   40000 | EUR |
L-012 | grant    | G-010  | OVERHEAD     | Overheads, 10%                  |   29000 | EUR |
L-013 | grant    | G-013  | CAPSTR       | Running of the organisation     |  329000 | EUR |
L-014 | grant    | G-013  | CSO_SECURITY | Office security, digital safety |   40000 | EUR | CSO-004
L-015 | grant    | G-013  | FEEDBACK     | Community feedback line         |   40000 | EUR |
L-016 | grant    | G-013  | OVERHEAD     | Overheads, 10%                  |   41000 | EUR |
L-017 | grant    | G-016  | RESIL        | Plays and public debates        |  180000 | GBP |
L-018 | grant    | G-016  | DOC          | Film of the project             |   26000 | GBP |
L-019 | grant    | G-016  | STAFF        | Troupe                          |   30000 | GBP |
L-020 | grant    | G-016  | OVERHEAD     | Overheads, 10%                  |   24000 | GBP |
L-021 | grant    | G-025  | POL_TRAIN    | Courses on rights               |  250000 | EUR |
L-022 | grant    | G-025  | POL_COND     | Water, rest rooms in stations   |   80000 | EUR |
L-023 | grant    | G-025  | PARTNERSHIP  | Meetings with residents         |   51000 | EUR |
L-024 | grant    | G-025  | OVERHEAD     | Overheads, 5%                   |   19000 | EUR |
L-025 | subgrant | SG-001 | RESIL        | Youth mentors in four towns     |  400000 | EUR |
"""

# id | grant | type | date | value | currency
TRANSACTIONS = """
T-001 | G-001 | 3 | 2024-02-05 | 720000 | EUR
T-002 | G-002 | 3 | 2024-03-06 | 126000 | USD
T-003 | G-003 | 3 | 2024-02-21 | 150000 | EUR
T-004 | G-004 | 3 | 2024-04-08 | 114000 | GBP
T-005 | G-005 | 3 | 2024-05-09 | 105000 | EUR
T-006 | G-006 | 3 | 2024-06-10 |  78000 | USD
T-007 | G-007 | 3 | 2024-03-19 | 180000 | USD
T-008 | G-008 | 3 | 2024-07-06 |  90000 | USD
T-009 | G-009 | 3 | 2024-04-21 |  72000 | EUR
T-010 | G-010 | 3 | 2024-02-08 |  96000 | EUR
T-011 | G-011 | 3 | 2024-02-23 |  84000 | EUR
T-012 | G-012 | 3 | 2024-03-10 |  63000 | USD
T-013 | G-013 | 3 | 2024-04-05 | 135000 | EUR
T-014 | G-014 | 3 | 2024-06-06 |  28500 | EUR
T-015 | G-015 | 3 | 2024-03-21 |  90000 | EUR
T-016 | G-016 | 3 | 2024-04-22 |  78000 | GBP
T-017 | G-017 | 3 | 2024-05-23 |  57000 | EUR
T-018 | G-018 | 3 | 2024-06-24 |  36000 | EUR
T-019 | G-019 | 3 | 2024-02-05 |  84000 | EUR
T-020 | G-020 | 3 | 2024-04-06 |  63000 | EUR
T-021 | G-021 | 3 | 2024-06-07 |  54000 | USD
T-022 | G-022 | 3 | 2024-08-08 |  27000 | EUR
T-023 | G-023 | 3 | 2024-05-09 |  45000 | EUR
T-024 | G-024 | 3 | 2024-03-10 |  33000 | EUR
T-025 | G-025 | 3 | 2024-04-19 | 120000 | EUR
T-026 | G-026 | 3 | 2024-06-20 |  54000 | EUR
T-027 | G-027 | 3 | 2024-07-07 |  39000 | EUR
T-028 | G-028 | 3 | 2024-08-08 |  42000 | EUR
T-029 | G-030 | 3 | 2024-09-10 |  32000 | EUR
T-030 | G-001 | 3 | 2024-08-03 | 480000 | EUR
T-031 | G-003 | 3 | 2024-08-18 | 100000 | EUR
T-032 | G-004 | 3 | 2024-10-04 |  76000 | GBP
T-033 | G-010 | 3 | 2024-08-06 |  64000 | EUR
T-034 | G-011 | 3 | 2024-08-21 |  56000 | EUR
T-035 | G-019 | 3 | 2024-08-08 |  56000 | EUR
T-036 | G-013 | 3 | 2024-10-08 |  90000 | EUR
T-037 | G-002 | 3 | 2024-08-30 |  84000 | USD
T-038 | G-025 | 2 | 2024-03-20 | 400000 | EUR
T-039 | G-026 | 2 | 2024-05-27 | 180000 | EUR
T-040 | G-020 | 3 | 2024-11-18 |  -3500 | EUR
"""

# First of the month; 1 USD and 1 GBP in EUR.
RATES = """
2023-12-01 | 0.917 | 1.158
2024-01-01 | 0.905 | 1.151
2024-02-01 | 0.924 | 1.171
2024-03-01 | 0.922 | 1.168
2024-04-01 | 0.926 | 1.169
2024-05-01 | 0.934 | 1.170
2024-06-01 | 0.922 | 1.174
2024-07-01 | 0.934 | 1.180
2024-08-01 | 0.924 | 1.187
2024-09-01 | 0.903 | 1.188
2024-10-01 | 0.896 | 1.201
2024-11-01 | 0.919 | 1.187
2024-12-01 | 0.947 | 1.204
"""

# The fields of those tables that leave out what the script fills in.
AGREEMENT = (
    "grant_id recipient_org_id area_code signature_date planned_start_date planned_end_date"
    " amount currency"
)
TERM = (
    "grant_id activity_status aid_type earmarking_category purpose_code pve_strand gender_marker"
    " indirect_cost_pct subgrants_reported title"
)
SUBGRANT = (
    "subgrant_id parent_grant_id receiver_org_id planned_start_date planned_end_date amount"
    " currency value_date purpose"
)
LINE = "line_id parent_type parent_id category description amount currency beneficiary_org_id"
NUMBERS = {"amount", "value", "rate", "indirect_cost_pct"}


def rows_of(sheet: str, text: str, fields: str = "") -> list[Row]:
    """The lines of a table above as rows of a sheet; blanks as None, dates and numbers as such."""
    names = fields.split() or list(HEADINGS[sheet])
    found = []
    for line in text.strip().splitlines():
        cells = [cell.strip() or None for cell in line.split("|")]
        cells += [None] * (len(names) - len(cells))
        row = dict.fromkeys(HEADINGS[sheet]) | dict(zip(names, cells, strict=True))
        for name, cell in row.items():
            if cell and name.endswith("_date"):
                row[name] = day(cell)
            elif cell and name in NUMBERS:
                row[name] = float(cell) if "." in cell else int(cell)
        found.append(row)
    return found


def grants_of(agreements: str, terms: str) -> list[Row]:
    """Grants from their two tables: who, where, when, how much; and on what terms."""
    found = rows_of("Grants", agreements, AGREEMENT)
    for grant, more in zip(found, rows_of("Grants", terms, TERM), strict=True):
        grant |= {name: more[name] for name in TERM.split()}
        grant["provider_org_id"] = "DONOR-001"
        grant["recipient_country"] = grant["area_code"][:2]
        grant["value_date"] = grant["signature_date"]
        grant["comment"] = COMMENTS.get(grant["grant_id"])
    return found


def portfolio() -> dict[str, list[Row]]:
    """The clean data: for each sheet its rows, fields by name."""
    grants = grants_of(GRANTS, TERMS)
    recipients = {grant["grant_id"]: grant["recipient_org_id"] for grant in grants}
    subgrants = rows_of("Sub-grants", SUBGRANTS, SUBGRANT)
    for subgrant in subgrants:
        subgrant["provider_org_id"] = recipients[subgrant["parent_grant_id"]]
    lines = rows_of("Budget lines", BUDGET_LINES, LINE)
    for line in lines:
        line["budget_type"] = "1"
    rates = []
    for month in RATES.strip().splitlines():
        on, dollar, pound = (cell.strip() for cell in month.split("|"))
        for code, rate in (("USD", dollar), ("GBP", pound)):
            values = (code, "EUR", day(on), float(rate), "Monthly rates of the treasury")
            rates.append(dict(zip(HEADINGS["Exchange rates"], values, strict=True)))
    return {
        "Thresholds": rows_of("Thresholds", THRESHOLDS),
        "Exceptions": rows_of("Exceptions", EXCEPTIONS),
        "Organisations": rows_of("Organisations", ORGANISATIONS),
        "Grants": grants,
        "Sub-grants": subgrants,
        "Budget lines": lines,
        "Transactions": rows_of("Transactions", TRANSACTIONS),
        "Exchange rates": rates,
    }


# --- The faults -----------------------------------------------------------------------------------


class Fault(NamedTuple):
    """One cell that is changed, and the check that should find it there."""

    check: str
    sheet: str
    record: str  # the first field of the row that is changed; "" for the heading
    field: str
    value: Any
    what: str


FAULTS = [
    # Dates
    Fault("DAT-01", "Grants", "G-011", "planned_start_date", "03/04/2024", "a date as text"),
    Fault("DAT-01", "Grants", "G-017", "planned_end_date", day("2023-05-14"), "end before start"),
    Fault("DAT-01", "Transactions", "T-031", "transaction_date", day("2204-08-12"), "year 2204"),
    # Rates
    Fault("DAT-02", "Grants", "G-006", "currency", "CHF", "no rate for Swiss francs"),
    # References and keys
    Fault("DAT-03", "Grants", "G-018", "recipient_org_id", "CSO-099", "no such organisation"),
    Fault("DAT-03", "Grants", "G-022", "grant_id", "G-021", "the ID of another grant"),
    Fault("DAT-03", "Transactions", "T-022", "grant_id", "G-22", "no such grant"),
    # Sums
    # Codes
    Fault("DAT-06", "Organisations", "CSO-013", "org_type", "NGO", "no code of the list"),
    Fault("DAT-06", "Transactions", "T-028", "transaction_type", "5", "no code of the list"),
    Fault("DAT-06", "Grants", "G-020", "activity_status", "Live", "no code of the list"),
    # People
    Fault(
        "DAT-08",
        "Grants",
        "G-023",
        "title",
        "Peer network (contact: a.person@example.org)",
        "an e-mail address",
    ),
    Fault(
        "DAT-08",
        "Organisations",
        "CSO-008",
        "org_name",
        "Partner Iroko, tel. +44 20 7946 0958",
        "a telephone number",
    ),
    # Cells and headings
    Fault("SCH-required", "Grants", "G-012", "signature_date", None, "a required cell is blank"),
    Fault(
        "SCH-required", "Organisations", "FND-001", "hq_country", None, "a required cell is blank"
    ),
    Fault("SCH-type", "Grants", "G-010", "amount", "320000", "a number stored as text"),
    Fault("SCH-type", "Sub-grants", "SG-005", "amount", "60 000,00", "separators in a number"),
    Fault(
        "SCH-type",
        "Budget lines",
        "L-010",
        "amount",
        Formula("=25000/0", "#DIV/0!"),
        "a formula that fails",
    ),
    Fault(
        "SCH-type",
        "Budget lines",
        "L-011",
        "amount",
        Formula("=4*10000", ""),
        "a formula that was never calculated",
    ),
    Fault("SCH-minimum", "Grants", "G-027", "amount", -130000, "a negative amount"),
    Fault("SCH-pattern", "Grants", "G-014", "purpose_code", "1515", "four digits of five"),
    Fault("SCH-percent", "Grants", "G-013", "indirect_cost_pct", 0.07, "0.07 instead of 7"),
    Fault("SCH-heading", "Grants", "", "gender_marker", "Gender equalty marker", "a near miss"),
    # Durations
    Fault("DUR-01", "Grants", "G-015", "planned_end_date", day("2024-09-14"), "exactly six months"),
    Fault("DUR-02", "Sub-grants", "SG-003", "planned_end_date", day("2024-08-31"), "five months"),
    # Who is local
    Fault("LOC-05", "Organisations", "CSO-003", "hq_country", "GB", "national NGO, abroad"),
    Fault("LOC-05", "Organisations", "CSO-004", "intl_affiliated", "yes", "type 24, affiliated"),
    Fault("LOC-05", "Organisations", "CSO-006", "intl_affiliated", None, "affiliation unknown"),
    Fault("LOC-05", "Organisations", "CSO-009", "intl_affiliated", None, "affiliation unknown"),
    Fault("LOC-05", "Organisations", "CSO-011", "state_controlled", None, "control unknown"),
]

# Changes whose effect is found elsewhere; PLANTED says where.
CHANGES = [
    Fault("", "Grants", "G-016", "value_date", day("2023-06-01"), "before every rate: DAT-02"),
    Fault("", "Sub-grants", "SG-012", "amount", 320000, "more than its grant of 300,000: DAT-04"),
    Fault("", "Transactions", "T-035", "value", 840000, "paid more than was promised: DAT-04"),
    Fault("", "Budget lines", "L-013", "amount", 229000, "100,000 short of the grant: DAT-04"),
    Fault("", "Grants", "G-001", "amount", 24000000, "one zero too many: LOC-01, LOC-02, LOC-03"),
    Fault("", "Grants", "G-001", "planned_end_date", day("2025-07-31"), "18 months: DUR-04"),
    Fault("", "Grants", "G-004", "planned_end_date", day("2025-03-31"), "12 months: DUR-06"),
    Fault("", "Transactions", "T-004", "transaction_date", day("2024-10-15"), "late: DUR-06"),
    Fault("", "Sub-grants", "SG-007", "purpose", "services", "a purchase: LOC-03"),
    Fault("", "Grants", "G-002", "subgrants_reported", None, "not told: LOC-03, DAT-07"),
    Fault("", "Grants", "G-003", "subgrants_reported", None, "not told: LOC-03, DAT-07"),
    Fault("", "Grants", "G-007", "subgrants_reported", None, "not told: LOC-03, DAT-07"),
    Fault("", "Sub-grants", "SG-006", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Sub-grants", "SG-008", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Sub-grants", "SG-010", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Sub-grants", "SG-013", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault(
        "", "Exceptions", "DUR-01", "expires_date", day("2024-10-31"), "expired: DUR-01 of G-030"
    ),
    Fault(
        "", "Exceptions", "DUR-04", "expires_date", day("2024-10-31"), "expired: DUR-04 of G-030"
    ),
]

# Rows that only the faulty workbook has: a partner kept going by three short grants. Besides them
# it has one exchange rate twice.
CHAIN = """
G-031 | CSO-014 | LK-51 | 2023-01-20 | 2023-02-01 | 2023-07-31 | 30000 | EUR
G-032 | CSO-014 | LK-51 | 2023-08-03 | 2023-08-15 | 2024-01-14 | 30000 | EUR
G-033 | CSO-014 | LK-51 | 2024-01-15 | 2024-01-20 | 2024-04-30 | 30000 | EUR
"""
CHAIN_TERMS = """
G-031 | 4 | C01 | 3 | 15150 | resilience | 1 | 10 | not_applicable | Night schools, part one
G-032 | 4 | C01 | 3 | 15150 | resilience | 1 | 10 | not_applicable | Night schools, part two
G-033 | 2 | C01 | 3 | 15150 | resilience | 1 | 10 | not_applicable | Night schools, part three
"""


def faulty() -> dict[str, list[Row]]:
    """The portfolio with every fault in it."""
    data = portfolio()
    rows = {(sheet, record_of(row)): row for sheet, found in data.items() for row in found}
    for fault in (*FAULTS, *CHANGES):
        if fault.record:
            rows[fault.sheet, fault.record][fault.field] = fault.value
    chain = grants_of(CHAIN, CHAIN_TERMS)
    for grant, before in zip(chain, (None, "G-031", "G-032"), strict=True):
        grant["renewal_of_grant_id"] = before
    data["Grants"] += chain
    data["Exchange rates"].append(dict(data["Exchange rates"][-1]))
    return data


def record_of(row: Row) -> str:
    """What a row is called by: its first field."""
    return str(next(iter(row.values())))


# --- The workbook ---------------------------------------------------------------------------------

TITLE = {"Grants": 4}  # rows above the heading
MARGIN = {"Sub-grants": 1}  # columns left empty before the first
WIDTHS = {
    "title": 34,
    "org_name": 30,
    "description": 34,
    "reason": 40,
    "comment": 34,
    "parameter": 30,
}


def cell_of(sheet: str, record: str, field: str) -> str:
    """The address of a cell of the clean portfolio; the faulty one has it in the same place."""
    column = list(HEADINGS[sheet]).index(field) + MARGIN.get(sheet, 0)
    row = TITLE.get(sheet, 0)
    if record:
        row += 1 + [record_of(r) for r in portfolio()[sheet]].index(record)
    return xl_rowcol_to_cell(row, column)


@dataclass
class Formats:
    """The looks of cells that the workbook uses."""

    book: xlsxwriter.Workbook

    def __post_init__(self) -> None:
        add = self.book.add_format
        self.title = add({"bold": True, "font_size": 14})
        self.heading = add({"bold": True, "bg_color": "#DCE6F1", "border": 1, "text_wrap": True})
        self.day = add({"num_format": "yyyy-mm-dd"})
        self.euro = add({"num_format": '#,##0 "€"'})
        self.money = add({"num_format": "#,##0"})
        self.rate = add({"num_format": "0.000"})
        self.total = add({"bold": True, "top": 1, "num_format": "#,##0"})
        self.large = add({"bg_color": "#FFF2CC"})
        self.plain = add({})

    def of(self, field: str, row: Row) -> Any:
        if field.endswith("_date"):
            return self.day
        if field == "rate":
            return self.rate
        if field in ("amount", "value"):
            return self.euro if row.get("currency") == "EUR" else self.money
        return self.plain


def write(path: Path, data: dict[str, list[Row]], headings: dict[str, dict[str, str]]) -> None:
    """One workbook as an officer would send it."""
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"title": "Grant register 2024", "company": "", "created": MADE})
        looks = Formats(book)
        overview = book.add_worksheet("Overview")
        write_settings(book.add_worksheet("Settings"), looks)
        for sheet, rows in data.items():
            write_table(book.add_worksheet(sheet), sheet, rows, headings[sheet], looks)
        dress_grants(book, looks, data["Grants"])
        write_overview(book, overview, looks, len(data["Grants"]))
        write_extras(book, looks)


def write_settings(sheet: Worksheet, looks: Formats) -> None:
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 18)
    sheet.write_row(0, 0, ["Key", "Value"], looks.heading)
    for number, (name, value) in enumerate(SETTINGS, 1):
        sheet.write_string(number, 0, name)
        put(sheet, number, 1, value, looks.day if isinstance(value, date) else looks.plain)


def write_table(
    sheet: Worksheet, name: str, rows: list[Row], headings: dict[str, str], looks: Formats
) -> None:
    top, left = TITLE.get(name, 0), MARGIN.get(name, 0)
    for column, (field, heading) in enumerate(headings.items(), left):
        sheet.set_column(column, column, WIDTHS.get(field, 14))
        sheet.write_string(top, column, heading, looks.heading)
    for number, row in enumerate(rows, top + 1):
        for column, field in enumerate(headings, left):
            put(sheet, number, column, row[field], looks.of(field, row))
    sheet.freeze_panes(top + 1, left + 1)


def put(sheet: Worksheet, row: int, column: int, value: Any, look: Any) -> None:
    """One value in its cell; text stays text even where it looks like a number."""
    if isinstance(value, Formula):
        sheet.write_formula(row, column, value.text, look, value.value)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, look)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), look)
    elif value is not None:
        sheet.write_number(row, column, value, look)


def dress_grants(book: xlsxwriter.Workbook, looks: Formats, rows: list[Row]) -> None:
    """The title block, the totals row and what an officer adds to the register over the years."""
    sheet = book.get_worksheet_by_name("Grants")
    fields = list(HEADINGS["Grants"])
    first, last = TITLE["Grants"] + 1, TITLE["Grants"] + len(rows)
    amount = fields.index("amount")
    sheet.merge_range(0, 0, 0, 5, "Ministry for Peace and Partnerships", looks.title)
    sheet.write_string(1, 0, "Grant register 2024")
    sheet.write_string(2, 0, "Exported on 2025-01-15")
    total = sum(row["amount"] for row in rows if isinstance(row["amount"], int))
    cells = f"{xl_rowcol_to_cell(first, amount)}:{xl_rowcol_to_cell(last, amount)}"
    sheet.write_string(last + 1, 0, "Total", looks.total)
    sheet.write_formula(last + 1, amount, f"=SUM({cells})", looks.total, total)
    sheet.autofilter(TITLE["Grants"], 0, last, len(fields) - 1)
    sheet.write_comment(TITLE["Grants"], amount, "As in the signed agreement", {"author": "Grants"})
    sheet.conditional_format(
        first,
        amount,
        last,
        amount,
        {"type": "cell", "criteria": ">", "value": 500000, "format": looks.large},
    )
    currency = fields.index("currency")
    sheet.data_validation(
        first, currency, last, currency, {"validate": "list", "source": ["EUR", "USD", "GBP"]}
    )
    start, end = (xl_rowcol_to_cell(r, amount, row_abs=True, col_abs=True) for r in (first, last))
    book.define_name("GrantAmounts", f"=Grants!{start}:{end}")


def write_overview(book: xlsxwriter.Workbook, sheet: Worksheet, looks: Formats, count: int) -> None:
    """A front sheet with a figure and a chart of the amounts."""
    sheet.set_column(0, 0, 28)
    sheet.write_string(0, 0, "Grant register 2024 at a glance", looks.title)
    sheet.write_string(2, 0, "Agreements in the register")
    top, last = TITLE["Grants"] + 1, TITLE["Grants"] + count
    sheet.write_formula(2, 1, f"=COUNTA(Grants!A{top + 1}:A{last + 1})", None, count)
    chart = book.add_chart({"type": "column"})
    amount = list(HEADINGS["Grants"]).index("amount")
    chart.add_series(
        {
            "name": "Amount awarded",
            "categories": ["Grants", top, 0, last, 0],
            "values": ["Grants", top, amount, last, amount],
        }
    )
    chart.set_title({"name": "Amounts awarded, each in its currency"})
    sheet.insert_chart("A5", chart)


def write_extras(book: xlsxwriter.Workbook, looks: Formats) -> None:
    """Sheets that no check reads: a list of desks, and hidden notes."""
    contacts = book.add_worksheet("Contacts list")
    contacts.write_row(0, 0, ["Desk", "Room", "Covers"], looks.heading)
    for number, row in enumerate([("West Africa", "2.14", "NG"), ("East Africa", "2.15", "KE")], 1):
        contacts.write_row(number, 0, row)
    notes = book.add_worksheet("Notes")
    notes.write_string(0, 0, "Rates are entered on the first working day of the month.")
    notes.hide()


# --- What should be found -------------------------------------------------------------------------

# (check, sheet, cell or record, what): the cell that was changed, or the record it shows in.
PLANTED: list[tuple[str, str, str, str]] = [
    *((f.check, f.sheet, cell_of(f.sheet, f.record, f.field), f.what) for f in FAULTS),
    ("DAT-03", "Exchange rates", "GBP", "the rate of December stands there twice"),
    (
        "DAT-02",
        "Grants",
        cell_of("Grants", "G-016", "currency"),
        "its value date is before every rate",
    ),
    ("DAT-04", "Grants", cell_of("Grants", "G-001", "amount"), "lines of 2.4 of 24 million"),
    ("DAT-04", "Grants", cell_of("Grants", "G-008", "amount"), "320,000 passed on of 300,000"),
    ("DAT-04", "Grants", cell_of("Grants", "G-013", "amount"), "lines 100,000 short of the grant"),
    ("DAT-04", "Grants", cell_of("Grants", "G-019", "amount"), "924,000 paid of 280,000"),
    ("DAT-07", "Sub-grants", "DUR-02", "end dates blank in four sub-grants of fifteen"),
    ("DAT-07", "Grants", "LOC-03", "three intermediaries' grants without word of sub-grants"),
    ("SCH-required", "Sub-grants", cell_of("Sub-grants", "SG-006", "planned_end_date"), "blank"),
    ("LOC-01", "Grants", "portfolio", "one international NGO holds most of the money"),
    ("LOC-02", "Grants", "portfolio", "far less than the donor's 25% goes directly"),
    ("LOC-03", "Grants", "INGO-001", "720,000 of 24 million passed on"),
    ("LOC-03", "Grants", "INGO-003", "the larger of two sub-grants is a purchase"),
    ("DUR-01", "Grants", "G-030", "four months; the exception has expired"),
    ("DUR-01", "Grants", "G-031", "five months"),
    ("DUR-01", "Grants", "G-032", "five months"),
    ("DUR-01", "Grants", "G-033", "exactly six months"),
    ("DUR-04", "Grants", "portfolio", "most of the money runs for 18 months"),
    ("DUR-05", "Grants", "G-033", "three short grants in a row to CSO-014"),
    ("DUR-06", "Grants", "G-004", "first paid 186 days after the start of twelve months"),
]


def main() -> None:
    misspelt = copy.deepcopy(HEADINGS)
    for fault in FAULTS:
        if not fault.record:
            misspelt[fault.sheet][fault.field] = fault.value
    write(HERE / "donor_clean.xlsx", portfolio(), HEADINGS)
    write(HERE / "donor_faulty.xlsx", faulty(), misspelt)


if __name__ == "__main__":
    main()
