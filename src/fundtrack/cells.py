"""What one cell means: numbers, dates, codes and texts as people type them.

A cell is read only where one reading is possible. “1,200” could be 1200 or 1.2 and 03/04/2024 two
days: they are left unread, with a hint. What is read although it is no real number or date says so.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from fundtrack import schema
from fundtrack.grid import ErrorCell, Uncalculated
from fundtrack.schema import Field, fold

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
MOST = 1e18  # no figure is as large; the sum of some that are would be infinite
LONGEST = 100  # characters of a figure or a date; the patterns would look at a novel for minutes
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")

# Signs and words for “nothing is known”. The signs come before any code: “N/A” is not Namibia.
NO_SIGNS = {"n/a", "n.a.", "n.a", "#n/a", "-", "--", "–", "—", "?", "."}
NO_WORDS = {"none", "null", "nil", "nan", "notavailable", "notapplicable", "unknown", "notknown"}

_MARK = r"(?:[A-Z]{2,3}\s?\$|\$|€|£|¥|₦|₹|[A-Z]{3})"
AMOUNT = re.compile(rf"({_MARK})?\s*([-+]?\s*[\d][\d.,' \u00a0\u202f\u2019]*)\s*({_MARK}|%)?")
SIGNS = {"€": ("EUR",), "₦": ("NGN",), "₹": ("INR",), "¥": ("JPY", "CNY"), "US$": ("USD",)}
GROUPED = re.compile(
    r"\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}"  # 1,200.50  1,200,000
    r"|\d{1,3}([ '\u2019]\d{3})+(\.\d+)?"  # 1 200.50  1'200
    r"|\d{1,3}(\.\d{3}){2,}"  # 1.200.000
)
MONTHS_AFTER = re.compile(r"(\d+(?:\.\d+)?)\s*(?:months?|mths?|mois|meses)\.?", re.I)

NO_DAY = re.compile(
    r"0{0,3}1[/.-]0?1[/.-]0{0,3}1|0?1[/.-]0?1[/.-]0{3}1|0000[/.-]00[/.-]00|00[/.-]00[/.-]0000"
    r"|1900-01-00|0?[01]/0?[01]/1900|0?0/01/1900"
)
TIME = r"(?:[T ]\s*\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:[AP]M)?\s*(?:Z|[+-]\d\d:?\d\d)?)?"
ISO = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d){TIME}", re.I)
YEAR_FIRST = re.compile(rf"(\d{{4}})[/.](\d{{1,2}})[/.](\d{{1,2}}){TIME}", re.I)
COMPACT = re.compile(r"((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)")
YEAR_LAST = re.compile(rf"(\d{{1,2}})[./-](\d{{1,2}})[./-](\d{{2}}|\d{{4}}){TIME}", re.I)
DAY_NAMED = re.compile(
    rf"(?:[^\W\d]+,?\s+)?(\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?[\s./-]*(?:of|de|d')?\s*"
    rf"([^\W\d]{{3,}})\.?,?[\s./-]*(?:de\s+)?(\d{{4}}){TIME}",
    re.I,
)
MONTH_NAMED = re.compile(
    rf"(?:[^\W\d]+,\s+)?([^\W\d]{{3,}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){TIME}", re.I
)
SERIALS = range(20_000, 80_000)  # Excel's count of days, from 1954 to 2119
EXCEL_START = date(1899, 12, 30)
MONTH_NAMES = (
    ("january", "janvier", "enero", "januar", "janeiro"),
    ("february", "fevrier", "febrero", "februar", "fevereiro"),
    ("march", "mars", "marzo", "marz", "marco"),
    ("april", "avril", "abril"),
    ("may", "mai", "mayo", "maio"),
    ("june", "juin", "junio", "juni", "junho"),
    ("july", "juillet", "julio", "juli", "julho"),
    ("august", "aout", "agosto"),
    ("september", "septembre", "septiembre", "setembro", "setiembre"),
    ("october", "octobre", "octubre", "oktober", "outubro"),
    ("november", "novembre", "noviembre", "novembro"),
    ("december", "decembre", "diciembre", "dezember", "dezembro"),
)


@dataclass(frozen=True)
class Bad:
    """Why a cell could not be read, or only with a warning: which fault, and a hint for it."""

    kind: str
    hint: str = ""


Parsed = tuple[Any, Bad | None]


def parser(field: Field, *, text_only: bool) -> Callable[[Any], Parsed]:
    """The reader of the field's cells: the typed value or None, and what is wrong with the cell."""
    inner = {
        "string": _code(field) if field.codelist else _text(field),
        "number": _number(field, text_only=text_only),
        "integer": _whole(field, text_only=text_only),
        "percent": _number(field, text_only=text_only),
        "date": _day(text_only=text_only),
        "yearmonth": _month,
    }[field.type]

    def parse(value: Any) -> Parsed:
        if isinstance(value, ErrorCell):
            return None, Bad("error-value")
        if isinstance(value, Uncalculated):
            return None, Bad("not-calculated")
        if value is None or (isinstance(value, str) and not value.strip()):
            return None, None
        return inner(value)

    return parse


def nothing(value: Any) -> bool:
    """Whether a cell says that nothing is known: n/a, a dash, null."""
    if not isinstance(value, str):
        return False
    text = value.strip().casefold()
    return text in NO_SIGNS or fold(text) in NO_WORDS


def _text(field: Field) -> Callable[[Any], Parsed]:
    # In a title “n/a” may be meant, an identifier it is not; an organisation may be called Unknown.
    identifies = field.constraints.pattern is not None

    def parse(value: Any) -> Parsed:
        text = text_of(value)
        return (None, None) if identifies and text.casefold() in NO_SIGNS else (text, None)

    return parse


def text_of(value: Any) -> str:
    """A cell as text: 24.0 is “24”, a date is ISO, everything else as it is written."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip()


# Wrong codes of a column for which one that is alike is sought: with more it is another column, and
# a hundred thousand would take a minute.
_MOST_TRIED = 1_000


def _code(field: Field) -> Callable[[Any], Parsed]:
    codes = field.codes
    assert codes is not None
    spellings = codes.spellings
    tried = 0

    def parse(value: Any) -> Parsed:
        nonlocal tried
        text = text_of(value)
        if text.casefold() in NO_SIGNS:
            return None, None
        if field.many:
            parts = [spellings.get(fold(p)) for p in re.split(r"[,;]", text) if p.strip()]
            if all(parts):
                return ",".join(p for p in parts if p), None
        elif code := spellings.get(fold(text)):
            return code, None
        if fold(text) in NO_WORDS:
            return None, None
        tried += 1
        if tried > _MOST_TRIED:
            return None, Bad("code")
        alike = difflib.get_close_matches(fold(text), spellings, n=1, cutoff=0.75)
        return None, Bad("code", spellings[alike[0]] if alike else "")

    return parse


# --- Numbers --------------------------------------------------------------------------------------


def _number(field: Field, *, text_only: bool) -> Callable[[Any], Parsed]:
    as_text = None if text_only else Bad("text-number")

    def parse(value: Any) -> Parsed:
        if isinstance(value, bool | date | time | timedelta):
            return None, Bad("type")
        if isinstance(value, int | float):
            return _figure(float(value), None)
        text = value.strip()
        if len(text) > LONGEST:
            return None, Bad("type")
        if nothing(text) and fold(text) != "nan":
            return None, None
        if NUMBER.fullmatch(text):
            if not text_only and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", text):
                return None, Bad("type", _either(text))
            return _figure(float(text), as_text)
        if field.unit == "months" and (told := MONTHS_AFTER.fullmatch(text)):
            return float(told[1]), as_text
        number_, hint = _amount(text, field)
        return (None, Bad("type", hint)) if number_ is None else _figure(number_, as_text)

    return parse


def _figure(number: float, problem: Bad | None) -> Parsed:
    return (
        (number, problem) if abs(number) < MOST else (None, Bad("type", "No figure is as large."))
    )


def _amount(text: str, field: Field) -> tuple[float | None, str]:
    """A figure with separators or a currency sign, where it can be read in one way only."""
    negative = text.startswith("(") and text.endswith(")")
    match = AMOUNT.fullmatch(text.strip("()").strip() if negative else text)
    if not match or (match[3] == "%") != (match[3] is not None and field.type == "percent"):
        return None, _hint(text)
    if (match[1] and field.type != "number") or (match[1] and match[3]):
        return None, _hint(text)
    figure = re.sub(r"[\u00a0\u202f]", " ", match[2]).strip()
    sign = -1 if negative or figure.startswith("-") else 1
    figure = figure.lstrip("+-").strip()
    if re.fullmatch(r"\d+(\.\d+)?", figure) and not re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", figure):
        return sign * float(figure), ""
    if GROUPED.fullmatch(figure):
        if figure.count(".") > 1:
            figure = figure.replace(".", "")
        return sign * float(re.sub(r"[, '\u2019]", "", figure)), ""
    if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", figure):
        return None, _either(figure)
    if re.fullmatch(r"[\d. ]*\d,\d+", figure):
        whole, _, part = figure.rpartition(",")
        meant = re.sub(r"[. ]", "", whole) + "." + part
        return None, f"It holds separators or a currency sign; {meant} seems to be meant."
    return None, _hint(text)


def _either(figure: str) -> str:
    plain = re.sub(r"[.,]", "", figure)
    return f"It could be {plain} or {figure.replace(',', '.')}."


def _hint(text: str) -> str:
    digits = re.sub(r"[^\d.,]", "", text)
    if digits and re.search(r"[^\W\d_]{4}", text):
        return "It holds words beside the figure."
    return "It holds separators or a currency sign." if digits and digits != text else ""


@cache
def currencies_of(text: str) -> frozenset[str] | None:
    """The currencies that the sign or code in an amount can stand for; None where it has none."""
    match = AMOUNT.fullmatch(text.strip().strip("()").strip()) if len(text) <= LONGEST else None
    mark = re.sub(r"\s", "", (match[1] or match[3] or "") if match else "")
    if not mark or mark == "%":
        return None
    names = schema.codelists()["currency"].codes
    if mark in names:
        return frozenset({mark})
    if mark in SIGNS:
        return frozenset(SIGNS[mark])
    word = {"$": ("Dollar", "Peso"), "£": ("Pound", "Sterling")}.get(mark[-1])
    return frozenset(c for c, name in names.items() if word and any(w in name for w in word))


def _whole(field: Field, *, text_only: bool) -> Callable[[Any], Parsed]:
    number = _number(field, text_only=text_only)

    def parse(value: Any) -> Parsed:
        cell, problem = number(value)
        if cell is None:
            return None, problem
        return (int(cell), problem) if float(cell).is_integer() else (None, Bad("type"))

    return parse


# --- Dates ----------------------------------------------------------------------------------------


def _day(*, text_only: bool) -> Callable[[Any], Parsed]:
    def parse(value: Any) -> Parsed:
        if isinstance(value, datetime):
            return value.date(), None
        if isinstance(value, date):
            return value, None
        if not isinstance(value, str):
            text = text_of(value)
            if COMPACT.fullmatch(text):
                return _of_text(text, text_only=text_only)
            return None, Bad("date", _serial(text) or "The cell is not formatted as a date.")
        return _of_text(value.strip(), text_only=text_only)

    return parse


def _of_text(text: str, *, text_only: bool) -> Parsed:
    if len(text) > LONGEST:
        return None, Bad("date")
    if nothing(text) or NO_DAY.fullmatch(re.sub(r"[T ]\s*[\d:.]+\s*([AP]M|Z)?$", "", text)):
        return None, None
    if iso := ISO.fullmatch(text):
        return _dated(int(iso[1]), int(iso[2]), int(iso[3]))
    day, hint = _in_words(text)
    if day is None:
        return None, Bad("date", hint)
    return day, None if text_only else Bad("text-date", day.isoformat())


def _in_words(text: str) -> tuple[date | None, str]:
    """The day that a text can only mean, or a hint why it may mean several, or none."""
    if match := YEAR_FIRST.fullmatch(text) or COMPACT.fullmatch(text):
        return _known(int(match[1]), int(match[2]), int(match[3]))
    if match := YEAR_LAST.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        if max(first, second) <= 12 and first != second:
            return None, "Day and month could be either way round."
        if len(match[3]) == 2:
            return None, "Its year has two figures only."
        return _known(year, min(first, second), max(first, second))
    if match := DAY_NAMED.fullmatch(text):
        return _named(int(match[3]), match[2], int(match[1]))
    if match := MONTH_NAMED.fullmatch(text):
        return _named(int(match[3]), match[1], int(match[2]))
    return None, _serial(text)


def _dated(year: int, month: int, day: int) -> Parsed:
    found, hint = _known(year, month, day)
    return found, Bad("date", hint) if found is None else None


def _known(year: int, month: int, day: int) -> tuple[date | None, str]:
    try:
        return date(year, month, day), ""
    except ValueError:
        return None, "There is no such day."


def _named(year: int, word: str, day: int) -> tuple[date | None, str]:
    month = _month_of(word)
    return _known(year, month, day) if month else (None, "")


def _month_of(word: str) -> int:
    """The month that a word names, in full or by three letters or more; 0 where it names none."""
    text = fold(word)
    hits = [n for n, names in enumerate(MONTH_NAMES, 1) if any(m.startswith(text) for m in names)]
    return hits[0] if len(hits) == 1 else 0


def _serial(text: str) -> str:
    number = re.fullmatch(r"(\d{5})(\.\d+)?", text)
    if not number or int(number[1]) not in SERIALS:
        return ""
    day = EXCEL_START + timedelta(days=int(number[1]))
    return f"The cell is not formatted as a date; as Excel counts days it is {day}."


def _month(value: Any) -> Parsed:
    if isinstance(value, date):
        return value.isoformat()[:7], None
    text = text_of(value)
    if nothing(text):
        return None, None
    return (text, None) if MONTH.fullmatch(text) else (None, Bad("date"))
