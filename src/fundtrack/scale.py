"""Amounts that are not whole: a heading or a title that says “in thousands”, “€m”, “£000s”.

A factor is never applied: one that was meant otherwise would be an error of a thousand times. It is
only noticed, so that no such column is read as if its amounts were whole.
"""

from __future__ import annotations

import re
from functools import cache

from fundtrack import schema

NAMES = {1_000: "thousands", 1_000_000: "millions", 1_000_000_000: "thousands of millions"}
_WORDS = {
    1_000: "thousands?|tausend|tsd|milliers?|miles",
    1_000_000: "millions?|millionen|millones|mio|mln|mn",
    1_000_000_000: "billions?|milliards?|milliarden|mrd|bn",
}
_LETTERS = {1_000: "[kt]", 1_000_000: "m"}  # only beside a currency: “€m”, “EUR k”, “TEUR”
_NOUGHTS = r"(?<![\d.,])['’]?000(?:['’]?s)?\b|(?:\bin|[x×*])\s*1[,.\s]?000\b"
_FILLERS = re.compile(r"\b(?:in|en|of|de|d|euros?|us|dollars?|pounds?)\b", re.IGNORECASE)
_PIECES = re.compile(r"[()\[\];:]|,(?!\d)|\s[-–—]\s|\b(?:unless|except|sauf)\b", re.IGNORECASE)
_BEGINS = re.compile(r"^|(?<!not )\b(?:in|en|x)\b", re.IGNORECASE)


@cache
def _patterns() -> tuple[dict[int, re.Pattern[str]], re.Pattern[str]]:
    """How each factor is written; and how a currency is."""
    codes = "|".join(schema.codelists()["currency"].codes)
    money = rf"(?:[€£$¥]|\b(?:{codes}))"
    found = {}
    for factor, words in _WORDS.items():
        ways = [rf"\b(?:{words})\b"]
        if letter := _LETTERS.get(factor):
            ways += [rf"{money}\s?{letter}\b", rf"\b{letter}\s?(?:[€£$¥]|(?:{codes})\b)"]
        if factor == 1_000:
            ways.append(_NOUGHTS)
        found[factor] = re.compile("|".join(ways), re.IGNORECASE)
    return found, re.compile(rf"[€£$¥]|\b(?:{codes})\b", re.IGNORECASE)


def split(text: str) -> tuple[int, str]:
    """The factor that a heading states (1 where none), and the heading without it and without any
    currency: “Amount (£000s)” gives 1,000 and “Amount ( )”.
    """
    factors, money = _patterns()
    for factor, pattern in factors.items():
        if pattern.search(text):
            return factor, _FILLERS.sub(" ", money.sub(" ", pattern.sub(" ", text)))
    return 1, text


def of_a_column(text: str) -> int:
    """The factor that a unit or a group states of its columns (1 where none): “€m”, “EUR
    thousands”, “Amounts (EUR thousands)”; not “whole amounts, not thousands”.
    """
    factor, rest = split(text)
    return of_all(text) if schema.fold(rest) else factor


def of_all(text: str) -> int:
    """The factor that a title states of all amounts below it (1 where none): “EUR thousands”, “All
    figures in millions”; not “Grants in support of two million people”.
    """
    for piece in _PIECES.split(text):
        for begins in _BEGINS.finditer(piece) if len(piece.strip()) > len("MN") else ():
            factor, rest = split(piece[begins.start() :])
            if factor > 1 and not schema.fold(rest):
                return factor
    return 1
