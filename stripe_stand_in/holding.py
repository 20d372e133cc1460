"""Cards and bank accounts, and the customers who save them for later."""

from stripe_stand_in import cards, errors
from stripe_stand_in.announcing import announce
from stripe_stand_in.store import Resource, Store

EXPIRY = {"exp_month": 12, "exp_year": 2034}


def find_or_make(store: Store, id: str, param: str = "payment_method") -> Resource:
    """Find a payment method, or make a new one for each of Stripe's test names (``pm_card_visa``)."""
    return make(store, cards.BY_TOKEN[id]) if id in cards.BY_TOKEN else store.find("payment_method", id, param)


def make(store: Store, means: cards.Means) -> Resource:
    return store.add(
        "payment_method",
        "pm",
        allow_redisplay="unspecified",
        billing_details={"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        customer=None,
        livemode=False,
        metadata={},
        type=means.type,
        **{means.type: details(means)},
        _token=means.token,
        _is_saved=False,
        _is_spent=False,
    )


def details(means: cards.Means) -> Resource:
    if means.is_slow:
        bank = {"account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK"}
        return {**bank, "last4": means.last4, "routing_number": "110000000"}
    return {"brand": means.brand, "country": "US", **EXPIRY, "funding": "credit", "last4": means.last4}


def means_of(method: Resource) -> cards.Means:
    return cards.BY_TOKEN[method["_token"]]


def attach(store: Store, method: Resource, customer: Resource) -> Resource:
    if method["customer"] == customer["id"]:
        return method
    if method["customer"]:
        raise errors.invalid("The payment method you provided has already been attached to a customer.")
    require_unspent(method)
    if refused := means_of(method).refused:
        raise errors.declined(refused.message, refused.code, refused.decline_code, param="")
    return keep(store, method, customer["id"])


def keep(store: Store, method: Resource, customer: str) -> Resource:
    store.save(method, customer=customer)
    announce(store, "payment_method.attached", method)
    return method


def detach(store: Store, method: Resource) -> Resource:
    if not method["customer"]:
        raise errors.invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    customer = store.find("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        store.save(customer, invoice_settings={"default_payment_method": None})
    store.save(method, customer=None, _is_spent=True)
    announce(store, "payment_method.detached", method)
    return method


def require_unspent(method: Resource) -> None:
    if method["_is_spent"] and not method["customer"]:
        raise errors.invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )


def require_usable(method: Resource, customer: str | None) -> None:
    if method["customer"] and method["customer"] != customer:
        raise errors.invalid(
            "The payment method belongs to a customer. Include that customer in the request.", "payment_method"
        )
    require_unspent(method)
