"""What a cell of an export means: the values of a list, and the publisher's words in ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from math import fsum
from typing import Any

from fundtrack import cells, schema
from fundtrack.grid import Cell, is_blank
from fundtrack.schema import Field, LayoutTable, Source, fold

AS_FLOAT = re.compile(r"(\d+)\.0+")  # a code that a program took for a number: “15220.0”


def comparable(value: Cell) -> str:
    """A cell for comparing: folded, a number without its noughts."""
    text = text_of(value)
    if cells.NUMBER.fullmatch(text) and float(text) == 0:
        return "0"
    return fold(text)


def text_of(value: Cell) -> str:
    """The cell's text; a whole number without “.0”."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def code_of(text: str) -> str:
    """A code without the noughts of a number: “15220.0” is 15220."""
    whole = AS_FLOAT.fullmatch(text)
    return whole[1] if whole else text


def parts_of(value: Cell, separator: str | None) -> list[Cell]:
    """The values in one cell; an empty place between two separators stays, as ''."""
    if not separator or not isinstance(value, str):
        return [] if is_blank(value) else [value]
    parts = re.split(rf"(?<!\\){re.escape(separator)}", value)
    return [] if is_blank(value) else [p.replace("\\", "").strip() for p in parts]


def kinds_told(lists: Sequence[Sequence[Cell]], n: int) -> set[Cell]:
    """What the values of a list of n may be of: the first list says it for each; where it has
    fewer places the next, as the fallback, may be meant for some.
    """
    found: set[Cell] = set()
    for told in lists:
        filled_ = [p for p in told if p]
        found |= set(filled_)
        if len(filled_) >= n:
            break
    return found


def picked(
    parts: Sequence[Cell], lists: Sequence[tuple[Sequence[Cell], Sequence[str]]]
) -> list[Cell] | None:
    """The values beside which the other lists hold what was asked; None where they do not match."""
    if any(len(others) != len(parts) for others, _ in lists):
        return None
    chosen = []
    for number, value in enumerate(parts):
        if all(text_of(others[number]) in allowed for others, allowed in lists):
            chosen.append(value)
    return chosen


def added(parts: Sequence[Cell], read: Callable[[Any], Any]) -> Any:
    """The sum of the values as `read` gives them; blank where one is not a number."""
    numbers = [read(p) for p in parts]
    try:
        return fsum(float(n) for n in numbers) if numbers else ""
    except (TypeError, ValueError):
        return ""


def is_named(plan: Field) -> bool:
    """Whether the field's values are names or identifiers, which may stand together."""
    return plan.type == "string" and not plan.codelist and plan.constraints.pattern != r"\d{5}"


def agreed_value(parts: Sequence[Cell], plan: Field, read: Callable[[Any], Any]) -> Any:
    """The one value that all parts have; names stay together, anything else is then unknown.

    A list with a blank place tells nothing: the one organisation that it names is not the only one.
    """
    filled_ = [p for p in parts if not is_blank(p)]
    if len(filled_) < len(parts):
        return ""
    if is_named(plan):
        return "; ".join(dict.fromkeys(text_of(read(p)) for p in filled_))
    values = [read(p) for p in filled_]
    first = values[0] if values else ""
    return first if all(type(v) is type(first) and v == first for v in values) else ""


def split_reader(source: Source, plan: Field, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader of cells that hold a list: the one value on which its parts agree."""
    return lambda value: agreed_value(parts_of(value, source.split), plan, read)


def reader(plan: Field, item: LayoutTable) -> Callable[[Any], Any]:
    """The export's own spellings in ours: codes, dates kept as text, words after a number, nulls.

    What has no translation is left as it is, or blank where the layout says so.
    """
    name = plan.name
    codes = {fold(theirs): ours for theirs, ours in item.codes.get(name, {}).items()}
    nulls = {fold(text) for text in item.nulls.get(name, ())}
    suffixes = {word.casefold() for word in item.suffixes.get(name, ())}
    parents = schema.codelists()[item.via[name]].codes if name in item.via else None
    known = plan.codes.spellings if plan.codes and name in item.only_known else None
    coded = plan.codelist is not None or plan.constraints.pattern == r"\d{5}"
    coded = coded or bool(codes) or parents is not None or known is not None
    scale = item.scale.get(name)

    def one(value: Any) -> Any:
        if coded and type(value) in (float, str):
            value = code_of(text_of(value))
        if scale and not isinstance(value, bool):
            return _scaled(value, scale, plan)
        if type(value) is not str:
            return value
        text = value.strip()
        if fold(text) in nulls and fold(text):
            return ""
        if parents is not None:
            text = parents.get(text, "")
        if codes:
            rest = "" if plan.codelist is None or name in item.only_known or parents else value
            return codes.get(fold(text), rest)
        if known is not None:
            return known.get(fold(text), "")
        if suffixes and (number := re.match(r"(\d+(?:\.\d+)?)\s*(\w+)", text)):
            # “13 Months, 1 Days” is 13 months: what follows the first word is less than one of
            # them.
            return float(number[1]) if number[2].casefold() in suffixes else value
        if plan.type == "date":
            return _date(text, item.dates, value)
        return value

    return one


def _scaled(value: Any, scale: int, plan: Field) -> Any:
    """The number in units of one; as it is where it cannot be read, and then nothing reads it."""
    try:
        return float(Decimal(str(value).strip()) * scale)
    except InvalidOperation:  # “1,234.56”: with separators, or a currency sign
        number, _ = cells.parser(plan, text_only=True)(value)
        return value if number is None else float(Decimal(str(number)) * scale)


def _date(text: str, formats: Sequence[str], otherwise: Any) -> Any:
    for pattern in formats:
        try:
            day = datetime.strptime(text, pattern).date()
        except ValueError:
            continue
        return "" if day.year == 1 else day  # year 1 is .NET's way of saying “no date”
    return otherwise
