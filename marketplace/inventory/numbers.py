"""Columns of numbers, one value per position, and conversions between numbers and sets of positions."""

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Positions = NDArray[Any]
LEAST_TAIL = 64


class Cells:
    """A column. ``base`` is the snapshot's part, read in place from the file; later values grow behind it."""

    def __init__(self, base: NDArray[Any]) -> None:
        self.base = base
        self._tail: NDArray[Any] = np.empty(0, np.float64 if base.dtype.kind == "f" else np.int64)
        self._grown = 0

    def __len__(self) -> int:
        return len(self.base) + self._grown

    @property
    def tail(self) -> NDArray[Any]:
        return self._tail[: self._grown]

    def extend(self, values: NDArray[Any]) -> None:
        needed = self._grown + len(values)
        if needed > len(self._tail):
            larger = np.empty(max(LEAST_TAIL, 2 * needed), self._tail.dtype)
            larger[: self._grown] = self.tail
            self._tail = larger
        self._tail[self._grown : needed] = values
        self._grown = needed

    def at(self, positions: Positions) -> NDArray[Any]:
        """Return the values at these positions, in the same order."""
        if not self._grown:
            return self.base[positions]
        values = np.empty(len(positions), self._tail.dtype)
        behind = positions >= len(self.base)
        values[~behind] = self.base[positions[~behind]]
        values[behind] = self._tail[positions[behind] - len(self.base)]
        return values

    def tail_where(self, wanted: NDArray[np.bool_]) -> BitMap:
        """Return the positions behind the base where ``wanted`` is true."""
        return set_of(np.flatnonzero(wanted) + len(self.base))


def set_of(positions: Positions) -> BitMap:
    """Return a set from numbers; going through a native array is eight times as fast."""
    return BitMap(array("I", positions.astype(np.uint32).tobytes()))


def by_value(values: NDArray[Any]) -> Iterator[tuple[int, Positions]]:
    """Yield each whole number among the values, ascending, with its positions: one pass, however many there are."""
    if not len(values):
        return
    least = int(values.min())
    codes: NDArray[Any]
    if int(values.max()) - least < 1 << 16:
        codes = (values - least).astype(np.uint16)  # numpy sorts so few bits without comparing
    else:
        known, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    for code, (start, end) in enumerate(pairwise([0, *ends.tolist()])):
        if start < end:
            yield least + code if codes.dtype == np.uint16 else int(known[code]), order[start:end]


def numbers_of(positions: BitMap) -> Positions:
    """Return the set's members, ascending."""
    return np.frombuffer(positions.to_array(), np.uint32) if positions else np.empty(0, np.uint32)


def union_of(sets: list[BitMap]) -> BitMap:
    """Return the union as a new set, empty if there are no sets."""
    return BitMap.union(*sets) if sets else BitMap()
