"""Money, only through the pages: an empty wallet, a card on Stripe's page, forty leads, three returned."""

import io
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from billing.ledger import balance_cents
from billing.models import Payment
from buyers.models import Buyer
from leads.models import Contact
from marketplace.audit import violations
from marketplace.models import Order, OrderAwaitingPayment, Return
from stripe_stand_in import StandIn
from tests.browser.conftest import log_in
from tests.browser.test_pages import defects
from tests.factories import make_buyer, make_user
from tests.marketplace.returns.return_cases import generous, lead_of, suppress_at

pytestmark = pytest.mark.browser

OWNER, DESK = "robin@newcomer.example", "desk@example.com"
SECRET = "whsec_of_the_journey"


@pytest.fixture
def stripe_page(live_server, settings, worker) -> StandIn:
    """Stripe's stand-in, which sends every event to the live server."""
    settings.SITE_URL = live_server.url
    settings.STRIPE_SECRET_KEY = "sk_test_of_the_journey"
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    hook = f"{live_server.url}/stripe/webhook/"
    with StandIn(webhook_url=hook, webhook_secret=SECRET, first_retry=0.2) as stand_in:
        settings.STRIPE_API_BASE = settings.STRIPE_CHECKOUT_ORIGIN = stand_in.url
        directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        allowed = {**directives, "form-action": [*directives["form-action"], stand_in.url]}
        settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": allowed}
        yield stand_in


@pytest.fixture
def buyer(market) -> Buyer:
    """An approved buyer without money; sixty leads are for sale at $2.20."""
    market.leads(60)
    generous(market)
    return make_buyer(make_user(OWNER), market.vertical)


def go_and_pay(page: Page, market) -> None:
    page.goto(f"/{market.vertical.slug}/checkout/?quantity=40&buy_sort=newest")
    page.get_by_role("button", name="Pay $88.00 by card and buy").click()
    expect(page.get_by_role("heading", name="$88.00")).to_be_visible()


def text_of(page: Page, path: str) -> str:
    """Return the text of a PDF, fetched as the logged-in person."""
    answer = page.request.get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    words = " ".join(part.extract_text() for part in PdfReader(io.BytesIO(answer.body())).pages)
    return re.sub(r"\s+", " ", words)


def hand_back(page: Page, order: Order, places: tuple[int, ...], reason: str, words: str = "") -> None:
    page.goto(f"/returns/claim/{order.public_id}/")
    for place in places:
        page.locator(f'input[name="lead"][value="{lead_of(order, place).public_id}"]').check()
    page.get_by_label(reason).check()
    page.get_by_label("What happened").fill(words)
    page.get_by_role("button", name="Return selected leads").click()


def decide(page: Page, returned: Return, answer: str, finding: str) -> None:
    page.goto("/admin/marketplace/return/?queue=waiting")
    page.get_by_role("link", name=returned.number).click()
    page.get_by_role("link", name="Decide").click()
    page.get_by_label(answer, exact=True).check()
    page.get_by_label("Finding").fill(finding)
    page.get_by_role("button", name="Save decision").click()
    expect(page.get_by_text(f"{answer.lower()}ed.").or_(page.get_by_text("refused."))).to_be_visible()


def entries(page: Page) -> list[tuple[str, str, str]]:
    """Return in, out and balance of each row of the statement, newest first."""
    page.goto("/wallet/statement/")
    rows = page.locator("main table tbody tr").all()
    return [tuple(cell.inner_text().strip() for cell in row.get_by_role("cell").all()[-3:]) for row in rows]


def test_an_empty_wallet_forty_leads_and_three_handed_back(market, buyer, stripe_page, new_page):
    page = new_page()
    log_in(page, OWNER)

    go_and_pay(page, market)
    page.get_by_role("button", name="Pay $88.00").click()

    expect(page.get_by_text("40 leads are yours.")).to_be_visible()
    order = Order.objects.get()
    assert (order.filled, order.total_cents, balance_cents(buyer)) == (40, 8_800, 0)
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("^Download .*csv")).click()
    assert len(download.value.path().read_text(encoding="utf-8-sig").splitlines()) == 41

    suppress_at(Contact.objects.get(lead=lead_of(order, 5)).phone_digest, market.now)
    hand_back(page, order, (5,), "Opted out before I bought")
    expect(page.get_by_text("1 lead credited: $2.20 is back in your wallet.")).to_be_visible()
    hand_back(page, order, (0, 1), "Phone number does not work", "Out of service since March 3.")
    expect(page.get_by_text("2 leads in review.")).to_be_visible()
    desk = new_page()
    make_user(DESK, is_staff=True, is_superuser=True)
    log_in(desk, DESK)
    first, second = Return.objects.waiting().order_by("id")
    decide(desk, first, "Credit", "We called; it is out of service.")
    decide(desk, second, "Refuse", "It rings, and the person answers.")

    assert entries(page) == [
        ("$2.20", "", "$4.40"),
        ("$2.20", "", "$2.20"),
        ("", "$88.00", "$0.00"),
        ("$88.00", "", "$88.00"),
    ]
    assert "Paid from the prepaid wallet $88.00" in text_of(page, f"/orders/{order.public_id}/invoice/")
    receipt = text_of(page, f"/wallet/payments/{Payment.objects.get().public_id}/receipt/")
    assert "Visa ending 4242" in receipt and "Paid by card $88.00" in receipt
    assert balance_cents(buyer) == 440
    assert violations() == []


def test_a_declined_card_is_tried_again_and_a_challenge_is_passed(market, buyer, stripe_page, new_page, guard):
    page = new_page()
    log_in(page, OWNER)
    go_and_pay(page, market)
    guard.expected.add(urlsplit(page.url).path)

    page.get_by_role("radio", name=re.compile("4000 0000 0000 0002")).check()
    page.get_by_role("button", name="Pay $88.00").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert not Order.objects.exists()
    page.get_by_role("radio", name=re.compile("4000 0027 6000 3184")).check()
    page.get_by_role("button", name="Pay $88.00").click()
    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_text("40 leads are yours.")).to_be_visible()
    assert balance_cents(buyer) == 0


def test_who_comes_back_without_paying_gives_the_leads_back(market, buyer, stripe_page, new_page):
    page = new_page()
    log_in(page, OWNER)
    go_and_pay(page, market)

    page.get_by_role("link", name=re.compile("^Back to")).click()
    expect(page.get_by_role("heading", name="Waiting for your payment")).to_be_visible()
    assert list(defects(page)) == []
    page.get_by_role("button", name="Cancel, give the leads back").click()

    expect(page.get_by_role("heading", name="No order was made")).to_be_visible()
    assert list(defects(page)) == []
    assert OrderAwaitingPayment.objects.get().status == "released"
    assert not Order.objects.exists()
    assert violations() == []


def test_a_wallet_is_topped_up_at_stripes_page(buyer, stripe_page, new_page):
    page = new_page()
    log_in(page, OWNER)
    page.goto("/wallet/top-up/")

    page.get_by_role("textbox", name="Amount").fill("75")
    page.get_by_role("button", name=re.compile("^Pay on Stripe")).click()
    page.get_by_role("button", name="Pay $75.00").click()

    expect(page.get_by_role("banner").get_by_text("$75.00")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("Paid", exact=True).first).to_be_visible()
    assert balance_cents(buyer) == 7_500
