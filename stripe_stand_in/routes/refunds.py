from stripe_stand_in import errors, parameters, refunding
from stripe_stand_in.parameters import Form, Params, choice, positive, text
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store

CREATION = Form(
    {
        "amount": positive,
        "charge": text,
        "metadata": parameters.metadata,
        "payment_intent": text,
        "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    }
)


def create(store: Store, params: Params) -> Resource:
    charge = _charge(store, params)
    return refunding.refund(store, charge, params.get("amount"), params.get("reason"), params.get("metadata"))


def _charge(store: Store, params: Params) -> Resource:
    if "payment_intent" in params and "charge" in params:
        raise errors.invalid("You may only specify one of these parameters: charge, payment_intent.")
    if "charge" in params:
        return store.find("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise errors.missing("payment_intent")
    intent = store.find("payment_intent", params["payment_intent"], "payment_intent")
    return refunding.paid_charge(store, intent)


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("refund", id)


def refunds(store: Store, params: Params) -> Resource:
    equal = parameters.pick(params, ("charge", "payment_intent"))
    return listing(store, "refund", "/v1/refunds", params, **equal)


ROUTES = (
    Route("POST", "/v1/refunds", create, CREATION),
    Route("GET", "/v1/refunds", refunds, page_form(charge=text, payment_intent=text)),
    Route("GET", "/v1/refunds/:id", retrieve),
)
