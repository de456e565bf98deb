"""Flexibility and quality of funding: is change measured, and does the money come in time?

Every grant of the register is judged, whatever the period; cancelled ones are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import DISBURSEMENT, flows
from fundtrack.model import Basis, Clause, Limits, Quotient, Severity, Threshold
from fundtrack.money import reaches, total
from fundtrack.rules import check
from fundtrack.rules.duration import live_grants
from fundtrack.verdicts import Remark, Remarks, RowVerdicts, entries
from fundtrack.words import amount, percent

DAY = np.timedelta64(1, "D")
BEFORE_START = 10  # days, with the rule of S39


# --- FLX-04: what is measured ---------------------------------------------------------------------


@check(
    "FLX-04",
    "A grant to a civil society organisation measures outcomes from a baseline",
    name="Quality measured, not only spending",
    scope="grant, portfolio",
    origin="brief",
    brief=Clause(
        "p. 31",
        "a better balance between measuring the quality of programming, not just the quantity of "
        "funds disbursed",
    ),
    needs={
        "grants": ["recipient_org_id", "outcome_indicators", "outcome_indicators_with_baseline"],
        "organisations": ["org_type"],
    },
    weighs={"grants": ["amount", "currency"]},
    thresholds=[
        Threshold(
            "flx.outcome_share_min_pct",
            80,
            "% of value",
            Basis.HOUSE,
            (),
            "The brief gives the principle only. For the portfolio as a whole.",
        )
    ],
    severity=Severity.WARNING,
)
def outcomes(book: Book, limits: Limits) -> list[RowVerdicts | Remarks]:
    """Each grant's outcome indicators, and how many have a baseline; then the share by value.

    Why: money that is only counted as it leaves tells nobody whether trust grew.
    Fix: agree one or two measures of outcome, and take the first measurement at the start.
    Out of scope: (1) cancelled grants; (2) recipients that are not civil society organisations;
    (3) in the share by value, grants whose amount cannot be converted.
    Example: three outcome indicators, none of them with a baseline, is a warning.
    """
    grants = live_grants(book)  # (1)
    cso = flows(book).is_cso(grants["recipient_org_id"])
    some = (grants["outcome_indicators"] >= 1).astype("boolean")
    based = (grants["outcome_indicators_with_baseline"] >= 1).astype("boolean")
    measured = some & based
    none = (~some).fillna(False)

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        n = grants.loc[labels, "outcome_indicators"].astype("string")
        text = "has " + n + " outcome indicators, none of them with a baseline"
        text = text.mask((n == "1").fillna(False), "has 1 outcome indicator, without a baseline")
        text = text.fillna("has no outcome indicator with a baseline")
        return {"what": text.mask(none.loc[labels], "has no outcome indicator")}

    rows = RowVerdicts(
        "grants",
        in_scope=cso,  # (2)
        meets=measured,
        at=pd.Series(
            np.where(none, "outcome_indicators", "outcome_indicators_with_baseline"),
            index=grants.index,
        ),
        message="Grant {grant_id} to {recipient_org_id} {what}: what it spends is known, what it "
        "changes is not.",
        remedy="Agree one or two measures of outcome (a survey of trust, complaints resolved) and "
        "record a baseline.",
        expected="at least one outcome indicator with a baseline",
        words=words,
        blank=[
            ("grants", "outcome_indicators"),
            ("grants", "outcome_indicators_with_baseline"),
            ("organisations", "org_type"),
        ],
    )
    return [rows, _measured_share(book, limits, cso, measured)]


def _measured_share(book: Book, limits: Limits, cso: pd.Series, measured: pd.Series) -> Remarks:
    """The share by value of grants that measure outcomes from a baseline, between its bounds."""
    money = flows(book).grants["value"].reindex(cso.index)  # (3)
    whole = money.where(cso.fillna(True))
    sure = money.where(cso.fillna(False) & measured.fillna(False))
    unmeasured = money.where(cso.fillna(False) & (~measured).fillna(False))
    if not total(sure) + total(unmeasured):
        return Remarks([], judged=0)
    least_, most = (
        Quotient(
            f"measured_share_{name}",
            f"grants to civil society that {surely} measure outcomes, of all such grants",
            entries(f"measured_share_{name}", "part", "grants", part),
            entries(f"measured_share_{name}", "whole", "grants", whole),
            unit="share",
        )
        for name, surely, part in (
            ("low", "surely", sure),
            ("high", "surely or perhaps", whole.where(unmeasured.isna())),
        )
    )
    low, high = least_.value or 0.0, most.value or 0.0
    least = limits["flx.outcome_share_min_pct"] / 100
    met, missed = bool(reaches(low, least)), not reaches(high, least)
    known = percent(low, least) if low == high else f"at most {percent(high, least)}"
    gap = amount((least - high) * total(whole), book.settings.reporting_currency)
    remark = Remark(
        "portfolio",
        f"{known[0].upper() + known[1:]} of the money for civil society is in grants that measure "
        f"outcomes from a baseline; the benchmark is {percent(least)}.",
        f"Agree measures of outcome, with a baseline, for {gap} more; begin with the largest "
        "grants.",
        "at least {flx.outcome_share_min_pct}% of the money",
        scope="portfolio",
    )
    return Remarks(
        [remark] if missed else [],
        judged=int(met or missed),
        open_=int(not (met or missed)),
        made=[least_, most],
    )


# --- FLX-05: when the money comes -----------------------------------------------------------------


@check(
    "FLX-05",
    "The first payment comes within {flx.first_payment_days} days of signature",
    name="First payment on time",
    scope="grant",
    origin="source",
    brief=Clause(
        "p. 31",
        "The donor community must revisit its own processes to allow for greater flexibility in "
        "funding timelines",
    ),
    needs={
        "grants": ["signature_date", "planned_start_date"],
        "transactions": ["grant_id", "transaction_type", "transaction_date"],
    },
    thresholds=[
        Threshold(
            "flx.first_payment_days",
            30,
            "days from signature",
            Basis.SOURCE,
            ("S39",),
            "Or ten days before the start, whichever is later, as the European Commission's "
            "humanitarian office pays.",
        )
    ],
    severity=Severity.WARNING,
)
def paid_on_time(book: Book, limits: Limits) -> RowVerdicts:
    """The first disbursement to the recipient, against the later of {flx.first_payment_days} days
    after signature and ten days before the start.

    Where nothing was paid yet, the grant is late once that day has passed on the reference date.
    Why: a partner that must advance the money borrows it, or waits.
    Fix: pay on signature, and make the first instalment large enough for the first half-year.
    Out of scope: (1) cancelled grants; (2) payments to partners of the recipient, and refunds;
    (3) grants on which nothing is paid and nothing is due yet.
    Example: signed on 2024-01-15 to start on 2024-02-01, due by 2024-02-14; paid on 2024-02-15 is
    a warning.
    """
    grants = live_grants(book)  # (1)
    first = flows(book).first_payments.reindex(grants["grant_id"].array)  # (2)
    paid = pd.Series(first.array, index=grants.index).astype("datetime64[s]")
    signed, start = grants["signature_date"], grants["planned_start_date"]
    by_signature = signed + pd.Timedelta(days=limits["flx.first_payment_days"])
    by_start = start - BEFORE_START * DAY
    due = by_signature.where(by_signature > by_start, by_start).fillna(by_signature)
    today = book.settings.today
    settled = signed.notna() & start.notna() & ~_undated(book, grants["grant_id"])
    late = (paid > due) | (paid.isna() & (due < today))
    meets = (paid <= due).astype("boolean").mask(~(paid <= due) & ~(late & settled))
    waiting = paid.isna() & (due >= today) & settled

    def words(labels: pd.Index) -> Mapping[str, pd.Series]:
        made, when = paid.loc[labels], signed.loc[labels]
        none = made.isna()
        on = made.dt.strftime("%Y-%m-%d").astype("string")
        until = made.fillna(today)
        after = ((until - when) // DAY).astype("Int64").astype("string")
        return {
            "what": ("came on " + on + ", " + after + " days after signature").mask(
                none, "has not come, " + after + " days after signature"
            ),
            "due": due.loc[labels].dt.strftime("%Y-%m-%d").astype("string"),
            "late": ((until - due.loc[labels]) // DAY).astype("Int64").astype("string"),
        }

    return RowVerdicts(
        "grants",
        in_scope=(~waiting).astype("boolean"),  # (3)
        meets=meets,
        at="signature_date",
        message="The first payment on grant {grant_id} {what}; it was due by {due} (days late: "
        "{late}).",
        remedy="Pay on signature, so that the partner need not advance the money.",
        expected="within {flx.first_payment_days} days of signature, or ten days before the start "
        "if that is later",
        words=words,
        blank=[
            ("grants", "signature_date"),
            ("grants", "planned_start_date"),
            ("transactions", "transaction_type"),
            ("transactions", "transaction_date"),
        ],
        otherwise=": no reference date is known",
    )


def _undated(book: Book, grant_ids: pd.Series) -> pd.Series:
    """Grants with a payment of which the day or the type is blank: it may have been the first."""
    payments = book["transactions"]
    blank = payments["transaction_date"].isna() | payments["transaction_type"].isna()
    perhaps = (payments["transaction_type"] == DISBURSEMENT).fillna(True)
    own = payments["subgrant_id"].isna() & (payments["value"] > 0).fillna(True)
    return grant_ids.isin(payments.loc[blank & perhaps & own, "grant_id"].dropna())
