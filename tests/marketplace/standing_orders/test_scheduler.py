"""A market change wakes the standing orders it affects, and no others."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from buyers.models import StandingOrder
from leads.models import Leg, Source
from leads.models.lead import DAY
from marketplace.celery import SCHEDULE
from marketplace.inventory.feed import FeedLost
from marketplace.models import StandingWatch
from marketplace.standing_orders import lifecycle, scheduler
from marketplace.standing_orders.tasks import fill_standing_orders
from tests.factories import credit, make_buyer, make_curve, make_market, make_source, make_user
from tests.marketplace.standing_orders.standing_cases import due, later, looked, wants
from tests.races.test_selling import together

OHIO = {"field": "state", "in": ["OH"]}
TEXAS = {"field": "state", "in": ["TX"]}


@pytest.fixture
def asleep(db):
    """Everything was checked and nothing is due for a day."""

    def put(market):
        scheduler.wake(market.now)
        StandingOrder.objects.update(due_at=later(market, days=1), outcome="out_of_reach")

    return put


def woken(market):
    scheduler.wake(market.now)
    return dict(StandingOrder.objects.filter(due_at__lt=later(market, days=1)).values_list("pk", "due_at"))


def test_a_lead_that_is_listed_wakes_those_who_want_it(market, asleep):
    ohio = wants(market, OHIO)
    wants(market, TEXAS)
    wants(market, OHIO, max_price_cents=219)
    wants(market, OHIO, kind="alert")
    asleep(market)

    market.lead(age=timedelta(days=40))

    assert woken(market) == {ohio.pk: market.now}


def test_a_lead_that_is_wanted_within_a_day_wakes_them_then(market, asleep):
    order = wants(market, OHIO)
    asleep(market)

    market.lead(age=timedelta(days=30, hours=20))  # $2.20 in four hours

    assert woken(market) == {order.pk: later(market, hours=4)}


def test_a_lead_that_grows_old_enough_within_a_day_wakes_them_then(market, asleep):
    order = wants(market, {"field": "age_days", "min": 41})
    wants(market, {"field": "age_days", "min": 42})
    asleep(market)

    market.lead(age=timedelta(days=40, hours=1))

    assert woken(market) == {order.pk: later(market, hours=23)}


def test_an_order_for_leads_alone_is_asked_by_the_price_of_that(market, asleep):
    alone = wants(market, OHIO, exclusive=True, max_price_cents=660)
    wants(market, OHIO, exclusive=True, max_price_cents=659)
    asleep(market)

    market.lead(age=timedelta(days=40), legs_sold_elsewhere=1)
    assert woken(market) == {}

    market.lead(age=timedelta(days=40))
    assert woken(market) == {alone.pk: market.now}


def test_a_leg_that_is_free_again_wakes_them(market, asleep):
    lead = market.lead(age=timedelta(days=40), legs_authorized=1)
    order = wants(market, OHIO)
    held = {"status": "held", "held_until": later(market, hours=1), "held_for": lead.public_id}
    Leg.objects.filter(lead=lead).update(**held)
    asleep(market)

    Leg.objects.filter(lead=lead).update(status="open", held_until=None, held_for=None)

    assert woken(market) == {order.pk: market.now}


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_graded_anew_wakes_those_who_want_its_leads():
    """Each in its own transaction: the lead is no longer new by then."""
    market = make_market()
    market.lead(age=timedelta(days=40))
    ohio = wants(market, OHIO)
    wants(market, TEXAS)
    for _ in range(2):
        scheduler.wake(market.now)
    StandingOrder.objects.update(due_at=later(market, days=1))
    assert woken(market) == {}

    Source.objects.filter(pk=market.source.pk).update(grade="C")

    assert woken(market) == {ohio.pk: market.now}


def test_a_source_that_has_nothing_on_the_shelf_wakes_nobody(market, asleep):
    wants(market, OHIO)
    asleep(market)

    Source.objects.filter(pk=make_source().pk).update(grade="C")

    assert woken(market) == {}


def test_a_source_with_too_many_leads_wakes_everybody_in_its_verticals(market, asleep, monkeypatch):
    monkeypatch.setattr(scheduler, "MOST_LEADS", 1)
    market.leads(3, age=timedelta(days=40))
    texas, solar = wants(market, TEXAS), make_market("solar")
    wants(solar)
    asleep(market)

    Source.objects.filter(pk=market.source.pk).update(grade="C")

    assert woken(market) == {texas.pk: market.now}


def test_a_curve_that_takes_effect_wakes_its_vertical(market, asleep):
    order, elsewhere = wants(market), wants(make_market("solar"))
    asleep(market)
    make_curve(market.vertical, effective_at=market.now - timedelta(seconds=1))

    assert woken(market) == {order.pk: market.now}
    assert StandingOrder.objects.get(pk=elsewhere.pk).due_at == later(market, days=1)


@pytest.mark.django_db(transaction=True)
def test_a_wallet_that_is_filled_wakes_those_who_waited_for_money():
    market = make_market()
    market.lead(age=timedelta(days=40))
    poor = make_buyer(make_user(), market.vertical)
    order = looked(wants(market, buyer=poor), market.now)
    assert order.outcome == "wallet"
    scheduler.wake(market.now)

    credit(poor, 219, "not enough")
    due(order, later(market, days=1))
    assert woken(market) == {}

    credit(poor, 1, "enough")
    assert woken(market) == {order.pk: market.now}


def test_paused_ended_and_complete_orders_sleep_on(market, asleep):
    paused, ended = wants(market), wants(market)
    market.lead(age=timedelta(days=40))
    complete = looked(wants(market, total_cap=1), market.now)
    lifecycle.pause(paused, now=market.now)
    lifecycle.end(ended, now=market.now)
    scheduler.wake(market.now)
    StandingOrder.objects.filter(ended_at=None).update(due_at=None)

    market.lead(age=timedelta(days=40))
    scheduler.wake(market.now)

    assert complete.filled == 1
    assert not StandingOrder.objects.exclude(due_at=None).exists()


def test_an_import_too_large_to_be_asked_one_by_one_wakes_its_vertical(market, asleep, monkeypatch):
    monkeypatch.setattr(scheduler, "MOST_LEADS", 1)
    texas = wants(market, TEXAS)
    wants(make_market("solar"))
    asleep(market)

    market.leads(2, age=timedelta(days=40))

    assert woken(market) == {texas.pk: market.now}


def test_a_feed_that_was_forgotten_wakes_everybody(market, asleep, monkeypatch):
    order = wants(market, TEXAS)
    asleep(market)

    def lost(cursor):
        raise FeedLost

    monkeypatch.setattr(scheduler, "changes_since", lost)

    assert woken(market) == {order.pk: market.now}
    assert StandingWatch.objects.get().cursor


def test_an_earlier_look_is_never_put_off(market, asleep):
    order = wants(market, OHIO)
    asleep(market)
    soon = later(market, minutes=5)
    due(order, soon)

    market.lead(age=timedelta(days=30, hours=20))

    assert woken(market) == {order.pk: soon}


def test_a_proof_that_nears_its_end_at_midnight_is_looked_into(market):
    lead = market.lead(age=timedelta(days=40))
    today = market.now.date()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE leads_consent SET retained_until = %s", [today + timedelta(days=91)])
        cursor.execute("SET LOCAL session_replication_role = origin")
    lead = type(lead).objects.select_related("source", "consent__text").get(pk=lead.pk)
    order = wants(market, {"field": "proof", "in": ["lapsing"]})
    scheduler.percolator().refresh()

    found = dict(scheduler.wanting([lead], market.now).pairs())

    midnight = (market.now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    assert lead.consent.proof_state(market.now) == "retained"
    assert found == {order.pk: midnight}


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_one_watches_at_a_time_and_the_other_goes_on():
    market = make_market()
    wants(market)
    scheduler.wake(market.now)

    def holding():
        with transaction.atomic():
            StandingWatch.objects.select_for_update().get()
            return together(lambda: scheduler.wake(market.now))

    assert holding() == [0]


def test_each_minutes_job_wakes_and_fills(market):
    order = wants(market, OHIO)
    fill_standing_orders()
    market.lead(age=timedelta(days=40))

    fill_standing_orders()

    order.refresh_from_db()
    assert order.filled == 1
    assert SCHEDULE["fill-standing-orders"]["schedule"] == 60.0
