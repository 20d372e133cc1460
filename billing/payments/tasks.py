"""Jobs of payments. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.payments import mail, refunds, stripe_events, top_ups


@shared_task
def settle_payments() -> None:
    """Messages nobody acted on yet; payments and refunds of which nobody knows how they ended."""
    stripe_events.act_due(now=timezone.now())
    top_ups.ask_again(now=timezone.now())
    refunds.ask_again(now=timezone.now())


@shared_task
def send_payment_mail() -> None:
    """What became of payments, and what will be charged."""
    mail.send_due(clock=timezone.now)
