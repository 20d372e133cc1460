from stripe_stand_in import errors, holding, parameters, paying
from stripe_stand_in.parameters import Form, Params, boolean, choice, text, web_address
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store

CONFIRMATION = {"off_session": boolean, "payment_method": text, "return_url": web_address}
AUTOMATIC = Form({"enabled": boolean, "allow_redirects": choice("always", "never")}, ("enabled",))
CREATION = Form(
    {
        **CONFIRMATION,
        "amount": parameters.amount,
        "automatic_payment_methods": AUTOMATIC,
        "confirm": boolean,
        "currency": parameters.currency,
        "customer": text,
        "description": text,
        "metadata": parameters.metadata,
        "setup_future_usage": choice("off_session", "on_session"),
    },
    ("amount", "currency"),
)
REASONS = choice("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def create(store: Store, params: Params) -> Resource:
    if not params.get("confirm") and {"off_session", "return_url"} & params.keys():
        raise errors.invalid("`off_session` and `return_url` can only be passed when `confirm` is true.")
    if params.get("setup_future_usage") and not params.get("customer"):
        raise errors.invalid("The stand-in saves a card only for a given customer.", "customer")
    if "customer" in params:
        store.find("customer", params["customer"], "customer")
    method = holding.find_or_make(store, params["payment_method"]) if "payment_method" in params else None
    if method:
        holding.require_usable(method, params.get("customer"))
    intent = paying.open_intent(store, params["amount"], **_described(params))
    if params.get("confirm"):
        return _confirm(store, intent, method, params)
    if method:
        paying.choose(store, intent, method)
    return intent


def _described(params: Params) -> Params:
    names = ("automatic_payment_methods", "customer", "description", "setup_future_usage")
    return {**parameters.pick(params, names), "metadata": params.get("metadata") or {}}


def _confirm(store: Store, intent: Resource, method: Resource | None, params: Params) -> Resource:
    if method is None:
        raise errors.invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_method",
            "payment_intent_unexpected_state",
        )
    off_session, return_url = params.get("off_session", False), params.get("return_url")
    return paying.confirm(store, intent, method, off_session=off_session, return_url=return_url)


def confirm(store: Store, params: Params, id: str) -> Resource:
    intent = _own_intent(store, id, "confirm")
    named = params.get("payment_method") or intent["payment_method"]
    return _confirm(store, intent, holding.find_or_make(store, named) if named else None, params)


def cancel(store: Store, params: Params, id: str) -> Resource:
    return paying.cancel(store, _own_intent(store, id, "cancel"), params.get("cancellation_reason"))


def _own_intent(store: Store, id: str, verb: str) -> Resource:
    intent = store.find("payment_intent", id)
    if intent["_session"]:
        raise errors.invalid(f"You cannot {verb} this PaymentIntent: it belongs to a Checkout Session.")
    return intent


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("payment_intent", id)


def intents(store: Store, params: Params) -> Resource:
    return listing(store, "payment_intent", "/v1/payment_intents", params, customer=params.get("customer"))


def retrieve_charge(store: Store, params: Params, id: str) -> Resource:
    return store.find("charge", id)


def charges(store: Store, params: Params) -> Resource:
    equal = parameters.pick(params, ("customer", "payment_intent"))
    return listing(store, "charge", "/v1/charges", params, **equal)


def retrieve_setup(store: Store, params: Params, id: str) -> Resource:
    return store.find("setup_intent", id)


ROUTES = (
    Route("POST", "/v1/payment_intents", create, CREATION),
    Route("GET", "/v1/payment_intents", intents, page_form(customer=text)),
    Route("GET", "/v1/payment_intents/:id", retrieve),
    Route("POST", "/v1/payment_intents/:id/confirm", confirm, Form(CONFIRMATION)),
    Route("POST", "/v1/payment_intents/:id/cancel", cancel, Form({"cancellation_reason": REASONS})),
    Route("GET", "/v1/charges", charges, page_form(customer=text, payment_intent=text)),
    Route("GET", "/v1/charges/:id", retrieve_charge),
    Route("GET", "/v1/setup_intents/:id", retrieve_setup),
)
