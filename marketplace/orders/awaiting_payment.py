"""Orders awaiting payment: legs are held while the buyer pays the difference on Stripe's page.

Stages: the leads are chosen and held, a payment is requested · the buyer pays, or does not · whoever learns of it first
(the page they return to, Stripe's webhook, the sweep) completes the order, once. An expired hold is free for everyone
at once, with no job needed; money that arrives later buys the next best within the quote, or stays in the wallet.
"""

import hashlib
import logging
from dataclasses import astuple
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from billing.ledger import NotEnoughMoney, balance_cents, lock_wallet
from billing.models import Payment
from billing.payments import top_ups
from buyers.models import Buyer
from marketplace.models import Order, OrderAwaitingPayment
from marketplace.orders.allocation import Allocation, AllocationRequest, find
from marketplace.orders.checkout import (
    OrderAttempt,
    OrderRefused,
    check_enough,
    check_terms,
    made_before,
    place,
    placed_before,
)
from marketplace.orders.quotes import Quote, QuoteRefused, open_token, read_token
from marketplace.orders.sales import Hold, Offer, hold_legs, release_legs

# Stripe's page must stay open for at least 30 minutes. This leaves 10 minutes to create it if Stripe is unreachable
# at first. The legs are held a little longer, so that the result can reach us.
PAGE_LIFE = timedelta(minutes=41)
HOLD_LIFE = PAGE_LIFE + timedelta(minutes=5)
LEAST_CHARGE_CENTS = 50
MOST_WAITING = 3

log = logging.getLogger(__name__)


class TooManyWaiting(OrderRefused):
    code = "too_many_waiting"


def hold_order(attempt: OrderAttempt) -> OrderAwaitingPayment:
    """Hold what the quote gets and request the missing money; the same key returns the same hold.

    Raises OrderRefused, QuoteRefused, PaymentRefused; then nothing is held.
    """
    if waiting := held_before(attempt):
        return waiting
    quoted = open_token(attempt.token, buyer=attempt.buyer, now=attempt.now)
    check_terms(attempt.buyer, quoted)
    try:
        with transaction.atomic():
            return _hold(attempt, quoted)
    except IntegrityError:
        # Another request with the same key ran at the same time. It has committed by now, and its hold is ours.
        if waiting := held_before(attempt):
            return waiting
        raise


def held_before(attempt: OrderAttempt) -> OrderAwaitingPayment | None:
    """Return the order that awaits, or awaited, payment under the same key. Raises KeyReused."""
    return made_before(OrderAwaitingPayment.objects.filter(buyer=attempt.buyer), attempt)


def _hold(attempt: OrderAttempt, quoted: Quote) -> OrderAwaitingPayment:
    lock_wallet(attempt.buyer)
    # A double click waits here; both clicks get the first one's result.
    if waiting := held_before(attempt):
        return waiting
    if placed_before(attempt):
        raise OrderRefused("You already placed this order. See it on your orders page.")
    _check_waiting(attempt.buyer)
    awaiting = OrderAwaitingPayment(
        buyer=attempt.buyer,
        placed_by=attempt.user,
        idempotency_key=attempt.key,
        fingerprint=attempt.fingerprint,
        token=attempt.token,
        allow_partial=attempt.allow_partial,
        quoted_cents=quoted.total_cents,
        created_at=attempt.now,
        expires_at=attempt.now + HOLD_LIFE,
    )
    hold = Hold(awaiting.public_id, attempt.now)
    found = find(AllocationRequest(attempt.buyer, quoted, hold))
    check_enough(found, quoted, allow_partial=attempt.allow_partial)
    hold_legs(found.offers, hold, until=awaiting.expires_at, exclusive=quoted.order_request.exclusive)
    awaiting.quantity = len(found.offers)
    awaiting.held = [list(astuple(offer)) for offer in found.offers]
    awaiting.payment = _payment_for(attempt, found)
    awaiting.save(force_insert=True)
    return awaiting


def _check_waiting(buyer: Buyer) -> None:
    """Stop a company from tying up inventory by never paying."""
    if OrderAwaitingPayment.objects.waiting().filter(buyer=buyer).count() >= MOST_WAITING:
        raise TooManyWaiting(f"You have {MOST_WAITING} orders awaiting payment. Pay or cancel one first.")


def _payment_for(attempt: OrderAttempt, found: Allocation) -> Payment:
    """Request what the wallet is short. Stripe's minimum charge is 50 cents; any excess stays in the wallet."""
    missing = found.total_cents - balance_cents(attempt.buyer)
    if missing <= 0:
        raise OrderRefused("Your wallet now covers this order. Place it again to pay from the wallet.")
    return top_ups.ask_payment(
        buyer=attempt.buyer,
        user=attempt.user,
        purpose=Payment.Purpose.ORDER,
        amount_cents=max(missing, LEAST_CHARGE_CENTS),
        keep_card=False,
        key=f"order {hashlib.sha256(attempt.key.encode()).hexdigest()}",
        now=attempt.now,
        expires_at=attempt.now + PAGE_LIFE,
    )


@transaction.atomic
def complete(pending_id: int, *, now: datetime) -> OrderAwaitingPayment:
    """Place the order once the payment is in; before that, do nothing. Safe to call at any time, any number of times.

    If the order can no longer be filled, the money stays in the wallet and the reason is kept for the buyer.
    """
    awaiting = (
        OrderAwaitingPayment.objects.select_for_update(no_key=True)
        .select_related("payment", "buyer")
        .get(pk=pending_id)
    )
    if awaiting.status != OrderAwaitingPayment.Status.WAITING or awaiting.payment.status != Payment.Status.PAID:
        return awaiting
    try:
        with transaction.atomic():
            order = _place(awaiting, now)
    except (OrderRefused, QuoteRefused, NotEnoughMoney) as refusal:
        return _give_up(awaiting, str(refusal).replace("Nothing was charged.", ""), now)
    except IntegrityError:
        if not Order.objects.filter(buyer=awaiting.buyer, idempotency_key=awaiting.idempotency_key).exists():
            raise
        return _give_up(awaiting, "You placed the same order from your wallet in the meantime.", now)
    return _end(awaiting, OrderAwaitingPayment.Status.COMPLETED, now, order=order)


def _give_up(awaiting: OrderAwaitingPayment, reason: str, now: datetime) -> OrderAwaitingPayment:
    log.warning("order %s was paid by card but could not be filled: %s", awaiting.public_id, reason)
    return _end(awaiting, OrderAwaitingPayment.Status.FAILED, now, reason=reason)


def _place(awaiting: OrderAwaitingPayment, now: datetime) -> Order:
    quoted = read_token(awaiting.token, buyer=awaiting.buyer)
    check_terms(awaiting.buyer, quoted)
    attempt = OrderAttempt(
        buyer=awaiting.buyer,
        user=awaiting.placed_by,
        token=awaiting.token,
        key=awaiting.idempotency_key,
        allow_partial=awaiting.allow_partial,
        now=now,
    )
    return place(attempt, quoted, holder=awaiting.public_id, held=[Offer(*row) for row in awaiting.held])


def _end(
    awaiting: OrderAwaitingPayment,
    status: OrderAwaitingPayment.Status,
    now: datetime,
    *,
    order: Order | None = None,
    reason: str = "",
) -> OrderAwaitingPayment:
    """End the hold; its unsold legs go back on sale."""
    release_legs(awaiting.public_id)
    awaiting.status, awaiting.order, awaiting.reason, awaiting.ended_at = status, order, reason.strip(), now
    awaiting.tell_at = now if status == OrderAwaitingPayment.Status.FAILED else None
    awaiting.save(update_fields=["status", "order", "reason", "ended_at", "tell_at"])
    return awaiting


@transaction.atomic
def release(pending_id: int, *, now: datetime) -> OrderAwaitingPayment:
    """Release the legs if the payment failed; while it may still arrive, do nothing."""
    awaiting = OrderAwaitingPayment.objects.select_for_update(no_key=True).select_related("payment").get(pk=pending_id)
    payment = awaiting.payment
    if (
        awaiting.status != OrderAwaitingPayment.Status.WAITING
        or payment.is_unfinished
        or payment.status == Payment.Status.PAID
    ):
        return awaiting
    return _end(
        awaiting, OrderAwaitingPayment.Status.RELEASED, now, reason=payment.problem or payment.get_status_display()
    )


def cancel(awaiting: OrderAwaitingPayment, *, now: datetime) -> OrderAwaitingPayment:
    """Cancel for the buyer. If the payment went through at the same moment, the order is placed after all."""
    top_ups.cancel(awaiting.payment, now=now)
    return bring_up_to_date(awaiting, now=now)


def look_again(awaiting: OrderAwaitingPayment, *, now: datetime) -> OrderAwaitingPayment:
    """Ask Stripe for the payment's status and act on it. Raises GatewayUnavailable."""
    top_ups.settle(awaiting.payment, now=now)
    return bring_up_to_date(awaiting, now=now)


def bring_up_to_date(awaiting: OrderAwaitingPayment, *, now: datetime) -> OrderAwaitingPayment:
    """Complete or release it, according to the payment's status in our database."""
    ended = complete(awaiting.pk, now=now)
    return ended if ended.status != OrderAwaitingPayment.Status.WAITING else release(awaiting.pk, now=now)


def finish_due(*, now: datetime) -> int:
    """Finish orders that were paid, or never will be. Return how many ended; a failure does not stop the others."""
    due = OrderAwaitingPayment.objects.paid_for() | OrderAwaitingPayment.objects.unpaid_for_good()
    return sum(_finished(awaiting, now) for awaiting in due.order_by("pk")[:100])


def _finished(awaiting: OrderAwaitingPayment, now: datetime) -> bool:
    try:
        return bring_up_to_date(awaiting, now=now).status != OrderAwaitingPayment.Status.WAITING
    except Exception:  # whatever went wrong, the other orders were paid for too
        log.exception("order %s could not be finished", awaiting.public_id)
        return False
