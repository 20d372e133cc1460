"""The ledger at the desk: read by all staff who may, added to by one form."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from billing.admin import dollars
from billing.ledger import balance_cents, credit_wallet
from billing.models import Entry, Transaction
from tests.factories import make_buyer, make_user
from tests.refusal import everything

pytestmark = pytest.mark.django_db
CREDIT = "/admin/billing/account/credit/"


@pytest.fixture
def buyer(db):
    return make_buyer()


@pytest.fixture
def desk(client):
    client.force_login(make_user("desk@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def clerk(client):
    """Staff who may credit small sums."""
    user = make_user("clerk@example.com", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["add_transaction", "view_account", "view_transaction"])
    )
    client.force_login(user)
    return client


def form(buyer, **changes):
    return {"buyer": buyer.pk, "amount": "250.10", "reference": "wire 1", "memo": "Paid by wire", **changes}


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
    assert sorted(posted.entries.values_list("account__kind", "cents")) == [("funding", -25010), ("wallet", 25010)]
    assert balance_cents(buyer) == 25010


def test_a_reference_used_before_is_refused_with_a_sentence(desk, buyer):
    desk.post(CREDIT, form(buyer))
    before = everything()

    response = desk.post(CREDIT, form(buyer, amount="9"))

    assert "This reference moved money before; nothing moved now." in response.content.decode()
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
    posted = credit_wallet(buyer=buyer, cents=1234, reference="w", memo="", actor="")
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


@pytest.mark.parametrize(
    ("cents", "said"), [(0, "$0.00"), (5, "$0.05"), (-123456, "-$1,234.56"), (10**14 + 1, "$1,000,000,000,000.01")]
)
def test_cents_are_said_in_dollars(cents, said):
    assert dollars(cents) == said
