"""Jobs of reconciliation. Each reads from the tables what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.reconciliation import reconciliation


@shared_task
def reconcile_stripe() -> None:
    """Compare yesterday's books with Stripe's, once, and email the operator if they differ."""
    reconciliation.reconcile_yesterday(timezone.now())
    reconciliation.tell_operator(timezone.now())
