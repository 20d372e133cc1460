"""Money in a real browser: every page is accessible, and consent texts are shown before consent is given."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.auto_topup.consent import AutoTopUpTerms, set_automatic, wording_of
from billing.ledger import Kind, Posting, house_account, post, take_back, wallet_of
from billing.models import Account, Customer, Payment
from tests.browser.test_pages import defects_of
from tests.factories import credit, make_buyer, make_user

pytestmark = pytest.mark.browser


@pytest.fixture
def owner(transactional_db):
    return make_user("dana@tamarack.example")


@pytest.fixture
def buyer(owner):
    buyer = make_buyer(owner)
    for number in range(60):
        credit(buyer, 1000 + number, f"wire {number}")
    return buyer


@pytest.fixture
def payments(buyer, owner, settings):
    """A payment in each status a page shows, a card on file and automatic top-up."""
    settings.STRIPE_SECRET_KEY = "sk_test_of_nobody"
    now = timezone.now()
    Customer.objects.create(
        buyer=buyer,
        stripe_id="cus_1",
        payment_method_id="pm_1",
        card_brand="visa",
        card_last4="4242",
        card_expires=now.date() + timedelta(days=400),
        created_at=now,
    )
    terms = AutoTopUpTerms(5000, 10_000, 30_000)
    wording = wording_of(terms, buyer=buyer, card="Visa ending 4242")
    set_automatic(buyer=buyer, user=owner, terms=terms, wording=wording, now=now)
    states = {
        "failed": {"ended_at": now, "problem": "Your card has insufficient funds."},
        "open": {"page_url": "https://checkout.example/pay"},
        "processing": {},
        "announced": {"purpose": "automatic", "expires_at": now + timedelta(minutes=8)},
    }
    for status, more in states.items():
        values = {"purpose": "top_up", "amount_cents": 10_000, "created_at": now, "asked_by": owner, **more}
        Payment.objects.create(buyer=buyer, status=status, **values)
    return {payment.status: f"/wallet/payments/{payment.public_id}/" for payment in buyer.payments.all()}


def test_the_pages_of_money(payments, owner, new_page, be):
    page = new_page()
    be(page, owner)
    asked = ["/wallet/", "/wallet/statement/", "/wallet/statement/?first=2026-01-01&at=2026-01-01T00:00"]

    assert defects_of(page, [*asked, "/wallet/top-up/", "/wallet/auto-topup/", *payments.values()]) == []


def test_the_pages_of_money_that_say_no(payments, buyer, owner, new_page, be, guard):
    wallet = wallet_of(buyer)
    take_back(wallet)
    post(
        Posting(Kind.DISPUTE, "dp_1:opened", timezone.now()),
        {wallet: -500_000, house_account(Account.Kind.DISPUTES): 500_000},
    )
    guard.expected |= {"/wallet/statement/"}
    page = new_page()
    be(page, owner)

    assert defects_of(page, ["/wallet/", "/wallet/statement/?first=2026-02-02&last=2026-02-01"]) == []


def test_the_terms_are_read_before_they_are_agreed_to(payments, owner, new_page, be):
    page = new_page()
    be(page, owner)
    page.goto("/wallet/auto-topup/")

    page.get_by_label("Charge each time").fill("75")
    page.get_by_role("button", name="Read what you agree to").click()
    assert "$75.00 each time" in page.locator(".wording").inner_text()
    page.get_by_role("button", name="Agree and switch it on").click()

    page.wait_for_url("/wallet/")
    assert page.get_by_text("Automatic top-up is on.").is_visible()
