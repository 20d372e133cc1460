"""Disputes: a cardholder denies the payment to their bank. The money leaves at once and comes back if we win."""

from stripe_stand_in import balance, errors
from stripe_stand_in.announcing import announce
from stripe_stand_in.expansion import present
from stripe_stand_in.store import Resource, Store

OPEN = ("needs_response", "under_review")


def dispute(store: Store, charge: Resource, *, reason: str) -> Resource:
    """Dispute everything not refunded yet, with a fee that we don't get back even if we win."""
    amount = charge["amount"] - charge["amount_refunded"]
    if not charge["paid"] or charge["disputed"] or not amount:
        raise errors.invalid(f"Charge {charge['id']} is not paid, refunded or already disputed.", "charge")
    made = store.add(
        "dispute",
        "du",
        amount=amount,
        balance_transactions=[],
        charge=charge["id"],
        currency="usd",
        is_charge_refundable=False,
        livemode=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="needs_response",
    )
    store.save(charge, disputed=True)
    announce(store, "charge.dispute.created", made)
    _post(store, made, -amount, balance.DISPUTE_FEE, "dispute")
    announce(store, "charge.dispute.funds_withdrawn", made)
    return made


def submit_evidence(store: Store, made: Resource) -> Resource:
    _require_open(made)
    store.save(made, status="under_review")
    announce(store, "charge.dispute.updated", made)
    return made


def close(store: Store, made: Resource, *, won: bool) -> Resource:
    _require_open(made)
    store.save(made, status="won" if won else "lost")
    if won:
        _post(store, made, made["amount"], 0, "dispute_reversal")
        announce(store, "charge.dispute.funds_reinstated", made)
    announce(store, "charge.dispute.closed", made)
    return made


def _post(store: Store, made: Resource, amount: int, fee: int, category: str) -> None:
    entry = balance.post(store, "adjustment", amount, made, fee=fee, category=category)
    store.save(made, balance_transactions=[*made["balance_transactions"], present(entry)])


def _require_open(made: Resource) -> None:
    if made["status"] not in OPEN:
        raise errors.invalid(f"This dispute is already {made['status']}.")
