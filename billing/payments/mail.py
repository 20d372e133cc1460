"""Emails about payments to the owners of a company.

Each email is sent at least once. A conditional update claims it for a few minutes, it is sent outside any transaction,
and only then marked as sent. A crash in between sends that one email twice. No card is charged before the email that
announces the charge was sent, since the notice period starts with it. If a company has no owner to write to, automatic
top-up ends; an announcement that could not be sent for hours is canceled.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from billing.ledger import balance_cents
from billing.models import Payment
from billing.models.payment import PaymentQuerySet
from billing.money import typed
from billing.payments.stopping import stop_announced, stop_automatic
from buyers.models import Buyer, Role
from leads.jobs import lease
from leads.jobs.outbox import send_to_each

log = structlog.get_logger("billing.payments.mail")
BATCH = 100
CLAIM = timedelta(minutes=5)
# An email that could not be sent for this long is no longer news.
GIVEN_UP, ANNOUNCEMENT_GIVEN_UP = timedelta(days=2), timedelta(hours=6)
Status = Payment.Status


def send_due(*, clock: Callable[[], datetime]) -> int:
    """Send the emails due for announced, paid and failed payments. Return how many were sent.

    A batch takes a while, so the clock is read for each email: a notice period starts when its email is sent.
    """
    due = list(_due(clock()).select_related("buyer").order_by("id")[:BATCH])
    return sum(_tell(payment, clock) for payment in due)


def _due(now: datetime) -> PaymentQuerySet:
    """Return payments announced or ended lately whose email was not sent and that no other worker has claimed."""
    announced = Q(status=Status.ANNOUNCED, expires_at=None)
    ended = Q(status__in=[Status.PAID, Status.FAILED], ended_at__gt=now - GIVEN_UP)
    nobody = Q(tell_at=None) | Q(tell_at__lte=now)
    return Payment.objects.filter(announced | ended, nobody, told_at=None)


def _tell(payment: Payment, clock: Callable[[], datetime]) -> bool:
    now = clock()
    this = Payment.objects.filter(pk=payment.pk, status=payment.status)
    if not lease.take(_due(now).filter(pk=payment.pk, status=payment.status), "tell_at", now + CLAIM, most=1):
        return False
    owners = _owners(payment.buyer)
    if payment.status == Status.ANNOUNCED and not owners:
        stop_automatic(buyer=payment.buyer, because="Your company has no owner to email before a charge.", now=now)
        return False
    if not _send(payment, owners):
        _give_up_announcement(payment, now)
        return False
    if payment.status == Status.ANNOUNCED:
        notice = timedelta(minutes=settings.AUTOMATIC_TOP_UP_NOTICE_MINUTES)
        this.update(tell_at=None, expires_at=clock() + notice)
    else:
        this.update(tell_at=None, told_at=clock())
    return True


def _give_up_announcement(payment: Payment, now: datetime) -> None:
    """Cancel the charge but keep the consent: a mail server that is down must not end it. The next one tries again."""
    if now - payment.created_at > ANNOUNCEMENT_GIVEN_UP:
        stop_announced(payment=payment, because="We could not email you before the charge.", now=now)


def _send(payment: Payment, owners: list[str]) -> bool:
    subject, template = _subject_and_template(payment)
    context = {
        "payment": payment,
        "buyer": payment.buyer,
        "operator": settings.OPERATOR,
        "balance_cents": balance_cents(payment.buyer),
        "notice_minutes": settings.AUTOMATIC_TOP_UP_NOTICE_MINUTES,
        "card": payment.card or getattr(getattr(payment.buyer, "customer", None), "card", ""),
        "links": _links(payment),
    }
    text = render_to_string(f"billing/payments/email/{template}.txt", context)
    return send_to_each(subject, text, owners)


def _subject_and_template(payment: Payment) -> tuple[str, str]:
    automatic = payment.purpose == Payment.Purpose.AUTOMATIC
    if payment.status == Status.ANNOUNCED:
        return "Remainder: your card will be charged", "announced"
    if payment.status == Status.PAID:
        return f"Remainder: receipt {payment.number}", "paid"
    return ("Remainder: automatic top-up is turned off" if automatic else "Remainder: a payment failed"), "failed"


def _links(payment: Payment) -> dict[str, str]:
    of_payment = {name: reverse(f"billing:{name}", args=[payment.public_id]) for name in ("payment", "receipt")}
    pages = {name: reverse(f"billing:{name}") for name in ("wallet", "automatic")}
    by_hand = f"{reverse('billing:top-up')}?amount={typed(payment.amount_cents)}"
    return {name: settings.SITE_URL + path for name, path in {**of_payment, **pages, "top_up": by_hand}.items()}


def _owners(buyer: Buyer) -> list[str]:
    owners: Any = buyer.memberships.filter(role=Role.OWNER, user__is_active=True)
    return list(owners.order_by("user_id").values_list("user__email", flat=True))
