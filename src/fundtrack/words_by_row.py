"""Words for many rows at once: every function gives a series of texts, one a row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fundtrack.words import amount, percent, plural


def said_amounts(amounts: pd.Series, currencies: pd.Series | str) -> pd.Series:
    """“260 XTS” of each row; blank where the amount is."""
    if isinstance(currencies, str):
        currencies = pd.Series(currencies, index=amounts.index)
    texts = [
        None if pd.isna(a) else amount(float(a), None if pd.isna(c) else str(c))
        for a, c in zip(amounts, currencies.reindex(amounts.index), strict=True)
    ]
    return pd.Series(texts, index=amounts.index, dtype="string")


def said_percents(shares: pd.Series, limit: float) -> pd.Series:
    """“86.67%” of each share from 0 to 1, told apart from the limit; blank where the share is."""
    texts = [None if pd.isna(s) else percent(float(s), limit) for s in shares]
    return pd.Series(texts, index=shares.index, dtype="string")


def said_officers(counts: pd.Series, otherwise: str) -> pd.Series:
    """“400 officers” of each row; other words where nobody counted them."""
    texts = [otherwise if pd.isna(n) else f"{n:,.0f} {plural('officer', int(n))}" for n in counts]
    return pd.Series(texts, index=counts.index, dtype="string")


def either(mask: pd.Series, yes: str | pd.Series, no: str | pd.Series) -> pd.Series:
    """The one text where `mask`, which has no blanks, is True, and the other elsewhere."""
    return pd.Series(np.where(mask.astype(bool), yes, no), index=mask.index, dtype="string")
