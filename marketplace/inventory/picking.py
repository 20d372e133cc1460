"""Pick the newest, oldest or cheapest leads out of a set of any size, without sorting it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from marketplace.inventory.numbers import numbers_of
from marketplace.inventory.query import Sort
from marketplace.inventory.result import StockResult
from marketplace.inventory.stock import Stock
from marketplace.inventory.stock_prices import FOREVER

SORTABLE = 4_000
"""With at most this many more than needed, sort instead of searching further."""
Ordered = NDArray[np.int64]
NOTHING: Ordered = np.empty(0, np.int64)


@dataclass(frozen=True)
class SortPlace:
    """A lead's place in every sort order: when the person asked (microseconds since 2000), its id, its price."""

    asked: int
    lead: int
    cents: int


def first_of(
    result: StockResult, sort: Sort, most: int, *, behind: SortPlace | None = None, max_price_cents: int | None = None
) -> Ordered:
    """Return the first matching positions, at most ``most``: after ``behind``, none above ``max_price_cents``."""
    wanted = result.matching
    if max_price_cents is not None:
        wanted = wanted & result.prices.between(None, max_price_cents)
    if sort == Sort.CHEAPEST:
        return _cheapest(result, wanted, most, behind)
    return _by_time(result.stock, wanted, most, newest=sort == Sort.NEWEST, behind=behind)


def newest_first(stock: Stock, positions: NDArray[Any]) -> Ordered:
    """Sort by request time, newest first; at the same instant, the lead that came in last is first."""
    order = np.lexsort((stock.ids.at(positions), stock.asked_at(positions)))[::-1]
    return positions[order].astype(np.int64)


def oldest_of(stock: Stock, wanted: BitMap) -> int | None:
    """Return when the oldest of them was requested, in microseconds since 2000."""
    first = _by_time(stock, wanted, 1, newest=False, behind=None)
    return int(stock.asked_at(first)[0]) if len(first) else None


def _cheapest(result: StockResult, wanted: BitMap, most: int, behind: SortPlace | None) -> Ordered:
    """Return positions by price; at the same price, newest first."""
    pieces, left = [NOTHING], most
    for cents, found in result.prices.cheapest_first(wanted):
        if not left or (behind and cents < behind.cents):
            continue
        last = behind if behind and cents == behind.cents else None
        piece = _by_time(result.stock, found, left, newest=True, behind=last)
        pieces.append(piece)
        left -= len(piece)
    return np.concatenate(pieces)


def _by_time(stock: Stock, wanted: BitMap, most: int, *, newest: bool, behind: SortPlace | None) -> Ordered:
    if behind:
        wanted = _from(stock, wanted, behind, newest=newest)
        most += len(wanted & stock.asked_between(behind.asked, behind.asked))
    near = wanted if len(wanted) <= most + SORTABLE else _nearest(stock, wanted, most, newest=newest)
    ordered = newest_first(stock, numbers_of(near))
    if not newest:
        ordered = ordered[::-1]
    if behind:
        most -= len(wanted & stock.asked_between(behind.asked, behind.asked))
        ordered = ordered[_is_behind(stock, ordered, behind, newest=newest)]
    return ordered[:most]


def _from(stock: Stock, wanted: BitMap, behind: SortPlace, *, newest: bool) -> BitMap:
    """Return the positions requested at the same instant as that place, or later in the sort order."""
    return wanted & (stock.asked_between(0, behind.asked) if newest else stock.asked_between(behind.asked, FOREVER))


def _is_behind(stock: Stock, ordered: Ordered, behind: SortPlace, *, newest: bool) -> NDArray[np.bool_]:
    """Return, for each position, whether it comes after that place; at the same instant, the ids decide."""
    same = stock.asked_at(ordered) == behind.asked
    ids = stock.ids.at(ordered)
    return ~same | (ids < behind.lead if newest else ids > behind.lead)


def _nearest(stock: Stock, wanted: BitMap, most: int, *, newest: bool) -> BitMap:
    """Return a part of ``wanted`` with the first ``most`` and not many more. Its instant is guessed by interpolation,
    and bisected every other time in case leads are crowded."""
    few, many = 0, len(wanted)
    near, far = stock.last_asked + 1, stock.first_asked
    if not newest:
        near, far = far - 1, near
    found, guessing = wanted, True
    while many > most + SORTABLE and abs(far - near) > 1:
        share = min(0.5, (most + SORTABLE // 2 - few) / (many - few)) if guessing else 0.5
        middle = _between(near, far, share)
        part = wanted & (stock.asked_between(middle, FOREVER) if newest else stock.asked_between(0, middle))
        if len(part) >= most:
            found, far, many = part, middle, len(part)
        else:
            near, few = middle, len(part)
        guessing = not guessing
    return found


def _between(near: int, far: int, share: float) -> int:
    """Return the point at ``share`` of the way from near to far, never near itself."""
    way = int(share * (far - near))
    return near + (way or (1 if far > near else -1))
