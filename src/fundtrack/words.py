"""How numbers, dates and cells are said: one way for messages, summary, report and JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd

SHOWN = 500  # characters of a cell that a message repeats


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


def duration(months: float, days: int) -> str:
    """“6 months 1 day”."""
    if pd.isna(months):
        return "an unknown time"
    return f"{months:g} month{'' if months == 1 else 's'} {days} day{'' if days == 1 else 's'}"


def plural(word: str, count: int, more: str | None = None) -> str:
    """The word for one, or for several."""
    return word if count == 1 else more or f"{word}s"


def shown(value: Any) -> str:
    """A cell's content in a message: dates as ISO, whole numbers without .0, cut at 500
    characters.
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "(blank)"
    if isinstance(value, datetime):
        midnight = value.time() == datetime.min.time()
        text = value.date().isoformat() if midnight else value.isoformat(sep=" ")
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        text = f"{value:,.0f}" if abs(value) >= 10000 else f"{value:.0f}"
    else:
        text = str(value).strip() or "(blank)"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def json_value(value: Any) -> Any:
    """What a cell holds, as JSON has it: text, number, true or false, a date as ISO text, blank as
    null.
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, datetime):
        midnight = value.time() == datetime.min.time()
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value) or None
    if isinstance(value, bool | int | float):
        return value
    return str(value)
