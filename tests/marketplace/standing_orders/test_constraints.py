"""What PostgreSQL refuses to write about fills, whatever code asks."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection

from buyers.models import StandingOrder
from marketplace.models import Order, StandingFill, StandingWatch
from tests.factories import make_buyer
from tests.marketplace.standing_orders.standing_cases import looked, wants
from tests.refusal import promised_names, refused_by

pytestmark = pytest.mark.django_db

ATTEMPTS = {}
# A trigger that raises under other names only, and a name that Django gave.
OF_THE_TERMS = {
    "standing_fill_agrees_with_its_order",
    "standing_fill_is_of_a_live_order",
    "standing_fill_keeps_the_limit",
    "standing_fill_keeps_the_hourly_cap",
    "standing_fill_keeps_the_daily_cap",
    "standing_fill_keeps_the_weekly_cap",
    "standing_never_over_its_total",
    "standing_never_over_its_budget",
    "marketplace_standingfill_order_id_key",
}


def attempt(name):
    def add(act):
        ATTEMPTS.setdefault(name, []).append(act)
        return act

    return add


@pytest.fixture
def desk(market):
    """A standing order that just bought two leads for $4.40."""
    market.leads(2, age=timedelta(days=40))
    return SimpleNamespace(market=market, standing=looked(wants(market), market.now))


def order_of(desk, *, leads=1, at=None, **changes):
    """A fictional order without sales."""
    at = at or desk.market.now
    values = {
        "idempotency_key": f"key {Order.objects.count()}",
        "fingerprint": "f",
        "request": {},
        "quantity": leads,
        "filled": leads,
        "quoted_cents": 220 * leads,
        "total_cents": 220 * leads,
        "quoted_at": at,
        "placed_at": at,
        "buyer": desk.market.buyer,
        **changes,
    }
    return Order.objects.create(**values)


def fill(desk, *, leads=1, at=None, order=None, **changes):
    order = order or order_of(desk, leads=leads, at=at)
    values = {"leads": leads, "cents": 220 * leads, "filled_at": order.placed_at, "number": 2, **changes}
    return StandingFill.objects.create(standing=desk.standing, order=order, **values)


def with_terms(desk, **terms):
    StandingOrder.objects.filter(pk=desk.standing.pk).update(**terms)


@attempt("standing_fill_number_is_unique")
def a_number_twice(desk):
    fill(desk, number=1)


@attempt("marketplace_standingfill_order_id_key")
def an_order_twice(desk):
    fill(desk, order=Order.objects.get(), leads=2)


@attempt("standing_fill_has_leads")
def a_fill_of_nothing(desk):
    fill(desk, leads=0)


@attempt("standing_fill_is_immutable")
def a_fill_changed(desk):
    StandingFill.objects.update(leads=1)


@attempt("standing_fill_is_immutable")
def a_fill_deleted(desk):
    StandingFill.objects.all().delete()


@attempt("standing_fill_agrees_with_its_order")
def a_fill_of_anothers_order(desk):
    fill(desk, order=order_of(desk, buyer=make_buyer()))


@attempt("standing_fill_agrees_with_its_order")
def a_fill_of_fewer_leads(desk):
    fill(desk, order=order_of(desk, leads=3), leads=2, cents=660)


@attempt("standing_fill_agrees_with_its_order")
def a_fill_of_less_money(desk):
    fill(desk, cents=219)


@attempt("standing_fill_agrees_with_its_order")
def a_fill_of_another_time(desk):
    fill(desk, filled_at=desk.market.now - timedelta(days=8))


@attempt("standing_fill_is_of_a_live_order")
def a_fill_of_a_paused_order(desk):
    with_terms(desk, paused_at=desk.market.now)
    fill(desk)


@attempt("standing_fill_is_of_a_live_order")
def a_fill_of_an_ended_order(desk):
    with_terms(desk, ended_at=desk.market.now, due_at=None)
    fill(desk)


@attempt("standing_fill_is_of_a_live_order")
def a_fill_of_a_search(desk):
    desk.standing = wants(desk.market, kind="alert")
    fill(desk)


@attempt("standing_fill_keeps_the_limit")
def a_fill_with_a_dearer_lead(desk):
    """The order of a first fill, with leads at $2.20, for another standing order with a lower max price."""
    dear = Order.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        StandingFill.objects.all()._raw_delete("default")
        cursor.execute("SET LOCAL session_replication_role = origin")
    desk.standing = wants(desk.market, max_price_cents=219)
    fill(desk, order=dear, leads=2)


@attempt("standing_fill_keeps_the_hourly_cap")
def over_the_hourly_cap(desk):
    with_terms(desk, hourly_cap=2)
    fill(desk, at=desk.market.now + timedelta(minutes=59))


@attempt("standing_fill_keeps_the_hourly_cap")
def over_the_hourly_cap_by_an_earlier_fill(desk):
    with_terms(desk, hourly_cap=2)
    fill(desk, at=desk.market.now - timedelta(minutes=59))


@attempt("standing_fill_keeps_the_daily_cap")
def over_the_daily_cap(desk):
    with_terms(desk, daily_cap=2)
    fill(desk, at=desk.market.now + timedelta(hours=23))


@attempt("standing_fill_keeps_the_weekly_cap")
def over_the_weekly_cap(desk):
    with_terms(desk, weekly_cap=2)
    fill(desk, at=desk.market.now + timedelta(days=6))


@attempt("standing_never_over_its_total")
def over_the_cap_in_all(desk):
    with_terms(desk, total_cap=2)
    fill(desk)


@attempt("standing_never_over_its_budget")
def over_the_budget(desk):
    with_terms(desk, budget_cents=659)
    fill(desk)


@attempt("standing_watch_is_one_row")
def a_second_watch(desk):
    StandingWatch.objects.create(pk=2)


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(desk, name, act):
    with refused_by(name):
        act(desk)


def test_every_named_constraint_and_trigger_is_tried():
    promised = {name for name in promised_names("marketplace") if name.startswith("standing_")}

    assert promised - {"standing_fill_keeps_the_terms"} == set(ATTEMPTS) - OF_THE_TERMS


@pytest.mark.parametrize(
    ("terms", "span"),
    [
        ({"hourly_cap": 2}, timedelta(hours=1)),
        ({"daily_cap": 2}, timedelta(days=1)),
        ({"weekly_cap": 2}, timedelta(days=7)),
        ({"total_cap": 3}, timedelta(0)),
        ({"budget_cents": 660}, timedelta(0)),
    ],
)
def test_what_is_within_the_terms_passes_and_is_counted(desk, terms, span):
    with_terms(desk, **terms)

    fill(desk, at=desk.market.now + span)

    desk.standing.refresh_from_db()
    assert (desk.standing.filled, desk.standing.spent_cents) == (3, 660)
