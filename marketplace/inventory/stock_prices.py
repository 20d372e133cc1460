"""Prices of a whole stock at once: a price depends only on the tier and the source's grade, so there are few.

The curve's tiers divide the stock by request time; nothing is stored, and nothing is rewritten as leads age.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import groupby
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from marketplace.inventory.numbers import Positions, numbers_of, set_of, union_of
from marketplace.inventory.stock import Stock
from marketplace.prices.pricing import Curve, rounded_cents

CENTURY = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000
FOREVER = 1 << 55


def microseconds(instant: datetime) -> int:
    """Return microseconds since 2000, as the stock counts time."""
    return (instant - CENTURY) // MICROSECOND


def instant_of(asked: int) -> datetime:
    return CENTURY + int(asked) * MICROSECOND


@dataclass(frozen=True)
class Cell:
    """Leads of one tier and one grade, which all cost the same."""

    cents: int
    tier: int
    grade: str


def cells_of(curve: Curve, *, exclusive: bool, quantity: int) -> tuple[Cell, ...]:
    """Return every tier and grade, cheapest first."""
    factor = curve.volume_multiplier(quantity) * (curve.exclusive if exclusive else 1)
    return _cells(curve.tiers, tuple(curve.grades.items()), curve.floor_cents, factor)


@lru_cache(maxsize=256)
def _cells(
    tiers: tuple[tuple[int, int], ...], grades: tuple[tuple[str, Decimal], ...], floor: int, factor: Decimal
) -> tuple[Cell, ...]:
    cells = [
        Cell(rounded_cents(cents * multiplier * factor, floor), tier, grade)
        for tier, (_, cents) in enumerate(tiers)
        for grade, multiplier in grades
    ]
    return tuple(sorted(cells, key=lambda cell: (cell.cents, cell.tier, cell.grade)))


class Prices:
    """The prices of one stock for one query."""

    def __init__(self, stock: Stock, curve: Curve, now: datetime, *, exclusive: bool, quantity: int) -> None:
        self._stock = stock
        self._grades = stock.choices["grade"]
        self.cells = cells_of(curve, exclusive=exclusive, quantity=quantity)
        # A lead requested at or before ends[k] has reached tier k; a lead younger than the first tier counts as in it.
        self._ends = [FOREVER, *(microseconds(now) - from_day * DAY for from_day, _ in curve.tiers[1:]), -1]

    @cached_property
    def tiers(self) -> list[BitMap]:
        """The positions of each tier, youngest first."""
        return self._stock.asked_in_steps(self._ends)

    def at(self, cell: Cell) -> BitMap:
        return self.tiers[cell.tier] & self._grades.any_of([cell.grade])

    def between(self, low: float | None, high: float | None) -> BitMap:
        """Return positions whose price in cents lies between both ends, inclusive."""
        grades: dict[int, list[str]] = {}
        for cell in self.cells:
            if (low is None or cell.cents >= low) and (high is None or cell.cents <= high):
                grades.setdefault(cell.tier, []).append(cell.grade)
        return union_of([self.tiers[tier] & self._grades.any_of(wanted) for tier, wanted in grades.items()])

    def ends_of(self, wanted: BitMap) -> tuple[int | None, int | None]:
        """Return the lowest and highest price among these positions."""
        by_tier = [wanted & positions for positions in self.tiers]
        grades = self._grades.sets

        def there(cell: Cell) -> bool:
            return cell.grade in grades and not by_tier[cell.tier].isdisjoint(grades[cell.grade])

        lowest = next((cell.cents for cell in self.cells if there(cell)), None)
        highest = next((cell.cents for cell in reversed(self.cells) if there(cell)), None)
        return lowest, highest

    def cheapest_first(self, wanted: BitMap) -> Iterator[tuple[int, BitMap]]:
        """Yield the wanted positions by price, as (cents, positions), cheapest first."""
        for cents, cells in groupby(self.cells, key=attrgetter("cents")):
            found = wanted & union_of([self.at(cell) for cell in cells])
            if found:
                yield cents, found

    def cents_of(self, positions: Positions) -> NDArray[np.int64]:
        """Return the price of each position, in the same order."""
        tiers = len(self._ends) - 1 - np.searchsorted(self._ends[::-1], self._stock.asked_at(positions))
        chosen = set_of(positions)
        ascending = np.sort(positions)
        grades = np.zeros(len(positions), np.int64)
        numbers = {grade: number for number, grade in enumerate(self._grades.sets)}
        for grade, number in numbers.items():
            grades[np.searchsorted(ascending, numbers_of(chosen & self._grades.sets[grade]))] = number
        table = np.zeros((len(self._ends) - 1, max(1, len(numbers))), np.int64)
        for cell in self.cells:
            if cell.grade in numbers:
                table[cell.tier, numbers[cell.grade]] = cell.cents
        return table[tiers, grades[np.searchsorted(ascending, positions)]]
