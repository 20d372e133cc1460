"""One process's percolator: indexes of all live standing orders that buy, kept in step with the table.

Most orders are in an index that was built once. Those that changed since are in a second, small one, rebuilt at each
refresh; when there are many, everything is rebuilt. We find changes by transaction, not by time, so that nothing is
missed when transactions commit in a different order than they began.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from django.db import connection
from pyroaring import BitMap

from buyers.models import StandingOrder
from buyers.models.standing_order import StandingOrderQuerySet
from buyers.standing_index.index import OrderIndex
from leads.criteria.clauses import Between, CriteriaError
from leads.criteria.criteria import Criteria, filter_fields_of, read_clause
from leads.criteria.filter_fields import FilterField
from leads.listed import ListedLead
from leads.models import Market, Vertical
from leads.visibility import visible_now

MOST_RECENT = 2_000
_COLUMNS = ("pk", "vertical_id", "exclusive", "criteria", "max_price_cents", "kind", "market", "paused_at", "ended_at")
_BUYING = [StandingOrder.Kind.BUY, Market.AGED, None, None]
_CHANGED = """
    SELECT id FROM buyers_standingorder
    WHERE changed_in >= pg_snapshot_xmin(%s::pg_snapshot) AND NOT pg_visible_in_snapshot(changed_in, %s::pg_snapshot)
"""


@dataclass(frozen=True)
class Shop:
    """The orders that pay the same price for a lead: a vertical's exclusive or shared ones."""

    vertical_id: int
    exclusive: bool


@dataclass
class _Layer:
    """``covers`` are the orders this layer decides for, including those that no longer want anything."""

    covers: BitMap = field(default_factory=BitMap)
    indexes: dict[Shop, OrderIndex] = field(default_factory=dict)

    def wanting(self, shop: Shop, lead: ListedLead, now: datetime) -> BitMap:
        index = self.indexes.get(shop)
        return index.wanting(lead, now) if index else BitMap()


class Percolator:
    """Finds which buying standing orders match a lead, at or below their max price."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._snapshot = ""
        self._schemas: dict[int, int] = {}
        self._base = _Layer()
        self._recent = _Layer()

    def refresh(self) -> None:
        """Catch up with everything that was committed before this call."""
        with self._lock:
            schemas = _newest_schemas()
            if not self._snapshot or schemas != self._schemas or not self._take_recent():
                # Take the snapshot before reading the orders, so that none is missed.
                self._snapshot, self._schemas = visible_now(), schemas
                self._base, self._recent = _layer_of(StandingOrder.objects.live().buying()), _Layer()

    def _take_recent(self) -> bool:
        """Rebuild the recent layer. Return False if too many orders changed since the base was built."""
        with connection.cursor() as cursor:
            cursor.execute(_CHANGED, [self._snapshot, self._snapshot])
            changed = [pk for (pk,) in cursor.fetchall()]
        if len(changed) > MOST_RECENT:
            return False
        self._recent = _layer_of(StandingOrder.objects.filter(pk__in=changed))
        return True

    def wanting(self, lead: ListedLead, now: datetime, *, exclusive: bool = False) -> BitMap:
        """Return matching orders, either exclusive or shared ones. The lead must have the price they pay."""
        shop = Shop(lead.vertical.pk, exclusive)
        base, recent = self._base, self._recent
        found = base.wanting(shop, lead, now)
        return (found - recent.covers) | recent.wanting(shop, lead, now) if recent.covers else found

    def has_any(self, vertical_id: int, *, exclusive: bool) -> bool:
        shop = Shop(vertical_id, exclusive)
        return any(shop in layer.indexes for layer in (self._base, self._recent))


def _newest_schemas() -> dict[int, int]:
    """Map each vertical to its newest schema, by which criteria are read."""
    rows = Vertical.objects.filter(schemas__isnull=False).order_by("pk", "-schemas__version").distinct("pk")
    return dict(rows.values_list("pk", "schemas__pk"))


def _layer_of(orders: StandingOrderQuerySet) -> _Layer:
    layer = _Layer()
    verticals = {pk: (one.slug, filter_fields_of(one.schema)) for pk, one in Vertical.objects.in_bulk().items()}
    by_shop: dict[Shop, dict[int, Criteria]] = defaultdict(dict)
    for pk, vertical_id, exclusive, clauses, limit, *status in orders.order_by().values_list(*_COLUMNS):
        layer.covers.add(pk)
        if status == _BUYING and (wanted := _criteria(*verticals[vertical_id], clauses, limit)):
            by_shop[Shop(vertical_id, exclusive)][pk] = wanted
    for shop, orders_of_shop in by_shop.items():
        layer.indexes[shop] = OrderIndex(orders_of_shop, verticals[shop.vertical_id][1])
    return layer


def _criteria(
    slug: str, filter_fields: dict[str, FilterField], clauses: list[dict[str, Any]], limit: int
) -> Criteria | None:
    """Return the order's criteria at its max price, or None if they are no longer valid or can never match."""
    try:
        return at_most(
            Criteria(slug, tuple(read_clause(clause, filter_fields) for clause in clauses), filter_fields), limit
        )
    except CriteriaError:
        return None


def at_most(wanted: Criteria, max_price_cents: int) -> Criteria | None:
    """Return the same criteria at this price or less, or None if they only match more expensive leads."""
    asked = wanted.of("price")
    clause = asked if isinstance(asked, Between) else Between("price", None, None)
    low, high = clause.low, max_price_cents if clause.high is None else min(int(clause.high), max_price_cents)
    if low is not None and int(low) > high:
        return None
    others = wanted.without("price")
    return replace(others, clauses=(*others.clauses, Between("price", low, high)))
