"""The operator's money pages: no accessibility problem that axe finds, at any width, light or dark."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.ledger import give_back
from billing.models import Difference, Earning, Payee, Payment, Reconciliation
from billing.payouts.execution import bank_file, mark_as_paid
from billing.payouts.payouts import approve, make_run
from tests.browser.test_pages import DJANGOS_OWN, defects_of
from tests.cast import buy
from tests.factories import Market, credit, make_buyer, make_market, make_source, make_text, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = timedelta(days=1)


@pytest.fixture
def market(settings, transactional_db) -> Market:
    """Two sources, one paid and one drafted, a returned lead, a day that differs."""
    settings.PAYOUT_LEAST_CENTS = 100
    market = make_market()
    now = timezone.now()
    Payee.objects.create(source=market.source, method="bank", bank_reference="ACME-7")
    market.order = buy(market, market.buyer, market.user, *market.leads(5))
    Earning.objects.update(held_until=now - DAY)
    market.paid = approve(make_run(now, make_user(), now), make_user(), now)
    bank_file(market.paid)
    mark_as_paid(market.paid.payouts.get(), actor="desk@example.com", now=now)
    sale = market.order.sales.first()
    give_back(
        buyer=market.buyer,
        leg_id=sale.leg_id,
        cents=sale.price_cents,
        charge_source=True,
        reference="return",
        memo="Disconnected",
        actor="",
        now=now,
    )
    market.draft = second_source(market, now)
    differs(now)
    return market


def second_source(market, now):
    market.source = make_source(legal_name="Quietly Long Named Lead Generation Partners of Ohio LLC")
    market.text = make_text(market.source)
    Payee.objects.create(source=market.source, method="stripe", stripe_account_id="acct_1Example")
    other = make_buyer(make_user(), market.vertical)
    credit(other, 10_000, "other")
    buy(market, other, None, *market.leads(3))
    Earning.objects.filter(source=market.source).update(held_until=now - DAY)
    run = make_run(now, make_user(), now)
    buy(market, other, None, *market.leads(2))
    return run


def differs(now):
    row = Reconciliation.objects.create(
        from_at=now - DAY, until_at=now, started_at=now, finished_at=now, status="differs", is_daily=True
    )
    note = "A charge of Sun Nov 22 14:00:00 2026."
    Difference.objects.create(
        reconciliation=row, kind="missing_here", stripe_id="ch_3PExampleOfACharge1234", their_cents=941, note=note
    )


@pytest.fixture
def payment(market) -> Payment:
    """A payment waiting for the card."""
    return Payment.objects.create(
        buyer=market.buyer, purpose="top_up", amount_cents=5_000, status="open", created_at=timezone.now()
    )


def addresses(market: Market, payment: Payment) -> list[str]:
    def at(name: str, *args: object) -> str:
        return reverse(f"admin:{name}", args=args)

    sale = market.order.sales.first()
    return [
        "/admin/",
        at("billing_account_balances"),
        at("billing_account_statement", market.buyer.wallet.pk),
        at("billing_payment_change", payment.pk),
        at("billing_payment_refund", payment.pk),
        at("billing_payoutrun_make"),
        at("billing_payoutrun_change", market.draft.pk),
        at("billing_earning_sources"),
        at("billing_earning_statement", market.paid.payouts.get().source_id),
        at("billing_reconciliation_change", Reconciliation.objects.get().pk),
        at("marketplace_order_money", market.order.pk),
        at("marketplace_sale_lead", sale.lead_id),
    ]


def test_the_desks_money_pages(market, payment, new_page, be):
    page = new_page()
    be(page, make_user("desk@example.com", is_staff=True, is_superuser=True))

    assert defects_of(page, addresses(market, payment), ignored=DJANGOS_OWN) == []
