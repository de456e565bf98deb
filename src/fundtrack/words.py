"""How numbers, dates and cells are said: one way for messages, summary, report and JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

SHOWN = 500  # characters of a cell that a message repeats
HIDDEN = "(not repeated here)"
EMAIL = re.compile(r"[\w.+-]@[\w-]+\.[\w.-]")  # its core: a longer pattern would try every letter
PASSPORT = re.compile(r"[A-Za-z]{1,2}\d{6,9}")
PHONE = re.compile(r"(?<![\w./-])(?:\+|00)\d(?:[ ()./-]?\d){7,14}(?!\w)")


def identifier(text: str) -> str | None:
    """What kind of personal identifier a text holds."""
    if "@" in text and EMAIL.search(text):
        return "an e-mail address"
    if ("+" in text or "00" in text) and PHONE.search(text):
        return "a telephone number"
    return None


def secret_identifier(text: str) -> str | None:
    """The same in a sheet meant for pseudonyms, where a number like a passport's counts too."""
    return identifier(text) or ("a passport number" if PASSPORT.fullmatch(text.strip()) else None)


def _blank(value: Any) -> bool:
    """None, not a number, or one of pandas' signs of a missing value; without loading pandas."""
    missing = type(value).__name__ in ("NAType", "NaTType")
    return value is None or missing or (isinstance(value, float) and math.isnan(value))


def _private(text: str) -> bool:
    """Whether a text must not be repeated. Long identifiers may look like a telephone's 00."""
    return ("@" in text or "+" in text) and identifier(text) is not None


def percent(share: float, threshold: float | None = None) -> str:
    """“24.996%”: as many decimals as it takes not to look like the threshold that it misses."""
    for places in range(1, 10):
        text = f"{share * 100:.{places}f}"
        if threshold is None or share == threshold or float(text) != round(threshold * 100, places):
            break
    return f"{text.rstrip('0').rstrip('.')}%"


def amount(value: float, currency: str | None) -> str:
    """“120,000 EUR”; cents only where there are any."""
    number = f"{value:,.2f}".removesuffix(".00")
    return f"{number} {currency}" if currency else number


def measure(value: float, unit: str) -> str:
    """“25% of value”, “1 month”, “1 day from signature”, “2 of 4”."""
    if unit.startswith("%"):
        return f"{value:g}{unit}"
    first, *rest = unit.split(" ")
    return " ".join([f"{value:g}", first.removesuffix("s") if value == 1 else first, *rest])


def duration(months: float, days: int) -> str:
    """“6 months 1 day”."""
    if _blank(months):
        return "an unknown time"
    return f"{months:g} month{'' if months == 1 else 's'} {days} day{'' if days == 1 else 's'}"


def plural(word: str, count: int, more: str | None = None) -> str:
    """The word for one, or for several."""
    return word if count == 1 else more or f"{word}s"


def one_of(names: Sequence[str]) -> str:
    """“A, B or C”."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def shown(value: Any) -> str:
    """A cell's content in a message: dates as ISO, whole numbers without .0, cut at 500
    characters.
    """
    if _blank(value):
        return "(blank)"
    if isinstance(value, datetime):
        midnight = value.time() == datetime.min.time()
        text = value.date().isoformat() if midnight else value.isoformat(sep=" ")
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        text = f"{value:,.0f}" if abs(value) >= 10000 else f"{value:.0f}"
    else:
        text = str(value).strip() or "(blank)"
    if _private(text):
        return HIDDEN
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def json_value(value: Any) -> Any:
    """What a cell holds, as JSON has it: text, number, true or false, a date as ISO text, blank as
    null.
    """
    if _blank(value):
        return None
    if isinstance(value, datetime):
        midnight = value.time() == datetime.min.time()
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return HIDDEN if _private(value) else str(value) or None
    if isinstance(value, bool | int | float):
        return value
    return str(value)


def place_of(error: BaseException) -> str:
    """Where in the program an error arose, for who mends it: “KeyError at flows.py:12”."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = type(error).__name__
    if trace is None:
        return name
    return f"{name} at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
