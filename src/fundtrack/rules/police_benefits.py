"""Police benefits: who is insured against death and injury today, and is the policy paid up?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from fundtrack.book import Book
from fundtrack.headcount import pay
from fundtrack.model import Basis, Clause, Limits, Quotient, Severity, Threshold
from fundtrack.money import reaches, total
from fundtrack.rules import check
from fundtrack.verdicts import NotAssessable, Remark, Remarks, RowVerdicts, entries
from fundtrack.words import percent

INSURED = Threshold(
    "ben.cover_min_pct",
    100,
    "% of headcount",
    Basis.HOUSE,
    (),
    "The brief gives the duty (p. 11). No cover at all is an error on the brief alone; that it "
    "means everyone is our reading.",
)
ALL = "all"  # the word that stands for every unit, or every rank
BOTH = "death_and_injury"
POLICY = ["cover_type", "headcount_covered", "valid_from", "valid_to"]
EVERYONE = float("inf")


def _in_force(policies: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    """Whether each policy is in force on the day; blank where a date is, and could tip it."""
    from_, to = policies["valid_from"], policies["valid_to"]
    begun = (from_ <= today).astype("boolean").mask(from_.isna() | pd.isna(today))
    lasts = (to >= today).astype("boolean").mask(to.isna() | pd.isna(today))
    return begun & lasts


@check(
    "BEN-01",
    "At least {ben.cover_min_pct}% of officers are insured against death, and against injury",
    name="Everyone insured for death and injury",
    scope="unit, force",
    origin="brief",
    brief=Clause(
        "PC1d (p. 11)", "insurance in case of death or injury must be prioritized by states"
    ),
    needs={
        "police_cover": ["unit_id", "cover_type", "headcount_covered", "valid_from", "valid_to"],
        "police_units": ["unit_id", "headcount"],
    },
    weighs={"police_cover": ["rank"], "police_pay": ["rank", "headcount_verified"]},
    thresholds=[INSURED],
    severity=Severity.ERROR,
    severity_note="a warning until the number is confirmed, unless nobody is covered at all",
)
def insured(book: Book, limits: Limits) -> list[RowVerdicts | Remarks] | NotAssessable:
    """Officers of each unit that policies cover on the reference date, for death and for injury.

    Policies of one unit add up, though never beyond its officers, nor those of one rank beyond the
    officers that Police pay counts in it. Of a policy for all units that falls short nobody knows
    which unit it leaves out: then all units together are judged.
    Why: an officer's death or injury must not be the ruin of a family.
    Fix: add those who are missing to the policy, the patrol ranks first.
    Out of scope: (1) units without officers.
    Example: 600 of 700 officers is 85.71%: a warning, and an error once the number is confirmed.
    """
    stations, least = book["police_units"], limits["ben.cover_min_pct"] / 100
    if len(stations) and book["police_cover"].empty:
        return NotAssessable(
            f"The sheet “{book.sheet('police_cover')}” lists no policy. List them; if there is "
            "none, write one for ALL units with 0 officers covered."
        )
    heads = stations["headcount"].astype("Float64")
    scope = (heads != 0).astype("boolean")  # (1)
    death, injury = _cover(book, "death"), _cover(book, "injury")
    meets = death.meets(least) & injury.meets(least)
    today = book.settings.today

    def words(labels: pd.Index) -> Mapping[str, pd.Series | str]:
        lacking = (heads - _fewer(death.most, injury.most)).loc[labels]
        return {
            "death": death.words(labels, least),
            "injury": injury.words(labels, least),
            "day": "" if pd.isna(today) else f" on {today:%Y-%m-%d}",
            "lacking": lacking.map("{:,.0f}".format),
            "who": _uninsured(book, death, injury, stations.loc[labels, "unit_id"]),
        }

    verdict = RowVerdicts(
        "police_units",
        in_scope=scope,
        meets=meets,
        at="headcount",
        message="{death} of the officers in {unit_id} have death cover and {injury} injury cover"
        "{day}: {lacking} of {headcount} lack one or both{who}.",
        remedy="Add the {lacking} uncovered officers to the policy; start with patrol ranks. Check "
        "that each policy names the unit as this sheet does.",
        expected="at least {ben.cover_min_pct}% of officers covered for death, and for injury",
        words=words,
        hard=(death.most + injury.most == 0).fillna(False),
        blank=[("police_units", "headcount"), *(("police_cover", name) for name in POLICY)],
        otherwise=": a policy for all units is short and does not say of which, or no reference "
        "date is known",
        scope="unit",
    )
    named = (scope & ~meets).fillna(False).any()
    return [verdict, _together(book, [death, injury], least, named=bool(named))]


@dataclass(frozen=True)
class Cover:
    """Officers covered against one thing on the reference date, from the least to the most.

    `heads`, `least` and `most` by row of Police units; `ranks` the most by unit and rank (both
    folded, `ALL` where the policy is for all); `together` the most of all units; `policies` the
    part of each policy in that.
    """

    heads: pd.Series
    least: pd.Series
    most: pd.Series
    ranks: pd.Series
    together: float
    policies: pd.Series

    def meets(self, share: float) -> pd.Series:
        """Whether so many of each unit are covered; blank where it is not sure."""
        heads = self.heads.mask(self.heads == 0)
        sure, possible = reaches(self.least / heads, share), reaches(self.most / heads, share)
        return sure.mask(~sure & possible)

    def words(self, labels: pd.Index, share: float) -> pd.Series:
        """“85.7%”, or “at most 85.7%” where it is not sure."""
        most, heads = self.most.loc[labels], self.heads.loc[labels]
        texts = [percent(float(m / h), share) for m, h in zip(most, heads, strict=True)]
        said = pd.Series(texts, index=labels)
        return said.where(self.least.loc[labels] == most, "at most " + said)


def _cover(book: Book, kind: str) -> Cover:
    """What the policies against one thing cover. A blank cell of a policy leaves a span."""
    policies, stations = book["police_cover"], book["police_units"]
    covers = policies["cover_type"].isin([kind, BOTH]).astype("boolean")
    covers = covers.mask(policies["cover_type"].isna())
    counts = covers & _in_force(policies, book.settings.today)
    sure = (counts & policies["unit_id"].notna()).fillna(False)
    number = policies["headcount_covered"].astype("Float64")
    least = _by_rank(book, number.fillna(0.0).where(sure, 0.0))
    at_most = number.fillna(EVERYONE).where(counts.fillna(True), 0.0)
    most = _by_rank(book, at_most)
    heads, ids = stations["headcount"].astype("Float64"), stations["unit_id"].str.casefold()
    own, own_most = (
        pd.Series(sums.groupby(level=0).sum().reindex(ids.array).array, index=ids.index).fillna(0.0)
        for sums in (least, most)
    )
    for_all, for_all_most = (total(s[s.index.get_level_values(0) == ALL]) for s in (least, most))
    # Of a policy for all units, at least what the other units have no room for is left for one.
    room = heads - _fewer(own, heads)
    others = total(room.fillna(EVERYONE)) - room
    capped = pd.Series(_fewer(own_most, heads).array, index=ids.array)
    capped = capped[capped.index.notna()].groupby(level=0).sum()
    together = min(total(capped) + for_all_most, total(heads))
    capped[ALL] = together - total(capped)
    return Cover(
        heads,
        least=_fewer(own + (for_all - others).clip(lower=0.0), heads),
        most=_fewer(own_most + for_all_most, heads),
        ranks=most,
        together=together,
        policies=_shared(at_most, policies["unit_id"].fillna(ALL).str.casefold(), capped),
    )


def _shared(officers: pd.Series, units: pd.Series, capped: pd.Series) -> pd.Series:
    """The officers that each policy covers of its unit's: pro rata, those for everyone first."""
    endless = (officers == EVERYONE).astype("float64")
    weight = endless.where(endless.groupby(units).transform("max") > 0, officers.astype("float64"))
    whole = weight.groupby(units).transform("sum")
    of = pd.Series(capped.reindex(units.array).array, index=units.index).astype("Float64")
    return of * (weight / whole.where(whole > 0))


def _by_rank(book: Book, numbers: pd.Series) -> pd.Series:
    """The covered by unit and rank; of a rank never more than Police pay counts in the unit."""
    policies = book["police_cover"]
    unit = policies["unit_id"].fillna(ALL).str.casefold()
    sums = numbers.groupby([unit, policies["rank"].fillna(ALL).str.casefold()]).sum()
    officers = _ranks(book)["officers"].reindex(sums.index).astype("Float64")
    return _fewer(sums.astype("Float64"), officers.fillna(EVERYONE))


def _ranks(book: Book) -> pd.DataFrame:
    """`rank` as written and verified `officers`, by unit and rank (folded), of the latest month."""
    rows = pay(book)
    rows = rows[rows["latest"] & rows["rank"].notna() & rows["officers"].notna()]
    folded = [rows["unit_id"].str.casefold(), rows["rank"].str.casefold()]
    return rows.groupby(folded).agg(rank=("rank", "first"), officers=("officers", "sum"))


def _fewer(one: pd.Series, other: pd.Series) -> pd.Series:
    """The smaller of two numbers in each row; blank where either is."""
    return one.where((one <= other).fillna(False), other).mask(one.isna())


def _uninsured(book: Book, death: Cover, injury: Cover, ids: pd.Series) -> pd.Series:
    """“ (Constable: 100)”: whose officers lack cover, where every policy of a unit names a rank."""
    ranks = _ranks(book)
    covered = [c.ranks.reindex(ranks.index).fillna(0.0) for c in (death, injury)]
    lacking = ranks["officers"] - _fewer(*covered)
    lacking = lacking[lacking > 0]
    said = ranks["rank"].loc[lacking.index] + ": " + lacking.map("{:,.0f}".format)
    texts = said.groupby(level=0).agg(", ".join)
    used = {place for c in (death, injury) for place in c.ranks.index[c.ranks > 0]}
    vague = {unit for unit, rank in used if rank == ALL or (unit, rank) not in ranks.index}
    folded = ids.str.casefold()
    named = pd.Series(texts.reindex(folded.array).array, index=ids.index)
    unsure = folded.isin(vague) | (ALL in vague)
    return (" (" + named + ")").mask(unsure).fillna("")


def _together(book: Book, covers: Sequence[Cover], least: float, *, named: bool) -> Remarks:
    """All units as one, for what policies for all units leave open: which unit is short.

    Found only where no unit is `named`, since those findings say the same more closely.
    """
    heads = total(covers[0].heads)
    if not heads:
        return Remarks([], 0)
    made = [_covered(book, c, kind) for c, kind in zip(covers, ("death", "injury"), strict=True)]
    shares = [m.value or 0.0 for m in made]
    if named or all(reaches(s, least) for s in shares):
        return Remarks([], 0, made=made)
    forces = book["police_units"]["org_id"].dropna().unique()
    key = str(forces[0]) if len(forces) == 1 else "all units"
    missing = f"{heads * (1 - min(shares)):,.0f}"
    return Remarks(
        [
            Remark(
                key,
                f"At most {percent(shares[0], least)} of the officers of {key} can have death "
                f"cover and {percent(shares[1], least)} injury cover: {missing} of {heads:,.0f} "
                "lack one or both, but the policies for all units do not say where.",
                f"Add the {missing} uncovered officers to the policy; start with patrol ranks. "
                "Write one row for each unit, so that it shows who is covered.",
                "at least {ben.cover_min_pct}% of officers covered for death, and for injury",
                hard=not any(shares),
                scope="force",
            )
        ],
        judged=1,
        made=made,
    )


def _covered(book: Book, cover: Cover, kind: str) -> Quotient:
    """The most officers of all units that can be covered against one thing, over all of them."""
    name = f"{kind}_share"
    what = f"officers that policies cover against {kind}, at most, of all officers"
    above = entries(name, "part", "police_cover", cover.policies, field="headcount_covered")
    below = entries(name, "whole", "police_units", cover.heads, field="headcount")
    return Quotient(name, what, above, below, unit="share")


@check(
    "BEN-02",
    "Every policy is in force, and its premium is paid",
    name="Cover is in force and paid",
    scope="policy",
    origin="brief",
    brief=Clause(
        "FL2 (p. 16); PC1d (p. 11)",
        "Ensure provision of adequate and timely pay and benefits for police",
    ),
    needs={"police_cover": ["valid_to"]},
    weighs={"police_cover": ["premium_paid_to", "valid_from"]},
    severity=Severity.ERROR,
)
def in_force_and_paid(book: Book, limits: Limits) -> list[RowVerdicts]:
    """The last day of each policy, and the last day that its premiums reach, on the reference date.

    Both last days still count. A blank “premium paid up to” leaves that half open: it is unknown.
    Why: a policy that has lapsed, or is not paid for, pays nothing to anyone.
    Fix: renew it or pay the premium, and have the insurer confirm that there was no gap.
    Out of scope: (1) a lapsed policy where one of the same unit, rank and kind is in force; (2) the
    premium of a policy that has lapsed or not yet begun.
    Example: to 2024-06-30 is in force on that day, and has lapsed on 2024-07-01.
    """
    policies, today = book["police_cover"], book.settings.today
    to, paid = policies["valid_to"], policies["premium_paid_to"]
    lasts = (to >= today).astype("boolean").mask(to.isna() | pd.isna(today))
    enough = (paid >= today).astype("boolean").mask(paid.isna() | pd.isna(today))
    replaced = ~lasts & _succeeded(policies, today)  # (1)
    begun = ~(policies["valid_from"] > today).astype("boolean")
    day = "" if pd.isna(today) else f"{today:%Y-%m-%d}"
    unknown_day = ": no reference date is known"
    lapsed = RowVerdicts(
        "police_cover",
        in_scope=~replaced.fillna(False),
        meets=lasts,
        at="valid_to",
        message="Policy {cover_id} lapsed on {valid_to}: it was not in force on " + day + ".",
        remedy="Renew it, and have the insurer confirm that there is no gap in cover.",
        expected="in force on " + day,
        blank=[("police_cover", "valid_to")],
        otherwise=unknown_day,
        scope="policy: validity",
    )
    unpaid = RowVerdicts(
        "police_cover",
        in_scope=lasts.fillna(True) & begun,  # (2)
        meets=enough,
        at="premium_paid_to",
        message="The premiums of policy {cover_id} are paid up to {premium_paid_to} only, before "
        + day
        + ".",
        remedy="Pay the premium, and have the insurer confirm that there is no gap in cover.",
        expected="premiums paid up to " + day + " or later",
        blank=[("police_cover", "premium_paid_to")],
        otherwise=unknown_day,
        scope="policy: premium",
    )
    return [lapsed, unpaid]


def _succeeded(policies: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    """True where a policy of the same unit, rank and kind (or both kinds) is in force."""
    place = ["unit_id", "rank", "cover_type"]
    now = policies.loc[_in_force(policies, today).fillna(False), place].dropna()
    both = now[now["cover_type"] == BOTH]
    now = pd.concat([now, both.assign(cover_type="death"), both.assign(cover_type="injury")])
    live = pd.MultiIndex.from_frame(now.astype(object))
    mine = pd.MultiIndex.from_frame(policies[place].astype(object))
    return pd.Series(mine.isin(live), index=policies.index, dtype="boolean")
