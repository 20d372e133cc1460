from stripe_stand_in import parameters, transferring
from stripe_stand_in.parameters import Form, Params, currency, positive, text
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store

TRANSFER = Form(
    {
        "amount": positive,
        "currency": currency,
        "description": text,
        "destination": text,
        "metadata": parameters.metadata,
        "transfer_group": text,
    },
    ("amount", "currency", "destination"),
)


def create(store: Store, params: Params) -> Resource:
    account = store.find("account", params["destination"], "destination")
    given = parameters.pick(params, ("description", "transfer_group"))
    return transferring.transfer(store, account, params["amount"], **given, metadata=params.get("metadata") or {})


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("transfer", id)


def transfers(store: Store, params: Params) -> Resource:
    equal = parameters.pick(params, ("destination", "transfer_group"))
    return listing(store, "transfer", "/v1/transfers", params, **equal)


def reverse(store: Store, params: Params, id: str) -> Resource:
    made = store.find("transfer", id)
    return transferring.reverse(store, made, params.get("amount"), params.get("metadata"))


def retrieve_account(store: Store, params: Params, id: str) -> Resource:
    return store.find("account", id)


ROUTES = (
    Route("POST", "/v1/transfers", create, TRANSFER),
    Route("GET", "/v1/transfers", transfers, page_form(destination=text, transfer_group=text)),
    Route("GET", "/v1/transfers/:id", retrieve),
    Route(
        "POST",
        "/v1/transfers/:id/reversals",
        reverse,
        Form({"amount": positive, "metadata": parameters.metadata}),
    ),
    Route("GET", "/v1/accounts/:id", retrieve_account),
)
