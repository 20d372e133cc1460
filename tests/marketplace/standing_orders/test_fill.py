"""Standing orders buy leads that drop to their max price, within their terms, and say why they don't."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from billing.ledger import balance_cents
from buyers.models import Approval, Buyer, StandingOrder
from marketplace.audit import violations
from marketplace.inventory.startup import NotReady
from marketplace.models import Order, Sale, StandingFill
from marketplace.orders.checkout import OrderRefused
from marketplace.standing_orders import fill as filling
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders.outcomes import sentence_of
from tests.factories import credit, make_buyer, make_user
from tests.marketplace.standing_orders.standing_cases import due, later, looked, wants

pytestmark = pytest.mark.django_db

OHIO = {"field": "state", "in": ["OH"]}
OUT_OF_REACH = (
    "5 leads match. The cheapest costs $3.50; your max price is $2.20. The first drops to your price in 9 days."
)


def bought_by(order):
    return set(Sale.objects.filter(order__standing_fill__standing=order).values_list("lead_id", flat=True))


def nothing_moved(market, cents=100_000):
    return not Order.objects.exists() and not StandingFill.objects.exists() and balance_cents(market.buyer) == cents


# --- Buying


def test_what_is_in_reach_is_bought_like_any_other_order(market):
    ohio = market.leads(3, age=timedelta(days=40))  # grade B from day 31 on: $2.20
    market.lead(age=timedelta(days=40), state="TX")
    market.lead(age=timedelta(days=10))  # $3.50
    order = looked(wants(market, OHIO), market.now)

    assert bought_by(order) == {lead.pk for lead in ohio}
    assert (order.filled, order.spent_cents, order.outcome) == (3, 660, "bought")
    assert balance_cents(market.buyer) == 100_000 - 660
    fill = StandingFill.objects.get()
    assert (fill.number, fill.leads, fill.cents, fill.filled_at) == (1, 3, 660, market.now)
    assert fill.order.placed_by == market.user
    assert sentence_of(order, market.now) == "Bought 3 leads for $6.60."
    assert violations() == []


def test_the_next_look_says_why_nothing_more_is_bought(market):
    market.leads(2, age=timedelta(days=40))
    order = looked(wants(market), market.now)
    order = looked(order, market.now)

    assert (order.filled, order.outcome, order.due_at) == (2, "out_of_reach", later(market, days=1))
    assert sentence_of(order, market.now) == "No leads match right now."


def test_a_lead_that_is_too_dear_is_waited_for_to_the_instant(market):
    market.leads(5, age=timedelta(days=22))  # $3.50 now, $2.20 in nine days
    order = looked(wants(market), market.now)

    assert order.facts == {
        "matching": 5,
        "cheapest_cents": 350,
        "max_price_cents": 220,
        "reaches_at": later(market, days=9).isoformat(),
    }
    assert sentence_of(order, market.now) == OUT_OF_REACH
    assert order.due_at == later(market, days=1)
    assert nothing_moved(market)

    assert looked(due(order, later(market, days=9, seconds=-1)), later(market, days=9, seconds=-1)).filled == 0
    assert looked(due(order, later(market, days=9)), later(market, days=9)).filled == 5


def test_a_lead_that_comes_down_within_a_day_is_looked_for_then(market):
    market.lead(age=timedelta(days=30, hours=20))
    order = looked(wants(market), market.now)

    assert (order.outcome, order.due_at) == ("out_of_reach", later(market, hours=4))


def test_small_groups_are_not_counted_out(market):
    market.lead(age=timedelta(days=22))

    assert sentence_of(looked(wants(market), market.now), market.now).startswith(
        "<5 leads match. The cheapest costs $3.50"
    )


def test_an_exclusive_order_pays_the_exclusive_price_and_takes_what_was_never_sold(market):
    sold = market.lead(age=timedelta(days=40), legs_sold_elsewhere=1)
    fresh = market.lead(age=timedelta(days=40))
    order = looked(wants(market, exclusive=True, max_price_cents=660), market.now)

    assert bought_by(order) == {fresh.pk} != {sold.pk}
    assert Sale.objects.get().exclusive
    assert order.spent_cents == 660


def test_which_come_first_is_the_buyers_to_say(market):
    old, new = market.lead(age=timedelta(days=80)), market.lead(age=timedelta(days=40))
    newest = looked(wants(market, total_cap=1), market.now)
    other = make_buyer(make_user(), market.vertical)
    credit(other, 10_000, "other")
    oldest = looked(wants(market, buyer=other, total_cap=1, sort="oldest"), market.now)

    assert (bought_by(newest), bought_by(oldest)) == ({new.pk}, {old.pk})


def test_a_search_that_only_tells_buys_nothing(market):
    market.lead(age=timedelta(days=40))
    search = wants(market, kind="alert")

    assert not filling.look_at(search.pk, market.now)
    assert filling.fill_due(lambda: market.now) == 0
    assert nothing_moved(market)


# --- Caps, budget, wallet, hours


@pytest.mark.parametrize(("cap", "span"), [("hourly", {"hours": 1}), ("daily", {"days": 1}), ("weekly", {"days": 7})])
def test_a_cap_holds_over_any_span_of_its_length(market, cap, span):
    market.leads(9, age=timedelta(days=40))
    order = looked(wants(market, **{f"{cap}_cap": 2}), market.now)
    assert order.filled == 2

    order = looked(order, market.now)
    free_at = market.now + timedelta(**span)
    assert (order.filled, order.outcome, order.due_at) == (2, f"{cap}_cap", free_at)
    assert sentence_of(order, market.now).startswith(f"Reached its {cap} cap of 2 leads. Buying resumes in ")

    assert looked(due(order, free_at - timedelta(seconds=1)), free_at - timedelta(seconds=1)).filled == 2
    assert looked(due(order, free_at), free_at).filled == 4


def test_the_cap_in_all_ends_the_buying_until_it_is_raised(market):
    market.leads(5, age=timedelta(days=40))
    order = looked(looked(wants(market, total_cap=2), market.now), market.now)

    assert (order.filled, order.outcome, order.due_at) == (2, "complete", None)
    assert sentence_of(order, market.now) == "Complete. Bought all 2 leads you asked for."

    raised = lifecycle.change(
        order, lifecycle.StandingOrderTerms("Wanted", max_price_cents=220, total_cap=4), now=market.now
    )
    assert looked(raised, market.now).filled == 4


def test_a_budget_is_spent_as_far_as_it_reaches(market):
    market.leads(5, age=timedelta(days=40))
    order = looked(looked(wants(market, budget_cents=500), market.now), market.now)

    assert (order.filled, order.spent_cents, order.outcome) == (2, 440, "budget")
    said = "The budget has $0.60 left; the cheapest lead in your price range costs $2.20."
    assert sentence_of(order, market.now) == said


def test_a_wallet_is_spent_as_far_as_it_reaches_and_waited_for(market):
    market.leads(4, age=timedelta(days=40))
    poor = make_buyer(make_user(), market.vertical)
    credit(poor, 500, "poor")
    order = looked(looked(wants(market, buyer=poor), market.now), market.now)

    assert (order.filled, balance_cents(poor), order.outcome) == (2, 60, "wallet")
    said = "Your wallet has $0.60; the cheapest lead in your price range costs $2.20."
    assert sentence_of(order, market.now).startswith(said)


def test_with_little_money_the_cheaper_ones_are_bought(market):
    market.lead(age=timedelta(days=40))  # $2.20, newest
    cheap = market.lead(age=timedelta(days=90))  # $1.00
    poor = make_buyer(make_user(), market.vertical)
    credit(poor, 150, "poor")

    assert bought_by(looked(wants(market, buyer=poor), market.now)) == {cheap.pk}


def test_outside_its_hours_it_waits_for_the_opening(market):
    today = market.now.astimezone(ZoneInfo("America/New_York"))
    sunday = (today + timedelta(days=6 - today.weekday())).replace(hour=10, minute=0, second=0, microsecond=0)
    monday = (sunday + timedelta(days=1)).replace(hour=9)
    market.leads(2, captured_at=sunday - timedelta(days=40))
    order = wants(market, now=sunday, from_hour=9, to_hour=17, weekdays=(1, 2, 3, 4, 5))
    order = looked(order, sunday)

    assert (order.filled, order.outcome, order.due_at) == (0, "hours", monday)
    assert looked(order, monday).filled == 2


# --- What stops it


def test_a_company_that_may_not_buy_buys_nothing_and_is_told(market):
    market.lead(age=timedelta(days=40))
    order = wants(market)
    Approval.objects.all().delete()

    order = looked(order, market.now)

    assert sentence_of(order, market.now) == "Your company is not approved to buy these leads."
    assert nothing_moved(market)


def test_paused_and_ended_orders_are_not_looked_at(market):
    market.lead(age=timedelta(days=40))
    paused, ended = wants(market), wants(market)
    lifecycle.pause(paused, now=market.now)
    lifecycle.end(ended, now=market.now)

    assert filling.fill_due(lambda: market.now) == 0
    assert nothing_moved(market)

    lifecycle.resume(paused, now=market.now)
    assert filling.fill_due(lambda: market.now) == 1
    assert bought_by(paused) != set()


def test_criteria_that_can_no_longer_be_asked_are_said_to_be_so(market):
    order = wants(market, OHIO)
    StandingOrder.objects.update(criteria=[{"field": "gone", "in": ["x"]}])

    order = looked(order, market.now)

    assert (order.outcome, order.due_at) == ("unreadable", None)
    assert nothing_moved(market)


def test_one_order_that_fails_does_not_stop_the_others(market, monkeypatch):
    market.lead(age=timedelta(days=40))
    broken, sound = wants(market, max_price_cents=300), wants(market, max_price_cents=220)
    consider = filling.consider

    def failing(order, now):
        if order.pk == broken.pk:
            raise RuntimeError("as it happens")
        return consider(order, now)

    monkeypatch.setattr(filling, "consider", failing)

    assert filling.fill_due(lambda: market.now) == 2
    assert StandingOrder.objects.get(pk=broken.pk).outcome == "failed"
    assert StandingOrder.objects.get(pk=broken.pk).due_at == later(market, hours=1)
    assert len(bought_by(sound)) == 1


def test_an_order_refused_in_the_middle_leaves_nothing_behind(market, monkeypatch):
    market.lead(age=timedelta(days=40))
    order = wants(market)
    monkeypatch.setattr(StandingFill.objects, "create", lambda **row: (_ for _ in ()).throw(OrderRefused("no")))

    filling.fill_due(lambda: market.now)

    assert nothing_moved(market)
    assert StandingOrder.objects.get(pk=order.pk).filled == 0


# --- Who is served first


def test_the_best_limit_is_served_first_then_the_oldest(market):
    lead = market.lead(age=timedelta(days=40), legs_authorized=1)
    rivals = [make_buyer(make_user(), market.vertical) for _ in range(3)]
    for rival in rivals:
        credit(rival, 10_000, f"rival {rival.pk}")
    wants(market, buyer=rivals[0], max_price_cents=230, now=later(market, days=-3))
    first = wants(market, buyer=rivals[1], max_price_cents=250, now=later(market, days=-2))
    wants(market, buyer=rivals[2], max_price_cents=250, now=later(market, days=-1))

    assert filling.fill_due(lambda: market.now) == 3

    assert Sale.objects.get(lead=lead).buyer == rivals[1] == first.buyer
    assert set(StandingOrder.objects.exclude(pk=first.pk).values_list("outcome", flat=True)) == {"out_of_reach"}


def test_a_closed_company_buys_nothing(market):
    market.lead(age=timedelta(days=40))
    order = wants(market)
    Buyer.objects.filter(pk=market.buyer.pk).update(closed_at=market.now)

    assert looked(order, market.now).outcome == "not_approved"
    assert nothing_moved(market)


def test_a_price_that_is_asked_for_below_the_limit_is_the_limit(market):
    market.lead(age=timedelta(days=40))  # $2.20
    order = looked(wants(market, {"field": "price", "max": 100}, max_price_cents=300), market.now)

    assert (order.outcome, order.filled, order.facts["matching"]) == ("out_of_reach", 0, 0)
    assert nothing_moved(market)


def test_while_the_shelf_is_read_in_it_waits_a_minute(market, monkeypatch):
    def reading(query, max_price_cents):
        raise NotReady(40)

    monkeypatch.setattr(filling, "outlook", reading)
    order = looked(wants(market), market.now)

    assert (order.outcome, order.due_at) == ("not_ready", later(market, minutes=1))
