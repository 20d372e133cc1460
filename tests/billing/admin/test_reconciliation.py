"""Reconciliation with Stripe in the admin: differences stay on the front page until someone has looked at them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from billing.models import Difference, Reconciliation
from billing.stripe import gateway
from tests.factories import make_user

pytestmark = pytest.mark.django_db
COMPARE = "/admin/billing/reconciliation/compare/"


@pytest.fixture
def difference(db):
    now = timezone.now()
    row = Reconciliation.objects.create(
        from_at=now - timedelta(days=1), until_at=now, started_at=now, finished_at=now, status="differs", is_daily=True
    )
    return Difference.objects.create(
        reconciliation=row, kind="missing_here", stripe_id="ch_1", their_cents=941, note="A charge."
    )


@pytest.fixture
def keeper(client):
    user = make_user("keeper@example.com", is_staff=True)
    names = ["view_reconciliation", "add_reconciliation", "view_difference", "change_difference"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


def seen(difference):
    return reverse("admin:billing_difference_seen", args=[difference.pk])


def test_the_first_page_says_what_nobody_has_looked_at(keeper, difference):
    assert "1 difference between our books and Stripe" in keeper.get("/admin/").content.decode()

    response = keeper.post(seen(difference), {"remark": "Booked by hand"}, follow=True)

    difference.refresh_from_db()
    assert "Seen: Booked by hand" in response.content.decode()
    assert (difference.seen_by.email, difference.remark) == ("keeper@example.com", "Booked by hand")
    assert difference.seen_at is not None
    assert "between our books" not in keeper.get("/admin/").content.decode()


def test_the_first_page_says_which_days_could_not_be_compared(keeper, difference):
    Difference.objects.update(seen_by=make_user(), seen_at=timezone.now())
    now = timezone.now()
    Reconciliation.objects.create(
        from_at=now - timedelta(days=3), until_at=now, started_at=now, finished_at=now, status="failed", is_daily=True
    )

    page = keeper.get("/admin/").content.decode()

    assert "1 day</a> could not be compared" in page
    assert "nobody has looked at" not in page


def test_who_may_not_see_it_is_told_nothing(client, difference):
    client.force_login(make_user(is_staff=True))

    assert "between our books" not in client.get("/admin/").content.decode()
    assert client.post(seen(difference), {"remark": "x"}).status_code == 403
    assert client.post(COMPARE, {"day": "2026-01-01"}).status_code == 403
    assert Difference.objects.get().seen_at is None
    assert Reconciliation.objects.count() == 1


def test_a_remark_is_wanted(keeper, difference):
    assert keeper.post(seen(difference), {"remark": ""}).status_code == 200
    assert Difference.objects.get().seen_at is None


def test_a_comparison_shows_what_it_found(keeper, difference):
    page = keeper.get(reverse("admin:billing_reconciliation_change", args=[difference.reconciliation_id]))

    for words in ("Stripe has it, we don&#x27;t", "ch_1", "$9.41", "A charge.", "The books differ"):
        assert words in page.content.decode()


def test_a_day_is_compared_when_asked(keeper, stand_in, now):
    customer = gateway.create_customer(reference="x", key="x")
    gateway.charge_saved_card(reference="p", customer_id=customer, payment_method_id="pm_card_visa", cents=1_000)

    response = keeper.post(COMPARE, {"day": f"{now:%Y-%m-%d}"}, follow=True)

    row = Reconciliation.objects.get()
    assert "The books differ." in response.content.decode()
    assert row.from_at == now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert sorted(row.differences.values_list("kind", "their_cents")) == [("balance", 941), ("missing_here", 941)]
    assert row.is_daily is False


@pytest.mark.parametrize("day", ["2999-01-01", "never", ""])
def test_a_day_that_is_none_is_not_compared(keeper, day):
    assert keeper.post(COMPARE, {"day": day}).status_code == 200
    assert not Reconciliation.objects.exists()
