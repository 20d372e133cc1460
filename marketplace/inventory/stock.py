"""The stock of one vertical in memory: every lead for sale has a position, every value is a set of positions.

The snapshot's positions are sorted by state and request time, so that a state is one run, an age is one run in each
state, and the sets are small. Leads listed later come after them, in order of arrival. A lead keeps its position while
its legs are sold; once sold out or withdrawn, the position is empty and stays so.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from leads.models import ConsentText, Source
from leads.schema.fields import Field, FieldType
from marketplace.inventory.columns import Choices, Numbers, Places, Ranges
from marketplace.inventory.holds import Held, Holds
from marketplace.inventory.layout import NO_DATE, PHONE_TYPES, STATE_CODES, Layout, parts_of
from marketplace.inventory.leg_counts import Legs
from marketplace.inventory.loader import Columns
from marketplace.inventory.numbers import Cells, Positions, by_value, set_of

STATE_SHIFT = 56
ASKED_MASK = (1 << STATE_SHIFT) - 1
FLAGS = ("", "false", "true")
DERIVED = ("grade", "source_kind", "incentive")
CHANGING = ("times_sold", "legs_left")


@dataclass
class Stock:
    """``ids`` and ``asked`` have a value per position: the lead's id, and its state's number in the bits above the
    request time in microseconds since 2000. ``by_id`` lists the snapshot's positions sorted by lead id. ``number`` is
    unique per stock in a process: positions in one stock mean nothing in another."""

    schema_id: int
    layout: Layout
    ids: Cells
    asked: Cells
    by_id: NDArray[Any]
    shelf: BitMap
    choices: dict[str, Choices]
    numbers: dict[str, Numbers]
    places: Places
    traits: dict[int, tuple[str, ...]] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)
    holds: Holds = field(default_factory=Holds)
    number: int = field(default_factory=count().__next__)

    @classmethod
    def of(cls, schema_id: int, layout: Layout, columns: Columns) -> "Stock":
        """Build a stock from loaded columns."""
        asked = _asked(columns)
        order = np.lexsort((columns["id"], asked))
        columns = {name: values[order] for name, values in columns.items()}
        stock = cls(
            schema_id=schema_id,
            layout=layout,
            ids=Cells(_ids(columns["id"])),
            asked=Cells(asked[order]),
            by_id=np.argsort(columns["id"]).astype(np.uint32),
            shelf=BitMap(),
            choices={name: Choices() for name in _choice_names(layout.fields)},
            numbers={name: Numbers.of(values) for name, values in _numbers(layout, columns)},
            places=Places.of(columns["zip"]),
        )
        stock._sort_in(columns, 0)
        stock.shelf.add_range(0, len(order))
        stock._compress()
        return stock

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def ranges(self) -> dict[str, Ranges]:
        return {
            field.name: Ranges(self.numbers[f"{field.name}.min"], self.numbers[f"{field.name}.max"])
            for field in self.layout.fields
            if field.type == FieldType.RANGE
        }

    @cached_property
    def runs(self) -> NDArray[np.int64]:
        """The numbers of the states in the snapshot's part, found by search so that the column is not read in full."""
        starts = np.searchsorted(self.asked.base, np.arange(len(STATE_CODES) + 1, dtype=np.int64) << STATE_SHIFT)
        return np.flatnonzero(np.diff(starts)).astype(np.int64)

    @property
    def first_asked(self) -> int:
        """The earliest request time, in microseconds since 2000."""
        return min(self._ends_of_base[0], int((self.asked.tail & ASKED_MASK).min(initial=self._ends_of_base[0])))

    @property
    def last_asked(self) -> int:
        return max(self._ends_of_base[1], int((self.asked.tail & ASKED_MASK).max(initial=self._ends_of_base[1])))

    @cached_property
    def _ends_of_base(self) -> tuple[int, int]:
        if not len(self.asked.base):
            return ASKED_MASK, 0
        above = self.runs << STATE_SHIFT
        firsts = self.asked.base[np.searchsorted(self.asked.base, above)]
        lasts = self.asked.base[np.searchsorted(self.asked.base, above | ASKED_MASK, "right") - 1]
        return int((firsts & ASKED_MASK).min()), int((lasts & ASKED_MASK).max())

    def asked_at(self, positions: Positions) -> NDArray[np.int64]:
        """Return the request time of each position, in microseconds since 2000."""
        found: NDArray[np.int64] = self.asked.at(positions) & ASKED_MASK
        return found

    def asked_between(self, first: int, last: int) -> BitMap:
        """Return positions requested from ``first`` to ``last``, inclusive: one run per state, found by bisection."""
        found = BitMap()
        if first > last:
            return found
        above = self.runs << STATE_SHIFT
        starts = np.searchsorted(self.asked.base, above + max(first, 0))
        ends = np.searchsorted(self.asked.base, above + max(last, -1), "right")
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            found.add_range(start, end)
        if len(self.asked.tail):
            late = self.asked.tail & ASKED_MASK
            found |= self.asked.tail_where((late >= first) & (late <= last))
        return found

    def asked_in_steps(self, ends: Sequence[int]) -> list[BitMap]:
        """Return, for each k, positions requested after ``ends[k + 1]`` and up to ``ends[k]``: all found at once."""
        above = self.runs << STATE_SHIFT
        limits = np.clip(np.array(ends, np.int64), -1, ASKED_MASK)[:, None] + above
        places = np.searchsorted(self.asked.base, limits.ravel(), "right").reshape(limits.shape).tolist()
        late = self.asked.tail & ASKED_MASK
        steps = []
        for k, (uppers, lowers) in enumerate(pairwise(places)):
            found = BitMap()
            for lower, upper in zip(lowers, uppers, strict=True):
                found.add_range(lower, upper)
            if len(late):
                found |= self.asked.tail_where((late > ends[k + 1]) & (late <= ends[k]))
            steps.append(found)
        return steps

    def where(self, leads: Collection[int]) -> NDArray[np.int64]:
        """Return the position of each of these leads, in the same order; -1 for those we do not have."""
        wanted = np.fromiter(leads, np.int64, len(leads))
        places = np.full(len(wanted), -1)
        if len(self.by_id) and len(wanted):
            near = self.by_id[self._first_not_under(wanted)].astype(np.int64)
            places = np.where(self.ids.base[near] == wanted, near, -1)
        if self.late:
            places = np.fromiter(map(self.late.get, wanted.tolist(), places.tolist()), np.int64, len(wanted))
        return places

    def _first_not_under(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index in ``by_id`` where each id would be, at most the last one. Bisects by hand because numpy's
        own search would first copy both columns."""
        low, high = np.zeros(len(wanted), np.int64), np.full(len(wanted), len(self.by_id) - 1)
        while (open_ones := low < high).any():
            middle = (low + high) // 2
            under = self.ids.base[self.by_id[middle]] < wanted
            low = np.where(open_ones & under, middle + 1, low)
            high = np.where(open_ones & ~under, middle, high)
        return low

    def set_of_leads(self, leads: Collection[int]) -> BitMap:
        """Return the positions of those leads that we have."""
        places = self.where(leads)
        return set_of(places[places >= 0])

    # What changes

    def recount(self, leads: dict[int, Legs]) -> set[int]:
        """Update the legs of these leads. Return those that are for sale but have no position here."""
        listed = [lead for lead, legs in leads.items() if legs.for_sale]
        self.shelf -= self.set_of_leads(leads.keys() - set(listed))
        places = self.where(listed)
        known = np.array([place >= 0 and place in self.shelf for place in places.tolist()], bool)
        columns = {name: np.array([getattr(leads[lead], name) for lead in listed]) for name in CHANGING}
        self._update(places[known], {name: values[known] for name, values in columns.items()})
        return {lead for lead, is_known in zip(listed, known.tolist(), strict=True) if not is_known}

    def change(self, leads: Collection[int], corrected: Collection[int], now_there: Columns) -> None:
        """Apply changes to these leads; ``now_there`` has those that are for sale, as they are now. For ``corrected``
        ones everything may have changed, so they get a new position."""
        for gone in (corrected, set(leads) - set(now_there["id"].tolist())):
            self.shelf -= self.set_of_leads(gone)
        places = self.where(now_there["id"])
        # A lead that is for sale again is treated as new: its old position was not updated in the meantime.
        back = [place >= 0 and place not in self.shelf for place in places.tolist()]
        places[np.isin(now_there["id"], list(corrected)) | np.array(back, bool)] = -1
        known = places >= 0
        self._update(places[known], {name: now_there[name][known] for name in CHANGING})
        self._append({name: values[~known] for name, values in now_there.items()})

    def _update(self, places: Positions, columns: Columns) -> None:
        for name in CHANGING:
            for value in np.unique(columns[name]):
                self.choices[name].put(str(value), set_of(places[columns[name] == value]))
        self.shelf |= set_of(places)

    def _append(self, columns: Columns) -> None:
        start = len(self)
        count = len(columns["id"])
        if not count:
            return
        self.ids.extend(columns["id"])
        self.asked.extend(_asked(columns))
        self.places.extend(columns["zip"])
        for name, values in _numbers(self.layout, columns):
            self.numbers[name].extend(values)
        self._sort_in(columns, start)
        self.shelf.add_range(start, start + count)
        self.late |= dict(zip(columns["id"].tolist(), range(start, start + count), strict=True))

    def hold(self, leads: Collection[int], holds: dict[int, list[Held]]) -> None:
        """Set the holds of these leads, replacing any others."""
        if not holds and not len(self.holds):
            return
        for lead, place in zip(leads, self.where(leads).tolist(), strict=True):
            if place >= 0:
                self.holds.put(place, holds.get(lead, []))

    def grade(self, sources: dict[int, tuple[str, ...]]) -> None:
        """Update the traits of these sources."""
        for source, traits in sources.items():
            known = self.traits.get(source)
            self.traits[source] = traits
            if known is not None and known != traits:
                positions = self.choices["source"].any_of([str(source)])
                for name, value in zip(DERIVED, traits, strict=True):
                    self.choices[name].put(value, positions)

    # How values are sorted into sets

    def _sort_in(self, columns: Columns, start: int) -> None:
        self._listed("state", columns["state"], STATE_CODES, start)
        self._listed("phone_type", columns["phone_type"], PHONE_TYPES, start)
        for name in (*CHANGING, "source"):
            for value, positions in _by_value(columns[name], start):
                self.choices[name].add(str(value), positions)
        self._sort_sources(columns["source"], start)
        self._sort_channels(columns["text"], start)
        for item in self.layout.fields:
            self._sort_answers(item, columns, start)

    def _listed(self, name: str, values: NDArray[Any], meaning: tuple[str, ...], start: int) -> None:
        for number, positions in _by_value(values, start):
            if number:
                self.choices[name].add(meaning[number], positions)

    def _sort_sources(self, sources: NDArray[Any], start: int) -> None:
        unknown = set(np.unique(sources).tolist()) - set(self.traits)
        self.traits |= read_traits(unknown)
        for source, positions in _by_value(sources, start):
            for name, value in zip(DERIVED, self.traits[source], strict=True):
                self.choices[name].add(value, positions)

    def _sort_channels(self, texts: NDArray[Any], start: int) -> None:
        found = dict(ConsentText.objects.filter(pk__in=np.unique(texts).tolist()).values_list("pk", "channels"))
        for text, positions in _by_value(texts, start):
            for channel in found[text]:
                self.choices["channels"].add(channel, positions)

    def _sort_answers(self, item: Field, columns: Columns, start: int) -> None:
        if item.type == FieldType.CHOICE:
            self._listed(item.name, columns[item.name], ("", *item.choices), start)
        elif item.type == FieldType.FLAG:
            self._listed(item.name, columns[item.name], FLAGS, start)
        elif item.type == FieldType.CHOICES:
            for number, keys in enumerate(parts_of(item)):
                bits = columns[f"{item.name}.{number}"]
                for place, key in enumerate(keys):
                    self.choices[item.name].add(key, set_of(np.flatnonzero(bits >> place & 1) + start))

    def _compress(self) -> None:
        for choices in self.choices.values():
            for positions in choices.sets.values():
                positions.run_optimize()
        for numbers in self.numbers.values():
            for positions in numbers.bins:
                positions.run_optimize()


def read_traits(sources: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return the filterable traits of sources: grade, kind, and whether they are incentivized."""
    found = Source.objects.filter(pk__in=sources).values_list("pk", "grade", "kind", "incentive")
    return {pk: (grade, kind, "true" if incentive else "false") for pk, grade, kind, incentive in found}


def _asked(columns: Columns) -> NDArray[np.int64]:
    return (columns["state"].astype(np.int64) << STATE_SHIFT) | np.maximum(columns["captured"], 0)


def _ids(ids: NDArray[Any]) -> NDArray[Any]:
    """Return the ids at half the width if they fit."""
    return ids.astype(np.uint32) if len(ids) and ids.max() < 2**32 else ids


def _by_value(values: NDArray[Any], start: int) -> list[tuple[int, BitMap]]:
    return [(value, set_of(found + start)) for value, found in by_value(values)]


def _choice_names(fields: tuple[Field, ...]) -> list[str]:
    choosing = (FieldType.CHOICE, FieldType.CHOICES, FieldType.FLAG)
    own = [item.name for item in fields if item.type in choosing]
    return ["state", "phone_type", *CHANGING, "source", *DERIVED, "channels", *own]


def _numbers(layout: Layout, columns: Columns) -> list[tuple[str, NDArray[np.float64]]]:
    """Return the number columns, with NaN for no value."""
    found = [("retained", _dates(columns["retained"]))]
    for item in layout.fields:
        if item.type in (FieldType.NUMBER, FieldType.MONEY):
            found.append((item.name, columns[item.name]))
        elif item.type == FieldType.DATE:
            found.append((item.name, _dates(columns[item.name])))
        elif item.type == FieldType.RANGE:
            found += [(f"{item.name}.{end}", columns[f"{item.name}.{end}"]) for end in ("min", "max")]
    return found


def _dates(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.where(values == NO_DATE, np.nan, values.astype(np.float64))
