"""Disputes: the wallet gives up the payment at once, owes it if it must, and gets it back if the dispute is won.

While a wallet owes money, its buyer cannot buy; and a dispute turns automatic top-up off.
"""

from datetime import datetime

import structlog
from django.db import transaction

from billing.ledger import AlreadyPosted, Kind, Posting, house_account, lock_wallet, post, posted_before, take_back
from billing.models import Account, Dispute, Payment
from billing.payments.stopping import stop_automatic
from billing.payments.write_offs import undo_write_off
from billing.stripe import gateway
from billing.stripe.responses import DisputeAnswer, Movement

log = structlog.get_logger("billing.payments.disputes")
# For an inquiry (Stripe's "warning") the bank has not taken any money yet.
CLAIMED = ("needs_response", "under_review", "appeal_needs_response", "appeal_under_review", "won", "lost")
UNDECIDED = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")
CLOSED = ("won", "lost", "warning_closed", "prevented")


class DisputeDiffers(Exception):
    """Stripe's dispute does not match our payment, or the payment was never credited. Nothing is booked."""


@transaction.atomic
def enter(payment: Payment, answer: DisputeAnswer, *, now: datetime) -> Dispute:
    """Update our books to what Stripe says of this dispute. Safe twice, in any order. Raises DisputeDiffers."""
    locked = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
    _require_fitting(locked, answer)
    dispute, _ = Dispute.objects.get_or_create(
        stripe_id=answer.id,
        defaults={
            "payment": locked,
            "amount_cents": answer.cents,
            "status": answer.status,
            "opened_at": answer.opened_at,
        },
    )
    _update(dispute, answer, now)
    if answer.status in CLAIMED and _claw_back(dispute, now):
        stop_automatic(buyer=locked.buyer, because="One of your payments was disputed.", now=now)
    if answer.status == "won":
        _give_up_claim(dispute, now)
    for movement in answer.movements:
        _book_funds(dispute, movement, now)
    return dispute


def _require_fitting(payment: Payment, answer: DisputeAnswer) -> None:
    theirs = (answer.payment_intent_id, answer.currency, answer.livemode)
    if theirs != (payment.stripe_payment_intent_id, payment.currency, gateway.is_live()):
        raise DisputeDiffers(f"{answer.id} and payment {payment.public_id}")
    if payment.status != Payment.Status.PAID:
        raise DisputeDiffers(f"{answer.id} disputes {payment.public_id}, which was not credited")


def _update(dispute: Dispute, answer: DisputeAnswer, now: datetime) -> None:
    """Ignore the answer if the dispute is already decided: the answer is then out of date."""
    if dispute.closed_at and answer.status in UNDECIDED:
        return
    dispute.status = answer.status
    dispute.reason = answer.reason[:60]
    dispute.evidence_due_at = answer.evidence_due_at
    dispute.closed_at = (dispute.closed_at or now) if answer.status in CLOSED else None
    dispute.save(update_fields=["status", "reason", "evidence_due_at", "closed_at"])


def _claw_back(dispute: Dispute, now: datetime) -> bool:
    """Return whether this call took the money."""
    wallet = lock_wallet(dispute.payment.buyer)
    posting = _posting(dispute, "opened", now)
    if posted_before(posting.kind, posting.reference):
        return False
    take_back(wallet)
    _move(posting, wallet, -dispute.amount_cents)
    return True


def _give_up_claim(dispute: Dispute, now: datetime) -> None:
    """Return everything that was taken to the wallet, once; a part we had written off is not returned twice."""
    wallet = lock_wallet(dispute.payment.buyer)
    posting = _posting(dispute, "won", now)
    if posted_before(posting.kind, posting.reference):
        return
    undo_write_off(dispute, wallet, now=now)
    _move(posting, wallet, dispute.amount_cents)


def _posting(dispute: Dispute, step: str, now: datetime) -> Posting:
    reference = f"{dispute.stripe_id}:{step}"
    return Posting(Kind.DISPUTE, reference, now, payment=dispute.payment, stripe_id=dispute.stripe_id)


def _move(posting: Posting, wallet: Account, cents: int) -> None:
    post(posting, {wallet: cents, house_account(Account.Kind.DISPUTES): -cents})


def _book_funds(dispute: Dispute, movement: Movement, now: datetime) -> None:
    """Book what Stripe took from our balance or put back, and its fee."""
    if movement.currency != dispute.payment.currency:
        raise DisputeDiffers(f"{movement.id} of {dispute.stripe_id} is in {movement.currency}")
    posting = Posting(Kind.DISPUTE_FUNDS, movement.id, now, payment=dispute.payment, stripe_id=movement.id)
    moves = {
        house_account(Account.Kind.STRIPE): -movement.net_cents,
        house_account(Account.Kind.DISPUTES): movement.cents,
        house_account(Account.Kind.FEES): -movement.fee_cents,
    }
    try:
        post(posting, moves)
    except AlreadyPosted:
        return
