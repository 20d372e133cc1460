"""Gates: the clauses of many orders on one field, as inverted bitmaps, to find the orders that accept a value.

An order with no clause on the field passes every gate. A gate returns pieces, bitmaps whose union is the orders that
pass: once the orders are narrowed down, intersecting each piece costs less than first joining large pieces.
"""

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any, Protocol, TypeAlias, cast

from pyroaring import BitMap

from leads.criteria.clauses import AllOf, Between, Clause, Is, Near, OneOf
from leads.places import is_within

# Cumulative bitmaps that a gate keeps; the orders between two of them are collected on request.
BLOCKS = 128
# Up to this many values, each value's bitmap is stored already joined with the orders that do not ask.
FEW_VALUES = 512

Pieces: TypeAlias = Sequence[BitMap]
Asked: TypeAlias = Mapping[int, Clause]


class Gate(Protocol):
    """``answers`` is roughly how many different answers it distinguishes, if few: then it mostly returns the very same
    tuple for the same answer."""

    indifferent: BitMap
    answers: int | None

    def passing(self, value: Any) -> Pieces: ...


def gates_of(kind: str, asked: Asked, everyone: BitMap) -> Iterable[Gate]:
    """Return the gates for one field. ``asked`` maps orders to their clauses, all of this kind."""
    indifferent = everyone - BitMap(asked)
    match kind:
        case "in":
            return [ValueGate({pk: cast(OneOf, clause).values for pk, clause in asked.items()}, indifferent)]
        case "is":
            return [ValueGate({pk: (cast(Is, clause).answer,) for pk, clause in asked.items()}, indifferent)]
        case "has":
            return [AllGate({pk: cast(AllOf, clause).values for pk, clause in asked.items()}, everyone, indifferent)]
        case "near":
            return [NearGate({pk: cast(Near, clause) for pk, clause in asked.items()}, indifferent)]
    return _end_gates({pk: cast(Between, clause) for pk, clause in asked.items()}, everyone)


def _end_gates(asked: Mapping[int, Between], everyone: BitMap) -> Iterable[Gate]:
    lows = {pk: clause.low for pk, clause in asked.items() if clause.low is not None}
    highs = {pk: clause.high for pk, clause in asked.items() if clause.high is not None}
    return [LowGate(lows, everyone)] * bool(lows) + [HighGate(highs, everyone)] * bool(highs)


class ValueGate:
    """One of some values; if the lead has several answers, any of them."""

    def __init__(self, asked: Mapping[int, Sequence[Any]], indifferent: BitMap) -> None:
        self.indifferent = indifferent
        orders: dict[Any, list[int]] = defaultdict(list)
        for pk, values in asked.items():
            for value in values:
                orders[value].append(pk)
        few = len(orders) <= FEW_VALUES
        self.answers = len(orders) + 1 if few else None
        self._nobody = (indifferent,)
        self._several: dict[tuple[Any, ...], Pieces] = {}
        self._pieces: dict[Any, Pieces] = {
            value: (indifferent | BitMap(pks),) if few else (indifferent, BitMap(pks)) for value, pks in orders.items()
        }

    def passing(self, value: Any) -> Pieces:
        if isinstance(value, list):
            return self._any_of(tuple(one for one in value if one in self._pieces))
        return self._pieces.get(value, self._nobody)

    def _any_of(self, values: tuple[Any, ...]) -> Pieces:
        if len(values) < 2:
            return self._pieces[values[0]] if values else self._nobody
        if values not in self._several:
            if len(self._several) >= FEW_VALUES:
                self._several.clear()
            self._several[values] = (BitMap().union(*(piece for one in values for piece in self._pieces[one])),)
        return self._several[values]


class AllGate:
    """All of some values: an order that wants a missing one is out. Each set of answers is computed once."""

    def __init__(self, asked: Mapping[int, Sequence[str]], everyone: BitMap, indifferent: BitMap) -> None:
        self.indifferent = indifferent
        self._everyone = everyone
        orders: dict[str, list[int]] = defaultdict(list)
        for pk, values in asked.items():
            for value in values:
                orders[value].append(pk)
        self._wanting = {value: BitMap(pks) for value, pks in orders.items()}
        self.answers = 2 ** len(orders) + 1
        self._nobody = (indifferent,)
        self._known: dict[frozenset[str], Pieces] = {}

    def passing(self, value: Iterable[str] | None) -> Pieces:
        if value is None:
            return self._nobody
        there = self._wanting.keys() & set(value)
        key = frozenset(there)
        if key not in self._known:
            missing = [orders for one, orders in self._wanting.items() if one not in there]
            self._known[key] = (self._everyone - BitMap().union(*missing) if missing else self._everyone,)
        return self._known[key]


class NearGate:
    """Within some miles of a place. Each ZIP is checked against the circles once, when it first appears."""

    answers: int | None = None

    def __init__(self, asked: Mapping[int, Near], indifferent: BitMap) -> None:
        self.indifferent = indifferent
        circles: dict[tuple[str, float], list[int]] = defaultdict(list)
        for pk, clause in asked.items():
            circles[clause.postal_code, clause.miles].append(pk)
        self._circles = {circle: BitMap(pks) for circle, pks in circles.items()}
        self._known: dict[str, tuple[BitMap, BitMap]] = {}

    def passing(self, value: str | None) -> Pieces:
        if not value:
            return (self.indifferent,)
        if value not in self._known:
            around = [orders for circle, orders in self._circles.items() if is_within(value, *circle)]
            self._known[value] = self.indifferent, BitMap().union(*around)
        return self._known[value]


class _EndGate(ABC):
    """Ends in ascending order, with the passing orders stored at each block's edge. Neighboring edges have at most one
    block of orders between them, unless more orders share one end; if there are few ends, each one is an edge."""

    def __init__(self, ends: Mapping[int, Any], everyone: BitMap) -> None:
        self.indifferent = everyone - BitMap(ends)
        ordered = sorted(ends.items(), key=lambda pair: (pair[1], pair[0]))
        self._ends = [end for _, end in ordered]
        self._orders = array("I", (pk for pk, _ in ordered))
        self._edges, few = _edges(self._ends)
        self.answers = len(self._edges) + 2 if few else None
        self._nobody: Pieces = (self.indifferent,)
        self._everybody: Pieces = (everyone,)
        self._at_edge: list[Pieces] = [(self.indifferent | self._good_side(edge),) for edge in self._edges]

    @abstractmethod
    def _good_side(self, edge: int) -> BitMap:
        """Return the orders whose end accepts a value at this edge."""

    def _slice(self, start: int, stop: int) -> BitMap:
        return BitMap(self._orders[start:stop])

    def _from(self, block: int, start: int, stop: int) -> Pieces:
        """Return the orders that pass at the block's edge, and those between it and the value."""
        at_edge = self._at_edge[block]
        return at_edge if start == stop else (*at_edge, self._slice(start, stop))


def _edges(ends: Sequence[Any]) -> tuple[list[int], bool]:
    """Return where blocks begin and end (never within equal ends, and as soon as a block is full), and whether each end
    has an edge of its own."""
    places = [0, *accumulate(sum(1 for _ in same) for _, same in groupby(ends))]
    if len(places) <= BLOCKS:
        return places, True
    edges = [0]
    for place in places:
        if place - edges[-1] >= len(ends) / BLOCKS or place == len(ends):
            edges.append(place)
    return edges, False


class LowGate(_EndGate):
    """A minimum: the orders that pass come before the value."""

    def _good_side(self, edge: int) -> BitMap:
        return self._slice(0, edge)

    def passing(self, value: Any) -> Pieces:
        if value is None:
            return self._nobody
        if isinstance(value, dict):
            value = value.get("max")
            if value is None:
                return self._everybody
        place = bisect_right(self._ends, value)
        block = bisect_right(self._edges, place) - 1
        return self._from(block, self._edges[block], place)


class HighGate(_EndGate):
    """A maximum: the orders that pass start at the value."""

    def _good_side(self, edge: int) -> BitMap:
        return self._slice(edge, len(self._orders))

    def passing(self, value: Any) -> Pieces:
        if value is None:
            return self._nobody
        if isinstance(value, dict):
            value = value.get("min")
            if value is None:
                return self._everybody
        place = bisect_left(self._ends, value)
        block = bisect_left(self._edges, place)
        return self._from(block, place, self._edges[block])
