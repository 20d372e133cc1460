"""The percolator: which of many standing orders match one lead? A few bitmap intersections answer that.

An index is built once and never changed. Bitmaps hold the orders' own keys, which are sequential, so that a hundred
thousand orders fill two containers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from pyroaring import BitMap

from buyers.standing_index.gates import Gate, Pieces, gates_of
from leads.criteria.clauses import Clause
from leads.criteria.criteria import Criteria
from leads.criteria.filter_fields import FilterField
from leads.listed import ListedLead

# How many sets of answers are cached for gates that are evaluated together.
MOST_KNOWN = 1024


@dataclass(frozen=True)
class _Question:
    """What many orders ask of one field, and how to get a lead's answer."""

    value_of: Callable[[ListedLead, datetime], Any]
    gate: Gate

    def passing(self, lead: ListedLead, now: datetime) -> Pieces:
        return self.gate.passing(self.value_of(lead, now))


class _Together:
    """Questions with few answers: who passes them all is computed once per set of answers."""

    def __init__(self, questions: Sequence[_Question], everyone: BitMap) -> None:
        self._questions = questions
        self._everyone = everyone
        self._known: dict[tuple[int, ...], tuple[Pieces, list[Pieces]]] = {}

    def passing(self, lead: ListedLead, now: datetime) -> Pieces:
        """Return the orders that pass. Answers are compared by identity and kept with the result, so that no new object
        can reuse an id."""
        answers = [question.passing(lead, now) for question in self._questions]
        key = tuple(map(id, answers))
        if key not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = (reduce(_meet, answers, self._everyone),), answers
        return self._known[key][0]


class OrderIndex:
    """One vertical's orders by their criteria. Agrees with ``Criteria.accepts`` for every order."""

    def __init__(self, orders: Mapping[int, Criteria], filter_fields: Mapping[str, FilterField]) -> None:
        self.everyone = BitMap(orders)
        by_field: dict[str, dict[int, Clause]] = defaultdict(dict)
        for pk, criteria in orders.items():
            for clause in criteria.clauses:
                by_field[clause.field][pk] = clause
        questions = [
            _Question(filter_fields[field].value_of, gate)
            for field, clauses in by_field.items()
            for gate in gates_of(filter_fields[field].kind, clauses, self.everyone)
        ]
        questions.sort(key=lambda question: len(question.gate.indifferent))
        few = [_Together(some, self.everyone) for some in _grouped(questions)]
        self._steps: list[_Together | _Question] = [
            *few,
            *(question for question in questions if question.gate.answers is None),
        ]

    def __len__(self) -> int:
        return len(self.everyone)

    def wanting(self, lead: ListedLead, now: datetime) -> BitMap:
        """Return the orders that match this lead; do not change the result. The lead must have a price."""
        passing = [step.passing(lead, now) for step in self._steps]
        passing.sort(key=_size)  # smallest first, so that all others are intersected with few orders
        if passing and len(passing[0]) == 1:
            return reduce(_meet, passing[1:], passing[0][0])
        return reduce(_meet, passing, self.everyone)


def _grouped(questions: Iterable[_Question]) -> Iterator[list[_Question]]:
    """Yield groups of questions with few answers, small enough that all their sets of answers can be cached."""
    group: list[_Question] = []
    sets = 1
    for question in questions:
        if question.gate.answers is None:
            continue
        if group and sets * question.gate.answers > MOST_KNOWN:
            yield group
            group, sets = [], 1
        group.append(question)
        sets *= question.gate.answers
    if group:
        yield group


def _size(pieces: Pieces) -> int:
    return sum(map(len, pieces))


def _meet(found: BitMap, pieces: Pieces) -> BitMap:
    met = found & pieces[0]
    for piece in pieces[1:]:
        met |= found & piece
    return met
