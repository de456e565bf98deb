"""The way back from every figure to the rows that make it, and the numbers of the charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from fundtrack import headcount, schema
from fundtrack.book import Book
from fundtrack.flows import flows
from fundtrack.headcount import LIVING_WAGE, in_one_currency, measured, pay
from fundtrack.model import Column, Formula, Pictures, Result, Worked, Workings
from fundtrack.money import HAIR
from fundtrack.rules import duration, resilience

ABOVE, BELOW = "above the line", "below the line"
_KEY = ["table", "label", "field"]
_MONEY = "currency of the row"  # the unit of a field whose numbers are converted


def workings(book: Book, results: Sequence[Result], most: int | None) -> Workings:
    """Every row behind the figures of the results; see `model.Workings`.

    With more than `most` rows none is listed: the figures of so large a portfolio are listed on
    request only, as the list costs about as long as all the checks together.
    """
    withheld = [r.check.id for r in results if _restricted(book, r)]
    results = [r for r in results if r.check.id not in withheld]
    groups = sorted({name for r in results for g in r.breakdown for name in g.by})
    if most is not None and any(terms["label"].nunique() > most for terms in _frames(results)):
        return Workings(None, {}, groups, most, withheld)  # no need to look more closely
    parts = list(_parts(book, results))
    if most is not None and _count(parts) > most:
        return Workings(None, {}, groups, most, withheld)
    long = _long(parts, groups)
    rows = long[[*_KEY, *groups]].drop_duplicates()
    order = {name: number for number, name in enumerate(schema.tables())}
    rows = rows.assign(_order=rows["table"].map(order))
    by = ["_order", "label", "field", *groups]
    rows = rows.sort_values(by, kind="stable", ignore_index=True).drop(columns="_order")
    rows = pd.concat([rows, _bases(book, rows)], axis=1)
    at = long.merge(rows.assign(_at=rows.index), on=[*_KEY, *groups], how="left", sort=False)
    share = at["value_x"] / at["value_y"]
    at = at.assign(share=share.mask((share - 1).abs() < HAIR, 1.0))
    columns = _columns(book, parts, at, rows)
    return Workings(rows, columns, groups, most, withheld, _zeros(book, rows))


def _zeros(book: Book, rows: pd.DataFrame) -> dict[tuple[str, str], int]:
    """How many rows hold 0 where others that enter a figure hold their amount, by the field."""
    used = rows.loc[rows["field"] != "", ["table", "field"]].drop_duplicates()
    pairs = [(str(table), str(field)) for table, field in used.to_numpy()]
    found = {(table, field): int((book[table][field] == 0).sum()) for table, field in pairs}
    return {of: number for of, number in found.items() if number}


def _restricted(book: Book, result: Result) -> bool:
    """Whether rows behind a result stand in a restricted sheet that is not of the main workbook."""
    used = {str(name) for terms in _frames([result]) for name in terms["table"].unique()}
    return any(
        schema.tables()[name].restricted and not all(p.main for p in book.tables[name].parts)
        for name in used
    )


def _frames(results: Sequence[Result]) -> Iterator[pd.DataFrame]:
    """All terms of the results."""
    for result in results:
        made = [terms for q in result.made for terms in (q.above, q.below)]
        yield from (terms for terms in (result.terms, *made) if terms is not None)


def _parts(
    book: Book, results: Sequence[Result]
) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """The terms of each check, figure and role."""
    for result in results:
        name = result.check.id
        if result.terms is not None:
            terms = _paid(book, _of_something(book, _all(result.terms, result.also)))
            terms = terms[~terms["figure"].isin(list(result.split))]  # they come of others
            for (figure, role), mine in terms.groupby(["figure", "role"], sort=False):
                yield (name, str(figure), str(role)), mine
        for made in result.made:
            above = _of_something(book, _all(made.above, made.also))
            yield (name, made.name, ABOVE), _paid(book, above)
            if made.below is not None:
                yield (name, made.name, BELOW), _paid(book, _of_something(book, made.below))


def _of_something(book: Book, terms: pd.DataFrame) -> pd.DataFrame:
    """The terms without those that come to nothing because there is nothing to multiply."""
    terms = terms.reset_index(drop=True)
    nothing = terms[terms["value"] == 0]
    gone = pd.Series(False, index=terms.index)
    for (table, field), mine in nothing.groupby(["table", "field"]):
        number = book[str(table)][str(field)].reindex(mine["label"].array)
        gone.loc[mine.index] = ~(number != 0).fillna(False).to_numpy(dtype=bool)
    return terms[~gone]


def _all(terms: pd.DataFrame, also: pd.DataFrame | None) -> pd.DataFrame:
    """The terms, and those that come to nothing, of the figures that there are."""
    if also is None:
        return terms
    return pd.concat([terms, also[also["figure"].isin(terms["figure"])]], ignore_index=True)


def _paid(book: Book, terms: pd.DataFrame) -> pd.DataFrame:
    """The same terms, with payments in the place of grants and sub-grants valued by them."""
    if book.settings.value_basis != "disbursement":
        return terms
    f = flows(book)
    terms = terms.assign(weighed=terms["label"])  # whose months or pay it is multiplied by
    kept = [terms[~terms["table"].isin(["grants", "subgrants"])]]
    for table, valued in (("grants", f.grants), ("subgrants", f.subgrants)):
        key = schema.tables()[table].key
        made = f.disbursed(key, direct=table == "grants")
        made = made.rename(columns={"value": "payment"}).rename_axis("paid_by").reset_index()
        mine = terms[terms["table"] == table]
        at = mine["label"].to_numpy()
        of = pd.Series(valued["value"].reindex(at).array, index=mine.index).astype("float64")
        mine = mine.assign(paid_on=valued[key].reindex(at).array, of=of)
        mine = mine.merge(made, on="paid_on", how="inner")
        value = mine["value"] * (mine["payment"].astype("float64") / mine["of"])
        mine = mine.assign(table="transactions", label=mine["paid_by"], field="value", value=value)
        kept.append(mine[mine["value"].notna()][terms.columns])
    return pd.concat(kept, ignore_index=True)


def _count(parts: Sequence[tuple[Any, pd.DataFrame]]) -> int:
    """The number of rows of the workbook that enter some figure."""
    seen = [terms[["table", "label"]] for _, terms in parts]
    return len(pd.concat(seen).drop_duplicates()) if seen else 0


def _long(parts: Sequence[tuple[Any, pd.DataFrame]], groups: Sequence[str]) -> pd.DataFrame:
    """All terms below one another, with the number of their column, and all groups as text.

    Terms that are not broken down by a group take it from others of the same row, so that most
    rows of the workbook are one row here.
    """
    columns = [*_KEY, "value", *groups]
    if not parts:
        return pd.DataFrame(columns=[*columns, "column"])
    pieces = []
    for number, (_, terms) in enumerate(parts):
        own = {name: _text(terms[name]) for name in groups if name in terms}
        own |= {f"has_{name}": name in terms for name in groups}
        pieces.append(terms[[*_KEY, "value"]].assign(column=number, **own))
    long = pd.concat(pieces, ignore_index=True)
    long["field"] = long["field"].fillna("").astype(object)
    for name in groups:
        if name not in long:
            long[name] = None
        known = long.loc[long[name].notna(), ["table", "label", name]]
        known = known.drop_duplicates(["table", "label"]).set_index(["table", "label"])[name]
        at = pd.MultiIndex.from_frame(long[["table", "label"]])
        found = pd.Series(known.reindex(at).array, index=long.index, dtype=object)
        long[name] = long[name].where(long[f"has_{name}"], found).fillna("").astype(object)
    return long[[*columns, "column"]]


def _text(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), None).map(str, na_action="ignore")


def _bases(book: Book, rows: pd.DataFrame) -> pd.DataFrame:
    """The amount of each row, how it was converted, and what it comes to."""
    facts = ["amount", "currency", "rate", "rate_date", "rate_kind", "source", "rate_from", "value"]
    found = pd.DataFrame(index=rows.index, columns=facts, dtype=object)
    for (table, field), at in rows.groupby(["table", "field"]).groups.items():
        labels = rows.loc[at, "label"].to_numpy()
        if field:
            more = _amounts(book, str(table), str(field)).reindex(labels)
            found.loc[at, more.columns] = more.astype(object).to_numpy()
        else:
            found.loc[at, ["amount", "value"]] = 1.0
    value = pd.to_numeric(found["value"], errors="coerce").astype("float64")
    usable = np.isfinite(value) & (value != 0)
    # Nothing to multiply: the columns then hold what is assumed of the row.
    return found.assign(value=value.where(usable, 1.0), known=usable)


def _amounts(book: Book, table: str, field: str) -> pd.DataFrame:
    if schema.tables()[table].field(field).unit != _MONEY:
        amount = book[table][field].astype("Float64")
        return pd.DataFrame({"amount": amount, "value": amount})
    money = book.money(table, field)
    to = book.settings.reporting_currency or ""
    origin = book.rates.origins(money["currency"], money["value_date"], to)
    return pd.concat([money.drop(columns="value_date"), origin], axis=1)


def _columns(
    book: Book,
    parts: Sequence[tuple[tuple[str, str, str], pd.DataFrame]],
    at: pd.DataFrame,
    rows: pd.DataFrame,
) -> Mapping[tuple[str, str, str], Column]:
    """The share of each row in each figure; figures made of the very same rows are one column."""
    shares = at.groupby(["column", "_at"])["share"].sum()
    found: dict[tuple[str, str, str], pd.Series] = {}
    weighed: dict[tuple[str, str, str], pd.DataFrame] = {}
    same: dict[tuple[bytes, str], list[tuple[str, str, str]]] = {}
    for number, (name, terms) in enumerate(parts):
        mine = shares.xs(number) if number in shares.index.levels[0] else shares.iloc[:0]
        mine = mine if mine.index.nlevels == 1 else pd.Series(dtype="float64")
        found[name] = mine
        weight = ""
        if "weight" in terms and len(terms):
            weight, weighed[name] = str(terms["weight"].iloc[0]), terms
        same.setdefault((_fingerprint(mine), weight), []).append(name)
    columns = {}
    for (_, weight), names in same.items():
        titles = tuple(f"{check} {figure}" for check, figure, _ in names)
        mine = found[names[0]]
        one = Column(mine, titles)
        if weight:
            of = rows.loc[mine.index]
            if weight == resilience.COUNTED:
                how = _in_part(resilience.worked(book), of, mine)
            else:
                how = _worked(book, weight, weighed[names[0]], of)
            one = Column(mine, titles, *how)
        columns.update(dict.fromkeys(names, one))
    return columns


def _worked(
    book: Book, weight: str, terms: pd.DataFrame, rows: pd.DataFrame
) -> tuple[Worked, pd.Series]:
    """How the share of each of the rows is worked out, and from which row of the workbook."""
    labels = rows["label"]
    if "weighed" in terms:
        labels = labels.map(dict(zip(terms["label"], terms["weighed"], strict=True)))
    if weight == duration.AS_SIGNED:
        return duration.worked(book, labels.to_list()), labels
    to = str(terms["to"].iloc[0]) if "to" in terms else None
    pieces = headcount.worked(book, weight, labels.to_list(), to)
    return Worked("police_pay", {n: Formula.of(some) for n, some in pieces.items()}), labels


def _in_part(worked: Worked, rows: pd.DataFrame, share: pd.Series) -> tuple[Worked, pd.Series]:
    """Which shares are the part of a row that counts, or that part taken off."""
    labels = rows["label"][rows["table"] == worked.table]
    part = pd.Series(worked.steps["part"].values.reindex(labels.array).array, labels.index)
    times = (share.loc[labels.index] / part).dropna()
    ways = {1.0: Formula("{part}", []), -1.0: Formula("-{part}", [])}
    made = {
        int(labels.at[place]): ways[way]
        for way in ways
        for place in times.index[(times - way).abs() < HAIR]
    }
    return worked._replace(formulas=made), labels


def _fingerprint(shares: pd.Series) -> bytes:
    places, values = shares.index.to_numpy(dtype="int64"), shares.to_numpy(dtype="float64")
    return bytes(places.tobytes() + values.tobytes())


# --- Charts ---------------------------------------------------------------------------------------

_STEP, _LAST = 3, 36  # months a bar, and where the last one begins


def pictures(book: Book) -> Pictures:
    """The numbers of the charts, from the same reading as the checks."""
    rows, currency = _pay(book)
    return Pictures(_durations(book), rows, currency)


def _durations(book: Book) -> pd.DataFrame:
    """Grants to civil society by their length as signed (rule M), as DUR-01 judges them."""
    low, short = book.limits["dur.band_low_months"], book.limits["dur.short_months"]
    grants = duration.live_grants(book)
    cso = flows(book).is_cso(grants["recipient_org_id"]).fillna(False)
    terms = duration.signed(grants[cso.astype(bool)])
    # Whole months, and a half for any spare days: enough to compare with the ends of the bars.
    months = (terms.months + (terms.days > 0).astype("Float64") / 2).dropna()
    ends = [short, *(short + _STEP * n for n in range(1, 1 + int((_LAST - short) // _STEP)))]
    inside = {
        (f"under {low:g}", "shorter"): months < low,
        (f"{low:g} to {short:g}", "band"): (months >= low) & (months <= short),
        **{
            (f"over {start:g} to {end:g}", "longer"): (months > start) & (months <= end)
            for start, end in pairwise(ends)
        },
        (f"over {ends[-1]:g}", "longer"): months > ends[-1],
    }
    counts = {bar: int(of.sum()) for bar, of in inside.items() if len(months)}
    bars = [(words, number, kind) for (words, kind), number in counts.items()]
    return pd.DataFrame(bars, columns=["months", "grants", "kind"])


def _pay(book: Book) -> tuple[pd.DataFrame, str | None]:
    """Regular pay and living wage of each rank of each unit, those furthest below the wage first.

    Not a mean over units: that would hide the low pay that PAY-01 finds.
    """
    nothing = pd.DataFrame(columns=["rank", "officers", "pay", "wage"])
    rows = pay(book)
    found = measured(book, LIVING_WAGE, book.limits["pay.in_kind_cap_pct"] / 100)
    shown = rows["latest"] & rows["rank"].notna() & (rows["officers"] > 0).fillna(False)
    shown &= found["pay"].notna() & found["wage"].notna()
    rows, found = rows[shown], found[shown]
    if rows.empty:
        return nothing, None
    earned, currency = in_one_currency(book, found["pay"], rows)
    wage, _ = in_one_currency(book, found["wage"], rows)
    if currency is None or earned.isna().any() or wage.isna().any():
        return nothing, None
    several = rows["unit_id"].nunique() > 1
    frame = pd.DataFrame(
        {
            "rank": rows["rank"] + (", " + rows["unit_id"].fillna("–") if several else ""),
            "officers": rows["officers"],
            "pay": earned,
            "wage": wage,
        }
    ).astype({"officers": "float64", "pay": "float64", "wage": "float64"})
    order = (frame["pay"] / frame["wage"]).sort_values(kind="stable").index
    return frame.loc[order].reset_index(drop=True), currency
