"""Who the money goes to, and through how many hands: the definitions of `guidance` 1.3.

All yes/no answers here are three-valued: blank where the workbook does not say.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from fundtrack.book import Book
from fundtrack.money import total
from fundtrack.verdicts import Ask

CSO_TYPES = ["21", "22", "23", "24"]
LOCAL_TYPES = ["22", "24"]
STATE_TYPES = ["10", "11", "15"]
INTERMEDIARY_TYPES = ["21", "23", "40", "60"]
CANCELLED = "5"
DISBURSEMENT = "3"
MAX_TIERS = 20  # longer chains of sub-grants are loops in the data


def _among(codes: pd.Series, those: list[str]) -> pd.Series:
    """Whether each code is one of those; blank where there is none."""
    return codes.isin(those).astype("boolean").where(codes.notna())


def flows(book: Book) -> Flows:
    """The flows of a book, worked out once."""
    return book.once("flows", lambda: Flows(book))


class Flows:
    """Grants and sub-grants with what is known of their recipients."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._found: dict[int, tuple[pd.Series, Any]] = {}

    # Organisations -------------------------------------------------------------------------------

    @cached_property
    def register(self) -> pd.DataFrame:
        """Organisations by their id; of an id given twice, the first row."""
        orgs = self.book["organisations"]
        known = orgs[orgs["org_id"].notna() & ~orgs["org_id"].duplicated()]
        return known.assign(label=known.index).set_index("org_id")

    def about(self, org_ids: pd.Series, attribute: str) -> pd.Series:
        """An attribute of the organisation named in each row; blank where it is not registered."""
        return self._of(org_ids, self.register[attribute])

    def _of(self, org_ids: pd.Series, facts: pd.Series) -> pd.Series:
        """What is known of the organisation named in each row; `facts` are by the register's rows.

        Asking the register, which is short, and not every row saves most of the time.
        """
        if (
            id(org_ids) not in self._found
        ):  # the series is kept with it, so that its id stays its own
            self._found[id(org_ids)] = org_ids, self.register.index.get_indexer(org_ids)
        _, position = self._found[id(org_ids)]
        return pd.Series(facts.array.take(position, allow_fill=True), index=org_ids.index)

    def is_type(self, org_ids: pd.Series, types: list[str]) -> pd.Series:
        """Whether each organisation is of one of the types; blank where its type is unknown."""
        return self._of(org_ids, _among(self.register["org_type"], types))

    def is_cso(self, org_ids: pd.Series) -> pd.Series:
        """A civil society organisation: types 21 to 24."""
        return self.is_type(org_ids, CSO_TYPES)

    def is_state(self, org_ids: pd.Series) -> pd.Series:
        """A state body: types 10, 11 and 15, or a security agency. Unknown counts as not."""
        agency = _among(self.register["is_security_agency"], ["yes"]).fillna(False)
        state = _among(self.register["org_type"], STATE_TYPES).fillna(False)
        return self._of(org_ids, state | agency).fillna(False)

    def is_affiliated(self, org_ids: pd.Series) -> pd.Series:
        """Affiliated to an international NGO; blank as the settings say it is to be read."""
        affiliated = self._of(org_ids, _among(self.register["intl_affiliated"], ["yes"]))
        if self.book.settings.treat_unknown_affiliation_as == "no":
            affiliated = affiliated.fillna(False)
        return affiliated

    def is_local(self, org_ids: pd.Series, countries: pd.Series) -> pd.Series:
        """A local independent CSO where the work is done.

        Type 22 or 24, headquartered in that country (for regional work: in a country that the
        programme serves), not affiliated to an international NGO, not controlled by the state.
        """
        home = self.about(org_ids, "hq_country")
        at_home = (home == countries).astype("boolean")
        served = self.book.settings.recipient_countries
        if served:
            in_region = self._of(org_ids, _among(self.register["hq_country"], sorted(served)))
            at_home = at_home.where(countries.notna(), in_region)
        uncontrolled = _among(self.register["state_controlled"], ["no"])
        return (
            self.is_type(org_ids, LOCAL_TYPES)
            & at_home
            & ~self.is_affiliated(org_ids)
            & self._of(org_ids, uncontrolled)
            & ~self.is_state(org_ids)
        )

    # Grants --------------------------------------------------------------------------------------

    @cached_property
    def grants(self) -> pd.DataFrame:
        """Every grant with `value`, `counted` (in T), `live`, `local`, `state`, `cso`, `reported`.

        `live`: not cancelled. `counted`: live, in the period, not to a state body, and with a
        value.
        `reported`: True where all sub-grants are listed or the recipient passes nothing on.
        """
        grants = self.book["grants"]
        to, country = grants["recipient_org_id"], grants["recipient_country"]
        live = (grants["activity_status"] != CANCELLED).fillna(True).astype(bool)
        state = self.is_state(to)
        value = self._grant_values()
        answer = grants["subgrants_reported"]
        return pd.DataFrame(
            {
                "grant_id": grants["grant_id"],
                "org_id": to,
                "country": country,
                "value": value,
                "live": live,
                "state": state,
                "counted": live & self.in_period & ~state.astype(bool) & value.notna(),
                "local": self.is_local(to, country),
                "cso": self.is_cso(to),
                "reported": answer.isin(["yes", "not_applicable"]).astype(bool),
                "passes_on": (answer != "not_applicable").astype("boolean").where(answer.notna()),
            }
        )

    @cached_property
    def in_period(self) -> pd.Series:
        """Grants whose value date lies in the period; a grant without any date is counted."""
        day = self.book.value_date("grants")
        start, end = self.book.settings.period_start, self.book.settings.period_end
        inside = pd.Series(True, index=day.index)
        if start:
            inside &= day.isna() | (day >= pd.Timestamp(start))
        if end:
            inside &= day.isna() | (day <= pd.Timestamp(end))
        return inside

    @property
    def unvalued(self) -> int:
        """How many grants of the period would be counted, had they a usable amount and a rate."""
        grants = self.grants
        would = grants["live"] & self.in_period & ~grants["state"].astype(bool)
        return int((would & grants["value"].isna()).sum())

    def _grant_values(self) -> pd.Series:
        if self.book.settings.value_basis != "disbursement":
            return self.book.money("grants")["value"]
        return self._paid("grant_id", self.book["grants"]["grant_id"], direct=True)

    def _paid(self, field: str, keys: pd.Series, *, direct: bool) -> pd.Series:
        """The disbursements made on each grant (`direct`: by the donor) or sub-grant."""
        made = self.disbursed(field, direct=direct)
        sums = made["value"].groupby(made["paid_on"]).sum()
        return pd.Series(
            sums.reindex(keys.array).fillna(0).array, index=keys.index, dtype="Float64"
        )

    def disbursed(self, field: str, *, direct: bool) -> pd.DataFrame:
        """The disbursements themselves, indexed like Transactions: `paid_on` (the key of the grant
        or sub-grant) and `value` in the reporting currency.
        """
        payments = self.book["transactions"]
        wanted = (payments["transaction_type"] == DISBURSEMENT).fillna(False) & payments[
            field
        ].notna()
        if direct:
            wanted &= payments["subgrant_id"].isna()
        value = self.book.money("transactions", "value")["value"]
        return pd.DataFrame({"paid_on": payments[field], "value": value})[wanted]

    @cached_property
    def first_payments(self) -> pd.Series:
        """The day of the first disbursement of each grant to its recipient, by grant id."""
        payments = self.book["transactions"]
        wanted = (payments["transaction_type"] == DISBURSEMENT) & (payments["value"] > 0)
        wanted = wanted.fillna(False) & payments["subgrant_id"].isna()
        made = payments[wanted & payments["grant_id"].notna()]
        return made.groupby("grant_id")["transaction_date"].min()

    # Sub-grants ----------------------------------------------------------------------------------

    @cached_property
    def subgrants(self) -> pd.DataFrame:
        """Every sub-grant with `tier`, `grant` (its grant's label), `value`, `local`, `first` and
        `org_id`.

        `first`: one step from a counted grant and not a purchase of services. A sub-grant that does
        not say of what kind it is counts as one: it stands in the sheet of sub-grants.
        """
        subs = self.book["subgrants"]
        grant = self._label_of(subs["parent_grant_id"])
        of = self.grants.reindex(grant.array)
        tier = self._tiers(subs)
        if self.book.settings.value_basis == "disbursement":
            value = self._paid("subgrant_id", subs["subgrant_id"], direct=False)
        else:
            value = self.book.money("subgrants")["value"]
        counted = pd.Series(of["counted"].array, index=subs.index).astype("boolean").fillna(False)
        country = pd.Series(of["country"].array, index=subs.index)
        first = (tier == 1) & counted & (subs["purpose"] != "services").fillna(True) & value.notna()
        return pd.DataFrame(
            {
                "subgrant_id": subs["subgrant_id"],
                "org_id": subs["receiver_org_id"],
                "country": country,
                "grant": grant,
                "passed_on_by": pd.Series(of["org_id"].array, index=subs.index),
                "tier": tier,
                "value": value,
                "first": first.fillna(False).astype(bool),
                "local": self.is_local(subs["receiver_org_id"], country),
            }
        )

    def _label_of(self, grant_ids: pd.Series) -> pd.Series:
        """The row label of each grant id; of an id given twice, the first row."""
        ids = self.book["grants"]["grant_id"]
        known = ids[ids.notna() & ~ids.duplicated()]
        labels = pd.Series(known.index, index=known.array, dtype="Int64")
        return pd.Series(labels.reindex(grant_ids.array).array, index=grant_ids.index)

    @staticmethod
    def _tiers(subs: pd.DataFrame) -> pd.Series:
        """How many organisations stand between the donor and each receiver; blank in a loop."""
        parent = subs["parent_subgrant_id"]
        tier = pd.Series(1, index=subs.index, dtype="Int64").where(parent.isna())
        for _ in range(MAX_TIERS):
            known = pd.Series(tier.array, index=subs["subgrant_id"].array)
            known = known[known.index.notna() & ~known.index.duplicated()]
            above = pd.Series(known.reindex(parent.array).array, index=subs.index, dtype="Int64")
            tier = tier.fillna(above + 1)
        return tier

    # What reaches local independent organisations ------------------------------------------------

    @cached_property
    def direct(self) -> pd.Series:
        """Value of each counted grant straight to a local independent CSO; blank elsewhere."""
        return self.grants["value"].where(
            self.grants["counted"] & self.grants["local"].fillna(False)
        )

    @cached_property
    def one_step(self) -> pd.Series:
        """Value of each sub-grant that reaches one through exactly one intermediary; blank
        elsewhere.

        Where the grant already went to a local independent CSO, its sub-grants are not counted
        again.
        """
        subs = self.subgrants
        already = subs["grant"].isin(self.direct.dropna().index)
        return subs["value"].where(subs["first"] & subs["local"].fillna(False) & ~already)

    @cached_property
    def may_be_direct(self) -> pd.Series:
        """Value of each counted grant whose recipient may or may not be local; blank elsewhere."""
        return self.grants["value"].where(self.grants["counted"] & self.grants["local"].isna())

    def may_reach(self, open_: pd.Series, maybe: pd.Series) -> tuple[pd.Series, pd.Series]:
        """What could reach local CSOs at best, beyond what is known to: of grants, of sub-grants.

        Of a counted grant that is `open_`, all that is left of it: its value, and below zero the
        sub-grants that are known to reach them. Of other grants, the sub-grants that `maybe` do.
        """
        grants, subs = self.grants, self.subgrants
        asked = grants["counted"] & self.direct.isna()
        left = grants["value"] > self._by_grant(self.one_step)
        of_grants = grants["value"].where((asked & open_ & left).fillna(False))
        known = (-self.one_step).where(subs["grant"].isin(of_grants.dropna().index))
        of_others = subs["grant"].isin(grants.index[asked & ~open_])
        return of_grants, known.fillna(subs["value"].where(maybe & of_others))

    @property
    def open(self) -> pd.Series:
        """Grants of which all may reach local CSOs: the recipient may be one, or it is not said
        what it passed on.
        """
        local = self.grants["local"]
        return local.isna() | (~local.fillna(False) & ~self.grants["reported"])

    @property
    def maybe_local(self) -> pd.Series:
        """Sub-grants one step away whose receiver may or may not be local."""
        return self.subgrants["first"] & self.subgrants["local"].isna()

    def _by_grant(self, amounts: pd.Series) -> pd.Series:
        sums = amounts.groupby(self.subgrants["grant"]).sum()
        return sums.reindex(self.grants.index).astype("Float64").fillna(0)

    def asks(self) -> list[Ask]:
        """The facts that would settle the shares, the weightiest first."""
        grants = self.grants[self.grants["counted"]]
        subs = self.subgrants[self.subgrants["first"]]
        unsure = pd.concat([grants[grants["local"].isna()], subs[subs["local"].isna()]])
        known = self.register.reindex(unsure["org_id"].dropna().unique())
        facts = ["org_type", "hq_country", "intl_affiliated", "state_controlled"]
        open_ = known[known[facts].isna().any(axis=1)]
        about = unsure["org_id"].isin(open_.index)
        # What is known of the organisation, but not where the work is done.
        placeless = grants[grants["local"].isna() & ~grants["org_id"].isin(open_.index)]
        nameless = subs[subs["local"].isna() & subs["org_id"].isna()]
        silent = grants[(~grants["local"]).fillna(False) & ~grants["reported"]]
        asks = [
            Ask("organisations", facts, _labels(open_["label"]), total(unsure["value"][about])),
            Ask(
                "grants",
                ["recipient_org_id", "recipient_country"],
                placeless.index,
                total(placeless["value"]),
            ),
            Ask("subgrants", ["receiver_org_id"], nameless.index, total(nameless["value"])),
            Ask("grants", ["subgrants_reported"], silent.index, total(silent["value"])),
        ]
        return sorted((ask for ask in asks if ask.amount), key=lambda ask: -ask.amount)

    @property
    def caveat(self) -> str:
        """What a message must add where the settings ask for a reading of blanks."""
        if self.book.settings.treat_unknown_affiliation_as == "no":
            return " (A blank affiliation was counted as none, as the settings ask.)"
        return ""


def _labels(labels: pd.Series) -> pd.Index:
    return pd.Index(labels.dropna().astype("int64"))
