"""Transparency: is it known where the money of the intermediaries went?"""

from __future__ import annotations

import pandas as pd

from fundtrack.book import Book
from fundtrack.flows import INTERMEDIARY_TYPES, Flows, flows
from fundtrack.model import Basis, Clause, Limits, Severity, Threshold
from fundtrack.rules import check
from fundtrack.rules.local_share import MONEY
from fundtrack.verdicts import Share, entries


@check(
    "TRN-02",
    "Sub-grants are listed for at least {trn.subgrant_report_min_pct}% of the money of "
    "intermediaries",
    name="Sub-grants are reported",
    scope="intermediary grant",
    origin="brief",
    brief=Clause("p. 34, text after the box", "Transparency regarding the resources available"),
    needs={"grants": [*MONEY, "subgrants_reported"], "organisations": ["org_type"]},
    thresholds=[
        Threshold(
            "trn.subgrant_report_min_pct",
            95,
            "% of value",
            Basis.HOUSE,
            (),
            "Nearly all: a list with gaps hides whatever is in the gaps.",
        )
    ],
    severity=Severity.WARNING,
)
def subgrants_reported(book: Book, limits: Limits) -> Share:
    """Value of the grants to intermediaries whose sub-grants are all listed, over the value of all
    grants to intermediaries.

    A blank and a “no” both count as not listed: whether anybody told is just what is asked here.
    An intermediary is an international or regional NGO, a multilateral, a foundation, an affiliate
    of an international NGO, and whoever says so: by sub-grants in the list, by a “no”, or by a
    “yes” unless it is a local independent organisation, which may have passed nothing on.
    Why: a donor that cannot see the second step cannot say who its money reached.
    Fix: ask for the lists that are missing; “yes” beside no sub-grant says that there were none.
    Out of scope: (1) recipients that pass nothing on by agreement (“not applicable”); (2) state
    bodies, cancelled grants and grants outside the period.
    Example: 460,000 listed of 553,500 is 83.1%: a warning.
    """
    f = flows(book)
    grants = f.grants
    value = grants["value"].where(_intermediaries(book, f))
    listed = (book["grants"]["subgrants_reported"] == "yes").fillna(False)
    org_id = grants["org_id"]
    missing = value.where(~listed).groupby(org_id).sum()
    missing.index = pd.Index(f.register["label"].reindex(missing.index.array).array)
    judged = int(value.notna().sum())
    return Share(
        pd.concat(
            [
                entries("listed", "part", "grants", value.where(listed), org_id=org_id),
                entries("intermediaries", "whole", "grants", value, org_id=org_id),
            ],
            ignore_index=True,
        ),
        at_least="trn.subgrant_report_min_pct",
        message="Sub-grants are listed for {share} of the money given to intermediaries ({part} of "
        "{whole}); the benchmark is {threshold}.",
        remedy="Ask for the lists of sub-grants that are missing, first of all from {levers}; then "
        "answer “All sub-grants listed?” with yes.",
        breakdown=["org_id"],
        called={
            "listed": "grants to intermediaries whose sub-grants are all listed",
            "intermediaries": "all grants to intermediaries",
        },
        levers=("organisations", missing[missing.index.notna()]),
        assessed=judged,
        in_scope=judged,
    )


def _intermediaries(book: Book, f: Flows) -> pd.Series:
    """The counted grants whose recipient passes money on: by kind, by word, or as listed."""
    grants, to = f.grants, f.grants["org_id"]
    by_kind = f.is_type(to, INTERMEDIARY_TYPES).fillna(False) | f.is_affiliated(to).fillna(False)
    answer = book["grants"]["subgrants_reported"]
    by_word = (answer == "no") | ((answer == "yes") & ~grants["local"].fillna(False))
    by_word = by_word.fillna(False)
    listed = grants.index.isin(f.subgrants["grant"].dropna())
    passes = (by_kind | by_word | listed) & grants["passes_on"].fillna(True)  # (1)
    return (grants["counted"] & passes).astype(bool)  # (2)
