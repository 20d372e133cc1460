"""The ledger in the admin: read by staff with permission, changed only by a credit and its reversal."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from billing.ledger import balance_cents, charge_order, credit_wallet
from billing.models import Entry, Transaction
from tests.factories import make_buyer, make_user
from tests.refusal import everything

pytestmark = pytest.mark.django_db
CREDIT = "/admin/billing/account/credit/"
BALANCES = "/admin/billing/account/balances/"


@pytest.fixture
def buyer(db):
    return make_buyer()


@pytest.fixture
def desk(client):
    client.force_login(make_user("desk@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def clerk(client):
    """Staff who may credit small amounts."""
    user = make_user("clerk@example.com", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["add_transaction", "view_account", "view_transaction"])
    )
    client.force_login(user)
    return client


def form(buyer, **changes):
    return {"buyer": buyer.pk, "amount": "250.10", "reference": "wire 1", "memo": "Paid by wire", **changes}


def credited(buyer, cents=1234, reference="w", at=None):
    return credit_wallet(buyer=buyer, cents=cents, reference=reference, memo="", actor="", now=at or timezone.now())


def test_a_credit_goes_to_the_wallet_under_the_clerks_name(clerk, buyer):
    response = clerk.post(CREDIT, form(buyer))

    assert response.status_code == 302
    posted = Transaction.objects.get()
    assert (posted.kind, posted.reference, posted.memo, posted.actor) == (
        "credit",
        "wire 1",
        "Paid by wire",
        "clerk@example.com",
    )
    assert sorted(posted.entries.values_list("account__kind", "cents")) == [("bank", -25010), ("wallet", 25010)]
    assert balance_cents(buyer) == 25010


def test_a_reference_used_before_is_refused_with_a_sentence(desk, buyer):
    desk.post(CREDIT, form(buyer))
    before = everything()

    response = desk.post(CREDIT, form(buyer, amount="9"))

    assert "This reference was already credited. Nothing was posted." in response.content.decode()
    assert everything() == before


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "1000000.01", "NaN", "1e3000", ""])
def test_an_amount_that_is_none_is_refused(desk, buyer, amount):
    assert desk.post(CREDIT, form(buyer, amount=amount)).status_code == 200

    assert not Entry.objects.exists()


@pytest.mark.parametrize(("amount", "cents"), [("500", 50_000), ("500.01", 0)])
def test_more_than_500_dollars_takes_a_superuser(clerk, buyer, amount, cents):
    clerk.post(CREDIT, form(buyer, amount=amount))

    assert balance_cents(buyer) == cents


def test_a_superuser_credits_more(desk, buyer):
    desk.post(CREDIT, form(buyer, amount="500.01"))

    assert balance_cents(buyer) == 50_001


def test_staff_without_the_right_credit_nothing(client, buyer):
    client.force_login(make_user(is_staff=True))

    assert client.post(CREDIT, form(buyer)).status_code == 403
    assert not Entry.objects.exists()


def test_a_stranger_is_sent_to_log_in(client, buyer):
    assert client.post(CREDIT, form(buyer)).status_code == 302
    assert not Entry.objects.exists()


def test_looking_at_the_form_credits_nothing(desk, buyer):
    assert desk.get(CREDIT, form(buyer)).status_code == 200
    assert not Entry.objects.exists()


def test_accounts_and_transactions_are_read_only(desk, buyer):
    posted = credited(buyer)
    before = everything()

    for model, row in (("account", buyer.wallet), ("transaction", posted)):
        change = reverse(f"admin:billing_{model}_change", args=[row.pk])
        assert "$12.34" in desk.get(change).content.decode()
        assert desk.post(change, {"memo": "x", "balance_cents": 1}).status_code == 403
        assert desk.get(reverse(f"admin:billing_{model}_add")).status_code == 403
        assert desk.post(reverse(f"admin:billing_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        assert desk.get(reverse(f"admin:billing_{model}_changelist"), {"q": "w"}).status_code == 200

    assert everything() == before


def test_the_list_of_accounts_leads_to_the_form_for_those_who_may(clerk):
    address = reverse("admin:billing_account_changelist")
    assert CREDIT in clerk.get(address).content.decode()

    watcher = make_user(is_staff=True)
    watcher.user_permissions.set(Permission.objects.filter(codename="view_account"))
    clerk.force_login(watcher)

    assert CREDIT not in clerk.get(address).content.decode()


# --- Balances and statements


def kinds(response):
    return {row["kind"]: (row["accounts"], row["cents"]) for row in response.context["kinds"]}


def test_balances_are_those_of_the_instant(desk, buyer):
    now = timezone.now()
    credited(buyer, 1000, "old", now - timedelta(days=2))
    credited(make_buyer(), 500, "new", now)
    long_ago = now - timedelta(days=1)
    asked = {"at_0": f"{long_ago:%Y-%m-%d}", "at_1": f"{long_ago:%H:%M:%S}"}

    assert kinds(desk.get(BALANCES)) == {"wallet": (2, 1500), "bank": (1, 1500)}
    then = desk.get(BALANCES, asked)
    assert kinds(then) == {"wallet": (2, 1000), "bank": (1, 1000)}
    assert then.context["total_cents"] == 0


@pytest.mark.parametrize("asked", [{"at_0": "never", "at_1": "12:00"}, {"x": "y"}])
def test_an_instant_that_is_none_is_now(desk, buyer, asked):
    credited(buyer, 700)

    response = desk.get(BALANCES, asked)

    assert response.status_code == 200
    assert kinds(response)["wallet"] == (1, 700)


def test_a_statement_is_paged_by_key(desk, buyer, monkeypatch):
    for number in range(51):
        credited(buyer, 100, f"w{number}")
    address = reverse("admin:billing_account_statement", args=[buyer.wallet.pk])

    first = desk.get(address)
    older = desk.get(address, {"before": first.context["page"].older})

    assert [row.balance_cents for row in older.context["page"].rows] == [100]
    assert len(first.context["page"].rows) == 50
    assert "$51.00" in first.content.decode()
    for key in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert desk.get(address, {"before": key}).status_code == 404


def test_a_house_accounts_statement_shows_what_lies_there(desk, buyer):
    posted = credited(buyer, 1000)
    bank = posted.entries.get(account__kind="bank").account

    page = desk.get(reverse("admin:billing_account_statement", args=[bank.pk])).content.decode()
    lines = b"".join(desk.get(reverse("admin:billing_account_csv", args=[bank.pk])).streaming_content).decode()

    assert "Balance now: $10.00." in page
    assert lines.splitlines()[1].split(",")[-3:] == ['"10.00"', '""', '""']


def test_statements_want_the_right_to_see_accounts(client, buyer):
    credited(buyer)
    client.force_login(make_user(is_staff=True))

    for name in ("statement", "csv"):
        assert client.get(reverse(f"admin:billing_account_{name}", args=[buyer.wallet.pk])).status_code == 403
    assert client.get(BALANCES).status_code == 403


# --- Reversal


def undo(posted):
    return reverse("admin:billing_transaction_reverse", args=[posted.pk])


def test_a_wrong_credit_is_reversed_once(desk, buyer):
    posted = credited(buyer, 1000)
    before = everything()
    assert "Reverse the credit" in desk.get(undo(posted)).content.decode()
    assert everything() == before

    for _ in range(2):
        said = desk.post(undo(posted), {"memo": "Wrong company"}, follow=True).content.decode()

    assert "was already posted" in said
    back = Transaction.objects.get(kind="reversal")
    assert (back.reference, back.memo, back.actor) == (str(posted.public_id), "Wrong company", "desk@example.com")
    assert balance_cents(buyer) == 0


def test_what_was_spent_is_not_reversed(desk, buyer):
    posted = credited(buyer, 1000)
    charge_order(buyer=buyer, cents=1, legs=[], reference="o", memo="", actor="", now=timezone.now())

    said = desk.post(undo(posted), {"memo": "Wrong company"}, follow=True).content.decode()

    assert "The wallet holds less than this credit" in said
    assert balance_cents(buyer) == 999


def test_only_credits_are_reversed_and_only_by_a_superuser(desk, buyer):
    posted = credited(buyer, 1000)
    order = charge_order(buyer=buyer, cents=1, legs=[], reference="o", memo="", actor="", now=timezone.now())
    assert desk.post(undo(order), {"memo": "x"}).status_code == 404

    clerk = make_user(is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="billing"))
    desk.force_login(clerk)

    assert desk.post(undo(posted), {"memo": "x"}).status_code == 403
    assert balance_cents(buyer) == 999
