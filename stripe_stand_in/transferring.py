"""Connect: transfers from the balance to the account of someone who is owed money, and back."""

from typing import Any

from stripe_stand_in import balance, errors
from stripe_stand_in.announcing import announce
from stripe_stand_in.store import Resource, Store


def open_account(store: Store, *, email: str | None = None, ready: bool = True) -> Resource:
    """Open a connected account; if it is not ready, Stripe lacks the details needed to pay it."""
    state = "active" if ready else "inactive"
    return store.add(
        "account",
        "acct",
        business_type="company",
        capabilities={"transfers": state},
        charges_enabled=ready,
        country="US",
        default_currency="usd",
        details_submitted=ready,
        email=email,
        metadata={},
        payouts_enabled=ready,
        type="express",
    )


def transfer(store: Store, account: Resource, amount: int, **given: Any) -> Resource:
    if account["capabilities"]["transfers"] != "active":
        raise errors.invalid(
            "Your destination account needs to have the transfers capability enabled.",
            "destination",
            "insufficient_capabilities_for_transfer",
        )
    balance.require(store, amount, "transfer")
    fields = {"description": None, "metadata": {}, "transfer_group": None, **given}
    made = store.add(
        "transfer",
        "tr",
        amount=amount,
        amount_reversed=0,
        balance_transaction=None,
        currency="usd",
        destination=account["id"],
        livemode=False,
        reversals=_reversals([]),
        reversed=False,
        source_transaction=None,
        source_type="card",
        **fields,
    )
    store.save(made, balance_transaction=balance.post(store, "transfer", -amount, made)["id"])
    store.save(made, reversals={**made["reversals"], "url": f"/v1/transfers/{made['id']}/reversals"})
    announce(store, "transfer.created", made)
    return made


def reverse(
    store: Store, made: Resource, amount: int | None = None, metadata: dict[str, str] | None = None
) -> Resource:
    left = made["amount"] - made["amount_reversed"]
    if amount is None:
        amount = left
    if not 0 < amount <= left:
        raise errors.invalid(f"You can reverse at most ${left / 100:.2f} of this transfer.", "amount")
    fields = {"amount": amount, "balance_transaction": None, "currency": "usd", "metadata": metadata or {}}
    reversal = store.add("transfer_reversal", "trr", **fields, transfer=made["id"])
    entry = balance.post(store, "transfer_refund", amount, reversal)
    store.save(reversal, balance_transaction=entry["id"])
    reversals = {**made["reversals"], "data": [reversal, *made["reversals"]["data"]]}
    store.save(made, amount_reversed=made["amount_reversed"] + amount, reversals=reversals)
    store.save(made, reversed=made["amount_reversed"] == made["amount"])
    announce(store, "transfer.reversed", made)
    return reversal


def _reversals(data: list[Resource]) -> Resource:
    return {"object": "list", "data": data, "has_more": False, "url": ""}
