"""Stopping automatic top-up: the consent with the charges announced under it, or a single announcement.

Code that needs both locks must lock the consent first and its announcements second, here and in ``auto_topup``.
"""

from datetime import datetime

from django.db import transaction

from billing.models import AutomaticTopUp, Payment
from billing.models.payment import PaymentQuerySet
from buyers.models import Buyer


@transaction.atomic
def stop_automatic(*, buyer: Buyer, because: str, now: datetime) -> bool:
    """Turn automatic top-up off and cancel the charges announced under it. Return whether it was on."""
    on = AutomaticTopUp.objects.filter(buyer=buyer, is_on=True)
    stopped = on.update(is_on=False, stopped_at=now, stopped_because=because[:200])
    take_back(buyer.payments.automatic(), because=because, now=now)
    return bool(stopped)


def stop_announced(*, payment: Payment, because: str, now: datetime) -> bool:
    """Cancel an announced charge. Return False if the card is already being charged or the payment has ended."""
    return bool(take_back(Payment.objects.filter(pk=payment.pk), because=because, now=now))


def take_back(payments: PaymentQuerySet, *, because: str, now: datetime) -> int:
    """Cancel those that are only announced. Return how many."""
    announced = payments.filter(status=Payment.Status.ANNOUNCED)
    return announced.update(status=Payment.Status.CANCELED, problem=because[:300], ended_at=now, ask_again_at=None)
