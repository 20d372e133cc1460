from stripe_stand_in.parameters import Params, sequence, text
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store


def retrieve(store: Store, params: Params, id: str) -> Resource:
    return store.find("event", id)


def events(store: Store, params: Params) -> Resource:
    return listing(store, "event", "/v1/events", params, types=params.get("types"), type=params.get("type"))


ROUTES = (
    Route("GET", "/v1/events", events, page_form(type=text, types=sequence(text))),
    Route("GET", "/v1/events/:id", retrieve),
)
