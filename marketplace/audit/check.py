"""A check: a query whose result should be empty."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """``sql`` selects one column: the ids of the things named by ``of`` that break the promise."""

    name: str
    promise: str
    of: str
    sql: str
