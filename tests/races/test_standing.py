"""Eight fillers at once, with real connections: never over a cap, a budget or the wallet, and never stuck."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.ledger import balance_cents
from buyers.models import StandingOrder
from marketplace.audit import violations
from marketplace.models import Order, Sale, StandingFill
from marketplace.orders.checkout import OrderAttempt, place
from marketplace.standing_orders import fill as filling
from marketplace.standing_orders import lifecycle
from tests.factories import credit, make_buyer, make_market, make_user
from tests.marketplace.standing_orders.standing_cases import wants
from tests.races.test_selling import rich_buyer, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

FILLERS = 8
TERMS = {
    "hourly_cap": {"hourly_cap": 7},
    "daily_cap": {"daily_cap": 7},
    "weekly_cap": {"weekly_cap": 7},
    "total_cap": {"total_cap": 7},
    "budget": {"budget_cents": 7 * 220 + 219},
}


@pytest.fixture
def small_bites(monkeypatch):
    """Each check buys at most two, so that the fillers meet at the cap."""
    monkeypatch.setattr(filling, "AT_ONCE", 2)


def rounds(market, number=6):
    """One filler: checks again and again, as it would every minute."""

    def fill():
        for _ in range(number):
            for pk in StandingOrder.objects.live().order_by("pk").values_list("pk", flat=True):
                StandingOrder.objects.filter(pk=pk).update(due_at=market.now)
            filling.fill_due(lambda: market.now)
        return "done"

    return fill


@pytest.mark.parametrize("cap", TERMS)
def test_eight_fillers_stop_at_the_cap(small_bites, cap):
    market = make_market()
    market.leads(20, age=timedelta(days=40))
    order = wants(market, **TERMS[cap])

    answers = together(*[rounds(market)] * FILLERS)

    order.refresh_from_db()
    assert answers == ["done"] * FILLERS
    assert (order.filled, order.spent_cents) == (7, 7 * 220)
    assert order.outcome != "failed"
    assert sum(StandingFill.objects.values_list("leads", flat=True)) == Sale.objects.count() == 7
    assert balance_cents(market.buyer) == 100_000 - 7 * 220
    assert violations() == []


def test_eight_fillers_of_three_orders_share_one_wallet(small_bites):
    market = make_market()
    market.leads(20, age=timedelta(days=40))
    poor = make_buyer(make_user(), market.vertical)
    credit(poor, 5 * 220 + 100, "five leads")
    for _ in range(3):
        wants(market, buyer=poor)

    answers = together(*[rounds(market)] * FILLERS)

    assert answers == ["done"] * FILLERS
    assert Sale.objects.count() == 5
    assert balance_cents(poor) == 100
    assert not StandingOrder.objects.filter(outcome="failed").exists()
    assert violations() == []


def test_eight_fillers_of_eight_companies_sell_no_leg_twice(small_bites):
    market = make_market()
    leads = market.leads(10, age=timedelta(days=40), legs_authorized=1)
    orders = [wants(market, buyer=rich_buyer(market)) for _ in range(FILLERS)]

    answers = together(*[rounds(market)] * FILLERS)

    assert answers == ["done"] * FILLERS
    assert Sale.objects.count() == len(leads)
    assert sum(StandingOrder.objects.get(pk=order.pk).filled for order in orders) == len(leads)
    assert not StandingOrder.objects.filter(outcome="failed").exists()
    assert violations() == []


def test_with_the_lock_off_the_database_still_refuses_what_is_over_the_cap(small_bites, monkeypatch):
    """The first guard is off: checks don't take turns. Each reads the same room, and only the trigger stops them."""
    market = make_market()
    market.leads(20, age=timedelta(days=40))
    order = wants(market, hourly_cap=7)

    answers = together(*[unlocked(order, market)] * FILLERS)

    order.refresh_from_db()
    refused = [answer for answer in answers if isinstance(answer, IntegrityError | DatabaseError)]
    assert refused
    assert order.filled == Sale.objects.count() <= 7
    assert violations() == []


def test_with_both_guards_off_the_cap_is_broken(small_bites, monkeypatch):
    """The control run: without the order's lock and without the trigger, eight fillers buy far more than seven."""
    market = make_market()
    market.leads(40, age=timedelta(days=40))
    order = wants(market, hourly_cap=7)
    numbers = iter(range(1, 100))
    monkeypatch.setattr(filling, "_place", lambda purchase, quoted: place_unguarded(purchase, quoted, next(numbers)))

    together(*[unlocked(order, market)] * FILLERS)

    assert Sale.objects.count() > 7


def unlocked(order, market):
    """A check without a lock: read the room, wait for the others, buy."""
    gate = threading.Barrier(FILLERS)
    room_of = filling.room_of

    def query():
        found = StandingOrder.objects.select_related("vertical", "buyer", "placed_by").get(pk=order.pk)
        with transaction.atomic():
            assert room_of(found, market.now).leads == 7
            gate.wait(20)
            return filling.consider(found, market.now).code

    return query


def place_unguarded(purchase, quoted, number):
    name = f"unguarded {number}"
    with transaction.atomic():
        bought = place(OrderAttempt(purchase.order.buyer, None, name, name, True, purchase.now), quoted)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        StandingFill.objects.create(
            standing=purchase.order,
            order=bought,
            number=number,
            leads=bought.filled,
            cents=bought.total_cents,
            filled_at=bought.placed_at,
        )
    return bought


@pytest.mark.parametrize("moment", ["before the sale", "after the sale", "after the fill"])
def test_a_worker_killed_in_between_leaves_nothing_behind(monkeypatch, moment):
    market = make_market()
    market.leads(3, age=timedelta(days=40))
    order = wants(market)

    class Killed(BaseException):
        pass

    def kill(*args, **kwargs):
        raise Killed

    create = StandingFill.objects.create
    if moment == "before the sale":
        monkeypatch.setattr(filling, "place", kill)
    elif moment == "after the sale":
        monkeypatch.setattr(StandingFill.objects, "create", kill)
    else:
        monkeypatch.setattr(StandingFill.objects, "create", lambda **row: (create(**row), kill()))
    with pytest.raises(Killed):
        filling.fill_due(lambda: market.now)
    order.refresh_from_db()
    assert (order.filled, order.due_at, Order.objects.count()) == (0, market.now, 0)
    assert balance_cents(market.buyer) == 100_000

    monkeypatch.setattr(filling, "place", place)
    monkeypatch.setattr(StandingFill.objects, "create", create)
    filling.fill_due(lambda: market.now)

    order.refresh_from_db()
    assert (order.filled, Order.objects.count()) == (3, 1)
    assert violations() == []


def test_pausing_wins_or_loses_whole(small_bites):
    """Whichever comes first: once the pause is confirmed, nothing more is bought."""
    market = make_market()
    market.leads(20, age=timedelta(days=40))
    order = wants(market)

    def pause():
        lifecycle.pause(order, now=market.now)
        return StandingFill.objects.count()

    fills_then, *_ = together(pause, *[rounds(market, 2)] * 4)

    assert StandingFill.objects.count() == fills_then
    assert violations() == []
