"""Stripe's payouts to our own bank: the money leaves our Stripe balance when the payout is made, and may come back."""

from datetime import datetime

from django.db import transaction

from billing.ledger import AlreadyPosted, Kind, Posting, house_account, post, posted_before, reverse
from billing.models import CURRENCY, Account
from billing.payments.fees import book_fee
from billing.stripe import gateway
from billing.stripe.responses import PayoutAnswer


class SettlementDiffers(Exception):
    """The payout is in another currency or from another environment. Nothing is booked."""


@transaction.atomic
def enter(answer: PayoutAnswer, *, now: datetime) -> None:
    """Update our books to what Stripe says of this payout. Safe twice, in any order. Raises SettlementDiffers."""
    if (answer.currency, answer.livemode) != (CURRENCY, gateway.is_live()):
        raise SettlementDiffers(answer.id)
    _send(answer, now)
    if answer.movement:
        book_fee(answer.movement, payment=None, now=now)
    if answer.has_failed:
        _take_back(answer, now)


def _send(answer: PayoutAnswer, now: datetime) -> None:
    posting = Posting(Kind.SETTLEMENT, answer.id, now, stripe_id=answer.id)
    stripe, bank = house_account(Account.Kind.STRIPE), house_account(Account.Kind.BANK)
    try:
        post(posting, {stripe: answer.cents, bank: -answer.cents})
    except AlreadyPosted:
        return


def _take_back(answer: PayoutAnswer, now: datetime) -> None:
    sent = posted_before(Kind.SETTLEMENT, answer.id)
    assert sent is not None
    try:
        reverse(sent, actor="", memo="The bank sent it back.", now=now)
    except AlreadyPosted:
        return
