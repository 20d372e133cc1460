"""Standing orders to test with, and checks of them."""

from datetime import timedelta

from buyers.models import StandingOrder
from leads.criteria.criteria import read_criteria
from marketplace.standing_orders import fill
from marketplace.standing_orders.lifecycle import NewStandingOrder, place
from marketplace.standing_orders.terms import StandingOrderTerms

NOON = {"from_hour": 9, "to_hour": 17, "time_zone": "America/New_York"}


def wants(market, *clauses, kind="buy", buyer=None, now=None, **terms):
    """Place a standing order of the market's buyer for such leads; max price $2.20 unless given."""
    vertical = market.vertical
    criteria = read_criteria({"vertical": vertical.slug, "all": list(clauses)}, lambda slug: vertical)
    said = {"name": "Wanted", **({"max_price_cents": 220} if kind == "buy" else {}), **terms}
    order_request = NewStandingOrder(buyer or market.buyer, None if buyer else market.user, vertical, criteria, kind)
    return place(order_request, StandingOrderTerms(**said), now=now or market.now)


def looked(order, now):
    """Check the order and return it."""
    assert fill.look_at(order.pk, now), "it was not due"
    return StandingOrder.objects.select_related("vertical", "buyer").get(pk=order.pk)


def due(order, now):
    StandingOrder.objects.filter(pk=order.pk).update(due_at=now)
    return order


def later(market, **span):
    return market.now + timedelta(**span)
