"""Jobs of the comparison with Stripe. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.reconciliation import reconciliation


@shared_task
def reconcile_stripe() -> None:
    """Yesterday's books beside Stripe's, once; and a letter to the operator when they differ."""
    reconciliation.reconcile_yesterday(timezone.now())
    reconciliation.tell_operator(timezone.now())
