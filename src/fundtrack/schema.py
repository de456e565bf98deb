"""The schemas on disk, as values: tables with their fields, code lists, layouts of known exports.

A table is Frictionless Table Schema YAML plus `sheet`, `aliases`, `unit`, `example` and a few keys
that a workbook needs; see `schemas/README.md`. Unknown keys are refused, so that a misspelt one
cannot be silently without effect.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from dataclasses import field as default
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")

EXAMPLE = "EXAMPLE-"  # how the key of a template's example row begins: such a row is never read

# A field's type and the pandas dtype of its typed column. Numbers and strings stay blank through a
# comparison; dates do not, and must be guarded.
DTYPES = {
    "string": "string",
    "number": "Float64",
    "integer": "Int64",
    "percent": "Float64",
    "date": "datetime64[s]",
    "yearmonth": "string",
}


@dataclass(frozen=True)
class Constraints:
    """What a value must be. Names as in Table Schema."""

    required: bool = False
    unique: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusiveMinimum: float | None = None  # noqa: N815 - Table Schema's own name
    pattern: str | None = None


@dataclass(frozen=True)
class CodeList:
    """Allowed codes with their names. `synonyms` are further spellings of a code."""

    name: str
    title: str
    source: str
    codes: Mapping[str, str]
    synonyms: Mapping[str, str] = default(default_factory=dict)
    extra: Mapping[str, Mapping[str, str]] = default(default_factory=dict)  # e.g. code -> strand

    @property
    def spellings(self) -> dict[str, str]:
        """Every accepted spelling, folded, to its code. Codes win over names and synonyms."""
        names = {fold(name): code for code, name in self.codes.items()}
        longer = {fold(e["alpha3"]): code for code, e in self.extra.items() if "alpha3" in e}
        others = longer | {fold(word): code for word, code in self.synonyms.items()}
        return names | others | {fold(code): code for code in self.codes}


@dataclass(frozen=True)
class Field:
    """One column of a table, described once for the reader, the template and the documents."""

    name: str
    title: str
    type: str
    description: str
    aliases: Sequence[str] = ()
    unit: str = ""
    codelist: str | None = None
    many: bool = False  # several codes in one cell, separated by commas
    example: Any = None
    requiredWhen: str = ""  # noqa: N815 - in words, for the template and the documents
    standard: str = ""  # the term in IATI, 360Giving, OECD DAC or OCDS
    constraints: Constraints = default(default_factory=Constraints)

    def __post_init__(self) -> None:
        if self.type not in DTYPES:
            raise ValueError(f"field {self.name}: unknown type {self.type}")

    @property
    def codes(self) -> CodeList | None:
        """The list of allowed codes, where the field has one."""
        return codelists()[self.codelist] if self.codelist else None

    @property
    def spellings(self) -> set[str]:
        """Every heading, folded, under which the field is recognised."""
        return {fold(text) for text in (self.name, self.title, *self.aliases)}


@dataclass(frozen=True)
class Reference:
    """A key that must exist in another table; `only` limits it to rows of one kind."""

    field: str
    table: str
    key: str
    only: Mapping[str, str] = default(default_factory=dict)


@dataclass(frozen=True)
class TableSchema:
    """One sheet: what a row is, who fills it, its key, its references and its fields in order."""

    name: str
    sheet: str
    row: str
    description: str
    workbooks: Sequence[str]
    module: str
    filledBy: str  # noqa: N815
    primaryKey: Sequence[str]  # noqa: N815 - Table Schema's own name
    fields: Sequence[Field]
    aliases: Sequence[str] = ()
    foreignKeys: Sequence[Reference] = ()  # noqa: N815 - Table Schema's own name
    order: Sequence[Sequence[str]] = ()  # pairs of dates, the first never after the second
    orientation: str = "rows"  # "settings": one setting a row, its value beside it
    restricted: bool = False

    @property
    def names(self) -> list[str]:
        """The fields' names, in order."""
        return [f.name for f in self.fields]

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        return {f.name: f for f in self.fields}[name]

    @property
    def key(self) -> str:
        """The first field of the primary key: what a person calls the row by."""
        return self.primaryKey[0]

    @property
    def spellings(self) -> set[str]:
        """Every sheet name, folded, under which the table is recognised."""
        return {fold(text) for text in (self.name, self.sheet, *self.aliases)}


@dataclass(frozen=True)
class Source:
    """Where an export holds a field, and how its cells are taken.

    `headings` are tried in order, cell by cell, until one gives a value. Several values in one cell
    (`split`), or in several rows of a joined sheet, count only where they agree; several names of
    organisations stay together as one.
    """

    headings: Sequence[str]
    split: str | None = None  # what separates several values in one cell
    where: Mapping[str, Sequence[str]] = default(default_factory=dict)  # lists side by side
    sum: bool = False  # add the values up; only where `same` holds one value, or none
    same: Sequence[str] = ()  # a list side by side, and what stands in for its blank places
    join: bool = False  # the cells of all headings make one identifier


@dataclass(frozen=True)
class LayoutTable:
    """How one table is filled from a sheet of a known export."""

    table: str
    columns: Mapping[str, Source]  # field -> where the export has it
    constants: Mapping[str, Any] = default(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = default(
        default_factory=dict
    )  # field -> theirs -> ours
    via: Mapping[str, str] = default(default_factory=dict)  # field -> code list read before `codes`
    only_known: Sequence[str] = ()  # fields whose other texts become blank, and are counted
    # field -> `vague`: their texts that say too little, and `clear`: our codes, one of which must
    # come up too; else the column does not tell these kinds apart, and the field is not read at all
    telling: Mapping[str, Mapping[str, Sequence[str]]] = default(default_factory=dict)
    dates: Sequence[str] = ()  # strptime formats of dates kept as text
    nulls: Mapping[str, Sequence[str]] = default(default_factory=dict)  # field -> texts for "none"
    suffixes: Mapping[str, Sequence[str]] = default(default_factory=dict)  # field -> words after it
    scale: Mapping[str, int] = default(default_factory=dict)  # field -> how many units is one
    distinct: str | None = None  # one row for each value of this field
    # Fields by which an export may divide one record over several rows that repeat the rest, its
    # amount too. The record then counts once, and a field that differs is unknown.
    once: Sequence[str] | None = None
    numbered: bool = False  # the export's keys repeat; the second is “key (2)”


@dataclass(frozen=True)
class Relative:
    """A file of the same publisher that cannot be judged, and what to say of it."""

    headings: Sequence[str]
    said: str


@dataclass(frozen=True)
class Divided:
    """A file of the same headings that has a row for each part of a record, and what to say of it.

    It is told by the cells under `heading`: none holds a list, and a key repeats with other values.
    """

    heading: str
    split: str
    said: str


@dataclass(frozen=True)
class Layout:
    """A published format: the headings that identify it and what feeds what."""

    name: str
    title: str
    publisher: str
    kind: str
    identify: Sequence[Sequence[str]]  # each by any of its spellings, all in one row
    tables: Sequence[LayoutTable]
    joined_on: Sequence[str] = ()  # the key by which further sheets add columns to the first
    anywhere: Sequence[Sequence[str]] = ()  # headings that may stand in such a sheet instead
    keep: Mapping[str, Sequence[str]] = default(default_factory=dict)  # heading -> first that is
    leave_out: Mapping[str, Mapping[str, str]] = default(default_factory=dict)  # -> value -> why
    tell: Mapping[str, Mapping[str, str]] = default(default_factory=dict)  # -> value -> sentence
    silent: Sequence[str] = ()  # what the format cannot tell, in words for the summary
    relatives: Sequence[Relative] = ()
    divided: Divided | None = None


def fold(text: str) -> str:
    """Text without case, spaces, punctuation and accents, for comparing headings and codes."""
    text = str(text)
    return _folded_once(text) if len(text) <= 200 else _folded(text)


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if c.isalnum())


_folded_once = lru_cache(2**14)(_folded)  # a heading is held against every table


def root() -> Path:
    """The folder of the schemas: inside the installed package, or beside `src` in a checkout."""
    installed = Path(__file__).parent / "schemas"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "schemas"


@cache
def tables() -> dict[str, TableSchema]:
    """Every table by its name, in the order of the workbook's sheets.

    Raises ValueError where a schema has an unknown key, or names a table or list that is not there.
    """
    order: list[str] = _load(root() / "order.yaml")["tables"]
    found = {}
    for name in order:
        raw = _load(root() / f"{name}.yaml")
        raw["fields"] = [_field(f) for f in raw["fields"]]
        raw["foreignKeys"] = [_build(Reference, r) for r in raw.get("foreignKeys", [])]
        if isinstance(raw["primaryKey"], str):
            raw["primaryKey"] = [raw["primaryKey"]]
        found[name] = _build(TableSchema, raw)
    for table in found.values():
        ordered = (name for pair in table.order for name in pair)
        for name in (*table.primaryKey, *(r.field for r in table.foreignKeys), *ordered):
            if name not in table.names:
                raise ValueError(f"schema {table.name}: no field {name}")
        for column in table.fields:
            if column.codelist and column.codelist not in codelists():
                raise ValueError(f"schema {table.name}: no code list {column.codelist}")
    return found


@cache
def version() -> str:
    """The edition of the templates, as the Settings sheet states it."""
    return str(_load(root() / "order.yaml")["version"])


@cache
def codelists() -> dict[str, CodeList]:
    """Every code list by its name."""
    return {
        p.stem: _build(CodeList, _load(p)) for p in sorted((root() / "codelists").glob("*.yaml"))
    }


@cache
def layouts() -> dict[str, Layout]:
    """Every layout of a known export by its name."""
    found = {}
    for path in sorted((root() / "layouts").glob("*.yaml")):
        raw = _load(path)
        raw["tables"] = [_layout_table(t, path.stem) for t in raw["tables"]]
        for name in ("identify", "anywhere"):
            raw[name] = [[h] if isinstance(h, str) else h for h in raw.get(name, [])]
        raw["relatives"] = [_build(Relative, r) for r in raw.get("relatives", [])]
        raw["divided"] = _build(Divided, raw["divided"]) if "divided" in raw else None
        found[path.stem] = _build(Layout, raw)
    return found


def _layout_table(raw: dict[str, Any], layout: str) -> LayoutTable:
    raw["columns"] = {field: _source(given) for field, given in raw["columns"].items()}
    item: LayoutTable = _build(LayoutTable, raw)
    plan = tables()[item.table]
    named = (item.columns, item.constants, item.codes, item.via, item.telling, item.nulls)
    for name in {*(n for m in named for n in m), *item.only_known, *item.suffixes, *item.scale}:
        if name not in plan.names:
            raise ValueError(f"layout {layout}: table {item.table} has no field {name}")
    return item


def _source(given: str | list[str] | dict[str, Any]) -> Source:
    """A heading, a list of headings, or a mapping with `from` or `join` and how it is taken."""
    if isinstance(given, str | list):
        given = {"from": given}
    joined = given.pop("join", None)
    headings = joined or given.pop("from")
    return _build(
        Source,
        {"headings": [headings] if isinstance(headings, str) else headings, "join": bool(joined)}
        | given,
    )


def _field(raw: dict[str, Any]) -> Field:
    raw["constraints"] = _build(Constraints, raw.get("constraints", {}))
    return _build(Field, raw)


def _build(kind: type[T], raw: Mapping[str, Any]) -> T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := set(raw) - known:
        raise ValueError(f"schema {raw.get('name', raw)}: unknown keys {sorted(unknown)}")
    return kind(**raw)


def _load(path: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as stream:
        loaded: dict[str, Any] = yaml.load(stream, Loader=loader)
    return loaded
