"""The filterable columns of one vertical's leads, as sets of positions: choices, numbers, places.

The columns themselves change in place, under the inventory's lock; each method returns a separate set, which the
caller must not change.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from marketplace.inventory.numbers import Cells, by_value, numbers_of, set_of, union_of

BARS = 40
REMEMBERED = 6
MOST_DIGITS = 5
# Bars cover this share of the leads; the last bar also holds everything beyond.
CROWD = 0.98
ROUND_STEPS = (1, 2, 2.5, 5, 10)


class Choices:
    """One set per value. A position may be in several sets if the field allows several answers."""

    def __init__(self, sets: dict[str, BitMap] | None = None) -> None:
        self.sets: dict[str, BitMap] = sets or {}

    def any_of(self, values: Iterable[str]) -> BitMap:
        return union_of([self.sets[value] for value in values if value in self.sets])

    def all_of(self, values: Iterable[str]) -> BitMap:
        sets = [self.sets.get(value, BitMap()) for value in values]
        return BitMap.intersection(*sets)

    def between(self, low: float | None, high: float | None) -> BitMap:
        """Return the positions between both ends, for values that are small whole numbers."""
        wanted = [
            value for value in self.sets if (low is None or int(value) >= low) and (high is None or int(value) <= high)
        ]
        return self.any_of(wanted)

    def add(self, value: str, positions: BitMap) -> None:
        self.sets.setdefault(value, BitMap()).update(positions)

    def put(self, value: str, positions: BitMap) -> None:
        """Give these positions this value and no other."""
        for other, held in self.sets.items():
            if other != value:
                held -= positions
        self.add(value, positions)


class Numbers:
    """A number per position, or none. Sets of equal steps (``edges``) answer most of a range query and are the bars of
    a histogram; positions in the two outermost steps are looked up one by one."""

    def __init__(self, edges: NDArray[np.float64], bins: list[BitMap], cells: Cells) -> None:
        self.edges = edges
        self.bins = bins
        self.cells = cells
        self._remembered: OrderedDict[tuple[float | None, float | None], BitMap] = OrderedDict()
        self._known = (-1, BitMap())

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Numbers":
        """Build from ``values``, where NaN means no value."""
        edges = _edges(values[np.isfinite(values)])
        numbers = cls(edges, [BitMap() for _ in range(len(edges) - 1)], Cells(_narrowed(values)))
        numbers._sort_in(values, 0)
        return numbers

    def extend(self, values: NDArray[np.float64]) -> None:
        self._sort_in(values, len(self.cells))
        self.cells.extend(values)

    def between(self, low: float | None, high: float | None) -> BitMap:
        """Return positions whose number lies between both ends, inclusive."""
        known = self._base_between(low, high)
        if not len(self.cells.tail):
            return known
        return known | self.cells.tail_where(_within(self.cells.tail, low, high))

    @property
    def known(self) -> BitMap:
        """Positions that have a number; computed again only after more were added."""
        if self._known[0] != len(self.cells):
            self._known = len(self.cells), union_of(self.bins)
        return self._known[1]

    def _base_between(self, low: float | None, high: float | None) -> BitMap:
        """Return the matches in the snapshot's part. That part never changes, so recent results are cached."""
        asked = (low, high)
        if asked not in self._remembered:
            self._remembered[asked] = self._found(low, high)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(asked)
        return self._remembered[asked]

    def _found(self, low: float | None, high: float | None) -> BitMap:
        first = 0 if low is None else self._bin_of(low)
        last = len(self.bins) - 1 if high is None else self._bin_of(high)
        partly = {number for number, end in ((first, low), (last, high)) if end is not None}
        wholly = [self.bins[number] for number in range(first, last + 1) if number not in partly]
        found = union_of(wholly)
        found.remove_range(len(self.cells.base), 2**32 - 1)
        for number in partly:
            positions = numbers_of(self.bins[number])
            positions = positions[: np.searchsorted(positions, len(self.cells.base))]
            found |= set_of(positions[_within(self.cells.base[positions], low, high)])
        return found

    def _bin_of(self, number: float) -> int:
        return int(np.clip(np.searchsorted(self.edges, number, "right") - 1, 0, len(self.bins) - 1))

    def _sort_in(self, values: NDArray[np.float64], start: int) -> None:
        there = np.flatnonzero(~np.isnan(values))
        numbers = np.clip(np.searchsorted(self.edges, values[there], "right") - 1, 0, len(self.bins) - 1)
        for number, found in by_value(numbers):
            self.bins[number] |= set_of(there[found] + start)


def _within(values: NDArray[Any], low: float | None, high: float | None) -> NDArray[np.bool_]:
    # Compare as doubles, so that a bound is not rounded to the column's narrower type.
    wanted = ~np.isnan(values)
    if low is not None:
        wanted &= values >= np.float64(low)
    if high is not None:
        wanted &= values <= np.float64(high)
    return wanted


def _narrowed(values: NDArray[np.float64]) -> NDArray[Any]:
    """Return the values at half the width if that loses nothing."""
    narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow.astype(np.float64), values, equal_nan=True) else values


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return round edges of at most ``BARS`` equal steps, from the minimum to the ``CROWD`` quantile; whole numbers if
    all values are whole."""
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(np.quantile(values, CROWD, method="inverted_cdf"))
    step = _round_step((high - low) / (BARS - 1))
    if np.array_equal(values, np.floor(values)):
        step = max(1.0, np.ceil(step))
    return step * np.arange(np.floor(low / step), np.floor(high / step) + 2)


def _round_step(least: float) -> float:
    if least <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(power * factor for factor in ROUND_STEPS if power * factor >= least * (1 - 1e-9)))


class Ranges:
    """A range per position, either end open, or none. A query matches every range that it overlaps."""

    def __init__(self, lows: Numbers, highs: Numbers) -> None:
        self.lows = lows
        self.highs = highs

    def between(self, low: float | None, high: float | None) -> BitMap:
        return self.highs.between(low, None) & self.lows.between(None, high)


class Places:
    """Positions by ZIP code: ``positions`` sorted by ZIP, those of ``codes[i]`` start at ``starts[i]``."""

    def __init__(self, codes: NDArray[Any], starts: NDArray[Any], positions: NDArray[Any], size: int) -> None:
        self.codes = codes
        self.starts = starts
        self.positions = positions
        self._late = Cells(np.empty(0, np.int32))
        self._size = size

    @classmethod
    def of(cls, zips: NDArray[np.int32]) -> "Places":
        """Build from ``zips``, where -1 means none."""
        order = np.argsort(zips, kind="stable").astype(np.uint32)
        order = order[np.searchsorted(zips[order], 0) :]
        codes, starts = np.unique(zips[order], return_index=True)
        return cls(codes.astype(np.int32), np.append(starts, len(order)).astype(np.uint32), order, len(zips))

    def extend(self, zips: NDArray[Any]) -> None:
        self._late.extend(zips)

    def any_of(self, postal_codes: Collection[str]) -> BitMap:
        wanted = np.array(sorted(int(code) for code in postal_codes), np.int64)
        _, at, _ = np.intersect1d(self.codes, wanted, assume_unique=True, return_indices=True)
        pieces = [self.positions[self.starts[i] : self.starts[i + 1]] for i in at]
        found = set_of(np.concatenate(pieces)) if pieces else BitMap()
        return found | self._late_where(np.isin(self._late.tail, wanted))

    def beginning_with(self, prefixes: Iterable[str]) -> BitMap:
        return union_of([self._beginning_with(prefix) for prefix in prefixes])

    def _beginning_with(self, prefix: str) -> BitMap:
        low, high = (int(prefix.ljust(MOST_DIGITS, digit)) for digit in "09")
        first, last = np.searchsorted(self.codes, low), np.searchsorted(self.codes, high, "right")
        found = set_of(self.positions[self.starts[first] : self.starts[last]])
        return found | self._late_where((self._late.tail >= low) & (self._late.tail <= high))

    def _late_where(self, wanted: NDArray[np.bool_]) -> BitMap:
        return set_of(np.flatnonzero(wanted) + self._size)
