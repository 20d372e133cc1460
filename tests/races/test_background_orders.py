"""Large orders with real connections: two at once, two workers on one, and a list of own customers next to them."""

import threading

import pytest
from django.utils import timezone

from billing.ledger import balance_cents
from leads.criteria.criteria import Criteria
from marketplace.audit import violations
from marketplace.models import BackgroundOrder, Order, Sale
from marketplace.orders import background, sales
from marketplace.orders.background import ask_for, work_on
from marketplace.orders.checkout import OrderAttempt
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import Selection
from tests.factories import credit, make_buyer, make_market, make_user
from tests.races.test_selling import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(background, "LARGE", 3)
    monkeypatch.setattr(sales, "BATCH", 10)


def asked(market, buyer, quantity, *, key="k", allow_partial=False):
    order_request = Selection(Criteria.anything(market.vertical), quantity)
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    return ask_for(OrderAttempt(buyer, None, token, key, allow_partial, market.now))


def worker(one):
    return lambda: work_on(one.pk, clock=timezone.now)


def rich_buyer(market):
    buyer = make_buyer(make_user(), market.vertical)
    credit(buyer, 100_000, f"for {buyer.pk}")
    return buyer


def test_two_companies_after_the_same_leads_get_each_leg_once():
    market = make_market()
    market.leads(40, legs_authorized=1)
    mine, theirs = (asked(market, rich_buyer(market), 30, allow_partial=True) for _ in range(2))

    together(worker(mine), worker(theirs))

    filled = sorted(Order.objects.values_list("filled", flat=True))
    assert filled == [10, 30]
    assert Sale.objects.values("leg").distinct().count() == Sale.objects.count() == 40
    assert set(BackgroundOrder.objects.values_list("status", flat=True)) == {"done"}
    assert violations() == []


def test_two_companies_who_want_all_or_nothing_of_the_same_leads():
    market = make_market()
    market.leads(40, legs_authorized=1)
    buyers = [rich_buyer(market) for _ in range(2)]
    background_orders = [asked(market, buyer, 30) for buyer in buyers]

    together(*(worker(one) for one in background_orders))

    assert sorted(BackgroundOrder.objects.values_list("status", "code")) == [("done", ""), ("refused", "not_all_there")]
    assert sorted(balance_cents(buyer) for buyer in buyers) == [100_000 - 30 * 220, 100_000]
    assert Sale.objects.count() == 30
    assert violations() == []


def test_a_message_that_comes_eight_times_places_one_order():
    market = make_market()
    market.leads(30)
    one = asked(market, market.buyer, 20)

    together(*([worker(one)] * 8))

    one.refresh_from_db()
    assert (one.status, one.tries, Order.objects.count(), Sale.objects.count()) == ("done", 1, 1, 20)
    assert balance_cents(market.buyer) == 100_000 - 20 * 220
    assert violations() == []


def test_a_worker_that_stalls_past_its_lease_is_undone_and_the_other_ones_order_stands(monkeypatch):
    """The first worker stalls in the middle of its order. The second claims it, waits for the first one's locks, and
    its order is the one that counts."""
    market = make_market()
    market.leads(30)
    one = asked(market, market.buyer, 20)
    stalled, go_on = threading.Event(), threading.Event()
    place, first = background.place, []

    def stalling(*args, **named):
        order = place(*args, **named)
        if not first:
            first.append(threading.get_ident())
            stalled.set()
            assert go_on.wait(30)
        return order

    def second():
        assert stalled.wait(30)
        BackgroundOrder.objects.filter(pk=one.pk).update(leased_until=timezone.now())
        threading.Timer(0.3, go_on.set).start()  # while this one waits for the wallet
        work_on(one.pk, clock=timezone.now)

    monkeypatch.setattr(background, "place", stalling)
    assert together(worker(one), second) == [None, None]

    one.refresh_from_db()
    assert (one.status, one.tries, one.done) == ("done", 2, 20)
    assert one.order == Order.objects.get()
    assert Sale.objects.count() == 20
    assert balance_cents(market.buyer) == 100_000 - 20 * 220
    assert violations() == []
