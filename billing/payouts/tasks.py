"""Jobs of payouts. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.payouts import execution


@shared_task
def settle_payouts() -> None:
    """Transfers of which nobody knows how they ended."""
    execution.ask_again_payouts(timezone.now())
