"""The preview of a standing order: what matches now, and what it would have bought in the last 30 days."""

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
    """``month`` is None if it was not requested or would take too long to count."""

    now: Outlook
    max_price_cents: int | None
    month: LastMonth | None = None

    @property
    def waits(self) -> bool:
        """Whether no lead is within the max price yet, but one will be."""
        return not self.now.within and self.now.reaches_at is not None


def matching_now(order: StandingOrder, now: datetime) -> Preview:
    """Return what the inventory has for the order, saved or not. Raises NoCurve, CriteriaError."""
    return Preview(outlook(stock_query_of(order, now), max_price_of(order)), order.max_price_cents)


def matching_or_none(order: StandingOrder, now: datetime) -> Preview | None:
    """Return None if there is no answer: no prices yet, inventory still loading, or filters no longer available."""
    try:
        return matching_now(order, now)
    except (NoCurve, CriteriaError, NotReady):
        return None


def preview_of(order: StandingOrder, now: datetime) -> Preview:
    """Return the same with the last 30 days counted. Raises NoCurve, CriteriaError."""
    query = stock_query_of(order, now)
    found = matching_now(order, now)
    return Preview(found.now, found.max_price_cents, last_month(order, query.curve, now))
