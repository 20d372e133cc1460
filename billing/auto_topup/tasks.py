"""Jobs of automatic top-up. Each reads from the tables what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.auto_topup import charges


@shared_task
def top_up_wallets() -> None:
    """Announce and charge the top-ups that buyers have agreed to."""
    charges.announce_due(now=timezone.now())
    charges.charge_due(now=timezone.now())
    charges.stop_failed(now=timezone.now())
