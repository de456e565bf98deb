"""Writes the sample donor workbooks, `donor_clean.xlsx` and `donor_faulty.xlsx`, beside itself.

Both hold one invented portfolio, as a grants officer would send it: a title block over the grants,
a column left empty, a totals row, a chart, a hidden sheet. The clean one gives no finding but those
that the donor accepted. The faulty one is the same portfolio after the edits of FAULTS and
CHANGES, with the rows of CHAIN; PLANTED lists what should then be found. The same bytes come out
on every run. `make_programme.py` does the same for a programme.

    python samples/make_samples.py
"""

from __future__ import annotations

from pathlib import Path

import office
import xlsxwriter
from office import (
    HERE,
    LINE,
    SUBGRANT,
    Data,
    Fault,
    Formats,
    Formula,
    Headings,
    Row,
    day,
)
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

# --- The portfolio --------------------------------------------------------------------------------

SETTINGS = office.settings("donor", "DONOR-001", "NG, KE, LK")

# field: heading. Officers keep their own headings; some of these are 360Giving's.
HEADINGS: Headings = {
    **office.HEADINGS,
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
        "outcome_indicators": "Outcome indicators",
        "outcome_indicators_with_baseline": "… of which have a baseline",
    },
}
LAYOUT = office.Layout(
    HEADINGS,
    title={
        "Grants": [
            "Ministry for Peace and Partnerships",
            "Grant register 2024",
            "Exported on 2025-01-15",
        ]
    },
    margin={"Sub-grants": 1},
)

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

# By the kind of recipient: how many outcome indicators, and how many of them have a baseline.
INDICATORS = {"INGO": (6, 5), "UN": (8, 6), "CSO": (3, 2)}

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
L-001 | grant    | G-001  | SUBGRANT     | Grants to local partners       |  720000 | EUR |
L-002 | grant    | G-001  | RESIL        | Dialogue in twelve towns       | 1123000 | EUR |
L-003 | grant    | G-001  | STAFF        | Field team                     |  370000 | EUR |
L-004 | grant    | G-001  | OVERHEAD     | Overheads, 7%                  |  157000 | EUR |
L-005 | grant    | G-003  | SUBGRANT     | Grants to local partners       |  180000 | EUR |
L-006 | grant    | G-003  | PEERNET      | Meetings of the network        |  185000 | EUR |
L-007 | grant    | G-003  | MEL          | Monitoring and learning        |   80000 | EUR |
L-008 | grant    | G-003  | OVERHEAD     | Overheads, 7%                  |   33000 | EUR |
L-009 | grant    | G-010  | RESIL        | Courses for mothers            |  226000 | EUR |
L-010 | grant    | G-010  | CSO_SECURITY | Safe transport and insurance   |   25000 | EUR | CSO-001
L-011 | grant    | G-010  | STAFF        | Trainers                       |   40000 | EUR |
L-012 | grant    | G-010  | OVERHEAD     | Overheads, 10%                 |   29000 | EUR |
L-013 | grant    | G-013  | CAPSTR       | Running of the organisation    |  329000 | EUR |
L-014 | grant    | G-013  | CSO_SECURITY | Office and digital safety      |   40000 | EUR | CSO-004
L-015 | grant    | G-013  | FEEDBACK     | Community feedback line        |   40000 | EUR |
L-016 | grant    | G-013  | OVERHEAD     | Overheads, 10%                 |   41000 | EUR |
L-017 | grant    | G-016  | RESIL        | Plays and public debates       |  180000 | GBP |
L-018 | grant    | G-016  | DOC          | Film of the project            |   26000 | GBP |
L-019 | grant    | G-016  | STAFF        | Troupe                         |   24000 | GBP |
L-020 | grant    | G-016  | OVERHEAD     | Overheads, 10%                 |   24000 | GBP |
L-021 | grant    | G-025  | POL_TRAIN    | Courses on rights              |  230000 | EUR |
L-022 | grant    | G-025  | POL_COND     | Water, rest rooms in stations  |   80000 | EUR |
L-023 | grant    | G-025  | PARTNERSHIP  | Meetings with residents        |   51000 | EUR |
L-024 | grant    | G-025  | OVERHEAD     | Overheads, 5%                  |   19000 | EUR |
L-025 | subgrant | SG-001 | RESIL        | Youth mentors in four towns    |  400000 | EUR |
L-026 | grant    | G-001  | CSO_SECURITY | Safety of the field team       |   12000 | EUR | INGO-001
L-027 | grant    | G-001  | CSO_SECURITY | Safe transport                 |    9000 | EUR | CSO-002
L-028 | grant    | G-001  | CSO_SECURITY | Safe transport                 |    9000 | EUR | CSO-005
L-029 | grant    | G-003  | CSO_SECURITY | Digital safety of the network  |    7000 | EUR | INGO-002
L-030 | grant    | G-003  | CSO_SECURITY | Insurance of mediators         |    5000 | EUR | CSO-011
L-031 | grant    | G-003  | CSO_SECURITY | Insurance of mediators         |    5000 | EUR | CSO-013
L-032 | grant    | G-003  | CSO_SECURITY | Insurance of mediators         |    5000 | EUR | CSO-014
L-033 | grant    | G-016  | CSO_SECURITY | Guards on tour, legal advice   |    6000 | GBP | CSO-007
L-034 | grant    | G-025  | CONV_SECPROF | Officers at regional meetings  |   20000 | EUR |
L-035 | grant    | G-026  | POL_TRAIN    | Foot patrols, mentoring        |  115000 | EUR |
L-036 | grant    | G-026  | PARTNERSHIP  | Residents' committees          |   30000 | EUR |
L-037 | grant    | G-026  | CONV_SECPROF | Station heads at exchanges     |   20000 | EUR |
L-038 | grant    | G-026  | OVERHEAD     | Overheads, 9%                  |   15000 | EUR |
L-039 | grant    | G-005  | SUBGRANT     | Grants to local partners       |  115000 | EUR |
L-040 | grant    | G-005  | RESIL        | Radio programmes               |  145000 | EUR |
L-041 | grant    | G-005  | CSO_SECURITY | Digital safety of the studio   |    8000 | EUR | INGO-003
L-042 | grant    | G-005  | CSO_SECURITY | Safe transport                 |    6000 | EUR | CSO-008
L-043 | grant    | G-005  | CSO_SECURITY | Safe transport                 |    6000 | EUR | CSO-009
L-044 | grant    | G-005  | STAFF        | Editors                        |   44000 | EUR |
L-045 | grant    | G-005  | OVERHEAD     | Overheads, 8%                  |   26000 | EUR |
L-046 | grant    | G-006  | SUBGRANT     | Grants to local partners       |   90000 | USD |
L-047 | grant    | G-006  | RESIL        | Clinics in four towns          |  100000 | USD |
L-048 | grant    | G-006  | CSO_SECURITY | Office security                |    7000 | USD | CSO-012
L-049 | grant    | G-006  | STAFF        | Lawyers                        |   44000 | USD |
L-050 | grant    | G-006  | OVERHEAD     | Overheads, 8%                  |   19000 | USD |
L-051 | grant    | G-012  | RESIL        | Courses for teachers           |  150000 | USD |
L-052 | grant    | G-012  | CSO_SECURITY | Office security, insurance     |   10000 | USD | CSO-003
L-053 | grant    | G-012  | STAFF        | Trainers                       |   31000 | USD |
L-054 | grant    | G-012  | OVERHEAD     | Overheads, 10%                 |   19000 | USD |
L-055 | grant    | G-015  | RESIL        | Early warning by traders       |  220000 | EUR |
L-056 | grant    | G-015  | CSO_SECURITY | Telephones, insurance          |   14000 | EUR | CSO-006
L-057 | grant    | G-015  | STAFF        | Coordinators                   |   39000 | EUR |
L-058 | grant    | G-015  | OVERHEAD     | Overheads, 10%                 |   27000 | EUR |
L-059 | grant    | G-023  | PEERNET      | Exchange visits                |  112000 | EUR |
L-060 | grant    | G-023  | CSO_SECURITY | Digital safety                 |    6000 | EUR | REG-001
L-061 | grant    | G-023  | STAFF        | Secretariat                    |   21000 | EUR |
L-062 | grant    | G-023  | OVERHEAD     | Overheads, 8%                  |   11000 | EUR |
L-063 | grant    | G-028  | RESIL        | Coaches and tournaments        |   98000 | EUR |
L-064 | grant    | G-028  | CSO_SECURITY | Safe journeys                  |    7000 | EUR | CSO-010
L-065 | grant    | G-028  | STAFF        | League office                  |   22000 | EUR |
L-066 | grant    | G-028  | OVERHEAD     | Overheads, 10%                 |   13000 | EUR |
"""

# id | grant | type | date | value | currency
TRANSACTIONS = """
T-001 | G-001 | 3 | 2024-02-05 | 720000 | EUR
T-002 | G-002 | 3 | 2024-03-06 | 126000 | USD
T-003 | G-003 | 3 | 2024-02-21 | 150000 | EUR
T-004 | G-004 | 3 | 2024-03-25 | 114000 | GBP
T-005 | G-005 | 3 | 2024-05-09 | 105000 | EUR
T-006 | G-006 | 3 | 2024-06-10 |  78000 | USD
T-007 | G-007 | 3 | 2024-03-19 | 180000 | USD
T-008 | G-008 | 3 | 2024-07-06 |  90000 | USD
T-009 | G-009 | 3 | 2024-04-12 |  72000 | EUR
T-010 | G-010 | 3 | 2024-02-08 |  96000 | EUR
T-011 | G-011 | 3 | 2024-02-23 |  84000 | EUR
T-012 | G-012 | 3 | 2024-03-10 |  63000 | USD
T-013 | G-013 | 3 | 2024-04-05 | 135000 | EUR
T-014 | G-014 | 3 | 2024-06-06 |  28500 | EUR
T-015 | G-015 | 3 | 2024-03-21 |  90000 | EUR
T-016 | G-016 | 3 | 2024-04-22 |  78000 | GBP
T-017 | G-017 | 3 | 2024-05-16 |  57000 | EUR
T-018 | G-018 | 3 | 2024-06-24 |  36000 | EUR
T-019 | G-019 | 3 | 2024-02-05 |  84000 | EUR
T-020 | G-020 | 3 | 2024-04-06 |  63000 | EUR
T-021 | G-021 | 3 | 2024-06-03 |  54000 | USD
T-022 | G-022 | 3 | 2024-08-02 |  27000 | EUR
T-023 | G-023 | 3 | 2024-05-03 |  45000 | EUR
T-024 | G-024 | 3 | 2024-03-05 |  33000 | EUR
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

# id | grant | partner | area | from | to | signed | meetings | rating | on | money | currency
PARTNERSHIPS = """
SP-001 | G-025 | CSO-005 | NG-FC | 2024-04-15 | | 2024-04-02 | 9 | 4 | 2024-11-12 | 51000 | EUR
SP-002 | G-026 | CSO-006 | KE-28 | 2024-06-15 | | 2024-06-10 | 6 | 4 | 2024-10-22 | 30000 | EUR
"""

# id | grant | type | due | done | finding | followed up
OVERSIGHT = """
OV-001 | G-025 | expenditure_report | 2024-10-31 | 2024-10-24 | clean |
OV-002 | G-025 | spot_check         | 2024-09-30 | 2024-09-12 | major | 2024-10-30
OV-003 | G-025 | hr_due_diligence   | 2024-03-31 | 2024-03-11 | minor | 2024-04-08
OV-004 | G-026 | expenditure_report | 2024-11-30 | 2024-11-27 | clean |
OV-005 | G-026 | audit              | 2024-12-20 | 2024-12-16 | minor |
OV-006 | G-026 | audit              | 2025-06-30 |            |       |
"""

# id | type | grant | what | home | host | gender | policing | completed | published | withheld
STUDIES = """
RO-001 | case_study       | G-004 | failure | | | | | 2024-09-20 | 2024-11-04 | no
RO-002 | case_study       | G-016 | success | | | | | 2024-10-15 |            | no
RO-003 | foreign_fighters | G-024 |         | yes | yes | yes | yes | 2024-12-02 | | yes
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


def rows_of(sheet: str, text: str, fields: str = "") -> list[Row]:
    return office.rows_of(HEADINGS, sheet, text, fields)


def grants_of(agreements: str, terms: str) -> list[Row]:
    """Grants from their two tables: who, where, when, how much; and on what terms."""
    found = rows_of("Grants", agreements, AGREEMENT)
    office.add_columns(found, rows_of("Grants", terms, TERM), TERM)
    for grant in found:
        grant["provider_org_id"] = "DONOR-001"
        grant["recipient_country"] = grant["area_code"][:2]
        grant["value_date"] = grant["signature_date"]
        kind = grant["recipient_org_id"].split("-")[0]
        some, based = INDICATORS.get(kind, (4, 3))
        grant |= {"outcome_indicators": some, "outcome_indicators_with_baseline": based}
        grant["comment"] = COMMENTS.get(grant["grant_id"])
    return found


def portfolio() -> Data:
    """The clean data: for each sheet its rows, fields by name."""
    grants = grants_of(GRANTS, TERMS)
    recipients = {grant["grant_id"]: grant["recipient_org_id"] for grant in grants}
    subgrants = rows_of("Sub-grants", SUBGRANTS, SUBGRANT)
    for subgrant in subgrants:
        subgrant["provider_org_id"] = recipients[subgrant["parent_grant_id"]]
    lines = rows_of("Budget lines", BUDGET_LINES, LINE)
    for line in lines:
        line["budget_type"] = "1"
    return {
        "Thresholds": rows_of("Thresholds", THRESHOLDS),
        "Exceptions": rows_of("Exceptions", EXCEPTIONS),
        "Organisations": rows_of("Organisations", ORGANISATIONS),
        "Grants": grants,
        "Sub-grants": subgrants,
        "Budget lines": lines,
        "Transactions": rows_of("Transactions", TRANSACTIONS),
        "Exchange rates": office.rates_of(HEADINGS, RATES),
        "Security partnerships": rows_of("Security partnerships", PARTNERSHIPS),
        "Oversight": rows_of("Oversight", OVERSIGHT),
        "Research outputs": rows_of("Research outputs", STUDIES),
    }


# --- The faults -----------------------------------------------------------------------------------

FAULTS = [
    # Dates
    Fault("DAT-01", "Grants", "G-011", "planned_start_date", "03/04/2024", "a date as text"),
    Fault("DAT-01", "Grants", "G-024", "planned_end_date", day("2023-02-28"), "end before start"),
    Fault("DAT-01", "Transactions", "T-031", "transaction_date", day("2204-08-12"), "year 2204"),
    # Rates
    Fault("DAT-02", "Grants", "G-024", "currency", "CHF", "no rate for Swiss francs"),
    # References and keys
    Fault("DAT-03", "Grants", "G-018", "recipient_org_id", "CSO-099", "no such organisation"),
    Fault("DAT-03", "Grants", "G-022", "grant_id", "G-021", "the ID of another grant"),
    Fault("DAT-03", "Transactions", "T-022", "grant_id", "G-22", "no such grant"),
    # Codes
    Fault("DAT-06", "Organisations", "UNI-001", "org_type", "NGO", "no code of the list"),
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
    Fault("SCH-minimum", "Grants", "G-029", "amount", -75000, "a negative amount"),
    Fault("SCH-pattern", "Grants", "G-014", "purpose_code", "1515", "four digits of five"),
    Fault("SCH-percent", "Grants", "G-013", "indirect_cost_pct", 0.07, "0.07 instead of 7"),
    Fault("SCH-heading", "Grants", "", "gender_marker", "Gender equalty marker", "a near miss"),
    # Durations
    Fault("DUR-01", "Grants", "G-015", "planned_end_date", day("2024-09-14"), "exactly six months"),
    Fault("DUR-02", "Sub-grants", "SG-003", "planned_end_date", day("2024-08-31"), "five months"),
    # What is measured
    Fault("FLX-04", "Grants", "G-019", "outcome_indicators_with_baseline", 0, "no baseline"),
    Fault("FLX-04", "Grants", "G-028", "outcome_indicators", 0, "no outcome indicator"),
    # Who is local
    Fault("LOC-05", "Organisations", "CSO-003", "hq_country", "GB", "national NGO, abroad"),
    Fault("LOC-05", "Organisations", "CSO-004", "intl_affiliated", "yes", "type 24, affiliated"),
    Fault("LOC-05", "Organisations", "CSO-009", "intl_affiliated", None, "affiliation unknown"),
    Fault("LOC-05", "Organisations", "CSO-007", "state_controlled", None, "control unknown"),
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
    Fault("", "Grants", "G-002", "subgrants_reported", None, "not told: LOC-03"),
    Fault("", "Sub-grants", "SG-006", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Sub-grants", "SG-008", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Sub-grants", "SG-010", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Sub-grants", "SG-013", "planned_end_date", None, "blank: DUR-02, DAT-07"),
    Fault("", "Security partnerships", "SP-002", "partner_org_id", "POL-001", "police: LNK-01"),
    Fault("", "Oversight", "OV-001", "done_date", None, "the report is overdue: LNK-04"),
    Fault("", "Research outputs", "RO-001", "outcome_documented", "success", "no failure: DOC-01"),
    Fault("", "Budget lines", "L-032", "category", "STAFF", "no line for protection: SAF-04"),
    Fault("", "Budget lines", "L-034", "category", "POL_TRAIN", "no line for meetings: CON-06"),
    Fault(
        "", "Exceptions", "DUR-01", "expires_date", day("2024-10-31"), "expired: DUR-01 of G-030"
    ),
    Fault(
        "", "Exceptions", "DUR-04", "expires_date", day("2024-10-31"), "expired: DUR-04 of G-030"
    ),
]

# Rows that only the faulty workbook has: a partner kept going by three short grants, a sub-grant
# out of a sub-grant, a payment entered twice. Besides them it has one exchange rate twice.
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
# id | grant | received by | start | end | amount | currency | value date | kind | from
SECOND_TIER = """
SG-016 | G-002 | INGO-003 | 2024-04-01 | 2026-02-28 | 60000 | USD | 2024-03-18 | monitoring |
SG-017 | G-002 | CSO-010  | 2024-05-01 | 2026-02-28 | 45000 | USD | 2024-04-22 | monitoring | SG-016
"""
# The payments of the chain, and T-036 once more.
MORE_PAYMENTS = """
T-041 | G-013 | 3 | 2024-10-08 | 90000 | EUR
T-042 | G-031 | 3 | 2023-02-03 | 30000 | EUR
T-043 | G-032 | 3 | 2023-08-21 | 30000 | EUR
T-044 | G-033 | 3 | 2024-01-26 | 30000 | EUR
"""


def faulty() -> Data:
    """The portfolio with every fault in it."""
    data = portfolio()
    office.plant(data, (*FAULTS, *CHANGES))
    chain = grants_of(CHAIN, CHAIN_TERMS)
    for grant, before in zip(chain, (None, "G-031", "G-032"), strict=True):
        grant["renewal_of_grant_id"] = before
    data["Grants"] += chain
    second = rows_of("Sub-grants", SECOND_TIER, SUBGRANT)
    second[0]["provider_org_id"], second[1]["provider_org_id"] = "INGO-001", "INGO-003"
    data["Sub-grants"] += second
    data["Transactions"] += rows_of("Transactions", MORE_PAYMENTS)
    data["Exchange rates"].append(dict(data["Exchange rates"][-1]))
    return data


# --- The workbook ---------------------------------------------------------------------------------


def write(path: Path, data: Data, headings: Headings) -> None:
    """One workbook as an officer would send it."""
    book, looks = office.workbook(path, "Grant register 2024")
    with book:
        overview = book.add_worksheet("Overview")
        office.write_settings(book.add_worksheet("Settings"), SETTINGS, looks)
        office.write_tables(book, looks, LAYOUT, data, headings)
        dress_grants(book, looks, data["Grants"])
        write_overview(book, overview, looks, len(data["Grants"]))
        write_extras(book, looks)


def dress_grants(book: xlsxwriter.Workbook, looks: Formats, rows: list[Row]) -> None:
    """The totals row, and what an officer adds to the register over the years."""
    sheet = book.get_worksheet_by_name("Grants")
    top, amount = LAYOUT.top("Grants"), LAYOUT.column("Grants", "amount")
    first, last = top + 1, top + len(rows)
    office.write_totals(sheet, looks, LAYOUT, "Grants", rows, "amount")
    sheet.autofilter(top, 0, last, len(HEADINGS["Grants"]) - 1)
    sheet.write_comment(top, amount, "As in the signed agreement", {"author": "Grants"})
    large = {"type": "cell", "criteria": ">", "value": 500000, "format": looks.large}
    sheet.conditional_format(first, amount, last, amount, large)
    office.offer(sheet, LAYOUT, "Grants", "currency", len(rows), "EUR", "USD", "GBP")
    start, end = (xl_rowcol_to_cell(r, amount, row_abs=True, col_abs=True) for r in (first, last))
    book.define_name("GrantAmounts", f"=Grants!{start}:{end}")


def write_overview(book: xlsxwriter.Workbook, sheet: Worksheet, looks: Formats, count: int) -> None:
    """A front sheet with a figure and a chart of the amounts."""
    sheet.set_column(0, 0, 28)
    sheet.write_string(0, 0, "Grant register 2024 at a glance", looks.title)
    sheet.write_string(2, 0, "Agreements in the register")
    first = LAYOUT.top("Grants") + 2
    sheet.write_formula(2, 1, f"=COUNTA(Grants!A{first}:A{first + count - 1})", None, count)
    title = "Amounts awarded, each in its currency"
    office.add_chart(book, sheet, LAYOUT, "Grants", "amount", count, "Amount awarded", title)


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


def cell_of(sheet: str, record: str, field: str) -> str:
    return LAYOUT.cell(portfolio(), sheet, record, field)


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
    ("SCH-required", "Sub-grants", cell_of("Sub-grants", "SG-006", "planned_end_date"), "blank"),
    ("DAT-05", "Transactions", "T-041", "the payment T-036 once more"),
    ("LOC-01", "Grants", "portfolio", "one international NGO holds most of the money"),
    ("LOC-02", "Grants", "portfolio", "far less than the donor's 25% goes directly"),
    ("LOC-03", "Grants", "INGO-001", "720,000 of 24 million passed on, and no word on one grant"),
    ("LOC-03", "Grants", "INGO-003", "the larger of two sub-grants is a purchase"),
    ("DUR-01", "Grants", "G-030", "four months; the exception has expired"),
    ("DUR-01", "Grants", "G-031", "five months"),
    ("DUR-01", "Grants", "G-032", "five months"),
    ("DUR-01", "Grants", "G-033", "exactly six months"),
    ("DUR-04", "Grants", "portfolio", "most of the money runs for 18 months"),
    ("DUR-05", "Grants", "G-033", "three short grants in a row to CSO-014"),
    ("DUR-06", "Grants", "G-004", "first paid 186 days after the start of twelve months"),
    ("FLX-05", "Grants", "G-004", "first paid seven months after signature"),
    ("LOC-04", "Sub-grants", "SG-017", "through two international NGOs"),
    ("LNK-01", "Grants", "G-026", "its partner is the national police"),
    ("LNK-04", "Grants", "G-025", "the expenditure report did not come"),
    ("DOC-01", "Research outputs", "case study of failure", "a success is left, and no failure"),
    ("SAF-04", "Organisations", "CSO-014", "its line was moved to staff"),
    ("CON-06", "Grants", "G-025", "the line for meetings was moved to training"),
    ("WYM-01", "Grants", "portfolio", "one international NGO holds most of the money"),
]


def main() -> None:
    write(HERE / "donor_clean.xlsx", portfolio(), HEADINGS)
    write(HERE / "donor_faulty.xlsx", faulty(), office.misspelt(HEADINGS, FAULTS))


if __name__ == "__main__":
    main()
