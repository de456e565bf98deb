"""What a row shows while it is filled: in words, what the checker would find in it."""

from __future__ import annotations

from fundtrack import schema
from fundtrack.schema import EXAMPLE
from fundtrack.template.formulas import (
    DAYS,
    MONTHS,
    Here,
    Places,
    Workings,
    days_in,
    months_in,
    parameter,
)

# The sheets with a column of words on what is to be looked at.
WATCHED = (
    "grants",
    "subgrants",
    "budget_lines",
    "transactions",
    "police_pay",
    "cso_security",
    "participants",
)


def row_words(table: str, places: Places, w: Workings) -> str:
    """The formula of the column “To look at”: in words, what the row's figures would be found for.

    Words that name a number read it from the numbers in force.
    """

    def here(name: str) -> str:
        letter = places.letters[table][name]
        return f"INDEX(${letter}:${letter},ROW())"

    tests: list[tuple[str, str]] = []
    if table in ("grants", "subgrants"):
        start, end = here("planned_start_date"), here("planned_end_date")
        p = table[0]
        wrong = f"AND(ISNUMBER({start}),ISNUMBER({end}))"
        tests.append((f"IF({wrong},{end}<{start},FALSE)", '"Ends before it begins. "'))
        tests.append((f"{w.beside(p + '_lost')}=1", '"No exchange rate in Exchange rates. "'))
        months, days = here(MONTHS), here(DAYS)
        limit = parameter("dur.short_months")
        if table == "grants":  # a stated duration stands in where a date is missing
            stated = here("planned_duration_months")
            days = f'IF({months}="",0,{days})'
            months = f'IF({months}="",IF(ISNUMBER({stated}),{stated},""),{months})'
        short = f"OR({months}<{limit},AND({months}={limit},{days}=0))"
        if table == "grants":
            scope = f"{w.beside('g_live')}=1"
        else:
            scope = f'LOWER({here("purpose")}&"")<>"services"'
        scope += f",{w.beside(p + '_cso')}=1"
        said = f'"Lasts "&{limit}&" months or less. "'
        tests.append((f'AND({scope},IF({months}="",FALSE,{short}))', said))
        tests.append((f"{w.beside(p + '_over')}=1", '"Its sub-grants come to more than it. "'))
    elif table in ("budget_lines", "transactions"):
        lost = w.beside(f"{table[0]}_lost")
        tests.append((f"{lost}=1", '"No exchange rate in Exchange rates. "'))
    elif table == "police_pay" and "p_below" in w.formulas:
        tests.append((f"{w.beside('p_below')}=1", '"Below the living wage of its area. "'))
        tests.append((f"{w.beside('p_lost')}=1", '"No exchange rate for its benchmark. "'))
    elif table == "cso_security":
        tests.append((_overdue(here), '"Protocol review overdue. "'))
    elif table == "participants" and places.has("convenings"):
        tests.append((_late(here, places), '"Visa documents later than the lead time. "'))
    key = here(schema.tables()[table].key)
    said = "&".join(f'IF({test},{words},"")' for test, words in tests)
    no_row = f'OR({key}="",UPPER(LEFT({key},{len(EXAMPLE)}))="{EXAMPLE}")'
    return f'=IF({no_row},"",TRIM({said}))'


def _overdue(here: Here) -> str:
    """Rule SAF-02: the age of the last review, against the closer limit where there is danger."""
    day = here("protocol_last_review_date")
    months, spare = months_in(day, "ft_today"), days_in(day, "ft_today")
    risk = f'LOWER({here("risk_level")}&"")'
    threat = f'LOWER({here("state_actor_threat")}&"")'
    closer, usual = parameter("saf.review_months_high"), parameter("saf.review_months")
    strict = f'OR({risk}="high",{risk}="severe",{threat}="yes")'
    unsure = f'OR({risk}="",{threat}="")'
    limit = f"IF({strict},{closer},IF({unsure},MAX({closer},{usual}),{usual}))"
    older = f"OR({months}>{limit},AND({months}={limit},{spare}>0))"
    known = f'LOWER({here("protocol_in_place")}&"")="yes",ISNUMBER({day}),ISNUMBER(ft_today)'
    return f"IF(AND({known}),IF({day}<=ft_today,{older},FALSE),FALSE)"


def _late(here: Here, places: Places) -> str:
    """Rule CON-02: fewer days from the papers, or from today, to the first day than are needed."""
    sent, event = here("documents_sent_date"), here("event_id")

    def of_event(name: str) -> str:
        ids = places.column("convenings", "event_id")
        return f'INDEX({places.column("convenings", name)},MATCH({event}&"",{ids},0))'

    need = f"MAX({parameter('con.lead_warn_days')},{parameter('con.lead_error_days')})"
    day = f"IF(ISNUMBER({sent}),INT({sent}),ft_today)"
    start, form = of_event("start_date"), f'LOWER({of_event("format")}&"")'
    known = f'{form}<>"",{form}<>"online",ISNUMBER({start}),ISNUMBER({day})'
    who = (
        f'LOWER({here("sector")}&"")="cso",LOWER({here("visa_required")}&"")="yes",'
        f'OR({sent}="",ISNUMBER({sent}))'
    )
    return f"IFERROR(IF(AND({who},{known}),INT({start})-{day}<{need},FALSE),FALSE)"
