"""Portfolios for the templates: the worked example, the schemas' examples, and random ones.

A portfolio is a mapping of tables to rows, as `fundtrack.template.Content` takes them.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from fundtrack import schema

Rows = dict[str, list[dict[str, Any]]]

SETTINGS = {
    "organisation_id": "DONOR",
    "reporting_currency": "EUR",
    "period_start": date(2024, 1, 1),
    "period_end": date(2024, 12, 31),
    "reference_date": date(2024, 12, 31),
    "pseudonyms_used": "yes",
}


def random_donor(seed: int) -> Rows:
    """A small register with every kind of gap: blanks, other currencies, missing rates."""
    dice = random.Random(seed)
    orgs = _organisations(dice, dice.randint(4, 9))
    names = [o["org_id"] for o in orgs]
    rates = _rates(dice)
    grants = [_grant(dice, f"G-{i}", names) for i in range(dice.randint(1, 12))]
    ids = [g["grant_id"] for g in grants]
    subs: list[dict[str, Any]] = []
    for i in range(dice.choice([0, 3, 9])):
        subs.append(_subgrant(dice, f"S-{i}", ids, [s["subgrant_id"] for s in subs], names))
    lines = [
        _line(dice, f"L-{i}", ids, [s["subgrant_id"] for s in subs])
        for i in range(dice.choice([0, 4, 12]))
    ]
    settings = dict(SETTINGS)
    if dice.random() < 0.3:
        settings["treat_unknown_affiliation_as"] = "no"
    if dice.random() < 0.5:
        settings["recipient_countries"] = "NG, KE"
    book: Rows = {
        "settings": [settings],
        "organisations": orgs,
        "grants": grants,
        "subgrants": subs,
        "budget_lines": lines,
        "exchange_rates": rates,
    }
    if dice.random() < 0.4:
        book["thresholds"] = [
            _threshold("dur.multi_year_months", dice.choice([12, 18])),
            _threshold("loc.direct_min_pct", 20),
            _threshold("fx.max_age_days", 60),
        ]
    return book


def random_programme(seed: int) -> Rows:
    """Police units with their pay and the wages of their areas, in two currencies."""
    dice = random.Random(seed)
    units = [
        {
            "unit_id": f"U-{i}",
            "org_id": "POLICE",
            "area_code": "NG-BO",
            "benchmark_area": dice.choice(["North", "South"]),
            "as_of_date": date(2024, 11, 30),
            "headcount": 50,
        }
        for i in range(dice.randint(1, 4))
    ]
    pay = [
        {
            "unit_id": unit["unit_id"],
            "rank": rank,
            "pay_period": month,
            "headcount_verified": _or_blank(dice, dice.randint(0, 60), 0.1),
            "base_pay": _or_blank(dice, dice.randint(150, 400), 0.1),
            "regular_allowances": dice.randint(0, 90),
            "in_kind_value": _or_blank(dice, dice.randint(0, 150), 0.5),
            "deductions_mandatory": _or_blank(dice, dice.randint(0, 40), 0.3),
            "currency": dice.choice(["EUR", "EUR", "NGN"]),
            "due_date": date.fromisoformat(f"{month}-28"),
            "months_in_arrears": 0,
        }
        for unit in units
        for rank in ("Constable", "Sergeant")
        for month in dice.sample(["2024-09", "2024-10", "2024-11"], 2)
    ]
    wages = [
        {
            "benchmark_area": area,
            "type": kind,
            "amount": dice.randint(250, 380),
            "currency": dice.choice(["EUR", "EUR", "NGN"]),
            "basis": dice.choice(["net", "gross"]),
            "year": year,
            "source": "Anker",
        }
        for area in ("North", "South")
        for kind, year in (("living_wage", 2022), ("living_wage", 2024), ("minimum_wage", 2024))
        if dice.random() < 0.8
    ]
    rates = [
        _rate("EUR", "NGN", date(2024, m, dice.choice([1, 20])), dice.choice([1.5, 1.25]))
        for m in (9, 10, 11)
    ]
    police = {"org_id": "POLICE", "org_type": "10", "hq_country": "NG", "is_security_agency": "yes"}
    return {
        "settings": [dict(SETTINGS)],
        "organisations": [{"org_id": "DONOR", "org_type": "10", "hq_country": "BE"}, police],
        "police_units": units,
        "police_pay": pay,
        "pay_benchmarks": wages,
        "exchange_rates": rates,
    }


def _or_blank(dice: random.Random, value: Any, chance: float) -> Any:
    return None if dice.random() < chance else value


def _day(dice: random.Random, first: date, days: int) -> date:
    return first + timedelta(dice.randrange(days))


def _organisations(dice: random.Random, count: int) -> list[dict[str, Any]]:
    return [
        {
            "org_id": f"ORG-{i}",
            "org_type": _or_blank(dice, dice.choice(["10", "21", "22", "24", "24", "40"]), 0.08),
            "hq_country": _or_blank(dice, dice.choice(["NG", "NG", "KE", "GB"]), 0.08),
            "intl_affiliated": _or_blank(dice, dice.choice(["yes", "no", "no", "no"]), 0.15),
            "state_controlled": _or_blank(dice, dice.choice(["yes", "no", "no", "no"]), 0.1),
            "is_security_agency": _or_blank(dice, dice.choice(["no", "no", "no", "yes"]), 0.2),
        }
        for i in range(count)
    ]


def _grant(dice: random.Random, name: str, orgs: list[str]) -> dict[str, Any]:
    start = _day(dice, date(2024, 1, 10), 320)
    signed = start - timedelta(dice.randrange(40))
    dated = dice.random() < 0.9
    return {
        "grant_id": name,
        "provider_org_id": "ORG-0",
        "recipient_org_id": dice.choice(orgs) if dice.random() < 0.95 else "NOWHERE",
        "recipient_country": _or_blank(dice, dice.choice(["NG", "NG", "KE"]), 0.15),
        "signature_date": _or_blank(dice, signed, 0.1),
        "planned_start_date": start,
        "planned_end_date": _day(dice, start, 1200) if dated else None,
        "planned_duration_months": None if dated else _or_blank(dice, dice.randint(1, 40), 0.5),
        "amount": round(dice.uniform(1000, 500000), 2),
        "currency": dice.choice(["EUR", "EUR", "USD", "GBP"]),
        "value_date": _or_blank(dice, _day(dice, date(2024, 1, 1), 360), 0.5),
        "activity_status": dice.choice([None, "2", "2", "5"]),
        "pve_strand": _or_blank(
            dice, dice.choice(["resilience", "individual", "security", "crosscutting", "none"]), 0.2
        ),
        "subgrants_reported": dice.choice(["yes", "no", "not_applicable", None]),
    }


def _subgrant(
    dice: random.Random, name: str, grants: list[str], above: list[str], orgs: list[str]
) -> dict[str, Any]:
    start = _day(dice, date(2024, 1, 1), 300)
    return {
        "subgrant_id": name,
        "parent_grant_id": dice.choice([*grants, *grants, *grants, "G-X"]),
        "parent_subgrant_id": dice.choice(above) if above and dice.random() < 0.3 else None,
        "provider_org_id": dice.choice(orgs),
        "receiver_org_id": dice.choice(orgs),
        "planned_start_date": start,
        "planned_end_date": _day(dice, start, 900),
        "amount": round(dice.uniform(500, 200000), 2),
        "currency": dice.choice(["EUR", "USD", "GBP"]),
        "value_date": start,
        "purpose": dice.choice(["implementation", "implementation", "monitoring", "services"]),
    }


def _line(dice: random.Random, name: str, grants: list[str], subs: list[str]) -> dict[str, Any]:
    below = bool(subs) and dice.random() < 0.3
    return {
        "line_id": name,
        "parent_type": "subgrant" if below else dice.choice(["grant", "grant", "grant", None]),
        "parent_id": dice.choice(subs) if below else dice.choice(grants),
        "category": dice.choice(
            ["RESIL", "POL_TRAIN", "INDIV", "OVERHEAD", "SUBGRANT", "STAFF", "DOC", "CONV_VISA"]
        ),
        "amount": round(dice.uniform(100, 150000), 2),
        "currency": dice.choice(["EUR", "EUR", "USD"]),
        "value_date": _or_blank(dice, _day(dice, date(2024, 1, 1), 360), 0.6),
        "budget_type": dice.choice(["1", "1", "2", None]),
        "pve_strand": dice.choice([None, None, None, "resilience", "security", "crosscutting"]),
    }


def _rates(dice: random.Random) -> list[dict[str, Any]]:
    """USD is quoted to EUR about every month, GBP from EUR; now and then a month is missing."""
    found = []
    complete = dice.random() < 0.6
    day = date(2023, 11, 25)
    while day < date(2024, 12, 31):
        if complete or dice.random() < 0.7:
            found.append(_rate("USD", "EUR", day, round(dice.uniform(0.85, 0.98), 4)))
            found.append(_rate("EUR", "GBP", day, round(dice.uniform(0.82, 0.9), 4)))
        day += timedelta(dice.choice([28, 31]))
    dice.shuffle(found)  # no order is asked for
    return found


def _rate(first: str, second: str, day: date, rate: float) -> dict[str, Any]:
    return {
        "from_currency": first,
        "to_currency": second,
        "rate_date": day,
        "rate": rate,
        "source": "ECB",
    }


def _threshold(parameter: str, value: float) -> dict[str, Any]:
    return {
        "parameter": parameter,
        "value": value,
        "confirmed_by": "Head of Grants",
        "confirmed_date": date(2024, 1, 10),
    }


def examples() -> Rows:
    """Every example of the schemas as a row, and the organisations that they name."""
    found: Rows = {}
    for table in schema.tables().values():
        found[table.name] = [{f.name: _typed(f.example, f.type) for f in table.fields}]
    register = found["organisations"]
    for name, kind, country, agency in (
        ("DONOR-001", "10", "BE", "no"),
        ("INGO-001", "21", "GB", "no"),
        ("POLICE-001", "10", "NG", "yes"),
    ):
        register.append(
            {
                "org_id": name,
                "org_type": kind,
                "hq_country": country,
                "is_security_agency": agency,
                "security_level": "local" if agency == "yes" else None,
                "intl_affiliated": "yes" if kind == "21" else None,
                "state_controlled": "no" if kind == "21" else None,
            }
        )
    return found


def _typed(value: Any, kind: str) -> Any:
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    return value


def example_5_1() -> Rows:
    """The specification's example of local share, with two currencies."""
    facts = [
        "org_id",
        "org_type",
        "hq_country",
        "intl_affiliated",
        "state_controlled",
        "is_security_agency",
    ]
    register = """
        LOC-A 24 NG no no no
        LOC-B 24 LK no no no
        LOC-C 22 NG no no no
        LOC-D 24 NG no no no
        LOC-E 24 NG no no no
        INGO-X 21 GB yes no no
        AFF-Y 24 NG yes no no
        POLICE 10 NG - yes yes
        DONOR 10 BE - - no
    """
    grants = """
        G1 LOC-A 120000 EUR 2024-02-15 not_applicable
        G2 INGO-X 500000 USD 2024-03-01 yes
        G3 AFF-Y 80000 EUR 2024-04-10 not_applicable
        G4 LOC-B 50000 USD 2024-07-01 not_applicable
        G5 POLICE 200000 EUR 2024-05-02 not_applicable
        G6 INGO-X 93500 EUR 2024-09-15 yes
    """
    subgrants = """
        S1 G2 - INGO-X LOC-C 100000 USD 2024-06-01
        S2 G2 - INGO-X LOC-D 30000 EUR 2024-06-20
        S3 G2 - INGO-X AFF-Y 50000 USD 2024-06-01
        S4 G2 S3 AFF-Y LOC-E 20000 USD 2024-09-02
    """
    of = ["grant_id", "recipient_org_id", "amount", "currency", "value_date", "subgrants_reported"]
    on = [
        "subgrant_id",
        "parent_grant_id",
        "parent_subgrant_id",
        "provider_org_id",
        "receiver_org_id",
        "amount",
        "currency",
        "value_date",
    ]
    term = {"planned_start_date": date(2024, 1, 1), "planned_end_date": date(2026, 12, 31)}
    quotes = {"2024-03-01": 0.92, "2024-06-01": 0.9, "2024-07-01": 0.93, "2024-09-02": 0.9}
    return {
        "settings": [dict(SETTINGS)],
        "organisations": _parsed(facts, register),
        "grants": [
            row
            | term
            | {"provider_org_id": "DONOR", "signature_date": row["value_date"]}
            | {"recipient_country": "LK" if row["grant_id"] == "G4" else "NG"}
            for row in _parsed(of, grants)
        ],
        "subgrants": [row | term | {"purpose": "implementation"} for row in _parsed(on, subgrants)],
        "exchange_rates": [
            _rate("USD", "EUR", date.fromisoformat(day), rate) for day, rate in quotes.items()
        ],
    }


def _parsed(names: list[str], text: str) -> list[dict[str, Any]]:
    rows = [line.split() for line in text.strip().splitlines()]
    kinds = {"amount": float, "value_date": date.fromisoformat}
    return [
        {n: kinds.get(n, str)(v) for n, v in zip(names, row, strict=True) if v != "-"}
        for row in rows
    ]


def danger() -> Rows:
    """Security protocols of every age and visa papers sent ever later, around their limits."""
    reviews = ["2024-07-01", "2024-06-30", "2024-06-29", "2024-01-01", "2023-12-31", "2025-02-01"]
    dangers = [("high", "no"), ("low", "yes"), ("low", "no"), ("low", None), (None, "no")]
    protected = [
        {
            "org_id": f"ORG-{i}-{j}",
            "risk_level": risk,
            "state_actor_threat": threat,
            "protocol_in_place": "yes",
            "protocol_last_review_date": date.fromisoformat(day),
            "engagement_consent": "yes",
        }
        for i, (risk, threat) in enumerate(dangers)
        for j, day in enumerate(reviews)
    ]
    first = date(2025, 2, 10)
    people = [
        {
            "participant_ref": f"P-{i}",
            "event_id": event,
            "sector": sector,
            "from_country": "KE",
            "visa_required": visa,
            "documents_sent_date": sent,
        }
        for i, (event, sector, visa, sent) in enumerate(
            [
                ("EV-1", "cso", "yes", first - timedelta(84)),
                ("EV-1", "cso", "yes", first - timedelta(83)),
                ("EV-1", "cso", "yes", first - timedelta(44)),
                ("EV-1", "cso", "yes", None),
                ("EV-1", "cso", "no", None),
                ("EV-1", "cso", None, None),
                ("EV-1", "donor", "yes", first - timedelta(3)),
                ("EV-2", "cso", "yes", first - timedelta(3)),
                ("EV-9", "cso", "yes", first - timedelta(3)),
            ]
        )
    ]
    events = [
        {"event_id": f"EV-{i}", "format": form, "start_date": first, "confirmed_date": first}
        for i, form in ((1, "in_person"), (2, "online"))
    ]
    return {
        "settings": [dict(SETTINGS)],
        "cso_security": protected,
        "convenings": events,
        "participants": people,
    }
