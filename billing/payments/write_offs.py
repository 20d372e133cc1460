"""Writing off what a lost dispute left unpaid: the wallet no longer owes it, and it is our loss."""

from datetime import datetime

from django.db import transaction

from billing.ledger import (
    AlreadyPosted,
    Posting,
    house_account,
    lock_wallet,
    post,
    posted_before,
    reverse,
    take_back,
)
from billing.models import Account, Dispute, Transaction
from billing.money import dollars


class WriteOffRefused(Exception):
    """There is nothing to write off; the message says why."""


@transaction.atomic
def write_off(dispute: Dispute, *, actor: str, now: datetime) -> Transaction:
    """Take the wallet's debt as our loss, up to the dispute's amount, once. Raises WriteOffRefused."""
    wallet = lock_wallet(dispute.payment.buyer)
    dispute.refresh_from_db(fields=["status"])
    if dispute.status != "lost":
        raise WriteOffRefused("You can only write off a lost dispute. This one may still be won.")
    cents = min(-wallet.balance_cents, dispute.amount_cents)
    if cents <= 0:
        raise WriteOffRefused("The wallet owes nothing.")
    memo = f"Dispute {dispute.stripe_id} written off: {dollars(cents)}"
    posting = Posting(Transaction.Kind.WRITE_OFF, dispute.stripe_id, now, memo, actor, dispute.payment)
    try:
        return post(posting, {wallet: cents, house_account(Account.Kind.LOSSES): -cents})
    except AlreadyPosted as error:
        raise WriteOffRefused("This dispute was already written off.") from error


def undo_write_off(dispute: Dispute, wallet: Account, *, now: datetime) -> None:
    """Reverse the write-off of a dispute won after all. The caller holds the wallet and credits the whole next."""
    written_off = posted_before(Transaction.Kind.WRITE_OFF, dispute.stripe_id)
    if written_off is None or posted_before(Transaction.Kind.REVERSAL, str(written_off.public_id)):
        return
    take_back(wallet)
    reverse(written_off, actor="", memo=f"Dispute {dispute.stripe_id} was won after all.", now=now)
