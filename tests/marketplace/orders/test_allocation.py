"""What an order gets when others were quicker: the next best that its quote pays for, however far down that stands."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leads.criteria.criteria import Criteria
from leads.models import Leg
from marketplace.inventory.query import Sort
from marketplace.orders import allocation
from marketplace.orders.checkout import NotAllThere, OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import Selection
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
    Leg.objects.filter(lead=first).update(status="closed", closed_reason="faulty", ended_at=market.now)

    order = place_order(OrderAttempt(market.buyer, None, token, "k1", False, market.now))

    sold = list(order.sales.order_by("price_cents").values_list("lead_id", "price_cents"))
    assert len(sold) == 2
    assert sold[0][0] == last.pk
    assert sold[0][1] < sold[1][1]


def test_for_a_cheaper_place_nobody_is_waited_for(market, cheap, monkeypatch):
    """The first try finds it: the ones behind it wait for leads that others have locked."""
    monkeypatch.setattr(allocation, "ATTEMPTS", 1)
    test_a_cheaper_place_is_filled_from_further_down(market, cheap)


def test_what_is_too_dear_for_every_place_left_is_not_taken(market, cheap):
    first = market.lead(age=timedelta(days=32), legs_authorized=1, **cheap)
    market.leads(DEAR_BETWEEN, age=timedelta(days=40))
    token = token_of(quote(wish_for(market, 2), buyer=market.buyer, now=market.now))
    Leg.objects.filter(lead=first).update(status="closed", closed_reason="faulty", ended_at=market.now)

    with pytest.raises(NotAllThere):
        place_order(OrderAttempt(market.buyer, None, token, "k1", False, market.now))

    assert not Leg.objects.filter(status="sold").exists()


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("taken", [0, 1, 3])
def test_as_many_are_replaced_as_were_taken_of_those_counted(market, cheap, sort, taken):
    dear, leads = market.lead(age=timedelta(days=10)), one_price(market, 10, **cheap)
    order_request = wish_for(market, 4, sort)
    token = token_of(quote(order_request, buyer=market.buyer, now=market.now))
    counted = {"newest": [dear, *leads[:3]], "oldest": leads[-4:], "cheapest": leads[:4]}[sort]
    gone = counted[-taken:] if taken else []
    Leg.objects.filter(lead__in=gone).update(status="closed", closed_reason="faulty", ended_at=market.now)

    order = place_order(OrderAttempt(market.buyer, None, token, "k1", True, market.now))

    sold = set(order.sales.values_list("lead_id", flat=True))
    assert sold & {lead.pk for lead in counted} == {lead.pk for lead in counted} - {lead.pk for lead in gone}
    assert (order.filled, order.replaced) == (4, taken)


def test_leads_that_came_since_replace_nothing(market):
    """They are not sold at all: the quote did not know them, however many of them come first."""
    counted = market.leads(2, age=timedelta(days=40))
    token = token_of(quote(wish_for(market, 2), buyer=market.buyer, now=market.now))
    after = replace(market, now=market.now + timedelta(seconds=30))
    after.leads(DEAR_BETWEEN, age=timedelta(days=35))

    order = place_order(OrderAttempt(market.buyer, None, token, "k1", False, after.now))

    assert set(order.sales.values_list("lead_id", flat=True)) == {lead.pk for lead in counted}
    assert order.replaced == 0


def one_price(market, number, **fields):
    """The newest first."""
    return [market.lead(age=timedelta(days=32 + place), legs_authorized=1, **fields) for place in range(number)]


def wish_for(market, quantity, sort=Sort.NEWEST):
    return Selection(Criteria.anything(market.vertical), quantity, sort)
