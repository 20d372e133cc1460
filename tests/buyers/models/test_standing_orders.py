"""What PostgreSQL refuses about standing orders whoever asks: each named constraint and trigger, past the verbs."""

import pytest
from django.utils import timezone

from buyers.models import StandingOrder
from tests.factories import make_buyer, make_vertical
from tests.marketplace.standing_orders.standing_cases import looked, wants
from tests.refusal import refused_by

pytestmark = pytest.mark.django_db

# Constraint to changes of an order that buys, each of which it refuses.
CHANGES = {
    "standing_kind_is_known": [{"kind": "give", "max_price_cents": None}],
    "standing_order_says_what_it_pays": [
        {"max_price_cents": None},
        {"max_price_cents": 0},
        {"market": "realtime", "max_price_cents": None},
    ],
    "standing_caps_are_positive": [
        {cap: 0} for cap in ("hourly_cap", "daily_cap", "weekly_cap", "total_cap", "budget_cents")
    ],
    "standing_hours_are_a_part_of_the_day": [
        {"from_hour": 9},
        {"to_hour": 9},
        {"from_hour": 9, "to_hour": 9},
        {"from_hour": 9, "to_hour": 25},
    ],
    "standing_has_a_weekday": [{"weekdays": []}, {"weekdays": [0]}, {"weekdays": [1, 8]}],
    "standing_time_zone_is_known": [{"time_zone": "Europe/Berlin"}],
    "standing_sort_is_known": [{"sort": "dearest"}],
    "standing_ended_is_never_due": [{"ended_at": "2026-01-01T00:00Z"}],
    "standing_counts_its_fills": [{"filled": 1}, {"spent_cents": 1}],
}
OTHERS = {
    "standing_search_buys_nothing",
    "standing_never_over_its_total",
    "standing_never_over_its_budget",
    "standing_is_never_deleted",
    "standing_stays_what_it_is",
    "standing_notes_its_change",
}
PASSING = [
    {"max_price_cents": 1},
    {"market": "realtime", "max_price_cents": 4500},
    {"hourly_cap": 1, "total_cap": 1, "budget_cents": 1},
    {"from_hour": 0, "to_hour": 24, "weekdays": [7], "time_zone": "Pacific/Honolulu"},
]


def test_every_promise_has_its_test():
    meta = StandingOrder._meta
    promised = {one.name for one in (*meta.constraints, *meta.triggers)}

    assert promised == {*CHANGES, *OTHERS}


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, some in CHANGES.items() for change in some])
def test_a_change_is_refused(market, name, change):
    order = wants(market)

    with refused_by("standing_stays_what_it_is" if "kind" in change else name):
        StandingOrder.objects.filter(pk=order.pk).update(**change)


@pytest.mark.parametrize("change", PASSING)
def test_a_change_that_makes_sense_passes(market, change):
    order = wants(market)

    assert StandingOrder.objects.filter(pk=order.pk).update(**change) == 1


def test_a_kind_is_one_there_is(market):
    order = wants(market, kind="alert")
    order.pk, order.public_id, order.kind, order._state.adding = None, make_buyer().public_id, "give", True

    with refused_by("standing_kind_is_known"):
        order.save(force_insert=True)


@pytest.mark.parametrize("change", [{"daily_cap": 5}, {"budget_cents": 500}, {"max_price_cents": 5}])
def test_a_search_has_no_terms_of_buying(market, change):
    search = wants(market, kind="alert")
    name = "standing_order_says_what_it_pays" if "max_price_cents" in change else "standing_search_buys_nothing"

    with refused_by(name):
        StandingOrder.objects.filter(pk=search.pk).update(**change)


def test_an_order_is_never_deleted(market):
    order = wants(market)

    with refused_by("standing_is_never_deleted"):
        StandingOrder.objects.filter(pk=order.pk)._raw_delete("default")


@pytest.mark.parametrize("what", ["buyer", "vertical", "kind", "public_id"])
def test_an_order_stays_its_companys_and_of_its_kind(market, what):
    order = wants(market)
    other = {
        "buyer": lambda: make_buyer().pk,
        "vertical": lambda: make_vertical("solar").pk,
        "kind": lambda: "alert",
        "public_id": lambda: market.buyer.public_id,
    }[what]()

    with refused_by("standing_stays_what_it_is"):
        StandingOrder.objects.filter(pk=order.pk).update(**{what: other})


def test_what_ended_stays_ended(market):
    order = wants(market)
    StandingOrder.objects.filter(pk=order.pk).update(ended_at=timezone.now(), due_at=None)

    with refused_by("standing_stays_what_it_is"):
        StandingOrder.objects.filter(pk=order.pk).update(ended_at=None)


@pytest.mark.parametrize("name", ["standing_never_over_its_total", "standing_never_over_its_budget"])
def test_a_cap_is_never_set_below_what_was_bought(market, name):
    market.leads(2)
    order = looked(wants(market), market.now)
    assert (order.filled, order.spent_cents) == (2, 440)

    with refused_by(name):
        change = {"total_cap": 1} if name.endswith("total") else {"budget_cents": 439}
        StandingOrder.objects.filter(pk=order.pk).update(**change)


def test_a_change_of_what_is_wanted_is_noted_and_another_is_not(market):
    """``changed_in`` is forged to an early transaction first; a look leaves it, a new limit does not."""
    order = wants(market)
    number = StandingOrder.objects.filter(pk=order.pk)
    number.update(changed_in="3")

    number.update(due_at=market.now, outcome="taken")
    assert number.values_list("changed_in", flat=True).get() in (3, "3")

    number.update(max_price_cents=100)
    assert int(number.values_list("changed_in", flat=True).get()) > 3
