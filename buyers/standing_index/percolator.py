"""The percolator of one process: indexes of all live standing orders that buy, kept up with the table.

Most orders lie in an index that was made once. Those that changed since lie in a second, small one, made anew at each
refresh; when they have become many, everything is made anew. What changed is found by transactions, not by instants:
nothing is missed when transactions commit in another order than they began.
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
from leads.models import Lead, Market, Vertical
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
    """Orders that are asked about one price of a lead: a vertical's, alone or shared."""

    vertical_id: int
    exclusive: bool


@dataclass
class _Layer:
    """``covers`` are the orders that this layer speaks for, those that want nothing any more among them."""

    covers: BitMap = field(default_factory=BitMap)
    indexes: dict[Shop, OrderIndex] = field(default_factory=dict)

    def wanting(self, shop: Shop, lead: Lead, now: datetime) -> BitMap:
        index = self.indexes.get(shop)
        return index.wanting(lead, now) if index else BitMap()


class Percolator:
    """Which standing orders that buy want a lead, at or under their limit."""

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
                # Taken before the orders are read, so that none falls between.
                self._snapshot, self._schemas = visible_now(), schemas
                self._base, self._recent = _layer_of(StandingOrder.objects.live().buying()), _Layer()

    def _take_recent(self) -> bool:
        """Whether those that changed since the base was made are few enough to stand beside it."""
        with connection.cursor() as cursor:
            cursor.execute(_CHANGED, [self._snapshot, self._snapshot])
            changed = [pk for (pk,) in cursor.fetchall()]
        if len(changed) > MOST_RECENT:
            return False
        self._recent = _layer_of(StandingOrder.objects.filter(pk__in=changed))
        return True

    def wanting(self, lead: Lead, now: datetime, *, exclusive: bool = False) -> BitMap:
        """Of the orders that want leads alone, or of the others. The lead has the price that such orders pay."""
        shop = Shop(lead.vertical_id, exclusive)
        base, recent = self._base, self._recent
        found = base.wanting(shop, lead, now)
        return (found - recent.covers) | recent.wanting(shop, lead, now) if recent.covers else found

    def has_any(self, vertical_id: int, *, exclusive: bool) -> bool:
        shop = Shop(vertical_id, exclusive)
        return any(shop in layer.indexes for layer in (self._base, self._recent))


def _newest_schemas() -> dict[int, int]:
    """Vertical to its fields' version: criteria are read by the newest."""
    rows = Vertical.objects.filter(schemas__isnull=False).order_by("pk", "-schemas__version").distinct("pk")
    return dict(rows.values_list("pk", "schemas__pk"))


def _layer_of(orders: StandingOrderQuerySet) -> _Layer:
    layer = _Layer()
    verticals = {pk: (one.slug, filter_fields_of(one.schema)) for pk, one in Vertical.objects.in_bulk().items()}
    wishes: dict[Shop, dict[int, Criteria]] = defaultdict(dict)
    for pk, vertical_id, exclusive, clauses, limit, *status in orders.order_by().values_list(*_COLUMNS):
        layer.covers.add(pk)
        if status == _BUYING and (wish := _wish(*verticals[vertical_id], clauses, limit)):
            wishes[Shop(vertical_id, exclusive)][pk] = wish
    for shop, wanted in wishes.items():
        layer.indexes[shop] = OrderIndex(wanted, verticals[shop.vertical_id][1])
    return layer


def _wish(
    slug: str, filter_fields: dict[str, FilterField], clauses: list[dict[str, Any]], limit: int
) -> Criteria | None:
    """What the order wants at its limit; None for what can no longer be asked, or would never be had."""
    try:
        return at_most(
            Criteria(slug, tuple(read_clause(clause, filter_fields) for clause in clauses), filter_fields), limit
        )
    except CriteriaError:
        return None


def at_most(wanted: Criteria, max_price_cents: int) -> Criteria | None:
    """The same wish, at this price or less; None if it wants dearer leads only."""
    asked = wanted.of("price")
    clause = asked if isinstance(asked, Between) else Between("price", None, None)
    low, high = clause.low, max_price_cents if clause.high is None else min(int(clause.high), max_price_cents)
    if low is not None and int(low) > high:
        return None
    others = wanted.without("price")
    return replace(others, clauses=(*others.clauses, Between("price", low, high)))
