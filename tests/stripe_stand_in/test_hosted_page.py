"""The hosted page in a browser without scripts."""

import re

import pytest

from stripe_stand_in import StandIn, cards
from tests.stripe_stand_in.conftest import client_of


def test_page_says_what_it_is_and_what_is_paid(open_session, browser):
    page = browser.get(open_session(1_234_50).url)

    assert page.status_code == 200
    for words in ("Stand-in for Stripe.", "No money moves here.", "Remainder", "Wallet credit", "Pay $1,234.50"):
        assert words in page.text
    for means in cards.ALL:
        assert f'value="{means.token}"' in page.text
        assert means.effect in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:9 ")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)


def test_every_field_has_a_label(open_session, browser):
    page = browser.get(open_session().url).text

    assert page.count("<label") == page.count("<input") == len(cards.ALL) + 1
    assert '<label for="number">' in page and 'id="number"' in page


def test_stylesheet_is_a_file_of_its_own(stand_in, browser):
    sheet = browser.get(f"{stand_in.url}/stand-in.css")

    assert (sheet.status_code, sheet.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "light-dark(" in sheet.text and "http" not in sheet.text


def test_paying_leads_to_the_success_address(open_session, browser, stripe_):
    session = open_session()

    answer = browser.post(session.url, {"means": "pm_card_visa"}, allow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/thanks?session={session.id}"
    assert stripe_.checkout.sessions.retrieve(session.id).payment_status == "paid"


@pytest.mark.parametrize("typed", ["5555 5555 5555 4444", "5555-5555-5555-4444", "5555555555554444"])
def test_typed_number_counts_before_the_choice(open_session, browser, stripe_, customer, typed):
    browser.post(open_session().url, {"means": "pm_card_chargeDeclined", "number": typed}, allow_redirects=False)

    (saved,) = stripe_.customers.payment_methods.list(customer.id).data
    assert (saved.card.brand, saved.card.last4) == ("mastercard", "4444")


def test_real_number_is_neither_taken_nor_kept(merchant, browser, stripe_, open_session, stand_in):
    session = open_session()

    answer = browser.post(session.url, {"number": "4929 1234 5678 9012"})

    assert answer.status_code == 422
    assert "Enter a test card number" in answer.text and "4929" not in answer.text
    assert stripe_.payment_intents.list().data == []


def test_declined_person_may_try_again(open_session, browser, stripe_):
    session = open_session()

    declined = browser.post(session.url, {"means": "pm_card_chargeDeclinedInsufficientFunds"})
    paid = browser.post(session.url, {"means": "pm_card_visa"}, allow_redirects=False)

    assert declined.status_code == 422
    assert "Your card has insufficient funds. Nothing was paid." in declined.text
    assert paid.status_code == 303
    (intent,) = stripe_.payment_intents.list().data
    assert (intent.status, intent.last_payment_error) == ("succeeded", None)
    assert [charge.status for charge in stripe_.charges.list().data] == ["succeeded", "failed"]


def test_challenge_is_approved_or_failed(open_session, browser, stripe_):
    session = open_session()

    asked = browser.post(session.url, {"means": "pm_card_authenticationRequired"})
    failed = browser.post(asked.url, {"answer": "fail"})
    again = browser.post(session.url, {"means": "pm_card_authenticationRequired"})
    approved = browser.post(again.url, {"answer": "approve"}, allow_redirects=False)

    assert asked.url == f"{session.url}/challenge"
    assert "Do you want to pay $50.00 to Remainder?" in asked.text
    assert failed.status_code == 422 and "failed authentication" in failed.text
    assert approved.headers["Location"].endswith(session.id)
    assert stripe_.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_page_that_is_over_says_so(open_session, browser, stripe_):
    paid, expired = open_session(), open_session()
    browser.post(paid.url, {"means": "pm_card_visa"}, allow_redirects=False)
    stripe_.checkout.sessions.expire(expired.id)

    for attempt in (browser.get, lambda url: browser.post(url, {"means": "pm_card_visa"})):
        assert "You cannot pay twice." in attempt(paid.url).text
        assert "This page has expired. Nothing was paid." in attempt(expired.url).text
    assert len(stripe_.charges.list().data) == 1
    assert browser.get(paid.url + "x").status_code == 404


def test_back_leads_to_the_merchant(open_session, browser):
    assert '<a href="http://127.0.0.1:9/wallet">Back to Remainder</a>' in browser.get(open_session().url).text


def test_card_is_saved_if_the_person_ticks_it(open_session, browser, stripe_, customer):
    offered = {"payment_intent_data": {}, "saved_payment_method_options": {"payment_method_save": "enabled"}}

    browser.post(open_session(**offered).url, {"means": "pm_card_visa"}, allow_redirects=False)
    assert stripe_.customers.payment_methods.list(customer.id).data == []

    browser.post(open_session(**offered).url, {"means": "pm_card_visa", "save": "on"}, allow_redirects=False)
    (saved,) = stripe_.customers.payment_methods.list(customer.id).data
    assert saved.allow_redisplay == "always"


def test_session_for_cards_offers_no_bank(open_session, browser, stripe_):
    session = open_session(allowed_payment_method_types=["card"])

    assert "pm_usBankAccount" not in browser.get(session.url).text
    assert browser.post(session.url, {"means": "pm_usBankAccount_success"}).status_code == 422
    assert stripe_.payment_intents.list().data == []


def test_what_others_wrote_is_escaped(open_session, browser):
    price = {"currency": "usd", "unit_amount": 700, "product_data": {"name": "<b>$amount</b>"}}

    page = browser.get(open_session(line_items=[{"price_data": price, "quantity": 2}]).url).text

    assert "&lt;b&gt;$amount&lt;/b&gt; × 2" in page and "$14.00" in page


def test_public_address_is_the_one_it_was_told(browser):
    with StandIn(public_url="https://pay.example.com") as stand_in:
        stripe_ = client_of(stand_in.url).v1
        customer = stripe_.customers.create({"email": "x@example.com"})
        session = stripe_.checkout.sessions.create(
            {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": "https://example.com/"}
        )

    assert session.url == f"https://pay.example.com/pay/{session.id}"
