"""The result of a query on a stock: its criteria as bitmaps, with ages and prices at that moment.

Use it only under the inventory's lock, while the stock does not change.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pyroaring import BitMap

from leads.criteria.common_fields import LAPSING
from leads.schema.fields import FieldType
from marketplace.inventory.layout import CENTURY
from marketplace.inventory.numbers import union_of
from marketplace.inventory.query import StockQuery
from marketplace.inventory.stock import Stock
from marketplace.inventory.stock_prices import DAY, FOREVER, Prices, microseconds

FIRST_DAY = date(2000, 1, 1)
SMALL_NUMBERS = ("times_sold", "legs_left")


@dataclass(frozen=True)
class StockResult:
    """``hidden`` are positions this buyer must not see: people they already have, leads held while somebody pays."""

    stock: Stock
    query: StockQuery
    hidden: BitMap

    @cached_property
    def prices(self) -> Prices:
        query = self.query
        return Prices(self.stock, query.curve, query.now, exclusive=query.exclusive, quantity=query.quantity)

    @cached_property
    def shelf(self) -> BitMap:
        """All positions this buyer could buy, whatever the criteria."""
        shelf = self.stock.shelf - self.hidden
        return shelf & self.stock.choices["times_sold"].any_of(["0"]) if self.query.exclusive else shelf

    @cached_property
    def clauses(self) -> dict[str, BitMap]:
        """Each clause's positions, by field."""
        return {clause.field: clause.among(self) for clause in self.query.criteria.clauses}

    @cached_property
    def matching(self) -> BitMap:
        return BitMap.intersection(self.shelf, *self.clauses.values())

    def without(self, *fields: str) -> BitMap:
        """Return what would match without the clauses on these fields."""
        if not set(fields) & set(self.clauses):
            return self.matching
        return BitMap.intersection(self.shelf, *(found for name, found in self.clauses.items() if name not in fields))

    def counter(self, field: str) -> Callable[[BitMap], int]:
        """Return a function that counts how many of a set would match without the clause on this field."""
        said = field if field in self.clauses else ""
        if said not in self._counters:
            self._counters[said] = self._counter_of(self.without(said))
        return self._counters[said]

    def _counter_of(self, among: BitMap) -> Callable[[BitMap], int]:
        """Count by what is absent if that is the smaller set, as it is for an almost full inventory."""
        absent = self.everything - among
        if len(among) < len(absent):
            return among.intersection_cardinality
        return lambda positions: len(positions) - absent.intersection_cardinality(positions)

    @cached_property
    def _counters(self) -> dict[str, Callable[[BitMap], int]]:
        return {}

    @cached_property
    def everything(self) -> BitMap:
        everything = BitMap()
        everything.add_range(0, len(self.stock))
        return everything

    # The index that criteria are evaluated against

    def any_of(self, field: str, values: Collection[str]) -> BitMap:
        match field:
            case "proof":
                return union_of([self.proofs[value] for value in values])
            case "postal_code":
                return self.stock.places.any_of(values)
            case "zip_prefix":
                return self.stock.places.beginning_with(values)
        return self.stock.choices[field].any_of(values)

    def between(self, field: str, low: float | str | None, high: float | str | None) -> BitMap:
        first, last = _number(low), _number(high)
        if field == "age_days":
            return self.aged(first, last)
        if field == "price":
            return self.prices.between(first, last)
        if field in SMALL_NUMBERS:
            return self.stock.choices[field].between(first, last)
        ranges = self.stock.ranges.get(field)
        return ranges.between(first, last) if ranges else self.stock.numbers[field].between(first, last)

    def answered(self, field: str, answer: bool) -> BitMap:
        return self.stock.choices[field].any_of(["true" if answer else "false"])

    def all_of(self, field: str, values: Collection[str]) -> BitMap:
        return self.stock.choices[field].all_of(values)

    def in_area(self, field: str, postal_codes: Collection[str]) -> BitMap:
        return self.stock.places.any_of(postal_codes)

    @cached_property
    def proofs(self) -> dict[str, BitMap]:
        """Positions by the status of their proof of consent today."""
        retained = self.stock.numbers["retained"]
        today = (self.query.now.date() - FIRST_DAY).days
        soon = today + LAPSING.days
        return {
            "retained": retained.between(soon + 1, None),
            "lapsing": retained.between(today, soon),
            "lapsed": retained.between(None, today - 1),
            "none": self.everything - retained.known,
        }

    def aged(self, youngest: float | None, oldest: float | None) -> BitMap:
        """Return positions whose age in days lies between both ends, inclusive."""
        now = microseconds(self.query.now)
        last = FOREVER if youngest is None else now - int(youngest * DAY)
        first = 0 if oldest is None else now - (int(oldest) + 1) * DAY + 1
        return self.stock.asked_between(first, last)

    def is_number(self, field: str) -> bool:
        """Whether the field has a histogram: the vertical's own numbers and amounts."""
        types = {item.name: item.type for item in self.stock.layout.fields}
        return types.get(field) in (FieldType.NUMBER, FieldType.MONEY)


def _number(end: float | str | None) -> float | None:
    """Return a bound as the stock's columns store it; a date as its digits."""
    return int(end.replace("-", "")) - CENTURY if isinstance(end, str) else end
