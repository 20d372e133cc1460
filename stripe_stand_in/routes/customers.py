from stripe_stand_in import errors, holding, parameters
from stripe_stand_in.announcing import announce
from stripe_stand_in.expansion import present
from stripe_stand_in.parameters import Form, Params, clearable, text
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store

TOLD = ("description", "email", "name", "phone")
INVOICE = Form({"default_payment_method": clearable})
DETAILS = Form(
    {**dict.fromkeys(TOLD, clearable), "metadata": parameters.metadata, "invoice_settings": INVOICE},
)
KINDS = parameters.choice("card", "us_bank_account")
METHODS = page_form(customer=text, type=KINDS)


def create(store: Store, params: Params) -> Resource:
    customer = store.add(
        "customer",
        "cus",
        balance=0,
        delinquent=False,
        invoice_settings={"default_payment_method": None},
        livemode=False,
        metadata={},
        **dict.fromkeys(TOLD),
    )
    _tell(store, customer, params)
    announce(store, "customer.created", customer)
    return customer


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("customer", id)


def update(store: Store, params: Params, id: str) -> Resource:
    customer = store.find("customer", id)
    _tell(store, customer, params)
    announce(store, "customer.updated", customer)
    return customer


def _tell(store: Store, customer: Resource, params: Params) -> None:
    told = {**params, "metadata": parameters.with_metadata(customer["metadata"], params.get("metadata", {}))}
    if method := told.get("invoice_settings", {}).get("default_payment_method"):
        holding.require_usable(store.find("payment_method", method), customer["id"])
    store.save(customer, **told)


def methods_of(store: Store, params: Params, id: str) -> Resource:
    customer = store.find("customer", id)
    url = f"/v1/customers/{id}/payment_methods"
    return listing(store, "payment_method", url, params, customer=customer["id"], type=params.get("type"))


def methods(store: Store, params: Params) -> Resource:
    if "customer" not in params:
        raise errors.missing("customer")
    equal = parameters.pick(params, ("customer", "type"))
    return listing(store, "payment_method", "/v1/payment_methods", params, **equal)


def method_of(store: Store, params: Params, id: str, method: str) -> Resource:
    found = store.find("payment_method", method)
    if found["customer"] != id:
        raise errors.no_such("payment_method", method)
    return found


def retrieve_method(store: Store, params: Params, id: str) -> Resource:
    return holding.find_or_make(store, id)


def attach(store: Store, params: Params, id: str) -> Resource:
    customer = store.find("customer", params["customer"], "customer")
    return present(holding.attach(store, holding.find_or_make(store, id), customer))


def detach(store: Store, params: Params, id: str) -> Resource:
    return holding.detach(store, store.find("payment_method", id))


ROUTES = (
    Route("POST", "/v1/customers", create, DETAILS),
    Route("GET", "/v1/customers/:id", retrieve),
    Route("POST", "/v1/customers/:id", update, DETAILS),
    Route("GET", "/v1/customers/:id/payment_methods", methods_of, page_form(type=KINDS)),
    Route("GET", "/v1/customers/:id/payment_methods/:id", method_of),
    Route("GET", "/v1/payment_methods", methods, METHODS),
    Route("GET", "/v1/payment_methods/:id", retrieve_method),
    Route("POST", "/v1/payment_methods/:id/attach", attach, Form({"customer": text}, ("customer",))),
    Route("POST", "/v1/payment_methods/:id/detach", detach),
)
