"""Orders that wait for money: what is held, how it ends, and that it ends once."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction

from billing.ledger import Posting, balance_cents, house_account, post, wallet_of
from billing.models import Account, Payment, Transaction
from billing.payments.top_ups import ask_again, open_page
from buyers.models import Approval
from leads.models import Leg
from leads.people.privacy import withdraw_lead
from marketplace.audit import violations
from marketplace.inventory.pages import page
from marketplace.inventory.query import Sort, StockQuery
from marketplace.models import Order, OrderAwaitingPayment, Sale
from marketplace.orders import awaiting_payment
from marketplace.orders.awaiting_payment import (
    HOLD_LIFE,
    TooManyWaiting,
    cancel,
    complete,
    finish_due,
    hold_order,
    look_again,
)
from marketplace.orders.checkout import EmptyQuote, KeyReused, NotAllThere, OrderAttempt, OrderRefused, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads, read_order_request
from marketplace.orders.sales import release_expired
from marketplace.prices.pricing import curve_in_force
from tests.billing.conftest import control, stand_in, stripe_settings  # noqa: F401
from tests.factories import credit, make_buyer, make_market, make_user
from tests.refusal import everything, refused_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stand_in")]
HERE = "http://testserver/checkout/"
PRICE = 220


@pytest.fixture
def shop(market):
    """The market, whose buyer has spent all but ten dollars."""
    moves = {wallet_of(market.buyer): -99_000, house_account(Account.Kind.BANK): 99_000}
    post(Posting(Transaction.Kind.CREDIT, "taken out", market.now), moves)
    return market


def wish_for(market, quantity, exclusive=False):
    return read_order_request(
        {
            "vertical": market.vertical.slug,
            "criteria": [],
            "quantity": quantity,
            "sort": "newest",
            "exclusive": exclusive,
        }
    )


def placement_of(market, order_request, key="key", buyer=None, now=None, partial=False):
    buyer, now = buyer or market.buyer, now or market.now
    return OrderAttempt(buyer, None, token_of(quote(order_request, buyer=buyer, now=now)), key, partial, now)


def held(market, quantity=10, **terms):
    return hold_order(placement_of(market, wish_for(market, quantity, terms.pop("exclusive", False)), **terms))


def at_the_page(market, waiting):
    return open_page(waiting.payment, success_url=HERE, cancel_url=HERE, now=market.now)


def paid(market, control, waiting, card="pm_card_visa"):  # noqa: F811
    payment = at_the_page(market, waiting)
    control.submit(session=payment.stripe_session_id, card=card)
    return payment


def other_buyer(market, cents=50_000):
    buyer = make_buyer(make_user(), market.vertical)
    credit(buyer, cents, f"for {buyer.pk}")
    return buyer


def shelf(market, buyer=None, now=None):
    """What a buyer sees of the shelf: the leads' keys."""
    now = now or market.now
    query = StockQuery(market.vertical, wish_for(market, 1).criteria, curve_in_force(market.vertical, now), now, buyer)
    return {lead.id for lead in page(query, Sort.NEWEST).leads}


def test_the_difference_is_asked_for_and_the_legs_are_held(shop):
    leads = shop.leads(10)

    waiting = held(shop)

    assert (waiting.quantity, waiting.status, waiting.payment.status) == (10, "waiting", "created")
    assert waiting.payment.amount_cents == 10 * PRICE - 1_000
    legs = Leg.objects.filter(status="held")
    assert set(legs.values_list("lead_id", "held_for", "held_until")) == {
        (lead.pk, waiting.public_id, shop.now + HOLD_LIFE) for lead in leads
    }
    assert not Sale.objects.exists()
    assert violations() == []


def test_paid_it_is_an_order_whoever_looks_first(shop, control):  # noqa: F811
    shop.leads(10)
    waiting = held(shop)
    paid(shop, control, waiting)

    ended = look_again(waiting, now=shop.now)
    again = look_again(ended, now=shop.now)

    order = Order.objects.get()
    assert (ended.status, ended.order, again.order) == ("completed", order, order)
    assert (order.public_id, order.filled, order.total_cents) == (waiting.public_id, 10, 10 * PRICE)
    assert (order.idempotency_key, order.status) == ("key", "filled")
    assert balance_cents(shop.buyer) == 0
    assert Leg.objects.filter(status="sold").count() == 10
    assert not Leg.objects.filter(status="held").exists()
    assert violations() == []


def test_before_it_is_paid_nothing_is_sold(shop):
    shop.leads(3)
    waiting = held(shop, 5, partial=True, buyer=other_buyer(shop, 100))
    at_the_page(shop, waiting)
    before = everything()

    assert complete(waiting.pk, now=shop.now).status == "waiting"
    assert awaiting_payment.release(waiting.pk, now=shop.now).status == "waiting"
    assert finish_due(now=shop.now) == 0

    assert everything() == before


def test_the_sweep_finishes_what_nobody_came_back_for(shop, control):  # noqa: F811
    shop.leads(10)
    waiting = held(shop)
    paid(shop, control, waiting)

    ask_again(now=shop.now + timedelta(minutes=10))

    assert finish_due(now=shop.now) == 1
    assert Order.objects.get().public_id == waiting.public_id
    assert finish_due(now=shop.now) == 0


def test_nobody_else_gets_a_held_leg(shop):
    (lead,) = shop.leads(1, legs_authorized=1)
    buyer = other_buyer(shop)
    before = placement_of(shop, NamedLeads((lead.public_id,)), buyer=buyer)
    hold_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=other_buyer(shop, 1)))

    assert shelf(shop, buyer) == set()
    assert quote(NamedLeads((lead.public_id,)), buyer=buyer, now=shop.now).unavailable == (
        (lead.public_id, "being_paid"),
    )
    assert quote(wish_for(shop, 1), buyer=buyer, now=shop.now).quantity == 0
    with pytest.raises(NotAllThere):
        place_order(before)
    assert not Sale.objects.exists()


def test_a_lead_with_another_leg_is_still_sold_to_others(shop):
    (lead,) = shop.leads(1, legs_authorized=2)
    hold_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=other_buyer(shop, 1)))
    buyer = other_buyer(shop)

    assert shelf(shop, buyer) == {lead.pk}
    place_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=buyer))

    assert set(lead.legs.values_list("status", flat=True)) == {"held", "sold"}
    assert shelf(shop, other_buyer(shop)) == set()


def test_the_database_refuses_to_sell_what_is_held_for_another(shop):
    (lead,) = shop.leads(1, legs_authorized=1)
    waiting = hold_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=other_buyer(shop, 1)))
    order = Order.objects.create(
        buyer=shop.buyer,
        idempotency_key="x",
        request={},
        quantity=1,
        quoted_cents=PRICE,
        quoted_at=shop.now,
        placed_at=shop.now,
    )

    with refused_by("sale_respects_holds"):
        Leg.objects.filter(pk=lead.legs.get().pk).update(status="sold")
        Sale.objects.create(
            order=order,
            leg=lead.legs.get(),
            lead=lead,
            request=lead,
            buyer=shop.buyer,
            market="aged",
            span=(1, 2),
            price_cents=PRICE,
            curve=shop.curve,
            sold_at=shop.now,
        )
    assert waiting.status == "waiting"


def test_a_hold_that_is_over_binds_nobody_and_no_job_is_needed(shop):
    (lead,) = shop.leads(1, legs_authorized=1)
    hold_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=other_buyer(shop, 1)))
    buyer, later = other_buyer(shop), shop.now + HOLD_LIFE

    assert shelf(shop, buyer, now=later - timedelta(microseconds=1)) == set()
    assert shelf(shop, buyer, now=later) == {lead.pk}
    order = place_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=buyer, now=later))

    assert order.filled == 1


def test_holds_that_are_over_are_tidied_up(shop):
    shop.leads(4)
    held(shop, 4, buyer=other_buyer(shop, 1))

    assert release_expired(now=shop.now + HOLD_LIFE - timedelta(seconds=1)) == 0
    assert release_expired(now=shop.now + HOLD_LIFE) == 4

    assert Leg.objects.filter(status="open", held_for=None, held_until=None).count() == Leg.objects.count()


def test_too_late_the_next_best_comes_within_the_quote(shop, control):  # noqa: F811
    buyer = other_buyer(shop, 1)
    taken = shop.leads(2, legs_authorized=1)
    waiting = held(shop, 2, buyer=buyer)
    paid(shop, control, waiting)
    later = shop.now + HOLD_LIFE
    place_order(placement_of(shop, NamedLeads((taken[0].public_id,)), buyer=other_buyer(shop), now=later))
    spare = shop.leads(1, age=timedelta(days=41), legs_authorized=1)[0]
    Leg.objects.filter(lead=spare).update(aged_at=shop.now)

    ended = look_again(waiting, now=later)

    assert ended.status == "completed"
    assert set(ended.order.sales.values_list("lead_id", flat=True)) == {taken[1].pk, spare.pk}
    assert ended.order.total_cents == 2 * PRICE <= waiting.quoted_cents
    assert balance_cents(buyer) == 0
    assert violations() == []


def test_too_late_and_none_left_the_money_stays_in_the_wallet(shop, control):  # noqa: F811
    buyer = other_buyer(shop, 1)
    (lead,) = shop.leads(1, legs_authorized=1)
    waiting = held(shop, 1, buyer=buyer)
    paid(shop, control, waiting)
    later = shop.now + HOLD_LIFE
    place_order(placement_of(shop, NamedLeads((lead.public_id,)), buyer=other_buyer(shop), now=later))

    ended = look_again(waiting, now=later)

    assert (ended.status, ended.order) == ("failed", None)
    assert ended.reason == "No leads are left at the quoted price."
    assert balance_cents(buyer) == PRICE
    assert list(OrderAwaitingPayment.objects.untold(later)) == [ended]
    assert violations() == []


def test_a_person_who_stops_meanwhile_is_not_sold(shop, control):  # noqa: F811
    buyer = other_buyer(shop, 1)
    stopped, other = shop.leads(2)
    waiting = held(shop, 2, buyer=buyer, partial=True)
    withdraw_lead(stopped, now=shop.now)
    paid(shop, control, waiting)

    ended = look_again(waiting, now=shop.now)

    assert list(ended.order.sales.values_list("lead_id", flat=True)) == [other.pk]
    assert ended.order.status == "partial"
    assert balance_cents(buyer) == PRICE
    assert violations() == []


def test_who_is_not_approved_any_more_keeps_the_money(shop, control):  # noqa: F811
    buyer = other_buyer(shop, 1)
    shop.leads(2)
    waiting = held(shop, 2, buyer=buyer)
    paid(shop, control, waiting)
    Approval.objects.filter(buyer=buyer).update(status="refused")

    ended = look_again(waiting, now=shop.now)

    assert (ended.status, ended.reason) == ("failed", "Your company is not approved for these leads yet.")
    assert balance_cents(buyer) == 2 * PRICE
    assert Leg.objects.filter(status="held").count() == 0


def test_cancelled_the_legs_are_free_and_stripes_page_is_closed(shop, control):  # noqa: F811
    shop.leads(10)
    waiting = held(shop)
    payment = at_the_page(shop, waiting)

    ended = cancel(waiting, now=shop.now)

    assert (ended.status, ended.reason) == ("released", "Canceled")
    assert not Leg.objects.filter(status="held").exists()
    with pytest.raises(Exception, match="expired|complete|open"):
        control.submit(session=payment.stripe_session_id, card="pm_card_visa")
    assert balance_cents(shop.buyer) == 1_000


def test_cancelled_at_the_moment_of_payment_it_is_an_order(shop, control):  # noqa: F811
    shop.leads(10)
    waiting = held(shop)
    paid(shop, control, waiting)

    ended = cancel(waiting, now=shop.now)

    assert (ended.status, ended.order.filled) == ("completed", 10)
    assert balance_cents(shop.buyer) == 0


def test_a_payment_that_ran_out_gives_the_legs_back(shop, control):  # noqa: F811
    shop.leads(10)
    waiting = held(shop)
    control.expire(session=at_the_page(shop, waiting).stripe_session_id)

    ended = look_again(waiting, now=shop.now)

    assert ended.status == "released"
    assert not Leg.objects.filter(status="held").exists()


def test_the_same_key_is_the_same_hold(shop):
    shop.leads(10)
    attempt = placement_of(shop, wish_for(shop, 10))

    assert hold_order(attempt) == hold_order(attempt)

    assert OrderAwaitingPayment.objects.count() == Payment.objects.count() == 1


def test_the_same_key_for_something_else_is_refused(shop):
    shop.leads(10)
    held(shop)
    before = everything()

    with pytest.raises(KeyReused):
        held(shop, 9)

    assert everything() == before


def test_a_company_cannot_keep_the_shelf_from_others(shop):
    shop.leads(8)
    buyer = other_buyer(shop, 1)
    for number in range(3):
        held(shop, 1, key=f"key {number}", buyer=buyer)
    before = everything()

    with pytest.raises(TooManyWaiting):
        held(shop, 1, key="one more", buyer=buyer)

    assert everything() == before


def test_nothing_is_held_when_the_wallet_is_enough(shop):
    shop.leads(4)
    before = everything()

    with pytest.raises(OrderRefused, match="wallet now covers"):
        held(shop, 4)

    assert everything() == before


def test_nothing_is_held_for_an_empty_quote(shop):
    with pytest.raises(EmptyQuote):
        held(shop, 4)


def test_stripe_takes_no_less_than_fifty_cents_and_the_rest_stays(shop, control):  # noqa: F811
    buyer = other_buyer(shop, PRICE - 1)
    shop.leads(1)
    waiting = held(shop, 1, buyer=buyer)
    paid(shop, control, waiting)

    assert waiting.payment.amount_cents == 50
    assert look_again(waiting, now=shop.now).status == "completed"
    assert balance_cents(buyer) == 49


def test_exclusive_holds_every_leg_and_an_ordinary_hold_is_in_its_way(shop, control):  # noqa: F811
    first, second = shop.leads(2)
    buyer, alone = other_buyer(shop, 1), NamedLeads((first.public_id,), exclusive=True)
    waiting = hold_order(placement_of(shop, alone, buyer=buyer))
    hold_order(placement_of(shop, NamedLeads((second.public_id,)), buyer=other_buyer(shop, 1)))

    assert first.legs.filter(status="held").count() == 4
    late = quote(NamedLeads((second.public_id,), exclusive=True), buyer=shop.buyer, now=shop.now)
    assert late.unavailable == ((second.public_id, "not_exclusive"),)
    assert quote(wish_for(shop, 2, exclusive=True), buyer=shop.buyer, now=shop.now).quantity == 0

    paid(shop, control, waiting)
    ended = look_again(waiting, now=shop.now)
    assert (ended.order.filled, ended.order.sales.get().exclusive) == (1, True)
    assert sorted(first.legs.values_list("status", flat=True)) == ["closed", "closed", "closed", "sold"]
    assert violations() == []


def together(*acts):
    """What each act answers or raises, all begun at once, each on its own connection."""
    gate, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, act):
        gate.wait(20)
        try:
            answers[place] = act()
        except Exception as error:
            answers[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_ten_buyers_hold_the_last_leg_and_one_has_it():
    market = make_market()
    (lead,) = market.leads(1, legs_authorized=1)
    placements = [placement_of(market, NamedLeads((lead.public_id,)), buyer=other_buyer(market, 1)) for _ in range(10)]

    answers = together(*(lambda one=one: hold_order(one) for one in placements))

    assert sum(isinstance(answer, OrderAwaitingPayment) for answer in answers) == 1
    assert sum(isinstance(answer, NotAllThere) for answer in answers) == 9
    assert Leg.objects.get(status="held").held_for == OrderAwaitingPayment.objects.get().public_id


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_page_webhook_and_sweep_at_once_complete_one_order(control):  # noqa: F811
    market = make_market()
    market.leads(10)
    buyer = other_buyer(market, 1)
    waiting = held(market, 10, buyer=buyer)
    paid(market, control, waiting)

    answers = together(*[lambda: look_again(waiting, now=market.now)] * 4, *[lambda: finish_due(now=market.now)] * 4)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert Order.objects.get().filled == 10
    assert balance_cents(buyer) == 0
    assert violations() == []


def test_too_late_for_a_page_nothing_is_charged_and_the_order_can_be_cancelled(shop):
    shop.leads(10)
    waiting = held(shop)
    later = waiting.payment.expires_at - timedelta(minutes=29)

    payment = open_page(waiting.payment, success_url=HERE, cancel_url=HERE, now=later)

    assert (payment.status, payment.page_url) == ("created", "")
    assert cancel(waiting, now=later).status == "released"
    assert not Leg.objects.filter(status="held").exists()


def test_one_company_does_not_keep_the_same_leads_twice(shop):
    buyer = other_buyer(shop, 1)
    leads = shop.leads(3)
    named = NamedLeads(tuple(lead.public_id for lead in leads))
    first, second = (placement_of(shop, named, key=key, buyer=buyer) for key in ("one", "two"))
    hold_order(first)
    before = everything()

    with pytest.raises(NotAllThere):
        hold_order(second)

    assert everything() == before
    assert quote(wish_for(shop, 3), buyer=buyer, now=shop.now).quantity == 0
    assert quote(wish_for(shop, 3), buyer=shop.buyer, now=shop.now).quantity == 3


def test_a_key_that_ordered_from_the_wallet_holds_nothing(shop):
    shop.leads(3)
    attempt = placement_of(shop, wish_for(shop, 3))
    place_order(attempt)
    before = everything()

    with pytest.raises(OrderRefused, match="already placed this order"):
        hold_order(attempt)

    assert everything() == before


def test_an_order_under_the_same_key_ends_the_wait_and_the_money_stays(shop, control):  # noqa: F811
    buyer = other_buyer(shop, 1)
    shop.leads(6)
    waiting = held(shop, 3, buyer=buyer)
    paid(shop, control, waiting)
    credit(buyer, 5_000, "a wire meanwhile")
    place_order(placement_of(shop, wish_for(shop, 3), buyer=buyer))

    ended = look_again(waiting, now=shop.now)

    assert (ended.status, ended.reason) == ("failed", "You placed the same order from your wallet in the meantime.")
    assert balance_cents(buyer) == 5_001 + 3 * PRICE - 1 - 3 * PRICE
    assert violations() == []


def test_a_key_of_any_length_is_taken(shop):
    shop.leads(10)

    assert held(shop, 10, key="k" * 100).status == "waiting"


def test_without_holds_the_shelf_is_asked_nothing_about_them(shop):
    """The planner cannot know how few holds there are: a list of none is no condition at all."""
    shop.leads(2)
    query = StockQuery(
        shop.vertical, wish_for(shop, 1).criteria, curve_in_force(shop.vertical, shop.now), shop.now, shop.buyer
    )

    assert "leads_leg" not in str(query.matches().query)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_hold():
    market = make_market()
    (lead,) = market.leads(1)
    attempt = placement_of(market, NamedLeads((lead.public_id,), exclusive=True), buyer=other_buyer(market, 1))

    answers = together(*[lambda: hold_order(attempt)] * 6)

    assert set(answers) == {OrderAwaitingPayment.objects.get()}


def test_a_page_that_asks_by_itself_leaves_stripe_alone(shop, client, monkeypatch):
    """A Stripe that hangs must not take every thread of the shop."""
    shop.leads(10)
    waiting, asked = held(shop), []
    monkeypatch.setattr(awaiting_payment.top_ups, "settle", lambda payment, now: asked.append(payment.pk))
    client.force_login(shop.user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/checkout/{waiting.public_id}/"

    assert client.get(address, headers={"HX-Request": "true"}).status_code == 200
    assert asked == []
    assert client.get(address).status_code == 200
    assert asked == [waiting.payment_id]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_tidying_waits_for_nobody_who_is_selling():
    market = make_market()
    market.leads(2)
    held(market, 2, buyer=other_buyer(market, 1))
    first = Leg.objects.filter(status="held").earliest("pk")
    locked, done = threading.Event(), threading.Event()

    def sell():
        with transaction.atomic():
            Leg.objects.select_for_update(no_key=True).get(pk=first.pk)
            locked.set()
            done.wait(10)
        connections.close_all()

    seller = threading.Thread(target=sell)
    seller.start()
    locked.wait(10)
    try:
        assert release_expired(now=market.now + HOLD_LIFE) == 1
    finally:
        done.set()
        seller.join(20)
    assert Leg.objects.get(status="held") == first
