"""Payments by API: what each card does, with the cardholder present and without."""

import pytest
import requests
import stripe
from stripe import InvalidRequestError

DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
]


@pytest.mark.parametrize(("card", "code", "decline_code"), DECLINES)
def test_declined_card_leaves_a_failed_charge_and_no_money(pay, stripe_, control, merchant, card, code, decline_code):
    with pytest.raises(stripe.CardError) as declined:
        pay(card=card)

    error = declined.value.error
    assert (error.code, error.decline_code, declined.value.http_status) == (code, decline_code, 402)
    assert (error.payment_intent.status, error.payment_intent.amount_received) == ("requires_payment_method", 0)
    charge = stripe_.charges.retrieve(error.charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    assert stripe_.balance_transactions.list().data == []
    control.wait_for_webhooks()
    assert merchant.types() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


@pytest.mark.parametrize("card", [card for card, *_ in DECLINES])
def test_declined_card_cannot_be_kept(stripe_, customer, card):
    with pytest.raises(stripe.CardError):
        stripe_.payment_methods.attach(card, {"customer": customer.id})

    assert stripe_.customers.payment_methods.list(customer.id).data == []


def kept(stripe_, customer, card):
    return stripe_.payment_methods.attach(card, {"customer": customer.id}).id


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_authenticationRequired", "authentication_required"),
        ("pm_card_authenticationRequiredOnSetup", "authentication_required"),
        ("pm_card_chargeCustomerFail", "card_declined"),
    ],
)
def test_card_that_needs_the_person_is_declined_off_session(pay, stripe_, customer, card, code):
    method = kept(stripe_, customer, card)

    with pytest.raises(stripe.CardError) as declined:
        pay(card=method, customer=customer.id, off_session=True)

    error = declined.value.error
    assert (error.code, error.payment_method.id) == (code, method)
    assert error.payment_intent.last_payment_error.code == code
    assert stripe_.balance_transactions.list().data == []


def test_card_that_asks_once_pays_off_session_after_it_was_saved(open_session, pay, stripe_, control, customer):
    session = open_session()
    control.submit(session=session.id, card="pm_card_authenticationRequiredOnSetup")
    assert stripe_.checkout.sessions.retrieve(session.id).status == "open"

    control.approve(session=session.id)

    (method,) = stripe_.customers.payment_methods.list(customer.id).data
    assert stripe_.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert pay(card=method.id, customer=customer.id, off_session=True).status == "succeeded"


def test_challenge_of_an_api_payment_is_answered_on_its_page(pay, stripe_, browser):
    intent = pay(card="pm_card_authenticationRequired", return_url="http://127.0.0.1:9/back")
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    page = intent.next_action.redirect_to_url.url
    assert "Do you want to pay $25.00" in browser.get(page).text

    answer = browser.post(page, {"answer": "approve"}, allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://127.0.0.1:9/back")
    paid = stripe_.payment_intents.retrieve(intent.id)
    assert (paid.status, paid.next_action) == ("succeeded", None)


def test_payment_is_confirmed_in_a_second_step_or_cancelled(stripe_):
    unpaid = stripe_.payment_intents.create({"amount": 700, "currency": "usd"})
    chosen = stripe_.payment_intents.create({"amount": 800, "currency": "usd", "payment_method": "pm_card_visa"})
    assert (unpaid.status, chosen.status) == ("requires_payment_method", "requires_confirmation")

    with pytest.raises(InvalidRequestError, match="missing a payment method"):
        stripe_.payment_intents.confirm(unpaid.id)
    cancelled = stripe_.payment_intents.cancel(unpaid.id, {"cancellation_reason": "abandoned"})
    confirmed = stripe_.payment_intents.confirm(chosen.id)

    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    assert (confirmed.status, confirmed.amount_received) == ("succeeded", 800)
    for intent in (cancelled, confirmed):
        with pytest.raises(InvalidRequestError) as refusal:
            stripe_.payment_intents.cancel(intent.id)
        assert refusal.value.code == "payment_intent_unexpected_state"


def test_detached_card_pays_no_more(pay, stripe_, control, customer):
    method = kept(stripe_, customer, "pm_card_visa")
    control.detach(payment_method=method)

    with pytest.raises(InvalidRequestError, match="may not be used again"):
        pay(card=method, customer=customer.id, off_session=True)

    assert stripe_.payment_intents.list().data == []
    assert stripe_.customers.payment_methods.list(customer.id).data == []


def test_card_of_one_customer_does_not_pay_for_another(pay, stripe_, customer):
    method = kept(stripe_, customer, "pm_card_visa")
    other = stripe_.customers.create({"email": "other@example.com"})

    with pytest.raises(InvalidRequestError, match="belongs to a customer"):
        pay(card=method, customer=other.id)

    assert stripe_.payment_intents.list().data == []


def test_refused_request_leaves_nothing_behind(stripe_, control, merchant):
    with pytest.raises(InvalidRequestError, match="missing a payment method"):
        stripe_.payment_intents.create({"amount": 700, "currency": "usd", "confirm": True})

    assert stripe_.payment_intents.list().data == []
    assert stripe_.events.list().data == []


def test_off_session_wants_confirm(stripe_):
    with pytest.raises(InvalidRequestError, match="only be passed when `confirm` is true"):
        stripe_.payment_intents.create({"amount": 700, "currency": "usd", "off_session": True})


def test_customer_is_updated_and_metadata_are_merged(stripe_, customer):
    method = kept(stripe_, customer, "pm_card_visa")

    stripe_.customers.update(
        customer.id,
        {"name": "", "metadata": {"plan": "gold", "buyer": ""}, "invoice_settings": {"default_payment_method": method}},
    )

    found = stripe_.customers.retrieve(customer.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert (found.name, found.email, found.metadata.to_dict()) == (None, "buyer@example.com", {"plan": "gold"})
    assert found.invoice_settings.default_payment_method.card.last4 == "4242"


def test_lists_are_paged_from_either_end(pay, stripe_):
    made = [pay(cents).id for cents in (100, 200, 300, 400, 500)][::-1]

    walked = [intent.id for intent in stripe_.payment_intents.list({"limit": 2}).auto_paging_iter()]
    before = stripe_.payment_intents.list({"limit": 2, "ending_before": made[3]})

    assert walked == made
    assert ([intent.id for intent in before.data], before.has_more) == (made[1:3], True)
    since = stripe_.payment_intents.retrieve(made[0]).created + 1
    assert stripe_.payment_intents.list({"created": {"gte": since}}).data == []
    assert len(stripe_.payment_intents.list({"created": {"lt": since}}).data) == 5


def test_a_stranger_or_another_version_is_refused(stand_in):
    url = f"{stand_in.url}/v1/customers/cus_x"
    good = {"Authorization": "Bearer sk_test_x", "Stripe-Version": stripe.api_version}

    assert requests.get(url, timeout=5).status_code == 401
    assert requests.get(url, headers={**good, "Authorization": "Bearer sk_live_x"}, timeout=5).status_code == 401
    assert requests.get(url, headers={**good, "Stripe-Version": "2020-08-27"}, timeout=5).status_code == 400
    assert requests.get(url, headers=good, timeout=5).status_code == 404


def test_unknown_paths_are_refused(client, stand_in):
    with pytest.raises(InvalidRequestError, match="Unrecognized request URL"):
        client.v1.products.list()
    with pytest.raises(InvalidRequestError, match="Unrecognized request URL"):
        client.v1.customers.delete("cus_x")


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["invoice"], "cannot be expanded"),
        (["id"], "cannot be expanded"),
        (["metadata"], "cannot be expanded"),
        (["latest_charge.balance_transaction.source.customer.x"], "more than 4 levels"),
    ],
)
def test_only_what_is_a_reference_expands(pay, stripe_, paths, words):
    intent = pay()

    with pytest.raises(InvalidRequestError, match=words):
        stripe_.payment_intents.retrieve(intent.id, {"expand": paths})


def test_expansion_reaches_through_lists(pay, stripe_):
    intent = pay(card="pm_card_visa")

    (entry,) = stripe_.balance_transactions.list({"expand": ["data.source.payment_intent"]}).data
    nested = stripe_.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})

    assert entry.source.payment_intent.id == intent.id
    assert nested.latest_charge.balance_transaction.id == entry.id
