"""The terms of standing orders, and the hours when they buy."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from buyers.models import StandingOrder
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders.hours import Hours
from marketplace.standing_orders.lifecycle import StandingRefused
from marketplace.standing_orders.terms import StandingOrderTerms, TermsRefused, check_terms, terms_of
from tests.marketplace.standing_orders.standing_cases import wants

NEW_YORK = ZoneInfo("America/New_York")
WEEK = frozenset({1, 2, 3, 4, 5})
EVERY_DAY = frozenset(range(1, 8))


def utc(*when):
    return datetime(*when, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "opening"),
    [
        # Wednesday, 18 November 2026; New York is five hours behind
        (Hours(9, 17, WEEK, NEW_YORK), utc(2026, 11, 18, 13, 59), utc(2026, 11, 18, 14)),
        (Hours(9, 17, WEEK, NEW_YORK), utc(2026, 11, 18, 14), utc(2026, 11, 18, 14)),
        (Hours(9, 17, WEEK, NEW_YORK), utc(2026, 11, 18, 21, 59), utc(2026, 11, 18, 21, 59)),
        (Hours(9, 17, WEEK, NEW_YORK), utc(2026, 11, 18, 22), utc(2026, 11, 19, 14)),
        # Friday evening: Monday
        (Hours(9, 17, WEEK, NEW_YORK), utc(2026, 11, 20, 22), utc(2026, 11, 23, 14)),
        # Only Wednesdays, and this one is over
        (Hours(9, 17, frozenset({3}), NEW_YORK), utc(2026, 11, 18, 22), utc(2026, 11, 25, 14)),
        # Around the clock, and up to midnight
        (Hours(0, 24, EVERY_DAY, NEW_YORK), utc(2026, 11, 18, 3), utc(2026, 11, 18, 3)),
        (Hours(20, 24, EVERY_DAY, NEW_YORK), utc(2026, 11, 19, 4, 59), utc(2026, 11, 19, 4, 59)),
        (Hours(20, 24, EVERY_DAY, NEW_YORK), utc(2026, 11, 19, 5), utc(2026, 11, 20, 1)),
        # The clock goes forward on 8 March 2026: nine is at 13 UTC from then on, at 14 before
        (Hours(9, 17, EVERY_DAY, NEW_YORK), utc(2026, 3, 7, 23), utc(2026, 3, 8, 13)),
        (Hours(9, 17, EVERY_DAY, NEW_YORK), utc(2026, 3, 6, 23), utc(2026, 3, 7, 14)),
        # An hour that the clock leaves out that day
        (Hours(2, 3, EVERY_DAY, NEW_YORK), utc(2026, 3, 8, 6), utc(2026, 3, 8, 7)),
    ],
)
def test_hours_open_by_the_clock_of_their_place(hours, now, opening):
    assert hours.opening(now) == opening


GOOD = {"name": "Ohio", "max_price_cents": 220}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": " "}, "name"),
        ({"name": "Ohio\nBcc: everybody"}, "name"),
        ({"max_price_cents": None}, "max_price_cents"),
        ({"max_price_cents": 0}, "max_price_cents"),
        ({"max_price_cents": 10_000_01}, "max_price_cents"),
        ({"hourly_cap": 0}, "hourly_cap"),
        ({"daily_cap": -1}, "daily_cap"),
        ({"weekly_cap": 1_000_001}, "weekly_cap"),
        ({"total_cap": 0}, "total_cap"),
        ({"budget_cents": 0}, "budget_cents"),
        ({"from_hour": 9}, "to_hour"),
        ({"from_hour": 17, "to_hour": 9}, "to_hour"),
        ({"from_hour": 9, "to_hour": 25}, "to_hour"),
        ({"weekdays": ()}, "weekdays"),
        ({"weekdays": (8,)}, "weekdays"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"sort": "dearest"}, "sort"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_name(change, field):
    check_terms(StandingOrderTerms(**GOOD), "buy")

    with pytest.raises(TermsRefused) as refusal:
        check_terms(StandingOrderTerms(**{**GOOD, **change}), "buy")

    assert refusal.value.field == field


@pytest.mark.parametrize("change", [{"max_price_cents": 5}, {"daily_cap": 5}, {"budget_cents": 500}])
def test_a_saved_search_has_a_name_and_nothing_else(change):
    check_terms(StandingOrderTerms("Ohio"), "alert")

    with pytest.raises(TermsRefused):
        check_terms(StandingOrderTerms("Ohio", **change), "alert")


@pytest.mark.django_db
def test_terms_are_kept_and_changed_and_looked_at_anew(market):
    terms = {"daily_cap": 5, "budget_cents": 900, "from_hour": 9, "to_hour": 17, "weekdays": (1, 2), "exclusive": True}
    order = wants(market, **terms)
    StandingOrder.objects.update(due_at=None)
    assert terms_of(StandingOrder.objects.get()) == StandingOrderTerms("Wanted", max_price_cents=220, **terms)

    lifecycle.change(order, StandingOrderTerms("Other", max_price_cents=100), now=market.now)

    changed = StandingOrder.objects.get()
    assert terms_of(changed) == StandingOrderTerms("Other", max_price_cents=100)
    assert changed.due_at == market.now


@pytest.mark.django_db
def test_pausing_resuming_and_ending_may_come_twice(market):
    order = wants(market)
    for verb in (lifecycle.pause, lifecycle.pause, lifecycle.resume, lifecycle.resume, lifecycle.end, lifecycle.end):
        verb(order, now=market.now)

    ended = StandingOrder.objects.get()
    assert (ended.ended_at, ended.paused_at, ended.due_at) == (market.now, None, None)
    for verb in (lifecycle.pause, lifecycle.resume):
        with pytest.raises(StandingRefused):
            verb(order, now=market.now)
    with pytest.raises(StandingRefused):
        lifecycle.change(order, StandingOrderTerms("Wanted", max_price_cents=220), now=market.now)
    assert StandingOrder.objects.get().ended_at == market.now


@pytest.mark.django_db
def test_a_company_has_so_many_standing_orders_at_a_time(market, monkeypatch):
    monkeypatch.setattr(lifecycle, "MOST_ORDERS", 2)
    first, _ = wants(market), wants(market)

    with pytest.raises(StandingRefused):
        wants(market)
    assert StandingOrder.objects.count() == 2

    lifecycle.end(first, now=market.now)
    assert wants(market).pk


@pytest.mark.django_db
def test_a_closed_company_wants_nothing_new(market):
    market.buyer.closed_at = market.now
    market.buyer.save(update_fields=["closed_at"])

    with pytest.raises(StandingRefused):
        wants(market)

    assert not StandingOrder.objects.exists()


@pytest.mark.parametrize("kind", list(StandingOrder.Kind))
@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("time_zone", {"time_zone": "Mars"}),
        ("weekdays", {"weekdays": ()}),
        ("weekdays", {"weekdays": (9,)}),
        ("sort", {"sort": "foo"}),
        ("sort", {"sort": "x" * 30}),
        ("to_hour", {"from_hour": 5}),
        ("to_hour", {"from_hour": -1, "to_hour": 5}),
        ("to_hour", {"from_hour": 5, "to_hour": 10**9}),
    ],
)
def test_hours_days_and_order_are_checked_for_searches_too(kind, field, changes):
    limit = {"max_price_cents": 100} if kind == StandingOrder.Kind.BUY else {}

    with pytest.raises(TermsRefused) as refused:
        check_terms(StandingOrderTerms("A name", **limit, **changes), kind)

    assert refused.value.field == field
