"""Payouts to sources in the admin: each step is confirmed, allowed, reported and logged."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from billing.ledger import SoldLeg, charge_order
from billing.models import Earning, Payee, Payout, PayoutRun, Transaction
from billing.payouts.payouts import approve, make_run
from tests.factories import make_source, make_user
from tests.refusal import everything

pytestmark = pytest.mark.django_db
MAKE = "/admin/billing/payoutrun/make/"
SOURCES = "/admin/billing/earning/sources/"


def person(*codenames, email=None):
    user = make_user(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def treasurer(db):
    """May create and pay payout runs, but not approve them."""
    return person("add_payoutrun", "change_payoutrun", "view_payoutrun", "view_payout", email="treasurer@example.com")


@pytest.fixture
def director(db):
    return person("approve_payouts", "view_payoutrun", email="director@example.com")


@pytest.fixture
def source(market):
    """$40 due, to be paid by the bank."""
    Payee.objects.create(source=market.source, method="bank", bank_reference="ACME-7")
    earn(market, 8_000)
    return market.source


def earn(market, price, held_until=None):
    leg = market.lead().legs.first()
    legs = [SoldLeg(leg.pk, price, held_until or market.now - timedelta(minutes=1))]
    charge_order(buyer=market.buyer, cents=price, legs=legs, reference=f"o {leg.pk}", memo="", actor="", now=market.now)
    return leg


@pytest.fixture
def run(source, treasurer):
    now = timezone.now()
    return make_run(now, treasurer, now)


@pytest.fixture
def approved(run, director):
    return approve(run, director, timezone.now())


def act(name, row):
    return reverse(f"admin:billing_{row._meta.model_name}_{name}", args=[row.pk])


def at(client, user):
    client.force_login(user)
    return client


def said(response):
    return [str(message) for message in response.context["messages"]]


def until(instant):
    return {"cutoff_at_0": f"{instant:%Y-%m-%d}", "cutoff_at_1": f"{instant:%H:%M:%S}"}


def test_the_page_says_what_would_be_paid_and_why_the_rest_waits(client, market, source, treasurer):
    market.source = make_source()
    market.text = market.text.__class__.objects.create(
        source=market.source, version="v9", wording="Up to 5.", channels=["call"], most_companies=5
    )
    earn(market, 1_000)

    page = at(client, treasurer).get(MAKE)

    assert [(one.source.pk, one.cents, one.reason) for one in page.context["due"]] == [
        (source.pk, 4_000, ""),
        (market.source.pk, 500, "Below the minimum payout: carried over"),
    ]
    assert "$40.00 would be paid" in page.content.decode()
    assert "A source owed less than $25.00 waits" in page.content.decode()


def test_a_run_is_made_of_what_was_due(client, market, source, treasurer):
    response = at(client, treasurer).post(MAKE, until(timezone.now()), follow=True)

    run = PayoutRun.objects.get()
    assert said(response) == ["Created a payout run of $40.00. It is waiting for approval."]
    assert (run.created_by, run.total_cents, run.status) == (treasurer, 4_000, "draft")
    assert LogEntry.objects.get().get_change_message() == "Created a payout run of $40.00. It is waiting for approval."


@pytest.mark.parametrize(
    ("ahead", "sentence"),
    [
        (timedelta(days=1), "Choose a cutoff that is not in the future."),
        (timedelta(days=-1), "Nothing is due that can be paid."),
    ],
)
def test_a_run_that_cannot_be_made_says_why(client, source, treasurer, ahead, sentence):
    response = at(client, treasurer).post(MAKE, until(timezone.now() + ahead), follow=True)

    assert said(response)[0].startswith(sentence)
    assert not PayoutRun.objects.exists()


def test_who_approves_need_not_be_able_to_pay(client, run, director, treasurer):
    assert at(client, treasurer).post(act("approve", run)).status_code == 403

    page = at(client, director).get(act("change", run)).content.decode()
    assert act("approve", run) in page
    assert act("cancel", run) not in page
    before = everything()
    assert "$40.00 to 1 source. Needs approval from one person." in client.get(act("approve", run)).content.decode()
    assert everything() == before

    response = client.post(act("approve", run), follow=True)

    run.refresh_from_db()
    assert said(response) == ["You approved $40.00."]
    assert (run.status, run.approvals.get().user) == ("approved", director)
    assert act("approve", run) not in response.content.decode()


def test_over_the_limit_the_page_says_that_one_more_is_needed(client, settings, source, treasurer, director):
    settings.PAYOUT_TWO_PEOPLE_OVER_CENTS = 3_999
    now = timezone.now()
    run = make_run(now, treasurer, now)

    response = at(client, director).post(act("approve", run), follow=True)

    assert said(response) == ["You approved $40.00. One more person must approve it."]
    assert said(client.post(act("approve", run), follow=True)) == [
        "You already approved this run. Someone else must approve it too."
    ]
    run.refresh_from_db()
    assert run.status == "draft"


def test_the_banks_file_is_handed_out_by_post_only(client, approved, treasurer):
    at(client, treasurer)
    assert "After the first download you can" in client.get(act("bank", approved)).content.decode()
    assert approved.payouts.get().status == "waiting"

    first, second = client.post(act("bank", approved)), client.post(act("bank", approved))

    assert first.content == second.content
    assert b"ACME-7" in first.content
    assert first["Content-Disposition"] == f'attachment; filename="payouts-{approved.number}.csv"'
    assert approved.payouts.get().status == "sent"


def test_a_draft_has_no_file(client, run, treasurer):
    response = at(client, treasurer).post(act("bank", run), follow=True)

    assert said(response) == ["Only an approved run has a bank file."]
    assert run.payouts.get().status == "waiting"


def test_all_that_the_bank_paid_is_marked_at_once(client, approved, treasurer):
    at(client, treasurer).post(act("bank", approved))

    for _ in range(2):
        response = client.post(act("paid", approved), follow=True)

    approved.refresh_from_db()
    assert said(response) == ["0 payouts marked as paid."]
    assert (approved.status, approved.payouts.get().status) == ("done", "paid")
    assert Transaction.objects.get(kind="payout").actor == "treasurer@example.com"


def test_one_payout_is_marked_as_sent_back(client, approved, treasurer):
    at(client, treasurer).post(act("bank", approved))
    payout = approved.payouts.get()

    response = client.post(act("sent-back", payout), {"problem": "Account closed"}, follow=True)

    payout.refresh_from_db()
    assert said(response)[0].startswith("$40.00 is due to")
    assert (payout.status, payout.problem) == ("failed", "Account closed")
    assert Earning.objects.filter(payout=None).count() == 1
    assert client.post(act("paid", payout), follow=True).status_code == 200
    assert not Transaction.objects.filter(kind="payout").exists()


def test_one_payout_is_marked_as_paid(client, approved, treasurer):
    at(client, treasurer).post(act("bank", approved))

    client.post(act("paid", approved.payouts.get()))

    assert Payout.objects.get().status == "paid"


def test_what_the_bank_returns_after_it_was_paid_is_due_again(client, approved, treasurer):
    payout = approved.payouts.get()
    at(client, treasurer).post(act("bank", approved))
    client.post(act("paid", payout))
    page = client.get(act("change", payout)).content.decode()
    assert (act("paid", payout) in page, act("sent-back", payout) in page) == (False, True)

    client.post(act("sent-back", payout), {"problem": "Account closed"})

    assert Payout.objects.get().status == "failed"
    assert Transaction.objects.get(kind="reversal").actor == "treasurer@example.com"
    assert Earning.objects.filter(payout=None).count() == 1


def test_a_run_is_canceled_by_post_only(client, run, treasurer):
    at(client, treasurer).get(act("cancel", run))
    run.refresh_from_db()
    assert run.status == "draft"

    response = client.post(act("cancel", run), follow=True)

    run.refresh_from_db()
    assert said(response) == ["Canceled. What it would have paid is due again."]
    assert run.status == "canceled"


def test_without_a_key_the_page_says_that_nothing_can_be_transferred(client, settings, approved, treasurer):
    settings.STRIPE_SECRET_KEY = ""

    response = at(client, treasurer).post(act("transfer", approved), follow=True)

    assert said(response) == ["There is no key for Stripe, so we can't make transfers."]


def test_a_payouts_statement_is_a_pdf(client, approved, treasurer):
    payout = approved.payouts.get()

    response = at(client, treasurer).get(act("pdf", payout))

    assert response.content.startswith(b"%PDF")
    assert response["Content-Disposition"] == f'attachment; filename="payout-{payout.number}.pdf"'


# --- Sources


@pytest.fixture
def reader(db):
    return person("view_earning", email="reader@example.com")


def test_every_sources_sums_are_on_one_page(client, market, source, reader):
    earn(market, 1_000, timezone.now() + timedelta(days=3))

    rows = at(client, reader).get(SOURCES).context["rows"]

    assert [(one.pk, totals.earned_cents, totals.balance_cents, totals.due_cents) for one, totals in rows] == [
        (source.pk, 4_500, 500, 4_000)
    ]


def test_a_statement_shows_every_leg_and_no_person(client, market, source, reader, monkeypatch):
    monkeypatch.setattr("billing.payouts.source_statements.PAGE", 1)
    earn(market, 1_000)
    address = f"{SOURCES}{source.pk}/"

    first = at(client, reader).get(address)
    second = client.get(address, {"before": first.context["page"].older})

    assert [row.cents for page in (first, second) for row in page.context["page"].rows] == [500, 4_000]
    assert "Owed $45.00: $0.00 pending, $45.00 due" in first.content.decode()
    assert "Pat" not in first.content.decode()
    assert b"".join(client.get(f"{address}csv/").streaming_content).count(b"\r\n") == 3
    assert client.get(f"{address}pdf/").content.startswith(b"%PDF")
    assert client.get(address, {"before": "x"}).status_code == 404
    assert client.get(address, {"before": "9" * 30}).status_code == 404
    assert client.get(f"{SOURCES}999999/").status_code == 404


def test_a_source_that_never_earned_has_no_document(client, reader):
    response = at(client, reader).get(f"{SOURCES}{make_source().pk}/pdf/", follow=True)

    assert said(response)[0].endswith("has no earnings yet.")


@pytest.mark.parametrize("name", ["sources", "statement", "csv", "pdf"])
def test_what_sources_earn_is_for_those_who_may_see_it(client, source, treasurer, name):
    address = reverse(f"admin:billing_earning_{name}", args=[] if name == "sources" else [source.pk])

    assert at(client, treasurer).get(address).status_code == 403


@pytest.mark.parametrize("name", ["approve", "cancel", "bank", "transfer", "paid"])
def test_no_step_is_taken_by_who_may_only_look(client, approved, name):
    before = everything()

    assert at(client, person("view_payoutrun", "view_payout")).post(act(name, approved)).status_code == 403
    assert {table: rows for table, rows in everything().items() if rows != before[table]}.keys() <= {"buyers_user"}


# --- Payees


def test_where_money_goes_is_edited_with_its_history(client, source):
    keeper = person("view_payee", "change_payee", "view_source")
    address = reverse("admin:billing_payee_change", args=[source.payee.pk])

    form = {"method": "bank", "bank_reference": "ACME-8", "stripe_account_id": "", "email": ""}

    at(client, keeper).post(address, form)

    history = source.payee.events.order_by("pgh_id")
    assert Payee.objects.get().bank_reference == "ACME-8"
    assert list(history.values_list("bank_reference", flat=True)) == ["ACME-7", "ACME-8"]
    assert history.last().pgh_context.metadata["user"] == keeper.pk


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"method": "stripe", "stripe_account_id": "x"},
            "Enter the ID of the connected account, which starts with acct_",
        ),
        ({"method": "bank", "bank_reference": ""}, "Enter the bank&#x27;s reference for this payee."),
    ],
)
def test_a_payee_that_could_not_be_paid_is_refused(client, source, changes, sentence):
    keeper = person("view_payee", "change_payee")
    address = reverse("admin:billing_payee_change", args=[source.payee.pk])
    form = {"method": "bank", "bank_reference": "A", "stripe_account_id": "", "email": "", **changes}

    assert sentence in at(client, keeper).post(address, form).content.decode()
    assert Payee.objects.get().bank_reference == "ACME-7"
