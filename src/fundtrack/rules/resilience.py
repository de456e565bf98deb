"""Resilience: how much pays for what holds communities together, and how much for the few?

A line's own strand goes before that of its category, and this before the strand of its grant. What
of a grant no line covers keeps the grant's strand; lines that come to more than their grant count
pro rata, together no more than the grant. Lines of a sub-grant stand in the place of the grant's
line for sub-grants. A strand that nobody states is unknown: a purpose code only suggests one.
"""

from __future__ import annotations

import pandas as pd

from fundtrack import schema
from fundtrack.book import Book
from fundtrack.budgets import budget
from fundtrack.flows import flows
from fundtrack.model import (
    Basis,
    Clause,
    Formula,
    Limits,
    Pieces,
    Quotient,
    Severity,
    Split,
    Step,
    Taken,
    Threshold,
    Worked,
)
from fundtrack.money import HAIR, times, total
from fundtrack.rules import check
from fundtrack.verdicts import Ask, NotAssessable, Remark, Remarks, Share, entries
from fundtrack.words import amount, percent, plural

STRANDS = ["resilience", "individual", "security"]
WEIGHS = {
    "grants": ["pve_strand", "recipient_country"],
    "budget_lines": ["category", "pve_strand", "amount"],
}
OTHERS = {
    "individual": "money for work with individuals",
    "security": "money for security",
    "crosscutting": "money that serves all strands",
}
KNOWN_OR_NOT = [*STRANDS, "unknown_strand"]  # the figures that money for all strands is split by
AS_GRANT, AS_SUBGRANT = "as grant", "as sub-grant"


def strands(book: Book) -> pd.DataFrame:
    """The money of every grant that is live and in the period, split by strand, worked out once.

    One row a budget line and one for what is left of each grant: `table` and `label` where it
    stands, `grant` (its row label), `country`, `strand` (blank: unknown) and `value` in the
    reporting currency. The values of a grant's rows come to the grant's own value.
    """

    def some() -> pd.DataFrame:
        rows = _every(book)
        return rows[(rows["value"] > 0).fillna(False)]

    return book.once("strands", some)


def _every(book: Book) -> pd.DataFrame:
    """The same with the grants of which their lines leave nothing, for the workings."""
    return book.once("strands of every grant", lambda: _strands(book))


def _strands(book: Book) -> pd.DataFrame:
    f = flows(book)
    grants = f.grants[f.grants["live"] & f.in_period & f.grants["value"].notna()]
    own = book["grants"]["pve_strand"].reindex(grants.index)
    lines = _lines(book)
    lines = lines[lines["grant"].isin(grants.index)]
    at = lines["grant"].astype("int64")
    stated = lines["strand"]
    strand = stated.where(stated.notna() & (stated != AS_GRANT), own.reindex(at.array).array)
    agreed, covered = _agreed(book, lines)
    base, factor = _counting(grants["value"], agreed, covered)
    rest = (agreed - covered).reindex(grants.index)
    left = (rest * factor).where(rest > HAIR * base, 0)
    left = left.where(base > 0, grants["value"])
    lost = lines["value"].isna().groupby(at).max().reindex(grants.index)
    untold = lost.astype("boolean").fillna(False)  # a line without a usable amount may be the rest
    by_line = pd.DataFrame(
        {
            "table": "budget_lines",
            "label": lines.index,
            "grant": at.array,
            "strand": strand.array,
            "value": (lines["value"] * factor.reindex(at.array).array).array,
        }
    )
    by_grant = pd.DataFrame(
        {
            "table": "grants",
            "label": grants.index,
            "grant": grants.index,
            "strand": own.mask(untold).array,
            "value": left.array,
        }
    )
    rows = pd.concat([by_grant, by_line], ignore_index=True)
    rows = rows.astype({"table": "category", "strand": "category"})  # asked for time and again
    country = grants["country"].reindex(rows["grant"].array).array
    return rows.assign(country=country)


def _agreed(book: Book, lines: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """What every grant was agreed at, and what the lines come to; 0 where it is not known."""
    agreed = book.money("grants")["value"].fillna(0)
    covered = lines["value"].groupby(lines["grant"].astype("int64")).sum()
    return agreed, covered.reindex(agreed.index).fillna(0)


def _counting(
    value: pd.Series, agreed: pd.Series, covered: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """By what the value of each grant is divided among its lines, and how much of a line counts."""
    base = agreed.where(agreed > covered, covered).reindex(value.index)
    return base, (value / base).where(base > 0, 1)


def _lines(book: Book) -> pd.DataFrame:
    """The lines in force of grants and sub-grants, with `strand`: as stated, else by category.

    A line for sub-grants without a strand of its own says nothing: the sub-grants' own lines, or
    the grant, do. With one, it counts for what those lines leave of it.
    """
    lines = budget(book)
    lines = lines[lines["grant"].notna()]
    extra = schema.codelists()["budget_category"].extra
    default = {code: about["strand"] for code, about in extra.items()}
    by_category = lines["category"].map(default).astype("string")
    strand = lines["pve_strand"].fillna(by_category)
    lines = lines.assign(strand=strand)[(strand != AS_SUBGRANT).fillna(True)]
    below = (lines["parent_type"] == "subgrant").fillna(False)
    passed = lines["value"].where(below).groupby(lines["grant"]).transform("sum")
    for_subs = (by_category.reindex(lines.index) == AS_SUBGRANT).fillna(False) & ~below
    set_aside = lines["value"].where(for_subs).groupby(lines["grant"]).transform("sum")
    kept = (1 - passed / set_aside).clip(lower=0).where(for_subs, 1)
    return lines.assign(below=below, for_subs=for_subs, kept=kept, value=lines["value"] * kept)


COUNTED = "part that counts"  # what a budget line is multiplied by; see `worked`
_MOST_SUMMANDS = 60  # in a formula: Excel takes 8,192 letters


def worked(book: Book) -> Worked:
    """How much of each budget line counts, where that is not all of it: what is set aside for
    sub-grants less their own lines, and the grant (or what was paid of it) over all its lines.
    """
    return book.once("lines that count in part", lambda: _worked(book))


def _worked(book: Book) -> Worked:
    lines = _lines(book)
    values = flows(book).grants["value"].dropna()
    at = lines["grant"].astype("int64")
    lines = lines[lines["value"].notna() & at.isin(values.index)]
    at = at.loc[lines.index]
    _, factor = _counting(values, *_agreed(book, lines))
    part = lines["kept"] * pd.Series(factor.reindex(at.array).array, lines.index)
    part = part[((part - 1).abs() > HAIR).fillna(False) & (part > 0).fillna(False)]
    mine = lines[at.isin(at.loc[part.index])]
    paid = _payments(book)
    paid = paid[paid["grant"].isin(at.loc[part.index])]
    priced = {
        "grants": _priced(book, "grants", "amount", pd.Index(at.loc[part.index].unique())),
        "budget_lines": _priced(book, "budget_lines", "amount", mine.index),
        "transactions": _priced(book, "transactions", "value", paid.index),
    }
    made = dict[int, Formula]()
    payments = {grant: of.index for grant, of in paid.groupby("grant")}
    by_payments = book.settings.value_basis == "disbursement"
    for grant, some in mine.groupby(at.loc[mine.index]):
        gone = payments.get(grant, pd.Index([]))
        if len(some) + len(gone) > _MOST_SUMMANDS:
            continue

        def added(labels: pd.Index, table: str = "budget_lines") -> Pieces:
            pieces = list[str | Taken]()
            for label in labels:
                pieces += [*(["+"] if pieces else []), *priced[table][label]]
            return pieces or ["0"]

        aside, below = some.index[some["for_subs"]], some.index[some["below"]]
        kept: Pieces = ["MAX(0,", *added(aside), "-(", *added(below), "))"]
        lines_: Pieces = added(some.index[~some["for_subs"]])
        if len(aside):
            lines_ = [*lines_, "+", *kept]
        agreed = priced["grants"].get(grant, ["0"])
        if by_payments:
            counts: Pieces = ["(", *added(gone, "transactions"), ")"]
            counts = [*counts, "/MAX(", *agreed, ",", *lines_, ")"]
        else:
            counts = ["MIN(1,", *agreed, "/(", *lines_, "))"]
        in_part = Formula.of(counts)
        aside_part = Formula.of([*kept, "/(", *added(aside), ")*", *counts])
        for label in some.index.intersection(part.index):
            made[int(label)] = aside_part if some.at[label, "for_subs"] else in_part
    step = Step("Part of the line that counts", part.astype("float64"), worked=made)
    return Worked("budget_lines", {}, {"part": step})


def _payments(book: Book) -> pd.DataFrame:
    """The payments that value the grants, with the row label of each's `grant`; none otherwise."""
    if book.settings.value_basis != "disbursement":
        return pd.DataFrame({"grant": pd.Series(dtype="int64")})
    paid = flows(book).disbursed("grant_id", direct=True)
    paid = paid[paid["value"].notna()]
    ids = book["grants"]["grant_id"]
    known = ids[ids.notna() & ~ids.duplicated()]
    label = pd.Series(known.index, index=known.array, dtype="Int64")
    grant = pd.Series(label.reindex(paid["paid_on"].array).array, index=paid.index)
    return pd.DataFrame({"grant": grant.dropna().astype("int64")})


def _priced(book: Book, table: str, field: str, labels: pd.Index) -> dict[int, Pieces]:
    """The amounts of some rows in the reporting currency, in pieces of a formula."""
    money = book.money(table, field).loc[labels]
    money = money[money["value"].notna()]
    to = book.settings.reporting_currency or ""
    rates = book.rates.origins(money["currency"], money["value_date"], to)["rate_from"]
    amounts = zip(money.index, money["amount"], rates, strict=True)
    return {
        int(label): [Taken(table, int(label), field, float(amount)), *times(rate)]
        for label, amount, rate in amounts
    }


# --- RES-01: the share ----------------------------------------------------------------------------


@check(
    "RES-01",
    "At least {res.resilience_min_pct}% of the money pays for community resilience",
    name="Resilience share",
    scope="portfolio, country",
    origin="brief + house",
    brief=Clause(
        "FL3 (p. 16)",
        "Ensure adequate funds are devoted to support and build existing resilience through "
        "civic engagement and social cohesion",
    ),
    needs={"grants": ["amount", "currency"]},
    weighs=WEIGHS,
    thresholds=[
        Threshold(
            "res.resilience_min_pct",
            30,
            "% of PVE value",
            Basis.HOUSE,
            (),
            "No public norm was found. No resilience money at all is an error on the brief alone.",
        )
    ],
    severity=Severity.ERROR,
    severity_note="a warning where something goes to resilience, but less than asked for",
)
def resilience_share(book: Book, limits: Limits) -> Share | NotAssessable:
    """Money for resilience over money for resilience, work with individuals and security.

    A line's strand goes before its category's, and that before its grant's. What serves all
    strands is split in the proportions of the whole portfolio, in every country alike. A grant
    counts for its own amount, whatever its lines come to.
    Why: a community that holds together prevents more than the watching of the few.
    Fix: move money to forums, partnerships and civic engagement, and fill the strands that are
    blank.
    Out of scope: (1) cancelled grants; (2) grants outside the period; (3) money for none of the
    strands, such as overheads and the protection of civil society; (4) lines of a programme.
    Example: 60,000 resilience, 40,000 individual, 100,000 security and 20,000 across all is 30%.
    """
    if silent := _silent(book):
        return silent
    rows = strands(book)  # (1) (2) (4)
    sums = {s: total(rows["value"][rows["strand"] == s]) for s in [*STRANDS, "crosscutting"]}
    unknown = rows["value"].where(rows["strand"].isna())
    whole = sum(sums[s] for s in STRANDS) + total(unknown)
    low, open_ = (x / whole if whole else 0.0 for x in (sums["resilience"], total(unknown)))
    other = rows["value"].where(rows["strand"].isin(["individual", "security"]))
    f = flows(book)
    in_scope = f.grants["live"] & f.in_period
    known = f.grants["value"].notna() & ~in_scope.index.isin(rows["grant"][unknown.notna()])
    every = _every(book)
    enter = _entering(every, low, open_, bool(whole))  # (3)
    return Share(
        pd.concat([terms for terms, _ in enter], ignore_index=True),
        also=pd.concat([covered for _, covered in enter], ignore_index=True),
        at_least="res.resilience_min_pct",
        message="{share} of the money ({part} of {whole}) goes to civic engagement and social "
        "cohesion, {individual} to work with individuals and {security} to security; the benchmark "
        "is {threshold}.",
        remedy="Shift {gap} to resilience{where}; the largest grants for the other strands are "
        "{levers}.",
        breakdown=["country"],
        called={
            "resilience": "money for resilience",
            "resilience_of_crosscutting": "its part of what serves all strands",
            "unknown_strand": "money whose strand nobody states",
            "unknown_of_crosscutting": "its part of what serves all strands, if all of that were",
            "T": "money for resilience, work with individuals and security",
        },
        made=[
            Quotient(s, what, terms, also=covered)
            for s, what in OTHERS.items()
            for terms, covered in [_entries(s, "part", every, (every["strand"] == s) * 1.0)]
        ],
        split={
            "resilience_of_crosscutting": Split("crosscutting", "resilience", KNOWN_OR_NOT),
            "unknown_of_crosscutting": Split("crosscutting", "unknown_strand", KNOWN_OR_NOT),
        },
        asks=_asks(rows, unknown),
        levers=("grants", other.groupby(rows["grant"]).sum()),
        assessed=int((in_scope & known).sum()),
        in_scope=int(in_scope.sum()),
        words={
            **{s: percent(sums[s] / whole if whole else 0.0) for s in ["individual", "security"]},
            "where": _where(other, rows["country"]),
        },
        severity=lambda share, _: Severity.WARNING if share else Severity.ERROR,
        hard=lambda share: not share,
    )


def _silent(book: Book) -> NotAssessable | None:
    """Why nothing can be said of strands at all, where that is so."""
    told = [("grants", "pve_strand"), ("budget_lines", "pve_strand"), ("budget_lines", "category")]
    if not any(book.has(table, field) for table, field in told):
        heading = book.heading("grants", "pve_strand")
        return NotAssessable(
            f"There is no column “{heading}” (Grants) and no category of budget lines. Add one of "
            "the two, or give a file that has it with --with."
        )
    if book.settings.reporting_currency is None:
        return NotAssessable(
            "The amounts are in several currencies and no reporting currency is given: give one "
            "with --reporting-currency, and rates in a sheet Exchange rates."
        )
    return None


def _entering(
    rows: pd.DataFrame, low: float, open_: float, some: bool
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """The entries of each figure of the share, if `some` money is for a strand. Of what serves all
    strands, `low` is known to be for resilience, and `open_` for what nobody states.
    """
    strand = rows["strand"]
    nobody, across = strand.isna(), (strand == "crosscutting") * float(some)
    of_strands = strand.isin(STRANDS) | nobody
    parts = (
        ("resilience", "part", (strand == "resilience") * 1.0),
        ("resilience_of_crosscutting", "part", across * low),
        ("unknown_strand", "unknown", nobody * 1.0),
        ("unknown_of_crosscutting", "unknown", across * open_),
        ("T", "whole", of_strands + across),
    )
    return [_entries(figure, role, rows, part) for figure, role, part in parts]


def _entries(
    figure: str, role: str, rows: pd.DataFrame, part: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The entries of one figure, which so much of each row enters, from both sheets.

    What is left of a grant enters as the whole grant, and below zero its lines. Apart from these,
    the same of the grants of which nothing is left: they add nothing, but are listed.
    """
    lines = rows[rows["table"] == "budget_lines"]
    grants = rows[rows["table"] == "grants"]
    left = (grants["value"] > 0).fillna(False)
    own = lines["value"] * part.loc[lines.index]

    def of(mine: pd.DataFrame, *more: pd.Series) -> pd.DataFrame:
        share = part.loc[mine.index].set_axis(mine["grant"].array)
        off = -(lines["value"] * pd.Series(share.reindex(lines["grant"].array).array, lines.index))
        covered = pd.Series(off.groupby(lines["grant"]).sum().reindex(mine["grant"].array).array)
        amounts = mine["value"] * part.loc[mine.index] - covered.set_axis(mine.index).fillna(0)
        parts = [("grants", mine, amounts), *(("budget_lines", lines, of) for of in (*more, off))]
        return pd.concat(
            [
                entries(
                    figure,
                    role,
                    table,
                    pd.Series(amount.array, index=place["label"].array),
                    country=pd.Series(place["country"].array, index=place["label"].array),
                    weight=COUNTED,
                )
                for table, place, amount in parts
            ],
            ignore_index=True,
        )

    return of(grants[left], own), of(grants[~left])


def _asks(rows: pd.DataFrame, unknown: pd.Series) -> list[Ask]:
    """The strands that would settle the share."""
    open_ = pd.Index(rows["grant"][unknown.notna()].unique()).sort_values()
    return [Ask("grants", ["pve_strand"], open_, total(unknown))] if len(open_) else []


def _where(other: pd.Series, country: pd.Series) -> str:
    """“ in Nigeria (NG)”: the country with most money for the other strands."""
    sums = other.groupby(country).sum()
    sums = sums[sums > 0]
    return f" in {_named(sums.idxmax())}" if len(sums) else ""


def _named(country: str) -> str:
    """“Nigeria (NG)”: a country by its name too."""
    name = schema.codelists()["country"].codes.get(country)
    return f"{name} ({country})" if name else country


# --- RES-02: country by country -------------------------------------------------------------------


@check(
    "RES-02",
    "Each country with money for security or for work with individuals has some for resilience",
    name="Resilience in every country with security spending",
    scope="country",
    origin="brief",
    brief=Clause("FL3 (p. 16)", "not only to address the few who turn to violence"),
    needs={"grants": ["recipient_country", "amount", "currency"]},
    weighs=WEIGHS,
    severity=Severity.ERROR,
)
def resilience_everywhere(book: Book, limits: Limits) -> Remarks | NotAssessable:
    """The strands of each country's money, as for RES-01; what serves all strands is not counted.

    Why: where security is all that is paid for, the many who hold out get nothing.
    Fix: add work with the community to the next agreement in that country.
    Out of scope: (1) countries with no money for security or individuals; (2) grants without a
    country, though their resilience money may reach any; (3) cancelled grants and grants outside
    the period.
    Example: 200,000 to the police of a country and nothing for its communities is an error.
    """
    if silent := _silent(book):
        return silent
    rows = strands(book)  # (3)
    named = rows.assign(
        strand=rows["strand"].astype("string").fillna("unknown"), country=rows["country"]
    )
    of = named.pivot_table(
        values="value", index="country", columns="strand", aggfunc="sum", fill_value=0
    ).reindex(columns=[*STRANDS, "unknown"], fill_value=0)
    away = named["country"].isna() & named["strand"].isin(["resilience", "unknown"])  # (2)
    hard_money = of["security"] + of["individual"]
    bare = of["resilience"] == 0
    maybe = bare & ((of["unknown"] > 0) | ((hard_money > 0) & bool(away.any())))
    judged = (hard_money > 0) & ~maybe  # (1)
    found = of[judged & bare].astype("float64")
    return Remarks(
        [
            Remark(
                str(country),
                f"{_named(str(country))} has {_spent(book, security, individual)}, and no spending "
                "on resilience.",
                f"Add a component of civic engagement in {_named(str(country))} to the next "
                "agreement there.",
                "some money for civic engagement and social cohesion",
            )
            for country, security, individual in zip(
                found.index, found["security"], found["individual"], strict=True
            )
        ],
        judged=int(judged.sum()),
        open_=int(maybe.sum()),
        reason=_open(of.index[maybe]),
    )


def _spent(book: Book, security: float, individual: float) -> str:
    """“200,000 EUR of security spending”, with the work on individuals if there is any."""
    currency = book.settings.reporting_currency
    parts = [(security, "of security spending"), (individual, "of work with individuals")]
    return " and ".join(f"{amount(value, currency)} {what}" for value, what in parts if value)


def _open(countries: pd.Index) -> str:
    if not len(countries):
        return ""
    return (
        f"{len(countries)} {plural('country', len(countries), 'countries')} could not be judged: "
        "the strand of some grants is not stated, or grants for resilience name no country "
        f"({', '.join(map(_named, countries[:3]))}{' ...' if len(countries) > 3 else ''})."
    )
