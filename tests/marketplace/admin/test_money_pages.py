"""The money of an order and of a lead, each on one page; and the order a payment is for."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from billing.ledger import give_back
from billing.models import Payment
from marketplace.models import OrderAwaitingPayment
from tests.cast import buy
from tests.factories import credit, make_buyer, make_user

pytestmark = pytest.mark.django_db
RIGHTS = ("view_order", "view_sale", "view_transaction", "view_earning", "view_payment", "view_orderawaitingpayment")


@pytest.fixture
def lead(market):
    return market.lead()


@pytest.fixture
def order(market, lead):
    """One lead at $2.20; the source earns half."""
    return buy(market, market.buyer, market.user, lead)


@pytest.fixture
def accountant(client):
    user = make_user("accountant@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=RIGHTS))
    client.force_login(user)
    return client


def money_of(order):
    return reverse("admin:marketplace_order_money", args=[order.pk])


def lead_money(lead):
    return reverse("admin:marketplace_sale_lead", args=[lead.pk])


def payment_of(buyer, at, **changes):
    return Payment.objects.create(buyer=buyer, purpose="order", amount_cents=220, created_at=at, **changes)


def give_it_back(market, order):
    sale = order.sales.get()
    give_back(
        buyer=market.buyer,
        leg_id=sale.leg_id,
        cents=sale.price_cents,
        charge_source=True,
        reference="return",
        memo="",
        actor="",
        now=timezone.now(),
    )


def test_an_orders_money_is_on_one_page(accountant, market, order):
    about = payment_of(market.buyer, order.placed_at - timedelta(hours=23))
    payment_of(market.buyer, order.placed_at - timedelta(hours=25))
    payment_of(make_buyer(), order.placed_at)

    page = accountant.get(money_of(order))

    told = page.context
    assert [(line.quantity, line.unit_cents, line.amount_cents) for line in told["lines"]] == [(1, 220, 220)]
    entries = [(entry.account.kind, entry.cents) for posted in told["postings"] for entry in posted.entries.all()]
    assert sorted(entries) == [("payable", 110), ("sales", 220), ("shares", -110), ("wallet", -220)]
    assert [(one["source"], one["legs"], one["earned"], one["charged_back"]) for one in told["shares"]] == [
        (market.source.pk, 1, 110, 0)
    ]
    assert list(told["payments"]) == [about]
    assert "quoted $2.20, charged $2.20" in page.content.decode()


def test_what_was_handed_back_stands_beside_what_was_earned(accountant, market, order):
    give_it_back(market, order)

    (share,) = accountant.get(money_of(order)).context["shares"]

    assert (share["legs"], share["earned"], share["charged_back"]) == (1, 110, -110)


def test_a_leads_money_is_over_all_its_legs(accountant, market, lead, order):
    other = make_buyer(make_user(), market.vertical)
    credit(other, 10_000, "other")
    second = buy(market, other, None, lead)

    page = accountant.get(lead_money(lead))

    assert [(sale.order, sale.price_cents) for sale in page.context["sales"]] == [(order, 220), (second, 220)]
    assert [one.cents for one in page.context["earnings"]] == [110, 110]
    assert page.context["sums"] == {"paid": 440, "back": 0, "shares": 220, "kept": 220}
    assert "Buyers paid $4.40 and got $0.00 back; the source keeps $2.20, we keep $2.20." in page.content.decode()


def test_an_orders_invoice_is_a_pdf(accountant, order):
    response = accountant.get(reverse("admin:marketplace_order_invoice", args=[order.pk]))

    assert response.content.startswith(b"%PDF")


def test_a_payment_shows_the_order_it_was_for(accountant, market, order):
    payment = payment_of(market.buyer, order.placed_at)
    awaiting = OrderAwaitingPayment.objects.create(
        buyer=market.buyer,
        idempotency_key="k",
        fingerprint="f",
        token="a sealed token",
        quantity=1,
        quoted_cents=220,
        payment=payment,
        order=order,
        status="completed",
        created_at=order.placed_at,
        expires_at=order.placed_at,
        ended_at=order.placed_at,
    )

    of_payment = accountant.get(reverse("admin:billing_payment_change", args=[payment.pk])).content.decode()
    of_pending = accountant.get(
        reverse("admin:marketplace_orderawaitingpayment_change", args=[awaiting.pk])
    ).content.decode()

    assert f"order {order.public_id}" in of_payment
    assert money_of(order) in of_pending
    assert "a sealed token" not in of_payment + of_pending
    assert f"payment {payment.number}" in accountant.get(money_of(order)).content.decode()


def test_the_pages_name_no_person(accountant, market, lead, order):
    for address in (money_of(order), lead_money(lead)):
        page = accountant.get(address).content.decode()
        assert "Pat" not in page
        assert "@example.com" not in page.replace("accountant@example.com", "")


@pytest.mark.parametrize("missing", ["view_transaction", "view_earning"])
def test_without_the_right_nothing_is_seen(client, market, lead, order, missing):
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=set(RIGHTS) - {missing}))
    client.force_login(user)

    assert client.get(money_of(order)).status_code == 403
    assert client.get(lead_money(lead)).status_code == 403


def test_the_pages_are_found_from_the_order_the_sale_and_the_lead(accountant, lead, order):
    sale = order.sales.get()
    places = [
        (reverse("admin:marketplace_order_change", args=[order.pk]), money_of(order)),
        (reverse("admin:marketplace_sale_change", args=[sale.pk]), lead_money(lead)),
    ]

    for place, link in places:
        assert link in accountant.get(place).content.decode()
    assert accountant.get(lead_money(type(lead)(pk=99_999))).status_code == 404
