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
from functools import cache
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
        others = {fold(word): code for word, code in self.synonyms.items()}
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
class LayoutTable:
    """How one table is filled from a sheet of a known export."""

    table: str
    columns: Mapping[str, str]  # field -> heading in the export
    constants: Mapping[str, Any] = default(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = default(
        default_factory=dict
    )  # field -> theirs -> ours
    dates: Sequence[str] = ()  # strptime formats of dates kept as text
    nulls: Mapping[str, Sequence[str]] = default(default_factory=dict)  # field -> texts for "none"
    suffixes: Mapping[str, Sequence[str]] = default(default_factory=dict)  # field -> words after it
    distinct: str | None = None  # one row for each value of this field


@dataclass(frozen=True)
class Layout:
    """A published format: the headings that identify it and what feeds what."""

    name: str
    title: str
    publisher: str
    kind: str
    identify: Sequence[str]
    tables: Sequence[LayoutTable]
    silent: Sequence[str] = ()  # what the format cannot tell, in words for the summary


def fold(text: str) -> str:
    """Text without case, spaces, punctuation and accents, for comparing headings and codes."""
    decomposed = unicodedata.normalize("NFKD", str(text)).casefold()
    return "".join(c for c in decomposed if c.isalnum())


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
        raw["tables"] = [_build(LayoutTable, t) for t in raw["tables"]]
        found[path.stem] = _build(Layout, raw)
    return found


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
