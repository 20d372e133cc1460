"""Refunds to the card. Stripe keeps the fee of the payment."""

from typing import Any

from stripe_stand_in import balance, errors
from stripe_stand_in.announcing import announce
from stripe_stand_in.store import Resource, Store


def paid_charge(store: Store, intent: Resource) -> Resource:
    if intent["status"] != "succeeded":
        raise errors.invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            "payment_intent",
            "payment_intent_unexpected_state",
        )
    return store.find("charge", intent["latest_charge"])


def refund(
    store: Store,
    charge: Resource,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Resource:
    amount = _require_refundable(charge, amount)
    fields: dict[str, Any] = {
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "currency": "usd",
        "failure_balance_transaction": None,
        "failure_reason": None,
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "succeeded",
    }
    made = store.add("refund", "re", **fields)
    kind = "refund" if charge["payment_method_details"]["type"] == "card" else "payment_refund"
    store.save(made, balance_transaction=balance.post(store, kind, -amount, made)["id"])
    _count(store, charge, amount)
    announce(store, "refund.created", made)
    announce(store, "charge.refunded", charge)
    return made


def fail(store: Store, made: Resource, reason: str = "lost_or_stolen_card") -> Resource:
    """The bank sends the money back: the balance gets it again, and the payment counts as less refunded."""
    if made["status"] != "succeeded":
        raise errors.invalid(f"This refund has a status of {made['status']} and cannot fail.")
    entry = balance.post(store, "refund_failure", made["amount"], made)
    store.save(made, status="failed", failure_reason=reason, failure_balance_transaction=entry["id"])
    _count(store, store.find("charge", made["charge"]), -made["amount"])
    announce(store, "refund.updated", made)
    announce(store, "refund.failed", made)
    return made


def _count(store: Store, charge: Resource, amount: int) -> None:
    refunded = charge["amount_refunded"] + amount
    store.save(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])


def _require_refundable(charge: Resource, amount: int | None) -> int:
    left = charge["amount"] - charge["amount_refunded"]
    if not charge["paid"]:
        raise errors.invalid(f"Charge {charge['id']} was not paid and cannot be refunded.", "charge")
    if charge["disputed"]:
        raise errors.invalid(f"Charge {charge['id']} has been charged back.", "charge", "charge_disputed")
    if left == 0:
        raise errors.invalid(f"Charge {charge['id']} has already been refunded.", "charge", "charge_already_refunded")
    if amount is not None and amount < 1:
        raise errors.invalid("A refund must be at least one cent.", "amount")
    if amount is not None and amount > left:
        raise errors.invalid(
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge (${left / 100:.2f})",
            "amount",
        )
    return left if amount is None else amount
