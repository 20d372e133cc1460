"""From the balance to the merchant's own bank account. Banks take a while, and may send the money back."""

from typing import Any

from stripe_stand_in import balance, errors
from stripe_stand_in.announcing import announce
from stripe_stand_in.store import Resource, Store

BANK_ACCOUNT = "ba_1StandInMerchantBank"


def pay_out(store: Store, amount: int, **given: Any) -> Resource:
    """Pay out an amount that the merchant asked for."""
    return _send(store, amount, automatic=False, **given)


def pay_out_everything(store: Store) -> Resource:
    """Make Stripe's scheduled payout: each balance transaction in it names the payout."""
    entries = store.everything("balance_transaction", status="available", _payout=None)
    amount = sum(entry["net"] for entry in entries)
    if amount <= 0:
        raise errors.invalid("There is nothing to pay out.", code="balance_insufficient")
    made = _send(store, amount, automatic=True)
    for entry in [*entries, store.find("balance_transaction", made["balance_transaction"])]:
        store.save(entry, _payout=made["id"])
    return made


def arrive(store: Store, made: Resource) -> Resource:
    if made["status"] != "in_transit":
        raise errors.invalid(f"This payout is already {made['status']}.")
    store.save(made, status="paid")
    announce(store, "payout.paid", made)
    return made


def arrive_by_itself(store: Store, made: Resource) -> None:
    if made["status"] == "in_transit":
        arrive(store, made)


def fail(store: Store, made: Resource) -> Resource:
    """Fail a payout, even one already marked paid: banks find out late."""
    if made["status"] == "failed":
        raise errors.invalid("This payout has already failed.")
    entry = balance.post(store, "payout_failure", made["amount"], made)
    store.save(
        made,
        status="failed",
        failure_balance_transaction=entry["id"],
        failure_code="account_closed",
        failure_message="The bank account has been closed",
    )
    announce(store, "payout.failed", made)
    return made


def _send(store: Store, amount: int, *, automatic: bool, **given: Any) -> Resource:
    balance.require(store, amount, "payout")
    fields = {"description": None, "metadata": {}, "statement_descriptor": None, **given}
    made = store.add(
        "payout",
        "po",
        amount=amount,
        arrival_date=store.now() + store.terms.bank_delay,
        automatic=automatic,
        balance_transaction=None,
        currency="usd",
        destination=BANK_ACCOUNT,
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        livemode=False,
        method="standard",
        source_type="card",
        status="in_transit",
        type="bank_account",
        **fields,
    )
    store.save(made, balance_transaction=balance.post(store, "payout", -amount, made)["id"])
    announce(store, "payout.created", made)
    store.remind(made["arrival_date"], "land_payout", made["id"])
    return made
