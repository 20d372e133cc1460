"""Automatic top-up: with the buyer's consent the saved card is charged when the wallet runs low, announced before.

A payment goes ANNOUNCED (the letter gives it its ``expires_at``: when the notice is over) → CREATED (whoever's
conditional update made it that asks Stripe) → paid, or failed, and then automatic top-up is switched off. A database
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
# How long whoever claimed a charge may take; then Stripe is asked what became of it.
CLAIM = timedelta(minutes=2)
Status = Payment.Status


def announce_due(*, now: datetime) -> int:
    """Announce a payment for every wallet that ran low. Answers how many; the letters go out by ``mail.send_due``."""
    if not gateway.is_on():
        return 0
    stop_failed(now=now)
    return sum(_announce(agreed, now) for agreed in _low(now)[:BATCH])


def _low(now: datetime) -> QuerySet[AutomaticTopUp]:
    """Consents whose wallets are under the threshold, that may charge once more today, without a payment on its way. A
    wallet that a dispute overdrew is not filled from the card that was disputed."""
    on_its_way = Payment.objects.automatic().unfinished().values("buyer_id")
    held = AutomaticTopUp.objects.annotate(balance_cents=Coalesce("buyer__wallet__balance_cents", 0))
    low = held.filter(is_on=True, balance_cents__lt=F("threshold_cents"), balance_cents__gte=0)
    may_pay = low.filter(buyer__closed_at=None, consented_at__lte=now, buyer__customer__payment_method_id__gt="")
    # In SQL, so that companies at their ceiling do not fill the batch and keep others out of it.
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
        return 0  # another worker's is on its way
    return 1


def charge_due(*, now: datetime) -> int:
    """Charge what was announced and not stopped once its notice is over. Answers how many were paid."""
    if not gateway.is_on():
        return 0
    announced = Payment.objects.automatic().filter(status=Status.ANNOUNCED, expires_at__lte=now)
    return sum(_charge(payment, now) for payment in announced.select_related("buyer").order_by("expires_at")[:BATCH])


def _charge(payment: Payment, now: datetime) -> bool:
    agreed = AutomaticTopUp.objects.covering(payment).select_related("buyer").first()
    reason = _why_not(agreed, now, besides=payment) if agreed else "What it was announced under stands no more."
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
    """Switch off every consent whose card failed since it was given, however we learned of that."""
    failed = Payment.objects.automatic().filter(
        status=Status.FAILED, buyer=OuterRef("buyer"), created_at__gte=OuterRef("consented_at")
    )
    because = "The card was declined, or its bank wants you to confirm the charge."
    found = AutomaticTopUp.objects.filter(Exists(failed), is_on=True)
    return found.update(is_on=False, stopped_at=now, stopped_because=because)


def _why_not(agreed: AutomaticTopUp, now: datetime, *, besides: Payment | None = None) -> str:
    """What stands against charging now, for the buyer; nothing when it may be done."""
    held = balance_cents(agreed.buyer)
    if not agreed.is_on or agreed.buyer.closed_at:
        return "Automatic top-up is off."
    if held < 0:
        return "The wallet is below zero because of a dispute."
    if held >= agreed.threshold_cents:
        return "The wallet was filled meanwhile."
    if not Customer.objects.filter(buyer=agreed.buyer).exclude(payment_method_id="").exists():
        return "There is no card on file any more."
    cents = besides.amount_cents if besides else agreed.amount_cents
    if charged_on_day(agreed.buyer, now, besides=besides) + cents > agreed.daily_ceiling_cents:
        return "The day's limit is reached."
    return ""


def charged_on_day(buyer: Buyer, now: datetime, *, besides: Payment | None = None) -> int:
    """What automatic top-up took or is about to take on the day of ``now`` in UTC. A payment announced on one day and
    charged on the next counts on both: the ceiling is never passed, whichever of the two one means."""
    counted = _on_day(now).filter(buyer=buyer)
    if besides:
        counted = counted.exclude(pk=besides.pk)
    return counted.aggregate(total=Sum("amount_cents"))["total"] or 0


def _on_day(now: datetime) -> PaymentQuerySet:
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    touched = Q(created_at__gte=day) | Q(ended_at__gte=day)
    return Payment.objects.automatic().filter(touched, status__in=[*Payment.UNFINISHED, Status.PAID])
