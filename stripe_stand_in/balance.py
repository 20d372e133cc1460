"""The merchant's balance at Stripe: every cent that comes or goes is one balance transaction."""

from stripe_stand_in import errors
from stripe_stand_in.store import Resource, Store

DISPUTE_FEE = 15_00

SUM = """
SELECT coalesce(sum(json_extract(body, '$.net')), 0) FROM resources
WHERE kind = 'balance_transaction' AND json_extract(body, '$.status') = ?
"""
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
}


def card_fee(cents: int) -> int:
    """Return 2.9% plus 30 cents, rounded half up."""
    return (cents * 29 + 500) // 1000 + 30


def post(
    store: Store, type: str, amount: int, source: Resource, *, fee: int = 0, category: str = "", delay: int = 0
) -> Resource:
    details = [{"amount": fee, "application": None, "currency": "usd", "description": None, "type": "stripe_fee"}]
    entry = store.add(
        "balance_transaction",
        "txn",
        amount=amount,
        available_on=store.now() + delay,
        balance_type="payments",
        currency="usd",
        description=source.get("description"),
        exchange_rate=None,
        fee=fee,
        fee_details=details if fee else [],
        net=amount - fee,
        reporting_category=category or CATEGORIES[type],
        source=source["id"],
        status="pending" if delay else "available",
        type=type,
        _payout=None,
    )
    if delay:
        store.remind(entry["available_on"], "make_available", entry["id"])
    return entry


def make_available(store: Store, entry: Resource) -> None:
    store.save(entry, status="available")


def total(store: Store, status: str) -> int:
    return int(store.run(SUM, status)[0][0])


def require(store: Store, cents: int, purpose: str) -> None:
    if cents < 1:
        raise errors.invalid(f"A {purpose} must be at least one cent.", "amount")
    if cents > total(store, "available"):
        raise errors.invalid(f"You have insufficient available funds for this {purpose}.", code="balance_insufficient")


def statement(store: Store) -> Resource:
    return {
        "object": "balance",
        "available": [_funds(total(store, "available"))],
        "pending": [_funds(total(store, "pending"))],
        "livemode": False,
    }


def _funds(cents: int) -> Resource:
    return {"amount": cents, "currency": "usd", "source_types": {"card": cents}}
