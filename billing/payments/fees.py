"""The fees Stripe keeps, one balance transaction at a time."""

from datetime import datetime

from billing.ledger import AlreadyPosted, Kind, Posting, house_account, post
from billing.models import Account, Payment
from billing.stripe.responses import Movement


def book_fee(movement: Movement, *, payment: Payment | None, now: datetime) -> None:
    """Book the fee of one balance transaction. Safe twice; most refunds and payouts cost nothing."""
    if not movement.fee_cents:
        return
    posting = Posting(Kind.FEE, movement.id, now, payment=payment, stripe_id=movement.id)
    stripe, fees = house_account(Account.Kind.STRIPE), house_account(Account.Kind.FEES)
    try:
        post(posting, {stripe: movement.fee_cents, fees: -movement.fee_cents})
    except AlreadyPosted:
        return
