"""Automatic top-up: with the buyer's consent, charge the saved card when the wallet runs low, after announcing it.

A payment goes ANNOUNCED (the email sets its ``expires_at``, the end of the notice) → CREATED (by the worker whose
conditional update won, which then asks Stripe) → paid, or failed, which turns automatic top-up off. A database
constraint allows one unfinished payment of this kind per buyer, so that parallel workers cannot announce two.
"""

from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.ledger import balance_cents
from billing.models import AutomaticTopUp, Customer, Payment
from billing.models.payment import PaymentQuerySet
from billing.payments.stopping import stop_announced
from billing.payments.top_ups import charge
from billing.stripe import gateway
from buyers.models import Buyer

BATCH = 100
# How long the worker that claimed a charge may take before we ask Stripe for the result.
CLAIM = timedelta(minutes=2)
Status = Payment.Status


def announce_due(*, now: datetime) -> int:
    """Announce a payment for every wallet that ran low. Return how many; ``mail.send_due`` sends the emails."""
    if not gateway.is_on():
        return 0
    stop_failed(now=now)
    return sum(_announce(agreed, now) for agreed in _low(now)[:BATCH])


def _low(now: datetime) -> QuerySet[AutomaticTopUp]:
    """Consents whose wallet is below the threshold, with room for one more charge today and no payment in progress. A
    wallet overdrawn by a dispute is not topped up from the card that was disputed."""
    on_its_way = Payment.objects.automatic().unfinished().values("buyer_id")
    held = AutomaticTopUp.objects.annotate(balance_cents=Coalesce("buyer__wallet__balance_cents", 0))
    low = held.filter(is_on=True, balance_cents__lt=F("threshold_cents"), balance_cents__gte=0)
    may_pay = low.filter(buyer__closed_at=None, consented_at__lte=now, buyer__customer__payment_method_id__gt="")
    # Filtered in SQL so that companies at their daily limit don't fill the batch and crowd out others.
    today = _on_day(now).filter(buyer=OuterRef("buyer")).order_by().values("buyer").annotate(Sum("amount_cents"))
    charged = may_pay.annotate(charged_cents=Coalesce(Subquery(today.values("amount_cents__sum")), 0))
    room = charged.filter(charged_cents__lte=F("daily_ceiling_cents") - F("amount_cents"))
    return room.exclude(buyer__in=on_its_way).select_related("buyer").order_by("consented_at", "id")


def _announce(agreed: AutomaticTopUp, now: datetime) -> int:
    if _why_not(agreed, now):
        return 0
    try:
        with transaction.atomic():
            Payment.objects.create(
                buyer=agreed.buyer,
                purpose=Payment.Purpose.AUTOMATIC,
                amount_cents=agreed.amount_cents,
                status=Status.ANNOUNCED,
                asked_by_id=agreed.consented_by_id,
                created_at=now,
            )
    except IntegrityError:
        return 0  # another worker's payment is in progress
    return 1


def charge_due(*, now: datetime) -> int:
    """Charge what was announced and not stopped, once its notice is over. Return how many were paid."""
    if not gateway.is_on():
        return 0
    announced = Payment.objects.automatic().filter(status=Status.ANNOUNCED, expires_at__lte=now)
    return sum(_charge(payment, now) for payment in announced.select_related("buyer").order_by("expires_at")[:BATCH])


def _charge(payment: Payment, now: datetime) -> bool:
    agreed = AutomaticTopUp.objects.covering(payment).select_related("buyer").first()
    reason = _why_not(agreed, now, besides=payment) if agreed else "The terms changed after this charge was scheduled."
    if reason:
        stop_announced(payment=payment, because=reason, now=now)
        return False
    mine = Payment.objects.filter(pk=payment.pk, status=Status.ANNOUNCED)
    if not mine.update(status=Status.CREATED, ask_again_at=now + CLAIM):
        return False
    charge(payment, now=now)
    stop_failed(now=now)
    return payment.status == Status.PAID


def stop_failed(*, now: datetime) -> int:
    """Turn off every consent whose card has failed since it was given, however we learned of it."""
    failed = Payment.objects.automatic().filter(
        status=Status.FAILED, buyer=OuterRef("buyer"), created_at__gte=OuterRef("consented_at")
    )
    because = "The card was declined, or its bank needs you to confirm the charge."
    found = AutomaticTopUp.objects.filter(Exists(failed), is_on=True)
    return found.update(is_on=False, stopped_at=now, stopped_because=because)


def _why_not(agreed: AutomaticTopUp, now: datetime, *, besides: Payment | None = None) -> str:
    """Return why we can't charge now, in words for the buyer; empty when we can."""
    held = balance_cents(agreed.buyer)
    if not agreed.is_on or agreed.buyer.closed_at:
        return "Automatic top-up is off."
    if held < 0:
        return "The wallet is below zero because of a dispute."
    if held >= agreed.threshold_cents:
        return "The wallet has been topped up since."
    if not Customer.objects.filter(buyer=agreed.buyer).exclude(payment_method_id="").exists():
        return "There is no card on file."
    cents = besides.amount_cents if besides else agreed.amount_cents
    if charged_on_day(agreed.buyer, now, besides=besides) + cents > agreed.daily_ceiling_cents:
        return "The daily limit has been reached."
    return ""


def charged_on_day(buyer: Buyer, now: datetime, *, besides: Payment | None = None) -> int:
    """Return what automatic top-up took or is about to take on the UTC day of ``now``, in cents. A payment announced on
    one day and charged on the next counts on both, so the daily limit holds whichever of the two is meant."""
    counted = _on_day(now).filter(buyer=buyer)
    if besides:
        counted = counted.exclude(pk=besides.pk)
    return counted.aggregate(total=Sum("amount_cents"))["total"] or 0


def _on_day(now: datetime) -> PaymentQuerySet:
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    touched = Q(created_at__gte=day) | Q(ended_at__gte=day)
    return Payment.objects.automatic().filter(touched, status__in=[*Payment.UNFINISHED, Status.PAID])
