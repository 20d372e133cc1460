"""Gates: what many orders ask of one field, as bitmaps backwards. Which of them let this value pass?

An order that does not ask passes every gate. A gate answers in pieces, bitmaps whose union is who passes: whoever has
narrowed the orders already meets each piece, which costs less than putting large pieces together first.
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

# Cumulative bitmaps a gate keeps: between two of them a part of the orders is gathered when it is asked for.
BLOCKS = 128
# Values up to which a bitmap of each is kept together with the orders that do not ask.
FEW_VALUES = 512

Pieces: TypeAlias = Sequence[BitMap]
Asked: TypeAlias = Mapping[int, Clause]


class Gate(Protocol):
    """``answers`` is about how many different answers it gives, where these are few: then it mostly hands out the very
    same tuple for the same one."""

    indifferent: BitMap
    answers: int | None

    def passing(self, value: Any) -> Pieces: ...


def gates_of(kind: str, asked: Asked, everyone: BitMap) -> Iterable[Gate]:
    """The gates of one field. ``asked`` maps orders to their clause, all of this kind."""
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
    """One of some values; of several answers, any."""

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
    """All of some values: whoever wants one that is missing is out. Each set of answers is worked out once."""

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
    """Within so many miles of a place. Each ZIP is held against the circles once, when it first comes."""

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
    """Ends in ascending order, and at the edges of blocks who lies on their good side. No two edges have more than one
    block's orders between them but those of one end that many share; few different ends are all edges."""

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
        """The orders whose end lets pass what lies at this edge."""

    def _slice(self, start: int, stop: int) -> BitMap:
        return BitMap(self._orders[start:stop])

    def _from(self, block: int, start: int, stop: int) -> Pieces:
        """Who passes at the block's edge, and those between it and the value."""
        at_edge = self._at_edge[block]
        return at_edge if start == stop else (*at_edge, self._slice(start, stop))


def _edges(ends: Sequence[Any]) -> tuple[list[int], bool]:
    """Where blocks begin and end: never within equal ends, and as soon as a block is full. And whether each end has
    an edge of its own."""
    places = [0, *accumulate(sum(1 for _ in same) for _, same in groupby(ends))]
    if len(places) <= BLOCKS:
        return places, True
    edges = [0]
    for place in places:
        if place - edges[-1] >= len(ends) / BLOCKS or place == len(ends):
            edges.append(place)
    return edges, False


class LowGate(_EndGate):
    """At least so much: who passes lies before the value."""

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
    """At most so much: who passes lies from the value on."""

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
