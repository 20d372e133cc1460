"""Our requests to Stripe, one act at a time, by name; a child process runs them too and is killed on the way."""

from datetime import datetime

from billing.auto_topup import charges
from billing.models import Payment, PayoutRun, StripeEvent
from billing.payments import refunds, stripe_events, top_ups
from billing.payouts import execution
from marketplace.models import OrderAwaitingPayment
from marketplace.orders import awaiting_payment

HERE = "https://market.example/payments/there/"
REFUNDED_CENTS = 2_000


def open_page(key: int, now: datetime) -> None:
    top_ups.open_page(Payment.objects.get(pk=key), success_url=HERE, cancel_url=HERE, now=now)


def settle(key: int, now: datetime) -> None:
    top_ups.settle(Payment.objects.get(pk=key), now=now)


def cancel(key: int, now: datetime) -> None:
    top_ups.cancel(Payment.objects.get(pk=key), now=now)


def complete(key: int, now: datetime) -> None:
    awaiting_payment.look_again(OrderAwaitingPayment.objects.get(pk=key), now=now)


def charge(key: int, now: datetime) -> None:
    """Handle everything announced, including that payment."""
    charges.charge_due(now=now)


def refund(key: int, now: datetime) -> None:
    payment = Payment.objects.get(pk=key)
    refunds.refund_to_card(payment=payment, amount_cents=REFUNDED_CENTS, reason="asked", actor="desk", now=now)


def transfer(key: int, now: datetime) -> None:
    execution.send_transfers(PayoutRun.objects.get(pk=key), actor="desk", now=now)


def hear(key: int, now: datetime) -> None:
    stripe_events.act(StripeEvent.objects.get(pk=key), now=now)


ACTS = {act.__name__: act for act in (open_page, settle, cancel, complete, charge, refund, transfer, hear)}


def sweep(now: datetime) -> None:
    """Run the jobs that resolve open outcomes: they settle payments and payouts and complete orders."""
    stripe_events.act_due(now=now)
    top_ups.ask_again(now=now)
    refunds.ask_again(now=now)
    execution.ask_again_payouts(now)
    awaiting_payment.finish_due(now=now)
