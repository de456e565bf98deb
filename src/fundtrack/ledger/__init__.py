"""The ledger room: what was found, answered and put right, check after check, in one database."""

from fundtrack.ledger.answers import review
from fundtrack.ledger.questions import compare, history
from fundtrack.ledger.record import record, shown_again
from fundtrack.ledger.run import Run, portfolio_of
from fundtrack.ledger.store import Store

__all__ = [
    "Run",
    "Store",
    "compare",
    "history",
    "portfolio_of",
    "record",
    "review",
    "shown_again",
]
