"""Refunds to the card that paid: requested by our staff, or made in Stripe's dashboard.

For our own refunds the money leaves the wallet first, in one transaction with the refund's row; then we ask Stripe
under the refund's own key. A refund made at Stripe is booked even if the wallet has spent the money.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Sum

from billing.ledger import (
    AlreadyPosted,
    Kind,
    Posting,
    house_account,
    lock_wallet,
    post,
    posted_before,
    reverse,
    take_back,
)
from billing.models import Account, Payment, Refund
from billing.money import dollars
from billing.payments.disputes import CLAIMED
from billing.payments.fees import book_fee
from billing.stripe import gateway
from billing.stripe.gateway import GatewayOff, GatewayRefused, GatewayUnavailable
from billing.stripe.responses import RefundAnswer
from leads.jobs.lease import take_one

log = structlog.get_logger("billing.payments.refunds")
Status = Refund.Status
BATCH = 100
DASHBOARD = "Stripe's dashboard"
# Stripe forgets an idempotency key after a day: until then we can resend the same request; later it would be a new one.
RESEND_FOR, CERTAIN_AFTER = timedelta(hours=20), timedelta(hours=22)
ASK_SOONEST, ASK_LATEST = timedelta(seconds=30), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=7)


class RefundRefused(Exception):
    """Nothing is refunded and nothing moved; the message is for staff."""


class RefundDiffers(Exception):
    """Stripe's refund can't be the same as ours, or its payment was never credited. Nothing is booked."""


def refund_to_card(
    *,
    payment: Payment,
    amount_cents: int,
    reason: str,
    actor: str,
    now: datetime,
    key: uuid.UUID | None = None,
) -> Refund:
    """Refund part of a payment to its card. The same key is the same refund. Raises RefundRefused.

    The result is CREATED if it is not known yet whether Stripe did it (we ask again), FAILED if Stripe refused.
    """
    reserved = _reserve(payment, amount_cents, reason, actor, now, key or uuid.uuid4())
    return settle(reserved, now=now)


@transaction.atomic
def _reserve(payment: Payment, cents: int, reason: str, actor: str, now: datetime, key: uuid.UUID) -> Refund:
    """Take the money from the wallet before asking Stripe; refunds of one payment take turns."""
    locked = _lock(payment)
    earlier = Refund.objects.filter(public_id=key).first()
    if earlier:
        if (earlier.payment_id, earlier.amount_cents) != (payment.pk, cents):
            raise RefundRefused("This form was already used for a different refund. Open it again.")
        return earlier
    wallet = lock_wallet(locked.buyer)
    left = min(left_cents(locked), wallet.balance_cents)
    if not 0 < cents <= left:
        raise RefundRefused(f"You can refund at most {dollars(max(left, 0))} of this payment.")
    refund = Refund.objects.create(
        public_id=key,
        payment=locked,
        amount_cents=cents,
        reason=reason,
        made_by=actor,
        created_at=now,
        ask_again_at=now + ASK_SOONEST,
    )
    _take_from(wallet, refund, now)
    return refund


def left_cents(payment: Payment) -> int:
    """Return the part of a payment, in cents, that is not refunded, being refunded or lost to a dispute."""
    if payment.status != Payment.Status.PAID:
        return 0
    back = payment.refunds.standing().aggregate(total=Sum("amount_cents"))["total"] or 0
    claimed = payment.disputes.filter(status__in=CLAIMED).exclude(status="won")
    return payment.amount_cents - back - (claimed.aggregate(total=Sum("amount_cents"))["total"] or 0)


def settle(refund: Refund, *, now: datetime) -> Refund:
    """Have Stripe make the refund, or fetch its status. Safe twice; without an answer we ask again later."""
    if refund.status in (Status.SUCCEEDED, Status.FAILED):
        return refund
    try:
        answer = _ask(refund, now)
    except GatewayRefused as refusal:
        _refused(refund, refusal.message, now)
    except (GatewayUnavailable, GatewayOff):
        _ask_later(refund, now)
    else:
        enter(refund.payment, [answer] if answer else [], now=now)
        if answer is None:
            _not_known(refund, now)
    refund.refresh_from_db()
    return refund


def settle_and_fetch(payment: Payment, *, now: datetime) -> list[RefundAnswer]:
    """Return all refunds of a payment as Stripe has them, after settling ours that Stripe may not know yet."""
    for refund in payment.refunds.filter(status=Status.CREATED):
        settle(refund, now=now)
    return gateway.refunds_of(payment.stripe_payment_intent_id)


@transaction.atomic
def enter(payment: Payment, refunds: Sequence[RefundAnswer], *, now: datetime) -> None:
    """Update our books to what Stripe says of these refunds. Safe twice, in any order. Raises RefundDiffers."""
    locked = _lock(payment)
    for answer in refunds:
        _enter_one(locked, answer, now)


def ask_again(*, now: datetime) -> int:
    """Check every refund that is due with Stripe. Return how many."""
    due = list(Refund.objects.due_to_ask(now).select_related("payment").order_by("ask_again_at")[:BATCH])
    return sum(_ask_one(refund, now) for refund in due)


def _ask_one(refund: Refund, now: datetime) -> bool:
    if not take_one(refund, "ask_again_at", _next_time(refund, now)):
        return False
    try:
        settle(refund, now=now)
    except Exception:  # whatever the error is, the other refunds are due too
        log.exception("refund could not be settled", refund=str(refund.public_id))
    return True


def _ask(refund: Refund, now: datetime) -> RefundAnswer | None:
    """Return None if Stripe doesn't know it."""
    if refund.stripe_id:
        return gateway.fetch_refund(refund.stripe_id)
    if now - refund.created_at > RESEND_FOR:
        return _find(refund)
    try:
        return gateway.create_refund(
            reference=str(refund.public_id),
            payment_intent_id=refund.payment.stripe_payment_intent_id,
            cents=refund.amount_cents,
        )
    except GatewayUnavailable:
        # Stripe remembers a failure under its key too: the refund may have been made before it.
        found = _find(refund)
        if found is None:
            raise
        return found


def _find(refund: Refund) -> RefundAnswer | None:
    made = gateway.refunds_of(refund.payment.stripe_payment_intent_id)
    return next((answer for answer in made if answer.reference == str(refund.public_id)), None)


# --- Writing the result; the caller holds the lock on the payment's row
def _enter_one(payment: Payment, answer: RefundAnswer, now: datetime) -> None:
    refund = _row_of(payment, answer) or _follow(payment, answer, now)
    ours = (refund.amount_cents, payment.currency, payment.stripe_payment_intent_id)
    if (answer.cents, answer.currency, answer.payment_intent_id) != ours:
        raise RefundDiffers(f"refund {refund.public_id} and {answer.id}")
    if answer.has_failed:
        _fail(refund, answer.problem, now, stripe_id=answer.id)
    else:
        _go_on(refund, answer, now)
    if answer.movement:
        book_fee(answer.movement, payment=payment, now=now)


def _row_of(payment: Payment, answer: RefundAnswer) -> Refund | None:
    known = payment.refunds.filter(stripe_id=answer.id).first()
    unnamed = {str(one.public_id): one for one in payment.refunds.filter(stripe_id="")}
    return known or unnamed.get(answer.reference)


def _follow(payment: Payment, answer: RefundAnswer, now: datetime) -> Refund:
    """Book a refund made in the dashboard: the wallet pays, even if it must go negative."""
    if payment.status != Payment.Status.PAID or answer.currency != payment.currency:
        raise RefundDiffers(f"{answer.id} of {payment.public_id}")
    # A failed refund never counts toward what is left to refund, from the start.
    status = Status.FAILED if answer.has_failed else Status.CREATED
    refund = Refund.objects.create(
        payment=payment,
        amount_cents=answer.cents,
        status=status,
        stripe_id=answer.id,
        made_by=DASHBOARD,
        created_at=now,
        ask_again_at=now + ASK_SOONEST,
    )
    wallet = lock_wallet(payment.buyer)
    take_back(wallet)
    _take_from(wallet, refund, now)
    return refund


def _take_from(wallet: Account, refund: Refund, now: datetime) -> None:
    posting = Posting(
        Kind.REFUND,
        str(refund.public_id),
        now,
        memo="Refund to your card",  # the buyer reads this; the staff's reason stays with the refund
        actor=refund.made_by,
        payment=refund.payment,
        stripe_id=refund.stripe_id,
    )
    cents = refund.amount_cents
    post(posting, {wallet: -cents, house_account(Account.Kind.STRIPE): cents})


def _go_on(refund: Refund, answer: RefundAnswer, now: datetime) -> None:
    done = answer.status == "succeeded"
    # If it is already done, the answer is out of date.
    before = [Status.CREATED, Status.PENDING, Status.SUCCEEDED] if done else [Status.CREATED, Status.PENDING]
    Refund.objects.filter(pk=refund.pk, status__in=before).update(
        status=Status.SUCCEEDED if done else Status.PENDING,
        stripe_id=answer.id,
        ask_again_at=None if done else _next_time(refund, now),
    )


def _fail(refund: Refund, problem: str, now: datetime, *, stripe_id: str = "") -> None:
    """Return the money to the wallet, once, in one transaction with the reason on the refund's row."""
    Refund.objects.filter(pk=refund.pk).update(
        status=Status.FAILED, stripe_id=stripe_id or refund.stripe_id, problem=problem[:300], ask_again_at=None
    )
    posted = posted_before(Kind.REFUND, str(refund.public_id))
    assert posted is not None
    try:
        reverse(posted, actor=refund.made_by, memo="The refund failed.", now=now, stripe_id=stripe_id)
    except AlreadyPosted:
        return


def _refused(refund: Refund, problem: str, now: datetime) -> None:
    """Fail a refund Stripe never made; one it made but no longer shows needs a person."""
    if refund.stripe_id:
        _leave_to_a_person(refund, problem)
        return
    with transaction.atomic():
        _lock(refund.payment)
        if Refund.objects.filter(pk=refund.pk, stripe_id="", status=Status.CREATED).exists():
            _fail(refund, problem, now)


def _not_known(refund: Refund, now: datetime) -> None:
    if now - refund.created_at > CERTAIN_AFTER:
        _refused(refund, "Stripe never made this refund.", now)
    else:
        _ask_later(refund, now)


def _ask_later(refund: Refund, now: datetime) -> None:
    if now - refund.created_at > GIVE_UP_AFTER:
        _leave_to_a_person(refund, "We could not confirm the status of this refund.")
    else:
        Refund.objects.filter(pk=refund.pk).update(ask_again_at=_next_time(refund, now))


def _leave_to_a_person(refund: Refund, problem: str) -> None:
    log.error("refund needs a person", refund=str(refund.public_id), problem=problem)
    Refund.objects.filter(pk=refund.pk).update(problem=problem[:300], ask_again_at=None)


def _next_time(refund: Refund, now: datetime) -> datetime:
    return now + min(max((now - refund.created_at) / 2, ASK_SOONEST), ASK_LATEST)


def _lock(payment: Payment) -> Payment:
    return Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
