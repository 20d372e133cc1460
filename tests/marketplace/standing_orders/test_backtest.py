"""What a standing order would have bought in the last 30 days, counted from the leads by its terms."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F, FloatField, Func, Value

from buyers.models import StandingOrder
from leads.models import Lead, Leg
from leads.people.privacy import withdraw_lead
from marketplace.prices.pricing import curve_in_force
from marketplace.standing_orders import backtest as module
from marketplace.standing_orders.backtest import LastMonth, last_month
from tests.factories import make_buyer, make_source, make_text
from tests.marketplace.returns.return_cases import buy

pytestmark = pytest.mark.django_db


def reckoned(market, *clauses, kind="buy", buyer=None, **terms):
    said = {"max_price_cents": 220, **terms} if kind == "buy" else terms
    draft = StandingOrder(
        buyer=buyer or make_buyer(), vertical=market.vertical, criteria=list(clauses), kind=kind, name="Draft", **said
    )
    return last_month(draft, curve_in_force(market.vertical, market.now), market.now)


def on_shelf(market, number=1, *, days, listed_days=None, **changes):
    """Create leads this many days old, for sale since their first day or since this many days ago."""
    listed = market.now - timedelta(days=days if listed_days is None else listed_days)
    leads = market.leads(number, age=timedelta(days=days), **changes)
    shift(leads, listed)
    return leads


def shift(leads, listed):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Leg.objects.filter(lead__in=leads, market="aged").update(aged_at=listed)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_leads_count_that_came_down_to_the_limit_in_the_month(market):
    on_shelf(market, 3, days=40)  # $2.20 since nine days
    on_shelf(market, 2, days=60)  # since twenty-nine
    on_shelf(market, days=62)  # since thirty-one: before the month
    on_shelf(market, days=30)  # not yet

    assert reckoned(market) == LastMonth(5, 5, 1100)
    assert reckoned(market, max_price_cents=219) == LastMonth(0, 0, 0)
    assert reckoned(market, max_price_cents=350) == LastMonth(1, 1, 350)


def test_leads_count_that_were_listed_in_the_month(market):
    on_shelf(market, days=200, listed_days=5)  # $1.00 when it came
    on_shelf(market, days=200, listed_days=31)

    assert reckoned(market) == LastMonth(1, 1, 100)


def test_a_better_grade_comes_down_later(market):
    source = make_source(grade="A")
    on_shelf(market, days=40, source=source, text=make_text(source))  # $2.64

    assert reckoned(market) == LastMonth(0, 0, 0)
    assert reckoned(market, max_price_cents=264) == LastMonth(1, 1, 264)


def test_an_exclusive_order_counts_the_exclusive_price_of_what_was_never_sold(market):
    on_shelf(market, days=40)
    on_shelf(market, days=40, legs_sold_elsewhere=1)

    assert reckoned(market, max_price_cents=659, exclusive=True) == LastMonth(0, 0, 0)
    assert reckoned(market, max_price_cents=660, exclusive=True) == LastMonth(1, 1, 660)


@pytest.mark.parametrize(
    ("clause", "came"),
    [
        ({"field": "state", "in": ["OH"]}, 1),
        ({"field": "state", "in": ["TX"]}, 0),
        ({"field": "age_days", "min": 35}, 1),
        ({"field": "age_days", "min": 41}, 0),
        ({"field": "age_days", "max": 31}, 1),
        ({"field": "age_days", "max": 30}, 0),
        ({"field": "price", "min": 220}, 1),
        ({"field": "price", "max": 219}, 0),
        ({"field": "times_sold", "max": 0}, 1),
        ({"field": "legs_left", "min": 4}, 1),
        ({"field": "legs_left", "min": 5}, 0),
    ],
)
def test_what_is_asked_is_asked_of_the_lead_as_it_was_then(market, clause, came):
    on_shelf(market, days=40)

    assert reckoned(market, clause).came == came


def test_what_was_sold_since_counts_as_it_was_then(market):
    (lead,) = on_shelf(market, days=40)
    Leg.objects.filter(lead=lead, number=1).update(status="sold", ended_at=market.now)

    assert reckoned(market, {"field": "times_sold", "max": 0}) == LastMonth(1, 1, 220)
    assert reckoned(market, {"field": "legs_left", "min": 4}) == LastMonth(1, 1, 220)


def test_what_was_sold_out_or_stopped_before_it_came_within_reach_does_not_count(market):
    sold, stopped, later = on_shelf(market, 3, days=40)
    reached = market.now - timedelta(days=9)
    Leg.objects.filter(lead=sold).update(status="sold", ended_at=reached - timedelta(hours=1))
    withdraw_lead(stopped, now=reached - timedelta(hours=1))
    withdraw_lead(later, now=reached + timedelta(hours=1))

    assert reckoned(market).came == 1


def test_who_is_held_already_does_not_count(market):
    on_shelf(market, 2, days=40)
    buy(market, 1)

    assert reckoned(market, buyer=market.buyer).came == 2
    assert reckoned(market).came == 3


def test_caps_and_budget_bound_what_is_bought_and_not_what_came(market):
    on_shelf(market, 20, days=40)

    assert reckoned(market, total_cap=7) == LastMonth(20, 7, 7 * 220)
    assert reckoned(market, budget_cents=1_000) == LastMonth(20, 4, 880)
    assert reckoned(market, daily_cap=1).bought == 10  # the nine days since, and the day they came
    assert reckoned(market, weekly_cap=3).bought == 6
    assert reckoned(market, hourly_cap=1).bought == 20


def test_hours_put_off_what_comes_outside_them(market):
    on_shelf(market, 5, days=40)
    weekday = (market.now - timedelta(days=9)).isoweekday()

    other_day = weekday % 7 + 1
    assert reckoned(market, weekdays=[other_day]).bought == 5


def test_a_search_counts_what_came_at_any_price(market):
    on_shelf(market, 2, days=10)
    on_shelf(market, days=40)

    assert reckoned(market, kind="alert").came == 2
    assert reckoned(market, {"field": "age_days", "min": 31}, kind="alert").came == 1


def test_a_count_that_takes_too_long_is_left_out(market, monkeypatch):
    on_shelf(market, days=40)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.001)
    monkeypatch.setattr(module, "_came", lambda *asked: slow(market))

    assert reckoned(market) is None


def slow(market):
    sleep = Func(Value(0.2), function="pg_sleep", output_field=FloatField())
    return Lead.objects.annotate(slept=sleep, reached_at=F("captured_at") + timedelta(days=20), cost=Value(1)).filter(
        slept__isnull=False
    )
