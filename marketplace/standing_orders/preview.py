"""Before it is saved: what matches now, and what the order would have bought last month."""

from dataclasses import dataclass
from datetime import datetime

from buyers.models import StandingOrder
from leads.criteria.clauses import CriteriaError
from marketplace.inventory.forecast import Outlook, outlook
from marketplace.inventory.startup import NotReady
from marketplace.prices.pricing import NoCurve
from marketplace.standing_orders.backtest import LastMonth, last_month
from marketplace.standing_orders.fill import max_price_of, stock_query_of


@dataclass(frozen=True)
class Preview:
    """``month`` is None where it was not asked for, or takes longer than somebody waits."""

    now: Outlook
    max_price_cents: int | None
    month: LastMonth | None = None

    @property
    def waits(self) -> bool:
        """Nothing is in reach yet, but something will be."""
        return not self.now.within and self.now.reaches_at is not None


def matching_now(order: StandingOrder, now: datetime) -> Preview:
    """What the shelf holds for it, saved or not. Raises NoCurve, CriteriaError."""
    return Preview(outlook(stock_query_of(order, now), max_price_of(order)), order.max_price_cents)


def matching_or_none(order: StandingOrder, now: datetime) -> Preview | None:
    """None where nothing can be said: without prices, while the shelf is read in, or where what it asks can be asked
    no more."""
    try:
        return matching_now(order, now)
    except (NoCurve, CriteriaError, NotReady):
        return None


def preview_of(order: StandingOrder, now: datetime) -> Preview:
    """The same, with the last month counted. Raises NoCurve, CriteriaError."""
    query = stock_query_of(order, now)
    found = matching_now(order, now)
    return Preview(found.now, found.max_price_cents, last_month(order, query.curve, now))
