"""Orders that wait for money: legs are held while the buyer pays the difference at Stripe's page.

Stages: the leads are chosen and held, a payment is asked for · the buyer pays, or does not · whoever hears of it first
(the page he comes back to, Stripe's message, the sweep) completes the order, once. A hold that ran out is free at once
for anybody, with no job needed; money that comes later buys the next best within the quote, or stays in the wallet.
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
from marketplace.models import Order, PendingOrder
from marketplace.orders.allocation import Found, Request, find
from marketplace.orders.checkout import (
    KeyReused,
    OrderRefused,
    Placement,
    check_enough,
    check_terms,
    place,
    placed_before,
)
from marketplace.orders.quotes import Quote, QuoteRefused, open_token, read_token
from marketplace.orders.sales import Hold, Offer, hold_legs, release_legs

# Stripe's page lives for thirty minutes at least, so for ten minutes it can still be made when Stripe was not to be
# reached at first; the legs are kept a little longer, for the answer's way back.
PAGE_LIFE = timedelta(minutes=41)
HOLD_LIFE = PAGE_LIFE + timedelta(minutes=5)
LEAST_CHARGE_CENTS = 50
MOST_WAITING = 3

log = logging.getLogger(__name__)


class TooManyWaiting(OrderRefused):
    code = "too_many_waiting"


def hold_order(placement: Placement) -> PendingOrder:
    """Hold what the quote gets and ask for the money that is missing; the same key answers with the same hold.

    Raises OrderRefused, QuoteRefused, PaymentRefused; then nothing is held.
    """
    if waiting := held_before(placement):
        return waiting
    quoted = open_token(placement.token, buyer=placement.buyer, now=placement.now)
    check_terms(placement.buyer, quoted)
    try:
        with transaction.atomic():
            return _hold(placement, quoted)
    except IntegrityError:
        # The same key at the same moment: the other one has committed by now, and its hold is ours.
        if waiting := held_before(placement):
            return waiting
        raise


def held_before(placement: Placement) -> PendingOrder | None:
    """What waits, or waited, under the same key. Raises KeyReused."""
    waiting = PendingOrder.objects.filter(buyer=placement.buyer, idempotency_key=placement.key).first()
    if waiting and waiting.fingerprint != placement.fingerprint:
        raise KeyReused("This key was used for another order.")
    return waiting


def _hold(placement: Placement, quoted: Quote) -> PendingOrder:
    lock_wallet(placement.buyer)
    # A double click waited here: what the first one did is this one's answer too.
    if waiting := held_before(placement):
        return waiting
    if placed_before(placement):
        raise OrderRefused("This was ordered already. Look under your orders.")
    _check_waiting(placement.buyer)
    pending = PendingOrder(
        buyer=placement.buyer,
        placed_by=placement.user,
        idempotency_key=placement.key,
        fingerprint=placement.fingerprint,
        token=placement.token,
        allow_partial=placement.allow_partial,
        quoted_cents=quoted.total_cents,
        created_at=placement.now,
        expires_at=placement.now + HOLD_LIFE,
    )
    hold = Hold(pending.public_id, placement.now)
    found = find(Request(placement.buyer, quoted, hold))
    check_enough(found, quoted, allow_partial=placement.allow_partial)
    hold_legs(found.offers, hold, until=pending.expires_at, exclusive=quoted.wish.exclusive)
    pending.quantity = len(found.offers)
    pending.held = [list(astuple(offer)) for offer in found.offers]
    pending.payment = _payment_for(placement, found)
    pending.save(force_insert=True)
    return pending


def _check_waiting(buyer: Buyer) -> None:
    """A company cannot keep the shelf from others by never paying."""
    if PendingOrder.objects.waiting().filter(buyer=buyer).count() >= MOST_WAITING:
        raise TooManyWaiting(f"{MOST_WAITING} orders of yours wait for their payment. Pay or cancel one of them first.")


def _payment_for(placement: Placement, found: Found) -> Payment:
    """Asks for what the wallet lacks. Stripe takes no less than fifty cents; what is too much stays in the wallet."""
    missing = found.total_cents - balance_cents(placement.buyer)
    if missing <= 0:
        raise OrderRefused("There is enough money in the wallet by now. Order again.")
    return top_ups.ask_payment(
        buyer=placement.buyer,
        user=placement.user,
        purpose=Payment.Purpose.ORDER,
        amount_cents=max(missing, LEAST_CHARGE_CENTS),
        keep_card=False,
        key=f"order {hashlib.sha256(placement.key.encode()).hexdigest()}",
        now=placement.now,
        expires_at=placement.now + PAGE_LIFE,
    )


@transaction.atomic
def complete(pending_id: int, *, now: datetime) -> PendingOrder:
    """The order, once the payment is there; before that, nothing happens. Safe to call by anybody at any time.

    What cannot be ordered any more is given up: the money stays in the wallet and the reason is kept for the buyer.
    """
    pending = PendingOrder.objects.select_for_update(no_key=True).select_related("payment", "buyer").get(pk=pending_id)
    if pending.status != PendingOrder.Status.WAITING or pending.payment.status != Payment.Status.PAID:
        return pending
    try:
        with transaction.atomic():
            order = _place(pending, now)
    except (OrderRefused, QuoteRefused, NotEnoughMoney) as refusal:
        return _give_up(pending, str(refusal).replace("Nothing was charged.", ""), now)
    except IntegrityError:
        if not Order.objects.filter(buyer=pending.buyer, idempotency_key=pending.idempotency_key).exists():
            raise
        return _give_up(pending, "The same order was paid from the wallet meanwhile.", now)
    return _end(pending, PendingOrder.Status.COMPLETED, now, order=order)


def _give_up(pending: PendingOrder, reason: str, now: datetime) -> PendingOrder:
    log.warning("pending order %s was paid for and not filled: %s", pending.public_id, reason)
    return _end(pending, PendingOrder.Status.FAILED, now, reason=reason)


def _place(pending: PendingOrder, now: datetime) -> Order:
    quoted = read_token(pending.token, buyer=pending.buyer)
    check_terms(pending.buyer, quoted)
    placement = Placement(
        buyer=pending.buyer,
        user=pending.placed_by,
        token=pending.token,
        key=pending.idempotency_key,
        allow_partial=pending.allow_partial,
        now=now,
    )
    return place(placement, quoted, holder=pending.public_id, held=[Offer(*row) for row in pending.held])


def _end(
    pending: PendingOrder, status: PendingOrder.Status, now: datetime, *, order: Order | None = None, reason: str = ""
) -> PendingOrder:
    """The hold is over; what was not sold of it is anybody's again."""
    release_legs(pending.public_id)
    pending.status, pending.order, pending.reason, pending.ended_at = status, order, reason.strip(), now
    pending.tell_at = now if status == PendingOrder.Status.FAILED else None
    pending.save(update_fields=["status", "order", "reason", "ended_at", "tell_at"])
    return pending


@transaction.atomic
def release(pending_id: int, *, now: datetime) -> PendingOrder:
    """Give the legs back when the payment came to nothing; while it may still come, nothing happens."""
    pending = PendingOrder.objects.select_for_update(no_key=True).select_related("payment").get(pk=pending_id)
    payment = pending.payment
    if pending.status != PendingOrder.Status.WAITING or payment.is_unfinished or payment.status == Payment.Status.PAID:
        return pending
    return _end(pending, PendingOrder.Status.RELEASED, now, reason=payment.problem or payment.get_status_display())


def cancel(pending: PendingOrder, *, now: datetime) -> PendingOrder:
    """The buyer does not want it any more. Paid at the same moment, it is an order after all."""
    top_ups.cancel(pending.payment, now=now)
    return bring_up_to_date(pending, now=now)


def look_again(pending: PendingOrder, *, now: datetime) -> PendingOrder:
    """Ask Stripe how the payment stands, and act on the answer. Raises GatewayUnavailable."""
    top_ups.settle(pending.payment, now=now)
    return bring_up_to_date(pending, now=now)


def bring_up_to_date(pending: PendingOrder, *, now: datetime) -> PendingOrder:
    """Complete or release it, as its payment stands in our books."""
    ended = complete(pending.pk, now=now)
    return ended if ended.status != PendingOrder.Status.WAITING else release(pending.pk, now=now)


def finish_due(*, now: datetime) -> int:
    """Whatever was paid for, or never will be. Answers how many ended; one that fails does not stop the others."""
    due = PendingOrder.objects.paid_for() | PendingOrder.objects.unpaid_for_good()
    return sum(_finished(pending, now) for pending in due.order_by("pk")[:100])


def _finished(pending: PendingOrder, now: datetime) -> bool:
    try:
        return bring_up_to_date(pending, now=now).status != PendingOrder.Status.WAITING
    except Exception:  # whatever it is: the others were paid for too
        log.exception("pending order %s could not be finished", pending.public_id)
        return False
