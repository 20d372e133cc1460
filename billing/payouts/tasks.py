"""Jobs of payouts. Each reads from the tables what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.payouts import execution


@shared_task
def settle_payouts() -> None:
    """Check transfers whose result is unknown."""
    execution.ask_again_payouts(timezone.now())
