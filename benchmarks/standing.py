"""Which of 100,000 standing orders want this lead: our reverse bitmap index, compared with the same query in SQL.

The peer stores the orders' filters in the form PostgreSQL searches best: a row per order, an array or range for each
filtered field, empty otherwise, with an index on the most selective one. It is queried with one prepared statement and
must give the same result.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks.figures import Figure, Goal
from benchmarks.stock import Market
from buyers.standing_index.index import OrderIndex
from buyers.standing_index.percolator import at_most
from leads.criteria.criteria import Criteria, filter_fields_of, read_clause
from leads.criteria.filter_fields import FilterField
from leads.listed import ListedLead
from leads.models import Lead, Vertical
from leads.schema.fields import FieldType
from marketplace.prices.pricing import Curve, curve_in_force, price_of

ORDERS = 100_000
ASKED = 1_000
WARMING = 2_000
LIMITS = [35, 50, 75, 100, 150, 180, 200, 250, 300, 400]
AGES = [(1, 30), (7, 30), (30, 90), (31, 85), (60, 180), (86, 365), (180, 730)]
NEAR = 0.03
_SHARES = {
    "times_sold": 0.3,
    "channels": 0.25,
    "grade": 0.3,
    "phone_type": 0.2,
    "proof": 0.2,
    "incentive": 0.1,
    "zip_prefix": 0.08,
}


def measure(market: Market, leads: int) -> Iterator[Figure]:
    vertical = market.vertical("mortgage")
    dice = random.Random(20)
    filter_fields = filter_fields_of(vertical.schema)
    orders = {
        pk: order_request for pk in range(1, ORDERS + 1) if (order_request := _order(vertical, filter_fields, dice))
    }
    started = time.perf_counter()
    index = OrderIndex(orders, filter_fields)
    built = time.perf_counter() - started
    asked = _leads(vertical, timezone.now())
    peer = _Peer(vertical, orders)
    try:
        yield from _compare(index, peer, asked)
    finally:
        peer.drop()
    yield Figure(f"making the index of {ORDERS:,} standing orders", built, "s")


def _compare(index: OrderIndex, peer: "_Peer", asked: list[tuple[ListedLead, datetime]]) -> Iterator[Figure]:
    """Leads come in batches by the minute, so each side handles all of them in a row; the results are compared."""
    for lead, now in asked[:WARMING]:
        index.wanting(lead, now)
        peer.wanting(lead, now)
    mine, ours = _timed(index.wanting, asked[WARMING:])
    rows, theirs = _timed(peer.wanting, asked[WARMING:])
    assert [set(one) for one in mine] == [set(one) for one in rows], "the answers differ"
    name = f"which of {ORDERS:,} standing orders want a lead"
    value, floor = statistics.median(ours), statistics.median(theirs)
    yield Figure(f"{name}, p50", value, "µs", floor, Goal("value", at_most=100))
    yield Figure(f"{name}, times as fast as SQL", floor / value, "×", None, Goal("value", at_least=100))
    yield Figure(f"{name}, p99", sorted(ours)[int(len(ours) * 0.99)], "µs")
    yield Figure(f"of {ORDERS:,} standing orders want a lead, on average", statistics.mean(map(len, mine)), "orders")


def _timed(
    wanting: Callable[[ListedLead, datetime], Any], asked: list[tuple[ListedLead, datetime]]
) -> tuple[list[Any], list[float]]:
    """Return the results, and the microseconds each took."""
    answers, taken = [], []
    for lead, now in asked:
        started = time.perf_counter()
        answers.append(wanting(lead, now))
        taken.append(1e6 * (time.perf_counter() - started))
    return answers, taken


def _leads(vertical: Vertical, now: datetime) -> list[tuple[ListedLead, datetime]]:
    """Return leads for sale, spread over the inventory, with their prices."""
    curve: Curve = curve_in_force(vertical, now)
    shelf = Lead.objects.for_sale().in_vertical(vertical).select_related("vertical", "source", "consent__text")
    numbers = list(shelf.order_by("pk").values_list("pk", flat=True))
    spread = numbers[:: max(1, len(numbers) // (ASKED + WARMING))][: ASKED + WARMING]
    found = list(shelf.filter(pk__in=spread))
    random.Random(21).shuffle(found)
    return [(ListedLead.of(lead, price_of(lead, curve, now=now)), now) for lead in found]


def _order(vertical: Vertical, filter_fields: dict[str, FilterField], dice: random.Random) -> Criteria | None:
    said = list(_said(vertical, filter_fields, dice))
    criteria = Criteria(vertical.slug, tuple(read_clause(item, filter_fields) for item in said), filter_fields)
    return at_most(criteria, dice.choice(LIMITS))


def _said(vertical: Vertical, filter_fields: dict[str, FilterField], dice: random.Random) -> Iterator[dict[str, Any]]:
    """Return buyers' filters: nearly all on states and age, a third on each of some others, a few on none."""
    states = list(filter_fields["state"].choices or {})
    if dice.random() < 0.9:
        yield {"field": "state", "in": dice.sample(states, dice.choice([1, 1, 1, 2, 3, 5, 10]))}
    if dice.random() < 0.8:
        low, high = dice.choice(AGES)
        yield {"field": "age_days", "min": low, "max": high}
    for field, share in _SHARES.items():
        if dice.random() < share:
            yield {"field": field, **_of_envelope(field, dice)}
    if dice.random() < NEAR:
        yield {"field": "near", "zip": dice.choice(["90012", "75201", "33101", "10001"]), "miles": 25}
    for item in vertical.schema.filterable:
        if dice.random() < 0.25:
            yield {"field": item.name, **_of_field(filter_fields[item.name], item.type, dice)}


def _of_envelope(field: str, dice: random.Random) -> dict[str, Any]:
    match field:
        case "times_sold":
            return {"max": dice.choice([0, 1, 2])}
        case "channels":
            return {"has": dice.choice([["call"], ["text"], ["call", "email"]])}
        case "grade":
            return {"in": dice.choice([["A"], ["A", "B"], ["A", "B", "C"]])}
        case "phone_type":
            return {"in": dice.choice([["mobile"], ["mobile", "landline"]])}
        case "proof":
            return {"in": dice.choice([["retained"], ["retained", "lapsing"]])}
        case "zip_prefix":
            return {"in": [f"{dice.randrange(100):02}" for _ in range(3)]}
    return {"is": False}


def _of_field(filter_field: FilterField, kind: FieldType, dice: random.Random) -> dict[str, Any]:
    if filter_field.choices:
        return {"in": dice.sample(list(filter_field.choices), min(len(filter_field.choices), dice.choice([1, 2])))}
    if filter_field.kind == "is":
        return {"is": dice.random() < 0.3}
    if filter_field.is_date:
        return {"min": "2026-01-01"}
    lowest = int(filter_field.lowest or 0)
    step = 5_000 if filter_field.unit == "$" else 1
    return {"min": lowest + step * dice.randrange(1, 60 if filter_field.unit == "$" else 7)}


class _Peer:
    """The same orders as a table: the bounds or values of each field, NULL if it has no filter."""

    def __init__(self, vertical: Vertical, orders: dict[int, Criteria]) -> None:
        self._filter_fields = filter_fields_of(vertical.schema)
        self._fields = sorted({clause.field for order_request in orders.values() for clause in order_request.clauses})
        self._make()
        self._fill(orders)

    def _make(self) -> None:
        columns = ", ".join(column for field in self._fields for column in self._columns(field))
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA IF NOT EXISTS benchmark")
            cursor.execute("DROP TABLE IF EXISTS benchmark.wanted")
            cursor.execute(f"CREATE UNLOGGED TABLE benchmark.wanted (id integer, {columns})")

    def _columns(self, field: str) -> list[str]:
        filter_field = self._filter_fields[field]
        if filter_field.kind == "span":
            kind = "text" if filter_field.is_date else "float8"
            return [f"{field}_low {kind}", f"{field}_high {kind}"]
        return [f"{field} bool" if filter_field.kind == "is" else f"{field} text[]"]

    def _fill(self, orders: dict[int, Criteria]) -> None:
        with connection.cursor() as cursor:
            with cursor.copy("COPY benchmark.wanted FROM STDIN") as copy:
                for pk, order_request in orders.items():
                    copy.write_row(
                        [pk, *(cell for field in self._fields for cell in self._cells(field, order_request))]
                    )
            cursor.execute("CREATE INDEX ON benchmark.wanted USING gin (state)")
            cursor.execute("CREATE INDEX ON benchmark.wanted (price_high)")
            cursor.execute("VACUUM (ANALYZE) benchmark.wanted")
            parts = [part for field in self._fields for part in self._conditions(field)]
            self._sql = f"SELECT id FROM benchmark.wanted WHERE {' AND '.join(parts)}"

    def _cells(self, field: str, order_request: Criteria) -> list[Any]:
        clause: Any = order_request.of(field)
        match self._filter_fields[field].kind:
            case "span":
                return [clause and clause.low, clause and clause.high]
            case "is":
                return [clause and clause.answer]
            case "near":
                return [clause and sorted(clause.area)]
        return [clause and list(clause.values)]

    def _conditions(self, field: str) -> list[str]:
        """A field without a filter matches every lead; a filter never matches a lead that lacks the answer."""
        match self._filter_fields[field].kind:
            case "span":
                low, high = f"{field}_low", f"{field}_high"
                return [
                    f"({low} IS NULL OR {low} <= %({field}_high)s)",
                    f"({high} IS NULL OR {high} >= %({field}_low)s)",
                ]
            case "is":
                return [f"({field} IS NULL OR {field} = %({field})s)"]
            case "has":
                return [f"({field} IS NULL OR {field} <@ %({field})s)"]
        return [f"({field} IS NULL OR {field} && %({field})s)"]

    def wanting(self, lead: ListedLead, now: datetime) -> list[int]:
        answers: dict[str, Any] = {}
        for field in self._fields:
            answers |= self._answer(field, self._filter_fields[field].value_of(lead, now))
        with connection.cursor() as cursor:
            cursor.execute(self._sql, answers)
            return [pk for (pk,) in cursor.fetchall()]

    def _answer(self, field: str, value: Any) -> dict[str, Any]:
        kind = self._filter_fields[field].kind
        if kind == "span":
            low, high = (value.get("min"), value.get("max")) if isinstance(value, dict) else (value, value)
            endless = isinstance(value, dict)
            return {
                f"{field}_low": float("-inf") if endless and low is None else low,
                f"{field}_high": float("inf") if endless and high is None else high,
            }
        if kind == "is":
            return {field: value}
        return {field: value if isinstance(value, list) else [value] if value else []}

    def drop(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE benchmark.wanted")
