from stripe_stand_in import parameters
from stripe_stand_in.parameters import Params, text
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("dispute", id)


def disputes(store: Store, params: Params) -> Resource:
    equal = parameters.pick(params, ("charge", "payment_intent"))
    return listing(store, "dispute", "/v1/disputes", params, **equal)


ROUTES = (
    Route("GET", "/v1/disputes", disputes, page_form(charge=text, payment_intent=text)),
    Route("GET", "/v1/disputes/:id", retrieve),
)
