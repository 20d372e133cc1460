"""A storm of Stripe's messages, each sent five times in random order, while the buyer keeps reloading a page."""

import random
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from billing.ledger import balance_cents
from billing.models import StripeEvent
from billing.payments.top_ups import open_page
from marketplace.models import Order, OrderAwaitingPayment
from marketplace.orders import tasks
from marketplace.orders.awaiting_payment import hold_order
from marketplace.orders.checkout import OrderAttempt
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from tests.billing.conftest import control, stand_in, stripe_settings  # noqa: F401
from tests.billing.with_stripe import raw, submitted, told
from tests.factories import credit, make_buyer, make_market, make_user
from tests.faults.acts import HERE
from tests.faults.scenes import assert_books_agree, let_time_pass, unknown
from tests.races.test_selling import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
COPIES, DELIVERERS, LOOKS = 5, 4, 6
LEADS, PRICE = 10, 220


@pytest.fixture
def at_once(monkeypatch):
    """A worker that runs each job as soon as it is queued."""
    monkeypatch.setattr(tasks.act_on_stripe_event, "delay_on_commit", tasks.act_on_stripe_event)


def held_and_paid(control, market, buyer):  # noqa: F811
    order_request = NamedLeads(tuple(lead.public_id for lead in market.leads(LEADS)))
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    waiting = hold_order(OrderAttempt(buyer, None, token, "key", False, market.now))
    page = open_page(waiting.payment, success_url=HERE, cancel_url=HERE, now=market.now)
    control.submit(session=page.stripe_session_id, card="pm_card_visa")
    return waiting


def deliver(messages):
    """One of the senders, delivering its share."""
    client, stripe = Client(), reverse("stripe-webhook")
    said = (raw(message) for message in messages)
    sent = [client.post(stripe, body, "application/json", headers={"Stripe-Signature": mark}) for body, mark in said]
    return {answer.status_code for answer in sent}


def query(user, waiting):
    client = Client()
    client.force_login(user)
    address = reverse("checkout:waiting", args=[waiting.public_id])
    return {client.get(address).status_code for _ in range(LOOKS)}


def intent_of(control, cents):  # noqa: F811
    (found,) = (one["id"] for one in control.everything(kind="payment_intent")["data"] if one["amount"] == cents)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_messages_and_looks_leads_to_the_same_books(control, at_once, seed):  # noqa: F811
    market, user = make_market(), make_user()
    buyer = make_buyer(user, market.vertical)
    credit(buyer, 100, "a dollar")
    waiting = held_and_paid(control, market, buyer)
    submitted(control, buyer, 5_000)
    submitted(control, buyer, 3_000)
    back, disputed = (intent_of(control, cents) for cents in (5_000, 3_000))
    control.refund(payment=back, amount=1_000)
    control.dispute(payment=disputed)
    messages = told(control) * COPIES
    random.Random(seed).shuffle(messages)

    answers = together(
        *(lambda place=place: deliver(messages[place::DELIVERERS]) for place in range(DELIVERERS)),
        *[lambda: query(user, waiting)] * 2,
    )

    assert answers[:DELIVERERS] == [{200}] * DELIVERERS
    assert all(seen <= {200, 302} for seen in answers[DELIVERERS:])
    let_time_pass(control, timedelta(minutes=10))
    assert StripeEvent.objects.count() == len(messages) // COPIES
    assert unknown() == []
    order = Order.objects.get()
    assert (order.filled, order.public_id) == (LEADS, waiting.public_id)
    assert OrderAwaitingPayment.objects.get().status == "completed"
    assert balance_cents(buyer) == 100 + (LEADS * PRICE - 100) - LEADS * PRICE + 5_000 - 1_000 + 3_000 - 3_000
    assert_books_agree()
