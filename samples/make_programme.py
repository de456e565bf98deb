"""Writes the sample programme workbooks, `programme_clean.xlsx`, `programme_clean_restricted.xlsx`
and `programme_faulty.xlsx`, beside itself.

All hold one invented programme of community policing, as its office would send it: a title block, a
column left empty, a totals row under the pay roll, a chart, a comment, drop-downs, a hidden sheet.
The clean one gives no finding but one that is accepted; its restricted sheets are in a file of
their own, to be given with --with. The faulty one has all sheets in one file, and is the same
programme after the edits of FAULTS and CHANGES; PLANTED lists what should then be found. The same
bytes come out on every run.

    python samples/make_programme.py
"""

from __future__ import annotations

from pathlib import Path

import office
import xlsxwriter
from office import HERE, LINE, SUBGRANT, Data, Fault, Formats, Headings, Row, day
from xlsxwriter.worksheet import Worksheet

# --- The programme --------------------------------------------------------------------------------

SETTINGS = office.settings("programme", "INGO-010", "KE")

HEADINGS: Headings = {
    **office.HEADINGS,
    "Programmes": {
        "programme_id": "Programme ID",
        "lead_org_id": "Lead organisation",
        "country": "Country",
        "start_date": "Start",
        "end_date": "End",
        "design_approved_date": "Design approved",
        "works_with_security": "Works with security actors?",
        "returnee_context": "Area faces returning foreign fighters?",
    },
    "Grants": {
        "grant_id": "Grant ID",
        "title": "Title",
        "provider_org_id": "Provider",
        "recipient_org_id": "Recipient",
        "programme_id": "Programme",
        "recipient_country": "Country where the work is done",
        "area_code": "Area",
        "signature_date": "Signed on",
        "planned_start_date": "Start date as signed",
        "planned_end_date": "End date as signed",
        "amount": "Amount awarded",
        "currency": "Currency",
        "value_date": "Value date",
        "activity_status": "Status",
        "pve_strand": "Strand",
        "outcome_indicators": "Outcome indicators in the results frame",
        "outcome_indicators_with_baseline": "… of which have a baseline",
        "subgrants_reported": "All sub-grants listed?",
    },
    "Activities": {
        "activity_id": "Activity ID",
        "programme_id": "Programme",
        "activity_type": "Type of activity",
        "area_code": "Area",
        "start_date": "First day",
        "end_date": "Last day",
        "primary_aim": "Main aim",
        "delivered_by_org_id": "Delivered by",
        "co_delivered_by_cso": "A CSO delivers or co-delivers?",
        "women_concerns_content": "Covers women’s concerns?",
        "human_rights_content": "Covers human rights and service?",
        "feedback_mechanism": "Feedback mechanism?",
        "independent_monitor_org_id": "Independent monitor",
        "baseline_date": "Baseline on",
        "findings_collected_date": "Findings collected",
        "findings_shared_date": "Findings shared",
        "public_credit": "Implementer credited?",
    },
    "Convenings": {
        "event_id": "Event ID",
        "title": "Title",
        "format": "Format",
        "host_country": "Host country",
        "host_region": "Host region",
        "start_date": "First day",
        "end_date": "Last day",
        "confirmed_date": "Confirmed to participants on",
    },
    "Police units": {
        "unit_id": "Unit ID",
        "org_id": "Force",
        "area_code": "Area",
        "benchmark_area": "Pay benchmark area",
        "as_of_date": "As of",
        "headcount": "Headcount",
        "officers_from_area": "… from the area",
        "officers_speaking_local_language": "… who speak the local language",
        "women": "… women",
        "officers_trained_hr_24m": "… trained in rights in 24 months",
        "median_tenure_months": "Median posting",
        "risk_level": "Risk level",
    },
    "Police pay": {
        "unit_id": "Unit",
        "rank": "Rank",
        "pay_period": "Month",
        "headcount_verified": "Officers verified",
        "headcount_paid": "Officers paid",
        "base_pay": "Base pay",
        "regular_allowances": "Regular cash allowances",
        "hazard_allowance": "Risk allowance",
        "overtime_pay": "Overtime",
        "in_kind_value": "In-kind (housing, food)",
        "deductions_mandatory": "Mandatory deductions",
        "currency": "Currency",
        "due_date": "Pay day",
        "paid_date": "Paid on",
        "months_in_arrears": "Months owed",
        "gross_due_total": "Total gross due",
        "net_paid_total": "Total net paid",
    },
    "Pay benchmarks": {
        "benchmark_area": "Area",
        "type": "Type",
        "year": "Year",
        "amount": "Amount",
        "currency": "Currency",
        "basis": "Gross or net",
        "comparator_job": "Comparator job",
        "source": "Source",
    },
    "Police cover": {
        "cover_id": "Policy ID",
        "unit_id": "Unit (or ALL)",
        "rank": "Rank (or ALL)",
        "cover_type": "Covers",
        "headcount_covered": "Officers covered",
        "valid_from": "From",
        "valid_to": "To",
        "premium_paid_to": "Premium paid up to",
        "survivor_pct": "Survivors’ benefit",
        "incapacity_pct": "Incapacity benefit",
        "dependants_covered": "Dependants covered?",
    },
    "CSO security": {
        "org_id": "Organisation (pseudonym)",
        "risk_level": "Risk level",
        "state_actor_threat": "Threatened by state actors?",
        "protocol_in_place": "Security protocol in place?",
        "protocol_last_review_date": "Last reviewed",
        "costed_need": "Costed protection need",
        "currency": "Currency",
        "value_date": "Value date",
        "persons_engaged": "People engaged",
        "persons_covered": "… with protection or insurance",
        "engagement_consent": "CSO agrees to engage?",
        "engagement_consent_date": "Agreed on",
    },
    "Incidents": {
        "incident_id": "Incident ID",
        "org_id": "Organisation",
        "incident_date": "Date",
        "severity": "Severity",
        "actor": "Actor",
        "protocol_review_date": "Protocol reviewed after it on",
    },
    "Participants": {
        "participant_ref": "Reference (never a name)",
        "event_id": "Event",
        "sector": "Sector",
        "from_country": "Travels from",
        "visa_required": "Visa needed?",
        "documents_sent_date": "Visa documents sent on",
        "visa_outcome": "Visa outcome",
        "attended": "Attended?",
        "travel_cost_covered": "Costs paid for the participant?",
    },
}
RESTRICTED = ["CSO security", "Incidents", "Participants"]
LAYOUT = office.Layout(
    HEADINGS,
    title={
        "Activities": ["Programme office, Coast and Lakes", "Activity log 2024"],
        "Police pay": [
            "Pay of supported units, last quarter of 2024",
            "EUR per officer and month; officers verified by count at roll call",
        ],
    },
    margin={"Convenings": 1},
)

THRESHOLDS = """
loc.direct_min_pct        |  5 | Donor's Head of Grants | 2024-01-20 | Most partners have sub-grants
saf.review_months         | 12 | Donor's Head of Grants | 2024-01-20 | Confirmed as it stands
saf.review_months_high    |  6 | Donor's Head of Grants | 2024-01-20 | Confirmed as it stands
saf.incident_min_severity |  2 | Donor's Head of Grants | 2024-01-20 | Confirmed as it stands
saf.after_incident_days   | 30 | Donor's Head of Grants | 2024-01-20 | Confirmed as it stands
"""

EXCEPTIONS = """
BEN-02 | CV-105 | Premium sent, receipt awaited | Country Director | 2024-12-20 | 2025-02-28
"""

# id | alias | type | head office | affiliated | state | security | level | women-led | youth-led
ORGANISATIONS = """
DONOR-010 | The donor              | 10 | NL |     |     | no  |          |     |
INGO-010  | The programme office   | 21 | GB | yes | no  | no  |          | no  | no
POL-010   | Harbour county police  | 11 | KE |     | yes | yes | local    |     |
POL-011   | National border police | 10 | KE |     | yes | yes | national |     |
CSO-101   | Partner Aster          | 24 | KE | no  | no  | no  |          | yes | no
CSO-102   | Partner Bellflower     | 24 | KE | no  | no  | no  |          | no  | yes
CSO-103   | Partner Clover         | 24 | KE | no  | no  | no  |          | yes | no
CSO-104   | Partner Daisy          | 22 | KE | no  | no  | no  |          | no  | no
CSO-105   | Partner Edelweiss      | 24 | KE | no  | no  | no  |          | no  | yes
CSO-106   | Partner Foxglove       | 24 | KE | no  | no  | no  |          | yes | no
"""

# id | lead | country | start | end | design approved | with security actors? | returnees?
PROGRAMMES = """
PRG-001 | INGO-010 | KE | 2024-02-01 | 2027-01-31 | 2023-12-18 | yes | yes
PRG-002 | INGO-010 | KE | 2024-03-01 | 2026-08-31 | 2024-01-29 | yes | no
"""

# id | to | programme | area | signed | start | end | amount | currency
GRANTS = """
PG-001 | INGO-010 | PRG-001 | Harbour  | 2024-01-15 | 2024-02-01 | 2027-01-31 | 1200000 | EUR
PG-002 | INGO-010 | PRG-002 | Lakeside | 2024-02-12 | 2024-03-01 | 2026-08-31 |  480000 | USD
PG-003 | CSO-101  | PRG-001 | Harbour  | 2024-03-04 | 2024-04-01 | 2026-09-30 |  150000 | EUR
PG-004 | POL-010  | PRG-001 | Harbour  | 2024-02-26 | 2024-03-15 | 2026-03-14 |  240000 | EUR
PG-005 | POL-011  | PRG-002 | Lakeside | 2024-04-08 | 2024-05-01 | 2026-04-30 |  180000 | EUR
"""
GRANT = (
    "grant_id recipient_org_id programme_id area_code signature_date planned_start_date"
    " planned_end_date amount currency"
)
# id | strand | outcome indicators | … with baseline | all sub-grants listed? | title
TERMS = """
PG-001 | resilience | 8 | 6 | yes            | Harbour towns talk
PG-002 | resilience | 5 | 5 | yes            | Lakes without fear
PG-003 | resilience | 3 | 2 | not_applicable | Mothers at the port
PG-004 | security   | 4 | 3 | not_applicable | Beat officers
PG-005 | security   | 2 | 1 | not_applicable | Border posts
"""
TERM = (
    "grant_id pve_strand outcome_indicators outcome_indicators_with_baseline subgrants_reported"
    " title"
)

# id | grant | received by | start | end | amount | currency | value date | kind
SUBGRANTS = """
SG-101 | PG-001 | CSO-102 | 2024-03-01 | 2026-12-31 | 150000 | EUR | 2024-02-19 | implementation
SG-102 | PG-001 | CSO-103 | 2024-03-01 | 2026-12-31 | 130000 | EUR | 2024-02-19 | implementation
SG-103 | PG-001 | CSO-106 | 2024-04-01 | 2026-12-31 |  90000 | EUR | 2024-03-18 | monitoring
SG-104 | PG-002 | CSO-104 | 2024-04-01 | 2026-08-31 | 100000 | USD | 2024-03-18 | implementation
SG-105 | PG-002 | CSO-105 | 2024-04-15 | 2026-08-31 |  60000 | USD | 2024-04-02 | implementation
"""

# id | belongs to | of | category | description | amount | currency | for which organisation
BUDGET_LINES = """
L-101 | grant    | PG-001 | SUBGRANT     | Grants to local partners      | 370000 | EUR |
L-102 | grant    | PG-001 | RESIL        | Town dialogues, youth clubs   | 330000 | EUR |
L-103 | grant    | PG-001 | FORUM        | Forums of residents and police | 120000 | EUR |
L-104 | grant    | PG-001 | CONV_SECPROF | Officers at exchanges         |  30000 | EUR |
L-105 | grant    | PG-001 | CONV_TRAVEL  | Exchanges with other regions  |  60000 | EUR |
L-106 | grant    | PG-001 | DOC          | Case studies, in two languages |  25000 | EUR |
L-107 | grant    | PG-001 | RES_FF       | Study of returning fighters   |  40000 | EUR |
L-108 | grant    | PG-001 | CSO_SECURITY | Safety of the field team      |  15000 | EUR | INGO-010
L-109 | grant    | PG-001 | STAFF        | Field team                    | 130000 | EUR |
L-110 | grant    | PG-001 | OVERHEAD     | Overheads, 7%                 |  80000 | EUR |
L-111 | grant    | PG-002 | SUBGRANT     | Grants to local partners      | 160000 | USD |
L-112 | grant    | PG-002 | RESIL        | Fishers' and traders' councils | 180000 | USD |
L-113 | grant    | PG-002 | CONV_SECPROF | Border officers at exchanges  |  20000 | USD |
L-114 | grant    | PG-002 | MEL          | Monitoring and learning       |  25000 | USD |
L-115 | grant    | PG-002 | STAFF        | Field team                    |  65000 | USD |
L-116 | grant    | PG-002 | OVERHEAD     | Overheads, 7%                 |  30000 | USD |
L-117 | grant    | PG-003 | RESIL        | Courses for mothers           | 105000 | EUR |
L-118 | grant    | PG-003 | CSO_SECURITY | Safe transport and insurance  |  12000 | EUR | CSO-101
L-119 | grant    | PG-003 | STAFF        | Trainers                      |  20000 | EUR |
L-120 | grant    | PG-003 | OVERHEAD     | Overheads, 10%                |  13000 | EUR |
L-121 | grant    | PG-004 | POL_TRAIN    | Courses on rights and service | 140000 | EUR |
L-122 | grant    | PG-004 | POL_COND     | Water and rest rooms          |  50000 | EUR |
L-123 | grant    | PG-004 | CONV_SECPROF | Beat officers at exchanges    |  20000 | EUR |
L-124 | grant    | PG-004 | PARTNERSHIP  | Residents' committees         |  20000 | EUR |
L-125 | grant    | PG-004 | OVERHEAD     | Overheads, 4%                 |  10000 | EUR |
L-126 | grant    | PG-005 | POL_TRAIN    | Courses on rights             | 120000 | EUR |
L-127 | grant    | PG-005 | POL_BEN      | Insurance of border posts     |  35000 | EUR |
L-128 | grant    | PG-005 | CONV_SECPROF | Post commanders at exchanges  |  15000 | EUR |
L-129 | grant    | PG-005 | OVERHEAD     | Overheads, 6%                 |  10000 | EUR |
L-130 | subgrant | SG-101 | RESIL        | Youth mentors                 | 122000 | EUR |
L-131 | subgrant | SG-101 | CSO_SECURITY | Guards, legal advice          |   8000 | EUR | CSO-102
L-132 | subgrant | SG-101 | OVERHEAD     | Overheads                     |  20000 | EUR |
L-133 | subgrant | SG-102 | RESIL        | Market women's early warning  | 104000 | EUR |
L-134 | subgrant | SG-102 | CSO_SECURITY | Telephones, insurance         |   9000 | EUR | CSO-103
L-135 | subgrant | SG-102 | OVERHEAD     | Overheads                     |  17000 | EUR |
L-136 | subgrant | SG-103 | FEEDBACK     | Independent monitoring        |  73000 | EUR |
L-137 | subgrant | SG-103 | CSO_SECURITY | Office and digital safety     |   6000 | EUR | CSO-106
L-138 | subgrant | SG-103 | OVERHEAD     | Overheads                     |  11000 | EUR |
L-139 | subgrant | SG-104 | INDIV        | Mentors for returnees         |  76000 | USD |
L-140 | subgrant | SG-104 | CSO_SECURITY | Safe house, transport         |  10000 | USD | CSO-104
L-141 | subgrant | SG-104 | OVERHEAD     | Overheads                     |  14000 | USD |
L-142 | subgrant | SG-105 | RESIL        | Students against hate         |  46000 | USD |
L-143 | subgrant | SG-105 | CSO_SECURITY | Safe journeys                 |   6000 | USD | CSO-105
L-144 | subgrant | SG-105 | OVERHEAD     | Overheads                     |   8000 | USD |
"""

# id | grant | type | date | value | currency
TRANSACTIONS = """
T-101 | PG-001 | 3 | 2024-01-29 | 360000 | EUR
T-102 | PG-002 | 3 | 2024-02-27 | 144000 | USD
T-103 | PG-003 | 3 | 2024-03-21 |  45000 | EUR
T-104 | PG-004 | 3 | 2024-03-18 |  60000 | EUR
T-105 | PG-005 | 3 | 2024-04-22 |  45000 | EUR
T-106 | PG-001 | 3 | 2024-08-05 | 240000 | EUR
T-107 | PG-003 | 3 | 2024-10-07 |  30000 | EUR
T-108 | PG-004 | 3 | 2024-10-14 |  60000 | EUR
"""

RATES = """
2024-02-01 | 0.924
2024-03-01 | 0.922
2024-04-01 | 0.926
2024-10-01 | 0.896
"""

# id | grant | partner | area | from | to | signed | meetings | rating | on | money | currency
PARTNERSHIPS = """
SP-101 | PG-004 | CSO-102 | Harbour  | 2024-03-15 | | 2024-03-06 | 10 | 4 | 2024-11-05 | 20000 | EUR
SP-102 | PG-005 | CSO-104 | Lakeside | 2024-05-01 | | 2024-04-24 |  6 | 3 | 2024-10-18 |
"""

# id | grant | type | due | done | finding | followed up
OVERSIGHT = """
OV-101 | PG-004 | expenditure_report | 2024-09-30 | 2024-09-25 | clean |
OV-102 | PG-004 | spot_check         | 2024-07-31 | 2024-07-18 | major | 2024-09-02
OV-103 | PG-004 | hr_due_diligence   | 2024-02-29 | 2024-02-14 | minor | 2024-03-11
OV-104 | PG-005 | expenditure_report | 2024-10-31 | 2024-10-28 | clean |
OV-105 | PG-005 | audit              | 2024-11-30 | 2024-11-22 | minor |
"""

# id | programme | type | area | first day | last day | aim | delivered by
ACTIVITIES = """
ACT-101 | PRG-001 | consultation    | Harbour  | 2024-02-12 | 2024-02-16 | other   | CSO-103
ACT-102 | PRG-001 | police_training | Harbour  | 2024-05-13 | 2024-05-17 | service | INGO-010
ACT-103 | PRG-001 | joint_forum     | Harbour  | 2024-06-26 |            | trust   | CSO-102
ACT-104 | PRG-002 | police_training | Lakeside | 2024-09-02 | 2024-09-06 | service | INGO-010
ACT-105 | PRG-002 | joint_forum     | Lakeside | 2024-10-23 |            | trust   | CSO-104
"""
ACTIVITY = (
    "activity_id programme_id activity_type area_code start_date end_date primary_aim"
    " delivered_by_org_id"
)
# id | CSO? | women? | rights? | feedback? | monitor | baseline | collected | shared | credited?
MONITORING = """
ACT-101 | yes | yes |     | yes |         | 2024-01-22 | 2024-03-04 | 2024-03-28 | yes
ACT-102 | yes | yes | yes | yes | CSO-106 | 2024-04-22 | 2024-07-01 | 2024-08-12 | yes
ACT-103 | yes | yes | yes | yes | CSO-106 | 2024-04-22 | 2024-08-05 | 2024-09-10 | yes
ACT-104 | yes | yes | yes | yes | CSO-105 | 2024-08-12 | 2024-10-21 | 2024-11-29 | yes
ACT-105 | yes | yes |     | yes | CSO-105 | 2024-08-12 | 2024-12-02 |            | declined
"""
MONITORED = (
    "activity_id co_delivered_by_cso women_concerns_content human_rights_content"
    " feedback_mechanism independent_monitor_org_id baseline_date findings_collected_date"
    " findings_shared_date public_credit"
)

# id | title | format | country | region | first day | last day | confirmed
CONVENINGS = """
EV-101 | Exchange of coastal towns | in_person | KE | 202 | 2024-03-12 | 2024-03-14 | 2023-12-11
EV-102 | Police and mothers        | in_person | LK | 034 | 2024-06-18 | 2024-06-20 | 2024-03-11
EV-103 | Mediators of two regions  | hybrid    | JO | 145 | 2024-09-10 | 2024-09-12 | 2024-05-27
EV-104 | Refresher                 | online    |    |     | 2024-10-15 |            | 2024-09-16
EV-105 | Harbour review            | in_person | KE |     | 2024-11-19 | 2024-11-21 | 2024-08-05
"""

# reference | event | sector | from | visa? | documents sent | outcome | attended? | costs paid?
PARTICIPANTS = """
P-01 | EV-101 | cso               | KE | no  |            |         | yes | yes
P-02 | EV-101 | cso               | LK | yes | 2023-12-13 | granted | yes | yes
P-03 | EV-101 | security_local    | KE | no  |            |         | yes | yes
P-01 | EV-102 | cso               | KE | yes | 2024-03-14 | granted | yes | yes
P-04 | EV-102 | cso               | KE | yes | 2024-03-14 | granted | yes | yes
P-02 | EV-102 | cso               | LK | no  |            |         | yes | yes
P-05 | EV-102 | security_local    | KE | yes | 2024-03-20 | granted | yes | yes
P-01 | EV-103 | cso               | KE | yes | 2024-05-30 | granted | yes | yes
P-06 | EV-103 | cso               | KE | yes | 2024-05-30 | refused | no  | yes
P-07 | EV-103 | cso               | JO | no  |            |         | yes | yes
P-08 | EV-103 | security_national | KE | yes | 2024-06-17 | granted | yes | yes
P-06 | EV-104 | cso               | KE | no  |            |         | yes |
P-09 | EV-104 | government        | KE | no  |            |         | yes |
P-02 | EV-105 | cso               | LK | yes | 2024-08-08 | granted | yes | yes
P-04 | EV-105 | cso               | KE | no  |            |         | yes | yes
P-05 | EV-105 | security_local    | KE | no  |            |         | yes | yes
"""

# id | type | grant | what | home | host | gender | policing | completed | published | withheld?
STUDIES = """
RO-101 | case_study       | PG-001 | failure |     |    |     |     | 2024-08-30 | 2024-10-07 | no
RO-102 | case_study       | PG-003 | success |     |    |     |     | 2024-11-11 | 2024-12-09 | no
RO-103 | foreign_fighters | PG-001 |         | yes | no | yes | yes | 2024-11-29 |            | yes
"""

# id | risk | state? | protocol? | reviewed | need | currency | people | covered | agrees? | on
CSO_SECURITY = """
INGO-010 | low    | no  | yes | 2024-06-17 | 15000 | EUR | 22 | 22 | yes         | 2023-11-20
CSO-101  | medium | no  | yes | 2024-05-21 | 12000 | EUR | 14 | 14 | yes         | 2024-02-05
CSO-102  | high   | yes | yes | 2024-10-09 |  8000 | EUR |  9 |  9 | conditional | 2024-02-26
CSO-103  | medium | no  | yes | 2024-04-15 |  9000 | EUR | 11 | 11 | yes         | 2024-01-29
CSO-104  | high   | no  | yes | 2024-09-03 | 10000 | USD |  8 |  8 | yes         | 2024-04-10
CSO-105  | low    | no  | yes | 2024-03-05 |  6000 | USD |  6 |  6 | yes         | 2024-03-25
CSO-106  | severe | no  | yes | 2024-10-02 |  6000 | EUR |  5 |  5 | conditional | 2024-03-11
"""
PROTECTION = (
    "org_id risk_level state_actor_threat protocol_in_place protocol_last_review_date costed_need"
    " currency persons_engaged persons_covered engagement_consent engagement_consent_date"
)

# id | organisation | date | severity | actor | reviewed after it
INCIDENTS = """
IN-101 | CSO-102 | 2024-09-19 | 2 | state     | 2024-10-09
IN-102 | CSO-106 | 2024-09-14 | 3 | unknown   | 2024-10-02
IN-103 | CSO-104 | 2024-11-05 | 1 | non_state |
"""

# id | force | area | benchmark area | as of | officers | from the area | speak the language | women
# | trained | months in post | risk
POLICE_UNITS = """
PU-01 | POL-010 | Harbour  | Harbour  | 2024-12-31 | 60 | 38 | 52 | 19 | 50 | 30 | medium
PU-02 | POL-010 | Harbour  | Harbour  | 2024-12-31 | 40 | 25 | 36 | 13 | 34 | 28 | high
PU-03 | POL-011 | Lakeside | Lakeside | 2024-12-31 | 30 | 12 | 25 |  9 | 26 | 26 | high
"""

# unit | rank | officers | base pay | allowances | risk | overtime | in kind | deductions
POLICE_PAY = """
PU-01 | Constable | 45 | 290 | 50 | 20 | 15 | 25 | 30
PU-01 | Sergeant  | 12 | 360 | 60 | 20 | 10 | 25 | 40
PU-01 | Inspector |  3 | 460 | 80 | 20 |  0 | 40 | 60
PU-02 | Constable | 30 | 290 | 50 | 30 | 15 | 25 | 30
PU-02 | Sergeant  |  8 | 360 | 60 | 30 | 10 | 25 | 40
PU-02 | Inspector |  2 | 460 | 80 | 30 |  0 | 40 | 60
PU-03 | Constable | 22 | 280 | 45 | 40 | 20 | 30 | 30
PU-03 | Sergeant  |  6 | 345 | 55 | 40 | 10 | 30 | 40
PU-03 | Inspector |  2 | 440 | 75 | 40 |  0 | 45 | 55
"""
PAY = (
    "unit_id rank headcount_verified base_pay regular_allowances hazard_allowance overtime_pay"
    " in_kind_value deductions_mandatory"
)
# month | pay day | paid on
MONTHS = """
2024-10 | 2024-10-25 | 2024-10-25
2024-11 | 2024-11-25 | 2024-11-27
2024-12 | 2024-12-20 | 2024-12-20
"""

# area | type | year | amount | currency | gross or net | job | source
PAY_BENCHMARKS = """
Harbour  | living_wage  | 2024 | 300 | EUR | net   |                 | Institute of wages
Harbour  | minimum_wage | 2024 | 180 | EUR | gross |                 | Official gazette
Harbour  | comparator   | 2024 | 330 | EUR | gross | primary teacher | Teachers' pay scale
Lakeside | living_wage  | 2024 | 280 | EUR | net   |                 | Institute of wages
Lakeside | minimum_wage | 2024 | 180 | EUR | gross |                 | Official gazette
"""

# id | unit | rank | covers | officers | from | to | paid up to | survivors | incapacity | family?
POLICE_COVER = """
CV-101 | PU-01 | ALL | death_and_injury |  60 | 2024-01-01 | 2025-12-31 | 2025-03-31 | 60 | 70 | yes
CV-102 | PU-02 | ALL | death            |  40 | 2024-01-01 | 2025-12-31 | 2025-03-31 | 60 |    | yes
CV-103 | PU-02 | ALL | injury           |  40 | 2024-07-01 | 2025-06-30 | 2025-06-30 |    | 70 | no
CV-104 | PU-03 | ALL | death_and_injury |  30 | 2024-06-01 | 2025-05-31 | 2025-05-31 | 50 | 60 | yes
CV-105 | ALL   | ALL | health           | 130 | 2024-01-01 | 2025-12-31 | 2024-11-30 |    |    | yes
"""


def rows_of(sheet: str, text: str, fields: str = "") -> list[Row]:
    return office.rows_of(HEADINGS, sheet, text, fields)


def pay_roll() -> list[Row]:
    """A row for each rank, unit and month, with the totals of the row; overtime is paid apart."""
    found = []
    for month, due, paid in (line.split(" | ") for line in MONTHS.strip().splitlines()):
        for rank in rows_of("Police pay", POLICE_PAY, PAY):
            officers = rank["headcount_verified"]
            each = rank["base_pay"] + rank["regular_allowances"] + rank["hazard_allowance"]
            found.append(
                rank
                | {
                    "pay_period": month,
                    "headcount_paid": officers,
                    "currency": "EUR",
                    "due_date": day(due),
                    "paid_date": day(paid),
                    "months_in_arrears": 0,
                    "gross_due_total": officers * each,
                    "net_paid_total": officers * (each - rank["deductions_mandatory"]),
                }
            )
    return found


def programme() -> Data:
    """The clean data: for each sheet its rows, fields by name."""
    grants = rows_of("Grants", GRANTS, GRANT)
    office.add_columns(grants, rows_of("Grants", TERMS, TERM), TERM)
    for grant in grants:
        grant |= {"provider_org_id": "DONOR-010", "recipient_country": "KE", "activity_status": "2"}
        grant["value_date"] = grant["signature_date"]
    subgrants = rows_of("Sub-grants", SUBGRANTS, SUBGRANT)
    for subgrant in subgrants:
        subgrant["provider_org_id"] = "INGO-010"
    protection = rows_of("CSO security", CSO_SECURITY, PROTECTION)
    valued = {subgrant["receiver_org_id"]: subgrant["value_date"] for subgrant in subgrants}
    for partner in protection:
        if partner["currency"] != "EUR":
            partner["value_date"] = valued[partner["org_id"]]
    activities = rows_of("Activities", ACTIVITIES, ACTIVITY)
    office.add_columns(activities, rows_of("Activities", MONITORING, MONITORED), MONITORED)
    lines = rows_of("Budget lines", BUDGET_LINES, LINE)
    for line in lines:
        line["budget_type"] = "1"
    return {
        "Thresholds": rows_of("Thresholds", THRESHOLDS),
        "Exceptions": rows_of("Exceptions", EXCEPTIONS),
        "Organisations": rows_of("Organisations", ORGANISATIONS),
        "Programmes": rows_of("Programmes", PROGRAMMES),
        "Grants": grants,
        "Sub-grants": subgrants,
        "Budget lines": lines,
        "Transactions": rows_of("Transactions", TRANSACTIONS),
        "Exchange rates": office.rates_of(HEADINGS, RATES),
        "Security partnerships": rows_of("Security partnerships", PARTNERSHIPS),
        "Oversight": rows_of("Oversight", OVERSIGHT),
        "Activities": activities,
        "Convenings": rows_of("Convenings", CONVENINGS),
        "Research outputs": rows_of("Research outputs", STUDIES),
        "Police units": rows_of("Police units", POLICE_UNITS),
        "Police pay": pay_roll(),
        "Pay benchmarks": rows_of("Pay benchmarks", PAY_BENCHMARKS),
        "Police cover": rows_of("Police cover", POLICE_COVER),
        "CSO security": protection,
        "Incidents": rows_of("Incidents", INCIDENTS),
        "Participants": rows_of("Participants", PARTICIPANTS),
    }


# --- The faults -----------------------------------------------------------------------------------

FAULTS = [
    # Cells and headings
    Fault("DAT-01", "Activities", "ACT-104", "end_date", day("2024-06-09"), "end before start"),
    Fault("DAT-01", "Police pay", "PU-02 Inspector 2024-10", "pay_period", "Oct 24", "no month"),
    Fault("DAT-03", "Police pay", "PU-03 Inspector 2024-11", "unit_id", "PU-30", "no such unit"),
    Fault("DAT-06", "Participants", "P-09 EV-104", "sector", "ministry", "no code of the list"),
    Fault(
        "DAT-08",
        "Convenings",
        "EV-101",
        "title",
        "Exchange of coastal towns (b.person@example.org)",
        "an e-mail address",
    ),
    Fault(
        "DAT-08",
        "Participants",
        "P-03 EV-101",
        "participant_ref",
        "c.person@example.org",
        "an e-mail address",
    ),
    Fault("SCH-required", "Convenings", "EV-105", "confirmed_date", None, "blank"),
    Fault("SCH-type", "Police pay", "PU-02 Sergeant 2024-10", "base_pay", "360,00", "a comma"),
    Fault("SCH-minimum", "Police units", "PU-03", "median_tenure_months", -26, "below nothing"),
    Fault("SCH-percent", "Police cover", "CV-104", "incapacity_pct", 0.6, "0.6 instead of 60"),
    Fault(
        "SCH-heading",
        "Police units",
        "",
        "officers_trained_hr_24m",
        "… trained in rights in 24 mnths",
        "a near miss",
    ),
    # Police pay and cover
    Fault("PAY-01", "Police pay", "PU-01 Constable 2024-12", "base_pay", 215, "40 short"),
    Fault(
        "PAY-03", "Police pay", "PU-02 Constable 2024-11", "paid_date", day("2024-12-20"), "late"
    ),
    Fault("PAY-03", "Police pay", "PU-03 Constable 2024-11", "paid_date", None, "not paid"),
    Fault("PAY-04", "Police pay", "PU-03 Constable 2024-12", "months_in_arrears", 2, "owed"),
    Fault("PAY-05", "Police pay", "PU-01 Constable 2024-12", "headcount_paid", 49, "45 present"),
    Fault("PAY-05", "Police pay", "PU-01 Sergeant 2024-12", "net_paid_total", 4300, "500 lost"),
    Fault("PAY-08", "Police pay", "PU-03 Sergeant 2024-12", "base_pay", 120, "175 of 180"),
    Fault("BEN-02", "Police cover", "CV-104", "valid_to", day("2024-11-30"), "lapsed"),
    Fault("BEN-02", "Police cover", "CV-101", "premium_paid_to", day("2024-09-30"), "unpaid"),
    # Safety
    Fault("SAF-01", "CSO security", "CSO-106", "protocol_in_place", "no", "at severe risk"),
    Fault(
        "SAF-02",
        "CSO security",
        "CSO-102",
        "protocol_last_review_date",
        day("2024-04-02"),
        "nine months ago, under a threat from the state",
    ),
    Fault("SAF-03", "Incidents", "IN-101", "protocol_review_date", None, "no review"),
    Fault("SAF-05", "CSO security", "CSO-104", "costed_need", 16000, "10,000 of 16,000 funded"),
    Fault("SAF-07", "CSO security", "CSO-105", "engagement_consent", "no", "it monitors forums"),
    Fault(
        "SAF-07",
        "CSO security",
        "CSO-102",
        "engagement_consent_date",
        day("2024-04-22"),
        "after the partnership began",
    ),
    # Events
    Fault("CON-01", "Convenings", "EV-103", "confirmed_date", day("2024-08-05"), "36 days ahead"),
    Fault(
        "CON-02",
        "Participants",
        "P-06 EV-103",
        "documents_sent_date",
        day("2024-08-07"),
        "34 days ahead",
    ),
    Fault("CON-02", "Participants", "P-01 EV-103", "documents_sent_date", None, "never sent"),
    # Grants
    Fault("FLX-04", "Grants", "PG-003", "outcome_indicators", 0, "no outcome indicator"),
]

# Changes whose effect is found elsewhere; PLANTED says where.
CHANGES = [
    *(
        Fault("", "Police pay", f"PU-02 {rank} {month}", "deductions_mandatory", None, "DAT-07")
        for rank in ("Constable", "Sergeant")
        for month in ("2024-10", "2024-11")
    ),
    Fault("", "Police cover", "CV-103", "headcount_covered", 30, "ten without: BEN-01"),
    Fault("", "Budget lines", "L-134", "category", "OPS", "moved to running costs: SAF-04"),
    Fault("", "Convenings", "EV-102", "host_country", "TZ", "a third event there: CON-04"),
    Fault("", "Convenings", "EV-102", "host_region", "202", "a third event there: CON-04"),
    Fault("", "Budget lines", "L-128", "category", "POL_TRAIN", "no line for meetings: CON-06"),
    Fault("", "Budget lines", "L-106", "category", "OTHER", "no line for case studies: DOC-01"),
    Fault("", "Research outputs", "RO-101", "outcome_documented", "success", "DOC-01"),
    Fault("", "Budget lines", "L-107", "category", "RESEARCH", "no line for fighters: DOC-02"),
    Fault("", "Research outputs", "RO-103", "type", "lessons", "no study of fighters: DOC-02"),
    Fault("", "Security partnerships", "SP-102", "start_date", day("2024-11-01"), "late: LNK-01"),
    Fault("", "Oversight", "OV-104", "done_date", None, "the report is overdue: LNK-04"),
    Fault("", "Oversight", "OV-105", "finding", "major", "not followed up: LNK-04"),
    Fault("", "Transactions", "T-104", "transaction_date", day("2024-07-29"), "late: FLX-05"),
    Fault("", "Budget lines", "L-102", "category", "INTEL", "no longer for towns: RES-01"),
    Fault("", "Budget lines", "L-103", "category", "INDIV", "no longer for towns: RES-01"),
    Fault("", "Budget lines", "L-112", "category", "INDIV", "no longer for towns: RES-01"),
    Fault("", "Grants", "PG-001", "pve_strand", "security", "RES-01"),
    Fault("", "Grants", "PG-002", "pve_strand", "individual", "RES-01"),
    Fault("", "Grants", "PG-005", "recipient_country", "UG", "only police there: RES-02"),
    Fault("", "Grants", "PG-002", "subgrants_reported", "no", "TRN-02"),
]


def faulty() -> Data:
    """The programme with every fault in it, and with one payment entered twice."""
    data = programme()
    office.plant(data, (*FAULTS, *CHANGES))
    data["Transactions"].append(data["Transactions"][-1] | {"transaction_id": "T-109"})
    return data


# --- The workbook ---------------------------------------------------------------------------------


def write(path: Path, data: Data, headings: Headings) -> None:
    """One workbook as the programme's office would send it."""
    book, looks = office.workbook(path, "Programme workbook 2024")
    with book:
        front = book.add_worksheet("At a glance")
        office.write_settings(book.add_worksheet("Settings"), SETTINGS, looks)
        office.write_tables(book, looks, LAYOUT, data, headings)
        dress_pay(book, looks, data["Police pay"])
        write_front(book, front, looks, data)
        notes = book.add_worksheet("Old lists")
        notes.write_column(0, 0, ["Ranks", "Constable", "Sergeant", "Inspector"])
        notes.hide()


def dress_pay(book: xlsxwriter.Workbook, looks: Formats, rows: list[Row]) -> None:
    """The totals row under the pay roll, a comment on how officers are counted, drop-downs."""
    name, count = "Police pay", len(rows)
    sheet = book.get_worksheet_by_name(name)
    top, owed = LAYOUT.top(name), LAYOUT.column(name, "months_in_arrears")
    totals = ("headcount_paid", "gross_due_total", "net_paid_total")
    office.write_totals(sheet, looks, LAYOUT, name, rows, *totals)
    verified = LAYOUT.column(name, "headcount_verified")
    sheet.write_comment(top, verified, "Roll call with the station head", {"author": "Pay office"})
    office.offer(sheet, LAYOUT, name, "currency", count, "EUR", "USD")
    office.offer(sheet, LAYOUT, name, "rank", count, "Constable", "Sergeant", "Inspector")
    some = {"type": "cell", "criteria": ">", "value": 0, "format": looks.large}
    sheet.conditional_format(top + 1, owed, top + count, owed, some)


def write_front(book: xlsxwriter.Workbook, sheet: Worksheet, looks: Formats, data: Data) -> None:
    """A front sheet with a figure and a chart of the officers in each unit."""
    sheet.set_column(0, 0, 28)
    sheet.write_string(0, 0, "Coast and Lakes in 2024", looks.title)
    sheet.write_string(2, 0, "Activities in the log")
    first, count = LAYOUT.top("Activities") + 2, len(data["Activities"])
    sheet.write_formula(2, 1, f"=COUNTA(Activities!A{first}:A{first + count - 1})", None, count)
    units = len(data["Police units"])
    title = "Officers in the supported units"
    office.add_chart(book, sheet, LAYOUT, "Police units", "headcount", units, "Officers", title)


def write_restricted(path: Path, data: Data, headings: Headings) -> None:
    """The sheets that are sent to few people, in a file of their own."""
    book, looks = office.workbook(path, "Programme workbook 2024, restricted sheets")
    with book:
        office.write_tables(book, looks, LAYOUT, data, headings)


# --- What should be found -------------------------------------------------------------------------


def cell_of(sheet: str, record: str, field: str) -> str:
    return LAYOUT.cell(programme(), sheet, record, field)


# (check, sheet, cell or record, what): the cell that was changed, or the record it shows in.
PLANTED: list[tuple[str, str, str, str]] = [
    *((f.check, f.sheet, cell_of(f.sheet, f.record, f.field), f.what) for f in FAULTS),
    ("DAT-05", "Transactions", "T-109", "the payment T-108 once more"),
    ("DAT-07", "Police pay", "PAY-01", "deductions blank for most of a unit"),
    ("PAY-01", "Police pay", "Sergeant in PU-03, 2024-12", "below the legal minimum, too"),
    ("PAY-02", "Police pay", "portfolio", "constables and sergeants below the living wage"),
    ("BEN-01", "Police units", "PU-02", "30 of 40 have injury cover"),
    ("SAF-04", "CSO security", "CSO-103", "its line was moved to running costs"),
    ("CON-04", "Convenings", "portfolio", "three of four events in one region"),
    ("CON-06", "Grants", "PG-005", "the line for meetings was moved to training"),
    ("DOC-01", "Budget lines", "money for case studies", "the line was moved"),
    ("DOC-01", "Research outputs", "case study of failure", "a success is left, and no failure"),
    ("DOC-02", "Programmes", "KE", "returnees, and no research on them"),
    ("LNK-01", "Grants", "PG-005", "the partnership began half a year after the grant"),
    ("LNK-04", "Grants", "PG-005", "no report, and a major finding that is open"),
    ("FLX-05", "Grants", "PG-004", "first paid five months after signature"),
    ("RES-01", "Grants", "portfolio", "most of the money is for security and individuals"),
    ("RES-02", "Grants", "UG", "police only"),
    ("TRN-02", "Grants", "portfolio", "the second grant does not tell"),
]


def main() -> None:
    data = programme()
    restricted = {name: data.pop(name) for name in RESTRICTED}
    write(HERE / "programme_clean.xlsx", data, HEADINGS)
    write_restricted(HERE / "programme_clean_restricted.xlsx", restricted, HEADINGS)
    write(HERE / "programme_faulty.xlsx", faulty(), office.misspelt(HEADINGS, FAULTS))


if __name__ == "__main__":
    main()
