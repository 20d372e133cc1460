"""Figures: what was measured, what it is compared with, and whether it is good enough."""

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

TABLES = "leads_lead, leads_leg, leads_consent, leads_contact, leads_contactdigest, marketplace_sale"


@dataclass(frozen=True)
class Goal:
    """``of`` is "value" or "ratio"; the measurement must be at most, or at least, this."""

    of: str
    at_most: float | None = None
    at_least: float | None = None

    def __str__(self) -> str:
        return f"{self.of} <= {self.at_most:g}" if self.at_most is not None else f"{self.of} >= {self.at_least:g}"

    def holds(self, measured: float) -> bool:
        return measured <= self.at_most if self.at_most is not None else measured >= (self.at_least or 0)


@dataclass(frozen=True)
class Figure:
    """One measurement. ``floor`` is the bare cost of the same work in the same run. Without a goal it only informs."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def holds(self) -> bool | None:
        if self.goal is None:
            return None
        measured = self.value if self.goal.of == "value" else self.ratio
        return measured is not None and self.goal.holds(measured)

    @property
    def key(self) -> str:
        """Return the name with its numbers replaced, so that it is the same at every size."""
        return re.sub(r"(?<![\w.,])\d[\d,.]*", "N", self.name)

    def as_dict(self) -> dict[str, Any]:
        rounded = {name: _rounded(getattr(self, name)) for name in ("value", "floor", "ratio")}
        return {
            "name": self.name,
            "value": rounded["value"],
            "unit": self.unit,
            "floor": rounded["floor"],
            "ratio": rounded["ratio"],
            "goal": self.goal and str(self.goal),
            "holds": self.holds,
        }


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alternating(rounds: int, ours: Callable[[], float], floor: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of both, measured in turn, so that other load on the machine affects both alike."""
    pairs = []
    for _ in range(rounds):
        settle()
        mine = ours()
        settle()
        pairs.append((mine, floor()))
    return statistics.median(mine for mine, _ in pairs), statistics.median(least for _, least in pairs)


def settle() -> None:
    """Leave no work for the next measurement: dead rows, old statistics, unwritten pages."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {TABLES}")
        cursor.execute("CHECKPOINT")


@contextmanager
def telling(what: str) -> Iterator[None]:
    started = time.monotonic()
    print(what, end=" … ", file=sys.stderr, flush=True)
    yield
    print(f"{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
