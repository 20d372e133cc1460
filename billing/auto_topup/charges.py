"""Automatic top-up: with the buyer's consent the saved card is charged when the wallet runs low, announced before.

A payment goes ANNOUNCED (the letter gives it its ``expires_at``: when the notice is over) → CREATED (whoever's
conditional update made it that asks Stripe) → paid, or failed, and then automatic top-up is switched off. A database
constraint allows one unfinished payment of this kind per buyer, so that parallel workers cannot announce two.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.ledger import balance_cents
from billing.models import AutomaticTopUp, Customer, Payment
from billing.models.payment import PaymentQuerySet
from billing.money import dollars
from billing.payments.stopping import stop_announced, stop_automatic, take_back
from billing.payments.top_ups import charge
from billing.stripe import gateway
from buyers.models import Buyer, User

BATCH = 100
# How long whoever claimed a charge may take; then Stripe is asked what became of it.
CLAIM = timedelta(minutes=2)
Status = Payment.Status


class AutomaticRefused(Exception):
    """It cannot be switched on like this; the message says why."""


@dataclass(frozen=True)
class Terms:
    threshold_cents: int
    amount_cents: int
    daily_ceiling_cents: int


def wording_of(terms: Terms, *, buyer: Buyer, card: str) -> str:
    """The sentences that the buyer agrees to, and that are kept as they stood."""
    return (
        f"{buyer.legal_name} allows {settings.OPERATOR['name']} to charge {card} {dollars(terms.amount_cents)} each"
        f" time the wallet holds less than {dollars(terms.threshold_cents)}, at most"
        f" {dollars(terms.daily_ceiling_cents)} a day (UTC), until we switch it off. You write to us at least"
        f" {_minutes(settings.AUTOMATIC_TOP_UP_NOTICE_MINUTES)} before each charge, so that we can stop it, and after"
        " it with a receipt."
    )


def _minutes(number: int) -> str:
    return "1 minute" if number == 1 else f"{number} minutes"


def check_terms(terms: Terms) -> None:
    """Raises AutomaticRefused with the limit that was missed."""
    least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
    ceiling = settings.AUTOMATIC_TOP_UP_DAILY_MOST_CENTS
    if not least <= terms.amount_cents <= most:
        raise AutomaticRefused(f"One charge is between {dollars(least)} and {dollars(most)}.")
    if not 0 < terms.threshold_cents <= most:
        raise AutomaticRefused(f"The threshold is more than nothing and at most {dollars(most)}.")
    if terms.daily_ceiling_cents < terms.amount_cents:
        raise AutomaticRefused("A day's limit is at least one charge.")
    if terms.daily_ceiling_cents > ceiling:
        raise AutomaticRefused(f"A day's limit is at most {dollars(ceiling)}.")


@transaction.atomic
def set_automatic(*, buyer: Buyer, user: User, terms: Terms, wording: str, now: datetime) -> AutomaticTopUp:
    """Switch it on under these terms. Raises AutomaticRefused, also for words that say something else."""
    check_terms(terms)
    customer = Customer.objects.select_for_update(no_key=True).filter(buyer=buyer).first()
    if customer is None or not customer.has_card:
        raise AutomaticRefused("Save a card first: top up once and keep the card for later.")
    if buyer.closed_at:
        raise AutomaticRefused("This company is closed and is not charged.")
    if wording != wording_of(terms, buyer=buyer, card=customer.card):
        raise AutomaticRefused("The terms changed while you read them. Read them once more.")
    agreed, _ = AutomaticTopUp.objects.update_or_create(
        buyer=buyer,
        defaults={
            "is_on": True,
            "threshold_cents": terms.threshold_cents,
            "amount_cents": terms.amount_cents,
            "daily_ceiling_cents": terms.daily_ceiling_cents,
            "consent_wording": wording,
            "consented_by": user,
            "consented_at": now,
            "stopped_at": None,
            "stopped_because": "",
        },
    )
    take_back(buyer.payments.automatic(), because="The terms were changed.", now=now)
    return agreed


def remove_card(*, buyer: Buyer, now: datetime) -> None:
    """Forget the card, here and at Stripe; automatic top-up ends with it. Raises the gateway's errors: then the card
    is still there, and nothing is charged to it by itself any more. Safe twice."""
    stop_automatic(buyer=buyer, because="The card was removed.", now=now)
    customer = Customer.objects.filter(buyer=buyer).first()
    if customer is None or not customer.has_card:
        return
    gateway.detach_card(customer.payment_method_id)
    Customer.objects.filter(pk=customer.pk, payment_method_id=customer.payment_method_id).update(
        payment_method_id="", card_brand="", card_last4="", card_expires=None
    )


def announce_due(*, now: datetime) -> int:
    """Announce a payment for every wallet that ran low. Answers how many; the letters go out by ``mail.tell_due``."""
    if not gateway.is_on():
        return 0
    stop_failed(now=now)
    return sum(_announce(agreed, now) for agreed in _low(now)[:BATCH])


def _low(now: datetime) -> QuerySet[AutomaticTopUp]:
    """Consents whose wallets are under the threshold, that may charge once more today, without a payment on its way. A
    wallet that a dispute overdrew is not filled from the card that was disputed."""
    on_its_way = Payment.objects.automatic().unfinished().values("buyer_id")
    held = AutomaticTopUp.objects.annotate(held_cents=Coalesce("buyer__wallet__balance_cents", 0))
    low = held.filter(is_on=True, held_cents__lt=F("threshold_cents"), held_cents__gte=0)
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
