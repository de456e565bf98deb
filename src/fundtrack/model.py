"""The values that the rooms hand to one another: tables, checks, thresholds, results, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date
from enum import StrEnum
from functools import cached_property
from math import fsum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

EDITION = "ICAN 2017"

# A row label is the Excel row number plus this much for every further sheet that feeds the same
# table, so that labels stay unique when sheets are stacked. Larger than any row number of a CSV.
ROWS_A_PART = 2**32

# The days that can be meant, in the checker and in the template.
EARLIEST = date(1990, 1, 1)
YEARS_AHEAD = 10  # a date later than this after the period's end is a slip


class FundtrackError(Exception):
    """Stops a run with one line for the user: which file, where in it, why, and the cure."""

    def __init__(self, file: str, reason: str, cure: str, *, sheet: str | None = None) -> None:
        self.file, self.sheet, self.reason, self.cure = file, sheet, reason, cure
        where = f"{file}, sheet “{sheet}”" if sheet else file
        super().__init__(f"{where}: {reason} {cure}")


class Severity(StrEnum):
    """How grave a finding is, worst first (`guidance` 1.2)."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for an error, 1 for a warning, 2 for a note: sorts the worst first."""
        return _RANKS[self._value_]


_RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}


class Status(StrEnum):
    """What a check could say of a workbook."""

    PASS = "pass"
    FAIL = "fail"
    UNDETERMINED = "undetermined"
    NOT_ASSESSABLE = "not_assessable"
    NOT_APPLICABLE = "not_applicable"

    @property
    def words(self) -> str:
        """The status as people read it."""
        return self.value.replace("_", " ")


class Basis(StrEnum):
    """Where a number comes from. A house default is ours until the donor confirms it."""

    BRIEF = "brief"
    SOURCE = "source"
    HOUSE = "house"

    @property
    def words(self) -> str:
        """The basis as people read it."""
        return {"brief": "the brief", "source": "a cited source", "house": "house default"}[self]


class Clause(NamedTuple):
    """A place in the brief and the words that stand there (at most 25)."""

    place: str
    quote: str


@dataclass(frozen=True, slots=True)
class Source:
    """A public text that a threshold rests on. `status` is `read` when its words were read."""

    id: str
    short: str
    title: str
    publisher: str
    year: str
    status: str = "read"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a check compares with. `value` None means: report only, until one is set.

    Raises ValueError where a number claims the brief or a source without naming the place.
    """

    parameter: str
    value: float | None
    unit: str
    basis: Basis
    cite: tuple[str, ...] = ()  # ids of sources, or places in the brief
    note: str = ""

    def __post_init__(self) -> None:
        if self.basis is not Basis.HOUSE and not self.cite:
            raise ValueError(f"{self.parameter} rests on {self.basis.words} but cites none")


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold as it is in force for one workbook."""

    threshold: Threshold
    value: float | None
    confirmed_by: str | None = None
    confirmed_on: date | None = None
    reason: str | None = None

    @property
    def confirmed(self) -> bool:
        """True where a donor has put a role to it, or where it is not a house default."""
        return self.threshold.basis is not Basis.HOUSE or self.confirmed_by is not None

    @property
    def changed(self) -> bool:
        """True where the workbook gives another number than the default."""
        return self.value != self.threshold.value


class Limits(Mapping[str, float]):
    """The numbers in force, by parameter; shares are given by `share`, from 0 to 1."""

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self.all = dict(limits)

    def __getitem__(self, parameter: str) -> float:
        value = self.all[parameter].value
        if value is None:
            raise KeyError(f"{parameter} has no number")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def share(self, parameter: str) -> float | None:
        """A `_pct` parameter as a fraction, None where the donor has set none."""
        value = self.all[parameter].value
        return None if value is None else value / 100

    def fill(self, template: str) -> str:
        """The text with the numbers in force: “at least {loc.as_direct_min_pct}%”."""
        return template.format(**self.words)

    @property
    def words(self) -> dict[str, SimpleNamespace]:
        """For messages: `{dur.short_months}` reads the number of that parameter."""
        spaces: dict[str, SimpleNamespace] = {}
        for parameter, limit in self.all.items():
            family, _, name = parameter.partition(".")
            text = "–" if limit.value is None else f"{limit.value:g}"
            setattr(spaces.setdefault(family, SimpleNamespace()), name, text)
        return spaces


@dataclass(frozen=True)
class Options:
    """What the command line may say instead of the settings sheet."""

    as_of: date | None = None
    reporting_currency: str | None = None


@dataclass(frozen=True)
class Part:
    """One sheet that feeds a table: where each field stands in it, in the sheet's own words."""

    file: str
    sheet: str
    header_row: int
    columns: Mapping[str, str]  # field -> column letter
    headings: Mapping[str, str]  # field -> heading as written in the sheet
    cells: Mapping[str, str] = default(default_factory=dict)  # settings only: field -> address
    main: bool = True  # False for a companion file, which is not annotated


class Place(NamedTuple):
    """Where a value stands. `cell` is None where the sheet has no such column."""

    part: Part
    row: int
    cell: str | None
    heading: str | None


@dataclass(frozen=True)
class Table:
    """Rows of one kind. `raw` holds what the cells hold, `given` the same after a layout's code
    maps, constants and date formats, `frame` the typed values (after validate).

    All are indexed by row label (the Excel row number in the first part, see ROWS_A_PART) and have
    one column a schema field. A field that no sheet has is missing in `given`, blank in `frame`;
    one that a layout fills by a constant is missing in `raw`.
    """

    name: str
    raw: pd.DataFrame
    parts: tuple[Part, ...]
    given: pd.DataFrame
    derived: bool = False  # made from another table's rows: its keys are not a register
    export: bool = False  # from a known export, whose identifiers follow rules of their own
    text_only: bool = False  # from a CSV: numbers are necessarily text
    percent: Mapping[str, frozenset[int]] = default(
        default_factory=dict
    )  # field -> labels shown as %
    elsewhere: Mapping[str, Mapping[int, Place]] = default(
        default_factory=dict
    )  # field -> label -> the cell, where it does not stand in the field's own column
    frame: pd.DataFrame = default(default=None)

    def place(self, label: int, name: str | None) -> Place:
        """The cell of field `name` in the row `label`; the field may have no column."""
        if name and (place := self.elsewhere.get(name, {}).get(int(label))):
            return place
        number, row = divmod(int(label), ROWS_A_PART)
        part = self.parts[number]
        heading = part.headings.get(name) if name else None
        if name and name in part.cells:
            return Place(part, row, part.cells[name], heading)
        letter = part.columns.get(name) if name else None
        return Place(part, row, f"{letter}{row}" if letter else None, heading)

    def has(self, name: str) -> bool:
        """True where a sheet or a layout gives the field, even if every cell is blank."""
        return name in self.given.columns

    def value(self, label: int, name: str | None) -> Any:
        """What the cell of field `name` holds in the row `label`; None where it has no cell."""
        return self.raw.at[label, name] if name in self.raw.columns else None

    def values(self, labels: Sequence[int], names: Sequence[str | None]) -> list[Any]:
        """The same for many cells, one a label and name: looked up column by column."""
        columns = {n: self.raw[n] for n in set(names) if n is not None and n in self.raw}
        wanted: dict[str, list[int]] = {n: [] for n in columns}
        for label, name in zip(labels, names, strict=True):
            if name in wanted:
                wanted[name].append(label)
        held = {n: iter(columns[n].loc[rows]) for n, rows in wanted.items()}
        return [next(held[n]) if n in held else None for n in names]


class Spot(NamedTuple):
    """A place that is not a row of a table: a heading, a sheet, a setting."""

    part: Part
    cell: str | None
    row: int | None
    heading: str | None
    key: str
    value: Any


@dataclass(frozen=True)
class Fault:
    """Something wrong with the data itself: cells that break one constraint of one field.

    `check` is the DAT check that answers for it, or `SCH-` and the constraint. `message`, `remedy`
    and `expected` may hold {heading}, {value}, {sheet}, {row}, {key} and the names of `words`.
    """

    check: str
    severity: Severity
    table: str
    field: str | None
    message: str
    remedy: str
    expected: str
    labels: Sequence[int] = ()
    words: Mapping[str, Mapping[int, str] | str] = default(default_factory=dict)  # by label, or all
    spots: Sequence[Spot] = ()
    scope: str = "cell"
    unusable: bool = False  # the cells count as blank from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault at one place, or one figure to read, which has none; the same names as in the
    JSON.
    """

    id: str = ""  # given when all findings are known
    check: str
    severity: Severity
    scope: str  # row, sheet, organisation, chain, portfolio ...
    table: str | None = None
    file: str = ""
    sheet: str | None = None
    cell: str | None = None
    row: int | None = None
    field: str | None = None
    heading: str | None = None
    key: str | None
    value: Any
    expected: str
    message: str
    remedy: str
    difference: str | None = None
    accepted: bool = False
    main: bool = True  # False where it stands in a companion file
    organisation: str | None = None  # whose record it is, by its id; for the ledger


# What a reviewer can say of a finding; the first is what an unanswered one has.
ANSWER_STATUSES = ("open", "agreed", "done", "accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer wrote beside one finding; None is a blank cell."""

    finding: str  # the finding's id
    status: str = ANSWER_STATUSES[0]
    response: str | None = None
    action: str | None = None  # agreed
    due: date | None = None
    role: str | None = None
    reviewed_on: date | None = None


@dataclass(frozen=True)
class Check:
    """All that is known of a check apart from its formula (`evaluate` runs that)."""

    id: str
    title: str  # the requirement as it reads when it is met
    name: str  # short name in the catalogue
    scope: str
    tier: int
    origin: str  # brief, brief + source, brief + house, source, house, support
    severity: Severity
    needs: Mapping[str, Sequence[str]]  # table -> fields; "a|b" means either
    run: Any
    brief: Clause | None = None
    weighs: Mapping[str, Sequence[str]] = default(default_factory=dict)  # blank widens the bounds
    thresholds: Sequence[Threshold] = ()
    severity_note: str = ""  # when the severity differs from case to case
    last: bool = False  # it judges the other checks' results, so it runs after them

    @property
    def family(self) -> str:
        """The letters before the number: LOC, DUR, DAT."""
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Group:
    """A result for one organisation, country or grant."""

    by: Mapping[str, str]
    value: float | None
    low: float | None
    high: float | None
    status: Status
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Quotient:
    """A further figure of a result: the sum of some rows, or that sum over another one.

    `above` and `below` are terms (see `verdicts.entries`); the figure is above / below x `times`
    - `less`. `what` says in words what is added up, `unit` in what it is given: None is the
    reporting currency, `share` a fraction.
    """

    name: str
    what: str
    above: pd.DataFrame
    below: pd.DataFrame | None = None
    times: float = 1.0
    less: float = 0.0
    unit: str | None = None
    also: pd.DataFrame | None = None  # further terms that come to nothing: for the workings

    @cached_property
    def value(self) -> float | None:
        """The figure; None where there is nothing to divide by."""
        found = fsum(self.above["value"].tolist())
        if self.below is not None:
            whole = fsum(self.below["value"].tolist())
            if not whole:
                return None
            found /= whole
        return found * self.times - self.less


class Split(NamedTuple):
    """Makes a figure of others: `of`, times `above` over the sum of `below`, of the portfolio."""

    of: str
    above: str
    below: Sequence[str]


@dataclass(frozen=True)
class Judged:
    """Which subjects one verdict of a check looked at, so that a later run can tell what was put
    right from what is gone, was left open or is no longer asked (see `trail`).

    Rows: two boolean series by row label, and the field or fields at which a finding would stand;
    `key` where a finding is followed by something else than the row's own identifier. Or `states`:
    what a figure says of each key it is judged by. Or `cells`: faults, judged cell by cell.
    """

    table: str | None = None
    at: str | pd.Series | None = None
    unjudged: pd.Series | None = None
    out: pd.Series | None = None
    key: pd.Series | None = None
    states: Mapping[str, Status] = default(default_factory=dict)
    rest: Status | None = None  # what holds of any other key of the whole portfolio
    cells: bool = False


@dataclass(frozen=True)
class Result:
    """What one check says of one workbook. Shares run from 0 to 1."""

    check: Check
    status: Status
    severity: Severity | None = None
    unit: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    basis: Basis | None = None
    confirmed: bool = True
    figures: Mapping[str, float] = default(default_factory=dict)
    assessed_rows: int = 0
    rows_in_scope: int = 0
    findings: Sequence[Finding] = ()
    reason: str | None = None
    breakdown: Sequence[Group] = ()
    terms: pd.DataFrame | None = None  # the rows behind a share (see `verdicts.entries`)
    most: bool = False  # the threshold is the greatest share, not the least
    counted: str | None = None  # what the terms count, such as officers; None: money
    called: Mapping[str, str] = default(default_factory=dict)  # figure of the terms -> in words
    made: Sequence[Quotient] = ()  # the rows behind the figures beyond the terms
    split: Mapping[str, Split] = default(default_factory=dict)  # figures of the terms from others
    also: pd.DataFrame | None = None  # further terms that come to nothing: for the workings
    judged: Sequence[Judged] = ()


@dataclass(frozen=True)
class SheetFacts:
    """How one sheet was understood, for `inspect`, the JSON and the provenance sheet."""

    file: str
    sheet: str
    table: str | None  # None: not recognised, ignored
    how: str  # "by its name", "by its headings", "as OCHA CBPF project summary"
    header_row: int | None = None
    rows: int = 0
    columns: Mapping[str, str] = default(default_factory=dict)  # field -> letter
    headings: Mapping[str, str] = default(default_factory=dict)  # field -> heading
    also_read: Sequence[tuple[str, str, str]] = ()  # (letter, heading, field) beside the first
    deciding: Sequence[tuple[str, str]] = ()  # (letter, heading): which rows count hangs on them
    ignored_columns: Sequence[tuple[str, str]] = ()  # (letter, heading)
    skipped: Mapping[str, Sequence[int]] = default(default_factory=dict)  # "totals" -> row numbers
    hidden: bool = False
    hidden_rows: int = 0
    error_cells: Sequence[str] = ()
    uncalculated: Sequence[str] = ()
    main: bool = True


class Taken(NamedTuple):
    """A number that a formula takes from the cell in which it stands."""

    table: str
    label: int
    field: str
    number: float | date


Pieces = Sequence[str | Taken]  # of a formula


class Formula(NamedTuple):
    """A formula: `template`, as of `str.format`, over the places of the numbers `taken`, and over
    the steps of its own row by their names.
    """

    template: str
    taken: Sequence[Taken]

    @classmethod
    def of(cls, pieces: Pieces) -> Formula:
        """The formula that the pieces make one after the other."""
        taken = list(dict.fromkeys(p for p in pieces if isinstance(p, Taken)))
        at = {p: f"{{{n}}}" for n, p in enumerate(taken)}
        return cls("".join(at[p] if isinstance(p, Taken) else p for p in pieces), taken)


@dataclass(frozen=True)
class Step:
    """A number on the way to the shares of some rows, in a column of its own beside them.

    Each is taken from the cell of a `field`, or worked out: all by one formula, or each by its own.
    """

    heading: str
    values: pd.Series  # by row label
    field: str = ""
    worked: Formula | Mapping[int, Formula] = default(default_factory=dict)  # all, or by row label


class Worked(NamedTuple):
    """How the shares of some rows in a figure are worked out, by row label of `table`, over steps
    that are known by their names.
    """

    table: str
    formulas: Mapping[int, Formula]
    steps: Mapping[str, Step] = {}


@dataclass(frozen=True)
class Column:
    """The rows that enter one sum: how much of each row's amount, and under which names it goes.

    `worked` says how shares are worked out, for the rows that `labels` names by position.
    """

    share: pd.Series  # of the row's converted amount; indexed by position among the rows
    names: tuple[str, ...]
    worked: Worked | None = None
    labels: pd.Series | None = None


@dataclass(frozen=True)
class Workings:
    """Every row that enters some figure of the results, and how much of it enters which.

    `rows` has one line a row of the workbook and group: `table`, `label`, `field` (of the amount;
    blank: the row itself is counted), `amount`, `currency`, `rate`, `rate_date`, `rate_kind`,
    `source`, `rate_from` (`Pieces`), `value` (in the reporting currency; 1 where the amount is not
    known, and each column then holds what is assumed), and one column for each group that some
    result is broken down by. `columns` has one entry for each check, figure and role. `rows` is
    None where there are more than `most`. `withheld` names the checks whose rows stand in a
    restricted sheet of a companion file: the copy of another workbook must not spread them.
    `zeros` counts the rows that add nothing, by table and field, which are not listed.
    """

    rows: pd.DataFrame | None
    columns: Mapping[tuple[str, str, str], Column]
    groups: Sequence[str]
    most: int | None
    withheld: Sequence[str] = ()
    zeros: Mapping[tuple[str, str], int] = default(default_factory=dict)


@dataclass(frozen=True)
class Pictures:
    """The numbers of the charts; a frame without rows where there is nothing to draw.

    `durations`: `months` (words), `grants`, `kind` (shorter than the band of months that the brief
    criticises, in the band, or longer).
    `pay`: `rank` (and unit), `officers`, `pay` and `wage` (a month, in `pay_currency`), the worst
    paid against its wage first.
    """

    durations: pd.DataFrame
    pay: pd.DataFrame
    pay_currency: str | None


@dataclass(frozen=True)
class Assessment:
    """Everything that a run found out about one workbook: what the report room writes down."""

    file: str  # the name of the workbook, without its folder
    sha256: str
    values_digest: str
    kind: str  # donor or programme
    layout: str  # fundtrack, or the name of a known export
    layout_title: str
    settings: Mapping[str, Any]
    sheets: Sequence[SheetFacts]
    limits: Limits
    results: Sequence[Result]
    findings: Sequence[Finding]  # of the checks and of the schemas, in sheet and row order
    exceptions: Sequence[Mapping[str, Any]]
    tables: Mapping[str, Table]
    remarks: Sequence[str]  # what the reader should know: options overridden, currencies assumed
    answers: Mapping[str, Answer] = default(default_factory=dict)  # by finding, from earlier
    ledger: str | None = None  # which answers of which ledger they are, for the provenance
    digests: Mapping[str, str] = default(default_factory=dict)  # of the values, by sheet
    entered: Mapping[str, str] = default(default_factory=dict)  # without results of formulas
    pending: Mapping[str, Sequence[str]] = default(default_factory=dict)  # formulas without result
    workings: Workings | None = None  # None where no copy is asked for
    pictures: Pictures | None = None
    # Of an assessment made to be shared, where a finding stands for many and rare ones are left
    # out: how many findings are shown.
    tally: Mapping[Severity, int] | None = None

    def counts(self) -> dict[Severity, int]:
        """Findings by severity, without the accepted ones."""
        if self.tally is not None:
            return dict(self.tally)
        found = Counter([f.severity for f in self.findings if not f.accepted])
        return {severity: found[severity] for severity in Severity}
