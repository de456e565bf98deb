"""What a check gives back. The engine (`evaluate`) alone turns it into results and findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from fundtrack.model import Quotient, Severity, Split

Words = Callable[[pd.Index], Mapping[str, "pd.Series | str"]]


def _no_words(_: pd.Index) -> Mapping[str, pd.Series | str]:
    return {}


@dataclass(frozen=True)
class RowVerdicts:
    """One verdict a row of `table`: met, finding, not assessed (blank) or out of scope.

    `in_scope` and `meets` are boolean series over the rows judged, indexed by row label; blank
    means that a needed cell is blank. `message`, `remedy` and `expected` may hold the row's own
    fields, the parameters of the limits and what `words` gives for the rows that are findings.
    """

    table: str
    in_scope: pd.Series
    meets: pd.Series
    at: str | pd.Series  # the field whose cell is marked, for all rows or row by row
    message: str
    remedy: str
    expected: str
    words: Words = _no_words
    severity: pd.Series | None = None  # of each row, where it differs from the check's
    hard: pd.Series | None = None  # True where a finding does not rest on an unconfirmed number
    blank: Sequence[
        tuple[str, str]
    ] = ()  # (table, field) that leave a row unjudged, for the reason
    otherwise: str = ""  # why a row is unjudged where no cell is blank: “: no payment is listed”
    rests_on: Sequence[str] | None = None  # the parameters behind a finding; None: all the check's
    scope: str | None = None  # where it differs from the check's
    key: pd.Series | None = None  # what a finding is followed by over time; None: the row's own key
    hidden: bool = False  # the cell's content must not be repeated anywhere


@dataclass(frozen=True)
class Ask:
    """A fact that would settle an undetermined figure."""

    table: str
    fields: Sequence[str]
    labels: pd.Index  # the rows to fill; none where the column itself is absent
    amount: float  # how much of the figure hangs on it, in the reporting currency


@dataclass(frozen=True)
class Share:
    """A part of a whole, with the rows behind it (`entries`), against a least or a greatest share.

    Judged once, or for every value of the columns `by`. `part` alone is the lowest possible part,
    `part` and `unknown` together the highest.
    """

    terms: pd.DataFrame
    at_least: str | None  # the parameter, a percentage; the greatest share where `most` is True
    message: str
    remedy: str
    expected: str = "at least {threshold}"
    most: bool = False  # the parameter is the greatest share, not the least
    counted: str | None = None  # what is counted, such as “officers”; None: money
    by: Sequence[str] = ()
    breakdown: Sequence[str] = ()
    point: tuple[str, str] | None = None  # table and field that a finding of a group marks
    called: Mapping[str, str] = field(default_factory=dict)  # figure of the terms -> in words
    made: Sequence[Quotient] = ()  # further figures
    split: Mapping[str, Split] = field(default_factory=dict)  # figures that come of others
    also: pd.DataFrame | None = None  # further terms that come to nothing: for the workings
    asks: Sequence[Ask] = ()
    left_out: int = 0  # rows in scope that have no place in the terms, not even as unknown
    otherwise: str = ""  # why they are left out: “: their amount is not usable”
    levers: tuple[str, pd.Series] | None = None  # table, amounts: the rows that would move it most
    assessed: int = 0
    in_scope: int = 0
    words: Mapping[str, str] = field(default_factory=dict)
    # Of (the share nearest to passing, the threshold): the severity of a failure.
    severity: Callable[[float, float], Severity] | None = None
    hard: Callable[[float], bool] | None = None  # of that share: rests on no unconfirmed number


@dataclass(frozen=True)
class Faults:
    """The faults of the data that the check answers for (`Book.faults`), among `judged` cells."""

    judged: int


@dataclass(frozen=True)
class Remark:
    """A finding of the whole portfolio or of a country, followed over time by its `key`."""

    key: str
    message: str
    remedy: str
    expected: str
    severity: Severity | None = None  # None: the check's
    hard: bool = False  # True where it does not rest on an unconfirmed number
    scope: str | None = None  # None: the check's


@dataclass(frozen=True)
class Remarks:
    """Findings of the whole portfolio, out of so many things `judged`; `open_` more were not.

    None judged and none open: the check does not apply. `reason` says what is blank in the open.
    """

    found: Sequence[Remark]
    judged: int
    open_: int = 0
    reason: str = ""
    made: Sequence[Quotient] = ()  # figures


@dataclass(frozen=True)
class NotAssessable:
    """The check cannot judge this workbook, and why in words."""

    reason: str


Verdict = RowVerdicts | Share | Faults | Remarks | NotAssessable


def entries(
    figure: str,
    role: str,
    table: str,
    amounts: pd.Series,
    *,
    field: str | None = "amount",
    zeros: bool = False,
    **groups: pd.Series | str,
) -> pd.DataFrame:
    """The rows that enter one figure of a share, by their `role`.

    `field` holds the number that the amounts come from, as it stands or times something; None
    where the rows themselves are counted.

    part and whole: known to be in either; unknown: in the whole, perhaps in the part; doubtful:
    perhaps in both; burden: perhaps in the whole, never in the part.

    Columns: figure, role, table, label, field, value (reporting currency), and one for each of
    `groups`. Rows with a blank amount are left out, and those with 0 unless `zeros` are wanted.
    """
    known = amounts.astype("Float64").dropna()
    known = known if zeros else known[known != 0]
    columns = {
        "figure": figure,
        "role": role,
        "table": table,
        "label": known.index,
        "field": field,
        "value": known.to_numpy(dtype="float64"),
    }
    for name, values in groups.items():
        columns[name] = (
            values if isinstance(values, str) else values.reindex(known.index).to_numpy()
        )
    return pd.DataFrame(columns)
