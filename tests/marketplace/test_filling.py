"""What an order gets when others were quicker: the next best that its quote pays for, however far down that stands."""

from datetime import timedelta

import pytest

from leads.criteria import Criteria
from leads.models import Leg
from marketplace.checkout import NotAllThere, Placement, place_order
from marketplace.inventory.shelf import Ranking
from marketplace.quoting import quote, token_of
from marketplace.wishes import Selection
from tests.factories import make_source, make_text

pytestmark = pytest.mark.django_db
DEAR_BETWEEN = 70  # more than the first batch, and than the second


@pytest.fixture
def cheap(market):
    """Leads of another source whose grade makes them cheaper: words of its own, so that it can sell."""
    source = make_source(grade="D")
    return {"source": source, "text": make_text(source)}


def test_a_cheaper_place_is_filled_from_further_down(market, cheap):
    first = market.lead(age=timedelta(days=32), legs_authorized=1, **cheap)
    market.leads(DEAR_BETWEEN, age=timedelta(days=40))
    last = market.lead(age=timedelta(days=60), **cheap)
    token = token_of(quote(wish_for(market, 2), buyer=market.buyer, now=market.now))
    Leg.objects.filter(lead=first).update(state="closed", closed_reason="faulty", ended_at=market.now)

    order = place_order(Placement(market.buyer, None, token, "k1", False, market.now))

    sold = list(order.sales.order_by("price_cents").values_list("lead_id", "price_cents"))
    assert len(sold) == 2
    assert sold[0][0] == last.pk
    assert sold[0][1] < sold[1][1]


def test_what_is_too_dear_for_every_place_left_is_not_taken(market, cheap):
    first = market.lead(age=timedelta(days=32), legs_authorized=1, **cheap)
    market.leads(DEAR_BETWEEN, age=timedelta(days=40))
    token = token_of(quote(wish_for(market, 2), buyer=market.buyer, now=market.now))
    Leg.objects.filter(lead=first).update(state="closed", closed_reason="faulty", ended_at=market.now)

    with pytest.raises(NotAllThere):
        place_order(Placement(market.buyer, None, token, "k1", False, market.now))

    assert not Leg.objects.filter(state="sold").exists()


def wish_for(market, quantity):
    return Selection(Criteria.anything(market.vertical), quantity, Ranking.NEWEST)
