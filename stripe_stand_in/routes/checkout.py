from stripe_stand_in import checkout, errors, parameters
from stripe_stand_in.parameters import Form, Params, between, choice, currency, integer, sequence, text, web_address
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store

PRODUCT = Form({"name": text, "description": text}, ("name",))
PRICE = Form(
    {"currency": currency, "unit_amount": between(0, 10 * parameters.MAX_CENTS), "product_data": PRODUCT},
    ("currency", "unit_amount", "product_data"),
)
LINE = Form({"price_data": PRICE, "quantity": between(1, 999_999)}, ("price_data", "quantity"))
PAYMENT = Form(
    {
        "description": text,
        "metadata": parameters.metadata,
        "setup_future_usage": choice("off_session", "on_session"),
    }
)
SWITCH = choice("enabled", "disabled")
CREATION = Form(
    {
        "allowed_payment_method_types": sequence(choice("card", "us_bank_account")),
        "cancel_url": web_address,
        "client_reference_id": text,
        "currency": currency,
        "customer": text,
        "customer_email": text,
        "expires_at": integer,
        "line_items": sequence(LINE),
        "metadata": parameters.metadata,
        "mode": choice("payment", "setup"),
        "payment_intent_data": PAYMENT,
        "saved_payment_method_options": Form({"payment_method_save": SWITCH}),
        "setup_intent_data": Form({"description": text, "metadata": parameters.metadata}),
        "success_url": web_address,
        "ui_mode": choice("hosted_page"),
    },
    ("mode", "success_url"),
)
FOREIGN = {"payment": ("setup_intent_data",), "setup": ("line_items", "payment_intent_data")}


def create(store: Store, params: Params) -> Resource:
    for name in FOREIGN[params["mode"]]:
        if name in params:
            raise errors.invalid(f"You can not pass `{name}` in `{params['mode']}` mode.", name)
    if "customer" in params:
        store.find("customer", params["customer"], "customer")
        if "customer_email" in params:
            raise errors.invalid("You may only specify one of these parameters: customer, customer_email.")
    elif params["mode"] == "setup" or params.get("payment_intent_data", {}).get("setup_future_usage"):
        raise errors.invalid("The stand-in saves a card only for a given customer.", "customer")
    if params["mode"] == "setup" and not {"currency", "allowed_payment_method_types"} & params.keys():
        raise errors.missing("currency")
    return checkout.open_session(store, params)


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("checkout.session", id)


def expire(store: Store, params: Params, id: str) -> Resource:
    return checkout.expire(store, store.find("checkout.session", id))


def sessions(store: Store, params: Params) -> Resource:
    equal = parameters.pick(params, ("customer", "payment_intent", "status"))
    return listing(store, "checkout.session", "/v1/checkout/sessions", params, **equal)


ASKED = page_form(customer=text, payment_intent=text, status=choice("open", "complete", "expired"))
ROUTES = (
    Route("POST", "/v1/checkout/sessions", create, CREATION),
    Route("GET", "/v1/checkout/sessions", sessions, ASKED),
    Route("GET", "/v1/checkout/sessions/:id", retrieve),
    Route("POST", "/v1/checkout/sessions/:id/expire", expire),
)
