"""What a buyer sees of money and can do about it: the wallet, its statement, topping up by card."""

import re
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.ledger import Kind, Posting, balance_cents, credit_wallet, house_account, post, take_back, wallet_of
from billing.models import Account, AutomaticTopUp, Customer, Payment
from billing.payments.payment_status import PaymentStatus
from billing.payments.top_ups import settle_while_watched
from billing.wallet.views import PAYMENTS_SHOWN
from buyers.models import Buyer, Membership, Role
from tests.factories import make_buyer, make_user
from tests.refusal import everything

pytestmark = pytest.mark.django_db
Status = Payment.Status
PASSING = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')


@pytest.fixture
def owner(db):
    return make_user("owner@tamarack.example")


@pytest.fixture
def buyer(owner):
    return make_buyer(owner)


@pytest.fixture
def browser(client):
    def browser(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return browser


@pytest.fixture
def page(browser, owner):
    """The page the owner sees at a URL."""

    def page(address, status=200):
        response = browser(owner).get(address)
        assert response.status_code == status
        return response.content.decode()

    return page


def member(buyer, role):
    user = make_user()
    Membership.objects.create(user=user, buyer=buyer, role=role)
    return user


def credit(buyer, cents, reference="wire 1"):
    return credit_wallet(
        buyer=buyer, cents=cents, reference=reference, memo="Paid by wire", actor="desk", now=timezone.now()
    )


def form(**changes):
    return {"amount": "250", "key": "k1", **changes}


def make_payment(buyer, **changes):
    now = timezone.now()
    values = {"purpose": Payment.Purpose.TOP_UP, "amount_cents": 5000, "created_at": now, **changes}
    if values.get("status", Status.CREATED) not in Payment.UNFINISHED:
        values.setdefault("ended_at", now)
    return Payment.objects.create(buyer=buyer, **values)


# --- The wallet


def test_the_wallet_shows_its_balance_and_what_moved(page, buyer):
    credit(buyer, 123_456)

    said = page("/wallet/")

    assert said.count("$1,234.56") == 4  # masthead, balance, the entry, and the balance after it
    assert "Paid by wire" in said


def test_a_company_without_money_sees_an_empty_wallet_and_looking_opens_no_account(browser, owner, buyer):
    client = browser(owner)
    before = everything()

    for address in ("/wallet/statement/", "/wallet/statement/csv/"):
        assert client.get(address).status_code == 200

    assert "No activity yet." in client.get("/wallet/").content.decode()
    assert everything() == before


@pytest.mark.parametrize("entries", [1, 30])
def test_the_wallet_asks_the_same_however_much_there_is(
    browser, owner, buyer, stripe_settings, django_assert_num_queries, entries
):
    for number in range(entries):
        credit(buyer, 100, f"wire {number}")
        make_payment(buyer, status=Status.EXPIRED)
    client = browser(owner)
    client.get("/wallet/")

    with django_assert_num_queries(13):
        client.get("/wallet/")


def test_without_a_key_cards_are_off_and_the_desk_is_named(page, buyer, settings):
    settings.STRIPE_SECRET_KEY = ""

    for address in ("/wallet/", "/wallet/top-up/", "/wallet/auto-topup/"):
        said = page(address)
        assert "We don’t take cards at the moment." in said
        assert f'<a href="mailto:{settings.OPERATOR["email"]}">' in said
        assert "Pay on Stripe" not in said


def test_a_wallet_below_zero_says_that_buying_is_stopped(page, buyer):
    credit(buyer, 1000)
    wallet = wallet_of(buyer)
    take_back(wallet)
    post(
        Posting(Kind.DISPUTE, "dp_1:opened", timezone.now()),
        {wallet: -5000, house_account(Account.Kind.DISPUTES): 5000},
    )

    said = page("/wallet/")

    assert "Your wallet is below zero, and buying is stopped" in said
    assert "−$40.00" in said


def test_a_wallet_in_order_says_nothing_of_disputes(page, buyer):
    credit(buyer, 1000)

    assert "buying is stopped" not in page("/wallet/")


@pytest.mark.parametrize(
    ("role", "pays", "sets_up"), [(Role.OWNER, True, True), (Role.BUYER, True, False), (Role.VIEWER, False, False)]
)
def test_each_role_is_offered_what_it_may_do(browser, buyer, stripe_settings, role, pays, sets_up):
    credit(buyer, 1000)

    said = browser(member(buyer, role)).get("/wallet/").content.decode()

    assert "$10.00" in said
    assert ('href="/wallet/top-up/"' in said) == pays
    assert ('href="/wallet/auto-topup/"' in said) == sets_up


def test_what_is_announced_and_what_is_on_its_way_stand_by_the_balance(page, buyer, stripe_settings):
    make_payment(buyer, amount_cents=7700, status=Status.PROCESSING)
    make_payment(buyer, amount_cents=8800, purpose="automatic", status=Status.ANNOUNCED)

    said = page("/wallet/")

    assert re.search(r"On its way from your bank</dt><dd>\$77\.00<", said)
    assert re.search(r"Scheduled, not charged yet</dt><dd>\$88\.00<", said)
    assert "Stop this charge" in said


def test_a_bank_debit_counts_as_on_its_way_however_many_payments_came_after_it(page, buyer, stripe_settings):
    make_payment(buyer, amount_cents=7700, status=Status.PROCESSING)
    for _ in range(PAYMENTS_SHOWN):
        make_payment(buyer, amount_cents=100, status=Status.CANCELED)

    said = page("/wallet/")

    assert re.search(r"On its way from your bank</dt><dd>\$77\.00<", said)


# --- The statement


def test_the_statement_is_paged_and_its_links_lead_on(browser, owner, buyer):
    for number in range(120):
        credit(buyer, number + 1, f"wire {number}")
    client = browser(owner)
    seen, address = [], "/wallet/statement/"

    while address:
        response = client.get(address)
        seen += [row.cents for row in response.context["page"].rows]
        found = re.search(r'rel="next" href="([^"]+)"', response.content.decode())
        address = f"/wallet/statement/{found[1]}" if found else None

    assert seen == list(range(120, 0, -1))
    assert 'rel="prev"' in response.content.decode()


def test_the_file_has_what_the_pages_have(browser, owner, buyer):
    for number in range(70):
        credit(buyer, number + 1, f"wire {number}")

    response = browser(owner).get("/wallet/statement/csv/")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="statement.csv"'
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert len(lines) == 71
    assert lines[1].endswith('"wire 69","0.70","","24.85"')


def test_the_pdf_is_a_pdf_and_more_than_fits_is_refused(browser, owner, buyer, monkeypatch):
    credit(buyer, 100)
    credit(buyer, 200, "wire 2")
    client = browser(owner)

    response = client.get("/wallet/statement/pdf/")
    monkeypatch.setattr("billing.documents.receipts.MOST_LINES", 1)
    refused = client.get("/wallet/statement/pdf/?first=2020-01-01", follow=True)

    assert (response["Content-Type"], response.content[:5]) == ("application/pdf", b"%PDF-")
    assert refused.redirect_chain == [("/wallet/statement/?first=2020-01-01", 302)]
    assert "can have at most 1 lines" in refused.content.decode()


def test_the_period_and_the_instant_are_asked_for_by_address(page, buyer):
    credit(buyer, 4321)
    today, tomorrow = timezone.now().date(), timezone.now().date() + timedelta(days=1)

    assert "Paid by wire" in page(f"/wallet/statement/?first={today}&last={today}")
    later = page(f"/wallet/statement/?first={tomorrow}")
    assert "No activity in this period." in later
    assert "Paid by wire" not in later
    assert "the wallet held <b>$43.21</b>" in page(f"/wallet/statement/?at={tomorrow}T00:00")
    assert "the wallet held <b>$0.00</b>" in page("/wallet/statement/?at=2026-01-01T00:00")


@pytest.mark.parametrize(
    "query",
    [
        "first=2026-02-30",
        "first=2026-02-02&last=2026-02-01",
        "last=9999-12-31",
        "first=0001-01-01",
        "at=never",
        "at=",
        "at=9999-12-31T23:59",
    ],
)
def test_days_that_are_none_are_refused_with_the_form(page, buyer, query):
    credit(buyer, 4321)

    assert "We can’t show these dates" in page(f"/wallet/statement/?{query}", 422)


UUID_OF_NOTHING = "0f8fad5b-d9cb-469f-a165-708677289501"


@pytest.mark.parametrize("query", ["before=x", "after=x", f"before={UUID_OF_NOTHING}", f"after={UUID_OF_NOTHING}"])
def test_a_row_that_is_none_is_not_there(page, buyer, query):
    credit(buyer, 4321)

    page(f"/wallet/statement/?{query}", 404)


@pytest.mark.parametrize(("kind", "place"), [(Kind.ORDER, "orders"), (Kind.RETURN, "returns")])
def test_an_entry_leads_to_what_it_was_for(page, buyer, kind, place):
    about, nothing = str(uuid.uuid4()), "by hand"
    for reference in (about, nothing):
        post(
            Posting(kind, reference, timezone.now()),
            {wallet_of(buyer): 100, house_account(Account.Kind.RETURNS): -100},
        )

    said = page("/wallet/statement/")

    assert re.findall(rf'<th scope="row"><a href="/{place}/([^"]+)/">', said) == [about]


def test_nobody_elses_entries_are_in_a_statement(page, buyer):
    foreign = credit(make_buyer(), 987_654, "theirs")

    assert "$9,876.54" not in page("/wallet/statement/")
    page(f"/wallet/statement/?before={foreign.public_id}", 404)


# --- Topping up


def test_a_top_up_is_one_payment_and_leads_to_stripes_page(browser, owner, buyer, stand_in, settings):
    response = browser(owner).post("/wallet/top-up/", form(amount="$1,250.50", keep_card="on"))

    payment = Payment.objects.get()
    assert response.status_code == 303
    assert response["Location"] == payment.page_url
    assert response["Location"].startswith(f"{stand_in.url}/")
    said = (payment.buyer, payment.asked_by, payment.purpose, payment.amount_cents, payment.keep_card, payment.status)
    assert said == (buyer, owner, "top_up", 125_050, True, "open")
    assert balance_cents(buyer) == 0


def test_the_form_sent_twice_is_one_payment(browser, owner, buyer, stand_in):
    client = browser(owner)

    first, second = (client.post("/wallet/top-up/", form()) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Payment.objects.count() == 1


def test_the_key_of_another_amount_is_refused(browser, owner, buyer, stand_in):
    client = browser(owner)
    client.post("/wallet/top-up/", form())
    before = everything()

    response = client.post("/wallet/top-up/", form(amount="251"))

    assert response.status_code == 422
    assert "You already started this payment with a different amount." in response.content.decode()
    assert everything() == before


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("9.99", "Enter at least $10.00."),
        ("10000.01", "Enter at most $10,000.00."),
        ("", "Enter an amount."),
        ("ten", "Enter an amount in dollars, such as 250 or 99.50."),
        ("10.001", "with at most two decimal places"),
        ("1e9", "Enter a smaller amount."),
        ("-50", "Enter at least $10.00."),
        ("NaN", "Enter an amount in dollars, such as 250 or 99.50."),
    ],
)
def test_an_amount_out_of_bounds_is_said_so_and_nothing_is_asked(browser, owner, buyer, stand_in, amount, said):
    client = browser(owner)
    before = everything()

    response = client.post("/wallet/top-up/", form(amount=amount))

    assert response.status_code == 422
    assert said in response.content.decode()
    assert everything() == before


@pytest.mark.parametrize(("amount", "cents"), [("10", 1000), ("10000", 1_000_000)])
def test_the_limits_themselves_may_be_paid(browser, owner, buyer, stand_in, amount, cents):
    assert browser(owner).post("/wallet/top-up/", form(amount=amount)).status_code == 303
    assert Payment.objects.get().amount_cents == cents


def test_a_viewer_pays_nothing(browser, buyer, stand_in):
    client = browser(member(buyer, Role.VIEWER))
    before = everything()

    assert client.get("/wallet/top-up/").status_code == 404
    assert client.post("/wallet/top-up/", form()).status_code == 404
    assert everything() == before


def test_a_closed_company_pays_nothing(browser, owner, buyer, stand_in):
    Buyer.objects.filter(pk=buyer.pk).update(closed_at=timezone.now())
    client = browser(owner)
    before = everything()

    response = client.post("/wallet/top-up/", form())

    assert response.status_code == 422
    assert everything() == before


def test_when_stripe_is_silent_nothing_is_charged_and_trying_again_is_the_same_payment(
    browser, owner, buyer, stand_in, control, stripe_settings
):
    client, there = browser(owner), stripe_settings.STRIPE_API_BASE
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:1"

    response = client.post("/wallet/top-up/", form(keep_card="on"))

    said = response.content.decode()
    assert response.status_code == 503
    assert "Nothing was charged." in said
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', said))
    assert {name: hidden[name] for name in ("amount", "key")} == {"amount": "250", "key": "k1"}
    assert Payment.objects.get().status == Status.CREATED

    stripe_settings.STRIPE_API_BASE = there
    again = client.post("/wallet/top-up/", hidden)
    assert again.status_code == 303
    assert Payment.objects.get().status == Status.OPEN


# --- Back from Stripe


@pytest.fixture
def opened(browser, owner, buyer, stand_in):
    browser(owner).post("/wallet/top-up/", form(keep_card="on"))
    return Payment.objects.get()


def paid(payment, control, card="pm_card_visa"):
    control.submit(session=payment.stripe_session_id, card=card)
    return f"/wallet/payments/{payment.public_id}/done/"


def test_who_comes_back_paid_sees_the_money_and_it_is_credited_once(page, buyer, opened, control):
    address = paid(opened, control)

    pages = [page(address) for _ in range(3)]

    assert all("$250.00 is in your wallet. Your balance is now $250.00." in said for said in pages)
    assert all("hx-get" not in said for said in pages)
    assert balance_cents(buyer) == 25_000


def test_who_comes_back_unpaid_sees_the_page_ask_again_and_there_is_a_link_for_it(page, buyer, opened):
    said = page(f"/wallet/payments/{opened.public_id}/done/")

    assert f'hx-get="/wallet/payments/{opened.public_id}/done/?try=1" hx-trigger="load delay:2s"' in said
    assert f'href="/wallet/payments/{opened.public_id}/done/">Check with Stripe now</a>' in said
    assert balance_cents(buyer) == 0


def test_the_page_stops_asking_after_a_while_and_once_it_ended(browser, owner, opened, control):
    client, address = browser(owner), f"/wallet/payments/{opened.public_id}/done/"
    htmx = {"HX-Request": "true"}

    assert "hx-get" in client.get(f"{address}?try=29", headers=htmx).content.decode()
    for tried in ("30", "9" * 5000, "0" * 5000, "x"):
        assert "hx-get" not in client.get(f"{address}?try={tried}", headers=htmx).content.decode()
    client.get(paid(opened, control))
    part = client.get(f"{address}?try=3", headers=htmx).content.decode()
    assert "hx-get" not in part
    assert part.lstrip().startswith('<section class="sheet" id="status"')


def test_the_polls_of_the_page_ask_stripe_nothing(browser, owner, opened, control, stripe_settings):
    address = paid(opened, control)
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:1"

    browser(owner).get(f"{address}?try=1", headers={"HX-Request": "true"})

    before = opened.ask_again_at
    opened.refresh_from_db()
    assert (opened.status, opened.ask_again_at) == (Status.OPEN, before)


def test_a_page_loaded_over_and_over_asks_stripe_once_in_ten_seconds(opened, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "billing.payments.top_ups.charge_or_fetch_status", lambda payment, now: asked.append(now) or open_still(payment)
    )
    start, seconds = timezone.now(), [0, 0.1, 9.9, 10, 15, 20.1]

    for second in seconds:
        settle_while_watched(opened, now=start + timedelta(seconds=second))

    assert [(at - start).total_seconds() for at in asked] == [0, 10, 20.1]
    assert opened.ask_again_at == start + timedelta(seconds=30.1)


def open_still(payment):
    return PaymentStatus(Status.OPEN, (), payment.stripe_session_id, payment.page_url)


def test_who_turns_back_sees_the_payment_and_nothing_ends_by_looking(browser, owner, opened):
    client, address = browser(owner), f"/wallet/payments/{opened.public_id}/back/"
    before = everything()

    said = client.get(address, follow=True).content.decode()

    assert f'<form method="post" action="{address}">' in said
    assert "Cancel this payment" in said
    assert "Continue on Stripe" in said
    assert everything() == before


def test_who_cancels_ends_the_payment(browser, owner, buyer, opened):
    response = browser(owner).post(f"/wallet/payments/{opened.public_id}/back/", follow=True)

    assert response.redirect_chain == [(f"/wallet/payments/{opened.public_id}/", 302)]
    assert "This payment was canceled before anything was charged." in response.content.decode()
    opened.refresh_from_db()
    assert opened.status == Status.CANCELED


def test_who_cancels_after_paying_has_paid(browser, owner, buyer, opened, control):
    paid(opened, control)

    browser(owner).post(f"/wallet/payments/{opened.public_id}/back/")

    opened.refresh_from_db()
    assert opened.status == Status.PAID
    assert balance_cents(buyer) == 25_000


def test_the_page_of_a_payment_asks_stripe_nothing(page, opened, control):
    paid(opened, control)

    page(f"/wallet/payments/{opened.public_id}/")

    opened.refresh_from_db()
    assert opened.status == Status.OPEN


def test_a_payment_names_what_moved_for_it_and_its_card(page, buyer, opened, control):
    page(paid(opened, control))

    said = page(f"/wallet/payments/{opened.public_id}/")

    assert "Visa ending 4242" in said
    assert f"Card top-up, payment {opened.number}" in said
    assert "Card top-up" in page("/wallet/statement/")
    assert Customer.objects.get().card == "Visa ending 4242"


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED, Status.CANCELED])
def test_what_ended_badly_leads_to_another_try(page, buyer, stripe_settings, status):
    payment = make_payment(buyer, amount_cents=12_345, status=status, problem="The bank said no.")

    said = page(f"/wallet/payments/{payment.public_id}/")

    assert 'href="/wallet/top-up/?amount=123.45"' in said
    assert "The bank said no." in said


@pytest.mark.parametrize(
    ("name", "method"), [("", "get"), ("done/", "get"), ("back/", "get"), ("receipt/", "get"), ("stop/", "post")]
)
def test_anothers_payment_is_to_the_byte_no_payment(browser, owner, buyer, stripe_settings, name, method):
    theirs = make_payment(make_buyer(), purpose="automatic", status=Status.ANNOUNCED)
    client = browser(owner)
    before = everything()

    answers = [
        getattr(client, method)(f"/wallet/payments/{public_id}/{name}")
        for public_id in (theirs.public_id, uuid.uuid4())
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert PASSING.sub(b"", answers[0].content) == PASSING.sub(b"", answers[1].content)
    assert everything() == before


# --- Automatic top-up


TERMS = {"threshold": "50", "amount": "100", "daily_ceiling": "300"}


@pytest.fixture
def with_card(buyer, stripe_settings):
    return Customer.objects.create(
        buyer=buyer,
        stripe_id="cus_1",
        payment_method_id="pm_1",
        card_brand="visa",
        card_last4="4242",
        created_at=timezone.now(),
    )


def wording_in(response):
    return response.context["wording"]


def test_the_owner_reads_the_words_and_agrees_to_them(browser, owner, buyer, with_card, settings):
    client = browser(owner)

    wording = wording_in(client.post("/wallet/auto-topup/", TERMS))
    response = client.post("/wallet/auto-topup/agree/", {**TERMS, "wording": wording})

    assert response.status_code == 302
    agreed = AutomaticTopUp.objects.get()
    assert wording == (
        f"{buyer.legal_name} allows {settings.OPERATOR['name']} to charge Visa ending 4242 $100.00 each time the"
        " wallet balance is below $50.00, up to $300.00 a day (UTC), until we turn it off. You will email us at least"
        " 10 minutes before each charge, so that we can stop it, and send a receipt after it."
    )
    assert (agreed.is_on, agreed.consent_wording, agreed.consented_by) == (True, wording, owner)
    assert (agreed.threshold_cents, agreed.amount_cents, agreed.daily_ceiling_cents) == (5000, 10_000, 30_000)
    assert "Turn off automatic top-up" in client.get("/wallet/").content.decode()


@pytest.mark.parametrize("changes", [{"amount": "999"}, {"wording": ""}, {"wording": "Anything."}])
def test_only_the_words_that_were_shown_are_agreed_to(browser, owner, buyer, with_card, changes):
    client = browser(owner)
    wording = wording_in(client.post("/wallet/auto-topup/", {**TERMS, "daily_ceiling": "2000"}))
    before = everything()

    response = client.post(
        "/wallet/auto-topup/agree/", {**TERMS, "daily_ceiling": "2000", "wording": wording, **changes}
    )

    assert response.status_code == 422
    assert "Read them again." in response.content.decode()
    assert everything() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "9.99"}, "Enter a charge between $10.00 and $10,000.00."),
        ({"amount": "10000.01"}, "Enter a charge between $10.00 and $10,000.00."),
        ({"threshold": "0"}, "Enter a threshold above $0.00"),
        ({"daily_ceiling": "99.99"}, "Enter a daily limit of at least one charge."),
        ({"daily_ceiling": "5000.01"}, "Enter a daily limit of at most $5,000.00."),
        ({"threshold": ""}, "Enter an amount."),
    ],
)
def test_terms_out_of_bounds_are_refused(browser, owner, buyer, with_card, changes, said):
    response = browser(owner).post("/wallet/auto-topup/", {**TERMS, **changes})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not AutomaticTopUp.objects.exists()


def test_without_a_card_there_is_nothing_to_agree_to(browser, owner, buyer, stripe_settings):
    client = browser(owner)

    assert "Save a card first" in client.get("/wallet/auto-topup/").content.decode()
    assert client.post("/wallet/auto-topup/agree/", {**TERMS, "wording": "x"}).status_code == 422
    assert not AutomaticTopUp.objects.exists()


@pytest.mark.parametrize("role", [Role.BUYER, Role.VIEWER])
def test_the_standing_consent_is_for_owners(browser, buyer, with_card, role):
    client = browser(member(buyer, role))
    before = everything()

    pages = [reverse(f"billing:{name}") for name in ("automatic", "agree", "stop")]
    asked = [client.get(pages[0]), *(client.post(page, TERMS) for page in pages)]
    asked.append(client.post("/wallet/card/remove/"))

    assert [response.status_code for response in asked] == [404] * 5
    assert everything() == before
