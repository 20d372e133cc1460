"""Jobs of payments. Each reads from the tables what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.payments import mail, refunds, stripe_events, top_ups


@shared_task
def settle_payments() -> None:
    """Act on events nobody has acted on yet; check payments and refunds whose result is unknown."""
    stripe_events.act_due(now=timezone.now())
    top_ups.ask_again(now=timezone.now())
    refunds.ask_again(now=timezone.now())


@shared_task
def send_payment_mail() -> None:
    """Send emails about results of payments and upcoming charges."""
    mail.send_due(clock=timezone.now)
