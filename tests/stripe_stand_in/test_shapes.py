"""The stand-in may omit fields but must not invent any. The SDK's own classes say which exist."""

from typing import get_args

import stripe
from stripe import checkout


def invented(thing: stripe.StripeObject, path: str = "") -> set[str]:
    """Return every field, at any depth, that the SDK's class for it does not declare."""
    known = annotated(type(thing))
    free = type(thing) in (stripe.StripeObject, stripe.ListObject) or path.endswith("metadata")
    found = set() if free else {f"{path}.{name}" for name in thing.to_dict() if name not in known}
    for name in thing.to_dict():
        for part in thing[name] if isinstance(thing[name], list) else [thing[name]]:
            if isinstance(part, stripe.StripeObject):
                found |= invented(part, f"{path}.{name}")
    return found


def annotated(cls: type) -> set[str]:
    return {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}


def test_no_field_is_invented(stripe_, control, pay, open_session, customer):
    for card in ("pm_card_visa", "pm_card_createDispute", "pm_usBankAccount_success"):
        control.submit(
            session=open_session(saved_payment_method_options={"payment_method_save": "enabled"}).id, card=card
        )
    setup = stripe_.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "customer": customer.id, "success_url": "http://127.0.0.1:9/"}
    )
    control.submit(session=setup.id)
    asked = pay(card="pm_card_authenticationRequired", return_url="http://127.0.0.1:9/")
    paid = pay(automatic_payment_methods={"enabled": True, "allow_redirects": "never"})
    try:
        pay(card="pm_card_chargeDeclined")
    except stripe.CardError as declined:
        failed = stripe_.payment_intents.retrieve(declined.error.payment_intent.id)
    control.refund(payment=paid.id, amount=5)
    account = control.open_account(email="a@example.com")["id"]
    transfer = stripe_.transfers.create({"amount": 5, "currency": "usd", "destination": account})
    reversal = stripe_.transfers.reversals.create(transfer.id, {"amount": 2})
    control.fail_payout(payout=control.pay_out()["id"])

    seen = [
        *(asked, paid, failed, customer, reversal, stripe_.balance.retrieve(), stripe_.accounts.retrieve(account)),
        *stripe_.checkout.sessions.list().data,
        *stripe_.customers.payment_methods.list(customer.id).data,
        *stripe_.charges.list().data,
        *stripe_.refunds.list().data,
        *stripe_.disputes.list().data,
        *stripe_.balance_transactions.list({"limit": 100}).data,
        *stripe_.payouts.list().data,
        *stripe_.transfers.list().data,
        *stripe_.events.list({"limit": 100}).data,
        stripe_.setup_intents.retrieve(stripe_.checkout.sessions.retrieve(setup.id).setup_intent),
    ]

    assert {type(thing) for thing in seen} == {
        stripe.Account,
        stripe.Balance,
        stripe.BalanceTransaction,
        stripe.Charge,
        stripe.Customer,
        stripe.Dispute,
        stripe.Event,
        stripe.PaymentIntent,
        stripe.PaymentMethod,
        stripe.Payout,
        stripe.Refund,
        stripe.SetupIntent,
        stripe.Transfer,
        stripe.TransferReversal,
        checkout.Session,
    }
    assert set().union(*(invented(thing, type(thing).__name__) for thing in seen)) == set()


def test_an_invented_field_would_be_found(customer):
    shaped = stripe.Refund.construct_from({"id": "re_1", "object": "refund", "livemode": False}, "sk_test_x")

    assert invented(shaped, "Refund") == {"Refund.livemode"}


def test_event_types_are_ones_that_stripe_sends(stripe_, control, pay, open_session):
    control.submit(session=open_session().id, card="pm_usBankAccount_success")
    control.dispute(payment=pay(50_00).id)

    sent = {event.type for event in stripe_.events.list({"limit": 100}).data}

    assert len(sent) == 10
    assert sent - set(get_args(stripe.Event.__annotations__["type"])) == set()
