"""The hosted page from session to saved card, and sessions that have expired."""

import time

import pytest
import stripe
from stripe import InvalidRequestError


def test_paid_session_saves_the_card_that_pays_again_without_the_person(
    open_session, stripe_, control, customer, merchant
):
    session = open_session()
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)

    control.submit(session=session.id)

    paid = stripe_.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 50_00)
    assert paid.payment_intent.metadata.to_dict() == {"topup": "42"}
    assert paid.payment_intent.latest_charge.amount_captured == 50_00
    assert paid.customer_details.email == "buyer@example.com"
    (saved,) = stripe_.customers.payment_methods.list(customer.id).data
    again = stripe_.payment_intents.create(
        {
            "amount": 25_00,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": saved.id,
            "off_session": True,
            "confirm": True,
        }
    )
    assert (saved.card.last4, again.status, again.amount_received) == ("4242", "succeeded", 25_00)
    control.wait_for_webhooks()
    assert merchant.types() == [
        "customer.created",
        "payment_intent.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    completed = merchant.events[5].data.object
    assert (completed.client_reference_id, completed.payment_status) == ("topup:42", "paid")


def test_card_is_kept_without_a_payment(stripe_, control, customer, merchant):
    session = stripe_.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": "http://127.0.0.1:9/"}
    )

    control.submit(session=session.id, card="pm_card_mastercard")

    done = stripe_.checkout.sessions.retrieve(session.id)
    intent = stripe_.setup_intents.retrieve(done.setup_intent, {"expand": ["payment_method"]})
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "no_payment_required", None)
    assert (intent.status, intent.payment_method.card.brand) == ("succeeded", "mastercard")
    assert intent.payment_method.customer == customer.id
    control.wait_for_webhooks()
    assert merchant.types()[1:] == ["payment_method.attached", "setup_intent.succeeded", "checkout.session.completed"]


def test_session_expires_when_its_time_is_over(open_session, stripe_, control, merchant):
    session = open_session(expires_at=int(time.time()) + 31 * 60)

    control.advance(seconds=30 * 60)
    assert stripe_.checkout.sessions.retrieve(session.id).status == "open"

    control.advance(seconds=61)
    over = stripe_.checkout.sessions.retrieve(session.id)
    assert (over.status, over.url) == ("expired", None)
    control.wait_for_webhooks()
    assert merchant.types() == ["customer.created", "checkout.session.expired"]


def test_expired_session_takes_no_money_and_cancels_what_waited(open_session, stripe_, control, merchant):
    session = open_session()
    control.submit(session=session.id, card="pm_card_authenticationRequired")

    stripe_.checkout.sessions.expire(session.id)

    with pytest.raises(Exception, match="This one is expired"):
        control.submit(session=session.id)
    (intent,) = stripe_.payment_intents.list().data
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert stripe_.charges.list().data == []
    with pytest.raises(InvalidRequestError, match="This one is expired"):
        stripe_.checkout.sessions.expire(session.id)
    control.wait_for_webhooks()
    assert merchant.types()[-2:] == ["payment_intent.canceled", "checkout.session.expired"]


@pytest.mark.parametrize("seconds", [29 * 60, 24 * 60 * 60 + 60])
def test_expiry_is_from_half_an_hour_to_a_day(open_session, stripe_, seconds):
    with pytest.raises(InvalidRequestError, match="at least 30 minutes and at most 24 hours"):
        open_session(expires_at=int(time.time()) + seconds)

    assert stripe_.checkout.sessions.list().data == []


def test_bank_debit_completes_unpaid_and_is_paid_later(open_session, stripe_, control, merchant):
    session = open_session()
    control.submit(session=session.id, card="pm_usBankAccount_success")
    waiting = stripe_.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert waiting.payment_intent.status == "processing"
    assert stripe_.balance.retrieve().available[0].amount == 0

    control.settle(payment=waiting.payment_intent.id)

    assert stripe_.checkout.sessions.retrieve(session.id).payment_status == "paid"
    (entry,) = stripe_.balance_transactions.list().data
    assert (entry.type, entry.reporting_category, entry.net) == ("payment", "charge", 50_00 - 175)
    control.wait_for_webhooks()
    assert merchant.types()[-3:] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_bank_debit_comes_back_by_itself_and_leaves_nothing(open_session, stripe_, control, merchant):
    session = open_session()
    control.submit(session=session.id, card="pm_usBankAccount_insufficientFunds")

    control.advance(seconds=60 * 60)

    intent = stripe_.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]}).payment_intent
    assert (intent.status, intent.amount_received) == ("requires_payment_method", 0)
    assert stripe_.balance_transactions.list().data == []
    control.wait_for_webhooks()
    assert merchant.types()[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]


def test_session_is_paid_once(open_session, stripe_, control):
    session = open_session()
    control.submit(session=session.id)

    with pytest.raises(Exception, match="This one is complete"):
        control.submit(session=session.id)

    assert len(stripe_.charges.list().data) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"line_items": []}, "Missing required param: line_items"),
        ({"success_url": "thanks"}, "Invalid URL"),
        ({"automatic_tax": {"enabled": True}}, "Received unknown parameter: automatic_tax"),
        (
            {"payment_intent_data": {"capture_method": "manual"}},
            r"unknown parameter: payment_intent_data\[capture_method",
        ),
        ({"customer": "cus_nobody"}, "No such customer: 'cus_nobody'"),
        ({"setup_intent_data": {"description": "x"}}, "You can not pass `setup_intent_data`"),
    ],
)
def test_session_that_cannot_be_is_refused(open_session, stripe_, given, words):
    with pytest.raises(InvalidRequestError, match=words):
        open_session(**given)

    assert stripe_.checkout.sessions.list().data == []


def test_payment_below_fifty_cents_or_over_eight_digits_is_refused(open_session, pay, stripe_):
    for cents, code in ((49, "amount_too_small"), (100_000_000, "amount_too_large")):
        for attempt in (open_session, pay):
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                attempt(cents)
            assert refusal.value.code == code

    assert stripe_.payment_intents.list().data == []
    assert (pay(50).amount, pay(99_999_999).amount) == (50, 99_999_999)
