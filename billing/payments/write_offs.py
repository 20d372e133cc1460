"""What a lost dispute left unpaid is given up: the wallet owes it no more, and it is a loss of the house."""

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
    """There is nothing to give up; the message says why."""


@transaction.atomic
def write_off(dispute: Dispute, *, actor: str, now: datetime) -> Transaction:
    """Take what the wallet owes on us, up to the dispute's amount, once. Raises WriteOffRefused."""
    wallet = lock_wallet(dispute.payment.buyer)
    dispute.refresh_from_db(fields=["status"])
    if dispute.status != "lost":
        raise WriteOffRefused("Only a lost dispute is written off: this one may still be won.")
    cents = min(-wallet.balance_cents, dispute.amount_cents)
    if cents <= 0:
        raise WriteOffRefused("The wallet owes nothing.")
    memo = f"Dispute {dispute.stripe_id} given up: {dollars(cents)}"
    posting = Posting(Transaction.Kind.WRITE_OFF, dispute.stripe_id, now, memo, actor, dispute.payment)
    try:
        return post(posting, {wallet: cents, house_account(Account.Kind.LOSSES): -cents})
    except AlreadyPosted as error:
        raise WriteOffRefused("This dispute was written off before.") from error


def undo_write_off(dispute: Dispute, wallet: Account, *, now: datetime) -> None:
    """It was won in the end. The caller holds the wallet, and credits it with the whole dispute next."""
    written_off = posted_before(Transaction.Kind.WRITE_OFF, dispute.stripe_id)
    if written_off is None or posted_before(Transaction.Kind.REVERSAL, str(written_off.public_id)):
        return
    take_back(wallet)
    reverse(written_off, actor="", memo=f"Dispute {dispute.stripe_id} was won after all.", now=now)
