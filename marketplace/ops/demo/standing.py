"""The demo's standing order, which buys when the price drops, and its saved search, which sends alerts."""

from datetime import datetime

from buyers.models import StandingOrder, User
from leads.criteria.criteria import read_criteria
from marketplace.ops.demo.afterwards import HANDS_BACK
from marketplace.orders.request import vertical_named
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders.terms import StandingOrderTerms

BUYS = StandingOrderTerms(
    "Refinance in the West, under 80 cents", max_price_cents=80, daily_cap=5, total_cap=100, budget_cents=60_00
)
BUYS_OF = [{"field": "purpose", "in": ["refinance"]}, {"field": "state", "in": ["CA", "NV", "OR", "WA"]}]
ALERT = StandingOrderTerms("Never sold, proof retained")
ALERT_CRITERIA = [{"field": "times_sold", "max": 0}, {"field": "proof", "in": ["retained"]}]


def make_standing_orders(now: datetime) -> None:
    user = User.objects.select_related("membership__buyer").get(email=HANDS_BACK)
    vertical = vertical_named("mortgage")
    assert vertical is not None
    for kind, terms, clauses in (
        (StandingOrder.Kind.BUY, BUYS, BUYS_OF),
        (StandingOrder.Kind.ALERT, ALERT, ALERT_CRITERIA),
    ):
        criteria = read_criteria({"vertical": vertical.slug, "all": clauses}, vertical_named)
        new = lifecycle.NewStandingOrder(user.membership.buyer, user, vertical, criteria, kind)
        lifecycle.place(new, terms, now=now)
