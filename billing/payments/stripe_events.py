"""Acting on Stripe's events. We take only IDs and the type from an event, ask Stripe for the current status, and update
our books to match. So events may come in any order, late or repeated, and the books end up the same."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from billing.models import Customer, Payment, StripeEvent
from billing.payments import disputes, payment_status, refunds, settlements, top_ups
from billing.payments.stopping import stop_automatic
from billing.stripe import gateway
from billing.stripe.gateway import GatewayError
from billing.stripe.responses import id_of

log = structlog.get_logger("billing.payments.stripe_events")
Status = StripeEvent.Status
BATCH = 100
FIRST_RETRY, LATEST_RETRY = timedelta(seconds=30), timedelta(hours=4)
MOST_ATTEMPTS = 20

# What to write in the same transaction as marking the event done. None: the event doesn't concern us.
Effect = Callable[[], object]
Effects = list[Effect] | None


def act(event: StripeEvent, *, now: datetime) -> StripeEvent:
    """Act on an event, once it is due; afterwards it is done, ignored, or due for a retry."""
    if not _claim(event, now):
        return event
    try:
        effects = _find_out(event, now)
        with transaction.atomic():
            for effect in effects or []:
                effect()
            _close(event, Status.IGNORED if effects is None else Status.DONE, now)
    except Exception as error:  # whatever the error is, it is kept with the event, and the others go on
        _note(event, error, now)
    event.refresh_from_db()
    return event


def act_due(*, now: datetime) -> int:
    """Act on the events nobody has acted on yet, oldest first. Return how many were tried."""
    due = list(StripeEvent.objects.due(now).order_by("try_at", "id")[:BATCH])
    for event in due:
        act(event, now=now)
    return len(due)


def _claim(event: StripeEvent, now: datetime) -> bool:
    """Count the attempt before making it, so that an event that kills its worker also runs out of attempts."""
    mine = StripeEvent.objects.due(now).filter(pk=event.pk, attempts=event.attempts)
    wait = min(FIRST_RETRY * 2**event.attempts, LATEST_RETRY)
    claimed = mine.update(attempts=F("attempts") + 1, try_at=now + wait)
    event.refresh_from_db()
    return bool(claimed)


def _close(event: StripeEvent, status: StripeEvent.Status, now: datetime, problem: str = "") -> None:
    StripeEvent.objects.filter(pk=event.pk, status=Status.RECEIVED).update(status=status, acted_at=now, problem=problem)


def _note(event: StripeEvent, error: Exception, now: datetime) -> None:
    said = f": {error}" if isinstance(error, GatewayError) else ""
    problem = f"{type(error).__name__}{said}"[:200]
    if event.attempts >= MOST_ATTEMPTS:
        log.error("gave up on a Stripe event", event_id=event.event_id, type=event.type, problem=problem)
        _close(event, Status.FAILED, now, problem)
    else:
        log.warning("Stripe event postponed", event_id=event.event_id, type=event.type, problem=problem)
        StripeEvent.objects.filter(pk=event.pk).update(problem=problem)


def _find_out(event: StripeEvent, now: datetime) -> Effects:
    """Return what there is to write. Uses the network; writes nothing."""
    thing: dict[str, Any] = event.body["data"]["object"]
    match event.type:
        case (
            "checkout.session.completed"
            | "checkout.session.async_payment_succeeded"
            | "checkout.session.async_payment_failed"
            | "checkout.session.expired"
        ):
            return _about_payment(_payment_of_page(thing["id"]), now)
        case (
            "payment_intent.succeeded"
            | "payment_intent.processing"
            | "payment_intent.payment_failed"
            | "payment_intent.canceled"
        ):
            return _about_payment(_payment_of_intent(thing["id"]), now)
        case "charge.succeeded" | "charge.updated" | "charge.failed" | "charge.pending":
            return _about_payment(_payment_of_intent(_intent_named(thing)), now)
        case "charge.refunded" | "charge.refund.updated" | "refund.created" | "refund.updated" | "refund.failed":
            return _about_refunds(_payment_of_intent(_intent_named(thing)), now)
        case (
            "charge.dispute.created"
            | "charge.dispute.updated"
            | "charge.dispute.closed"
            | "charge.dispute.funds_withdrawn"
            | "charge.dispute.funds_reinstated"
        ):
            return _about_dispute(thing["id"], now)
        case "payout.created" | "payout.updated" | "payout.paid" | "payout.failed" | "payout.canceled":
            return _about_payout(thing["id"], now)
        case "payment_method.detached":
            return [lambda: _forget_card(thing["id"], now)]
        case _:
            return None


def _about_payment(payment: Payment | None, now: datetime) -> Effects:
    if payment is None:
        return None
    found = payment_status.charge_or_fetch_status(payment, now=now)
    return [lambda: top_ups.enter(payment, found, now=now)]


def _about_refunds(payment: Payment | None, now: datetime) -> Effects:
    """Effects on a payment's refunds, after crediting the payment if it was not credited yet."""
    if payment is None:
        return None
    credited = top_ups.settle(payment, now=now)
    if not credited.stripe_payment_intent_id:
        raise refunds.RefundDiffers("refunded before it was paid")
    found = refunds.settle_and_fetch(credited, now=now)
    return [lambda: refunds.enter(credited, found, now=now)]


def _about_dispute(dispute_id: str, now: datetime) -> Effects:
    found = gateway.fetch_dispute(dispute_id)
    payment = _payment_of_intent(found.payment_intent_id)
    if payment is None:
        return None
    credited = top_ups.settle(payment, now=now)
    return [lambda: disputes.enter(credited, found, now=now)]


def _about_payout(payout_id: str, now: datetime) -> Effects:
    found = gateway.fetch_payout(payout_id)
    return [lambda: settlements.enter(found, now=now)]


def _forget_card(payment_method_id: str, now: datetime) -> None:
    """Forget a card. Once detached it stays so, and Stripe need not be asked."""
    customer = Customer.objects.select_related("buyer").filter(payment_method_id=payment_method_id).first()
    if customer is None:
        return
    stop_automatic(buyer=customer.buyer, because="The card was removed.", now=now)
    Customer.objects.filter(pk=customer.pk, payment_method_id=payment_method_id).update(
        payment_method_id="", card_brand="", card_last4="", card_expires=None
    )


def _payment_of_page(session_id: str) -> Payment | None:
    known = Payment.objects.filter(stripe_session_id=session_id).first()
    return known or _payment_named(gateway.fetch_checkout(session_id).reference)


def _payment_of_intent(intent_id: str) -> Payment | None:
    if not intent_id:
        return None
    known = Payment.objects.filter(stripe_payment_intent_id=intent_id).first()
    return known or _payment_named(gateway.fetch_payment_intent(intent_id).reference)


def _payment_named(reference: str) -> Payment | None:
    """Return the payment, or None for what another application does with the same Stripe account."""
    try:
        public_id = uuid.UUID(reference)
    except ValueError:
        return None
    return Payment.objects.filter(public_id=public_id).first()


def _intent_named(thing: dict[str, Any]) -> str:
    return id_of(thing.get("payment_intent"))
