"""What a check is: a question whose answer should be empty."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """``sql`` selects one column: the ids, of the kind that ``of`` names, that break the promise."""

    name: str
    promise: str
    of: str
    sql: str
