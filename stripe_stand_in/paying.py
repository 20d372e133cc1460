"""The life of a payment: created, confirmed with a card, perhaps challenged or slow, and paid, declined or canceled."""

from typing import Any

from stripe_stand_in import balance, cards, disputing, errors, holding
from stripe_stand_in.announcing import announce
from stripe_stand_in.expansion import present
from stripe_stand_in.store import Resource, Store, new_id

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def open_intent(store: Store, amount: int, **given: Any) -> Resource:
    fields: Resource = dict.fromkeys(("customer", "description", "setup_future_usage", "_session"))
    intent = store.add(
        "payment_intent",
        "pi",
        amount=amount,
        amount_received=0,
        canceled_at=None,
        cancellation_reason=None,
        capture_method="automatic",
        client_secret=None,
        confirmation_method="automatic",
        currency="usd",
        last_payment_error=None,
        latest_charge=None,
        livemode=False,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
        **{**fields, "metadata": {}, **given},
    )
    store.save(intent, client_secret=new_id(f"{intent['id']}_secret"))
    announce(store, "payment_intent.created", intent)
    return intent


def choose(store: Store, intent: Resource, method: Resource) -> None:
    holding.require_usable(method, intent["customer"])
    store.save(intent, payment_method=method["id"], status="requires_confirmation")


def confirm(
    store: Store, intent: Resource, method: Resource, *, off_session: bool = False, return_url: str | None = None
) -> Resource:
    if intent["status"] not in CONFIRMABLE:
        raise errors.unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.", present(intent)
        )
    choose(store, intent, method)
    means = holding.means_of(method)
    decline = means.refusal(off_session=off_session, is_saved=method["_is_saved"])
    if decline:
        raise _decline(store, intent, method, decline)
    if means.asks_the_person(off_session=off_session, is_saved=method["_is_saved"]):
        return _challenge(store, intent, return_url)
    return _take(store, intent, method)


def answer_challenge(store: Store, intent: Resource, *, approved: bool) -> Resource:
    """Approve or fail the bank's challenge; failing is a decline that Stripe answers with 200."""
    method = store.find("payment_method", intent["payment_method"])
    store.save(intent, next_action=None)
    if approved:
        return _take(store, intent, method)
    _fail(store, intent, method, cards.CHALLENGE_FAILED)
    return intent


def cancel(store: Store, intent: Resource, reason: str | None) -> Resource:
    if intent["status"] not in CONFIRMABLE:
        raise errors.unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.", present(intent)
        )
    now = store.now()
    store.save(intent, status="canceled", canceled_at=now, cancellation_reason=reason, next_action=None)
    announce(store, "payment_intent.canceled", intent)
    return intent


def settle(store: Store, intent: Resource, *, paid: bool) -> Resource:
    """Let a pending bank debit arrive or come back."""
    if intent["status"] != "processing":
        raise errors.unexpected_state("This payment is not waiting for a bank.", present(intent))
    charge = store.find("charge", intent["latest_charge"])
    method = store.find("payment_method", intent["payment_method"])
    if paid:
        _complete(store, intent, charge, method)
    else:
        _lose(store, intent, charge, method, cards.RETURNED)
    return intent


def settle_by_itself(store: Store, intent: Resource) -> None:
    if intent["status"] == "processing":
        method = store.find("payment_method", intent["payment_method"])
        settle(store, intent, paid=not holding.means_of(method).returned)


def _challenge(store: Store, intent: Resource, return_url: str | None) -> Resource:
    page = {"url": f"{store.terms.public_url}/challenge/{intent['id']}", "return_url": return_url}
    action: Resource = {"type": "redirect_to_url", "redirect_to_url": page}
    store.save(intent, status="requires_action", next_action=action, _return_url=return_url)
    announce(store, "payment_intent.requires_action", intent)
    return intent


def _take(store: Store, intent: Resource, method: Resource) -> Resource:
    means = holding.means_of(method)
    charge = _charge(store, intent, method, "pending")
    store.save(method, _is_spent=True)
    if intent["setup_future_usage"] and not method["customer"]:
        holding.keep(store, method, intent["customer"])
    store.save(method, _is_saved=bool(method["customer"]))
    store.save(intent, latest_charge=charge["id"], last_payment_error=None)
    if not means.is_slow:
        _complete(store, intent, charge, method)
        return intent
    store.save(intent, status="processing")
    announce(store, "charge.pending", charge)
    announce(store, "payment_intent.processing", intent)
    store.remind(store.now() + store.terms.bank_delay, "settle_payment", intent["id"])
    return intent


def _complete(store: Store, intent: Resource, charge: Resource, method: Resource) -> None:
    entry = balance.post(
        store,
        "charge" if method["type"] == "card" else "payment",
        charge["amount"],
        charge,
        fee=balance.card_fee(charge["amount"]),
        delay=store.terms.settlement_delay,
    )
    store.save(
        charge,
        status="succeeded",
        paid=True,
        captured=True,
        amount_captured=charge["amount"],
        balance_transaction=entry["id"],
        outcome=_outcome("approved_by_network", "authorized", "Payment complete."),
    )
    store.save(intent, status="succeeded", amount_received=charge["amount"])
    announce(store, "charge.succeeded", charge)
    announce(store, "payment_intent.succeeded", intent)
    if holding.means_of(method).disputed:
        disputing.dispute(store, charge, reason="fraudulent")


def _decline(store: Store, intent: Resource, method: Resource, decline: cards.Decline) -> errors.Refusal:
    charge = _fail(store, intent, method, decline)
    refusal = errors.declined(decline.message, decline.code, decline.decline_code)
    refusal.fields.update(charge=charge["id"], payment_method=present(method), payment_intent=present(intent))
    return refusal


def _fail(store: Store, intent: Resource, method: Resource, decline: cards.Decline) -> Resource:
    charge = _charge(store, intent, method, "failed")
    _lose(store, intent, charge, method, decline)
    return charge


def _lose(store: Store, intent: Resource, charge: Resource, method: Resource, decline: cards.Decline) -> None:
    outcome = _outcome("declined_by_network", "issuer_declined", decline.message, decline.decline_code)
    store.save(charge, status="failed", failure_code=decline.code, failure_message=decline.message, outcome=outcome)
    error = {
        "charge": charge["id"],
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "payment_method": present(method),
        "type": "card_error",
    }
    changes = {"latest_charge": charge["id"], "last_payment_error": error, "payment_method": None}
    store.save(intent, status="requires_payment_method", **changes)
    announce(store, "charge.failed", charge)
    announce(store, "payment_intent.payment_failed", intent)


def _charge(store: Store, intent: Resource, method: Resource, status: str) -> Resource:
    kind = method["type"]
    return store.add(
        "charge",
        "ch" if kind == "card" else "py",
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        balance_transaction=None,
        billing_details=method["billing_details"],
        captured=False,
        currency="usd",
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_code=None,
        failure_message=None,
        livemode=False,
        metadata=intent["metadata"],
        outcome=None,
        paid=False,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": kind, kind: method[kind]},
        refunded=False,
        status=status,
    )


def _outcome(network_status: str, type: str, seller_message: str, reason: str | None = None) -> Resource:
    return {"network_status": network_status, "reason": reason, "seller_message": seller_message, "type": type}
