"""Events: a snapshot of the object when something happened to it. The courier sends them."""

from stripe_stand_in.expansion import present
from stripe_stand_in.store import Resource, Store


def announce(store: Store, type: str, resource: Resource) -> Resource:
    store.has_news = True
    return store.add(
        "event",
        "evt",
        api_version=store.terms.api_version,
        data={"object": present(resource)},
        livemode=False,
        pending_webhooks=1,
        request={"id": store.origin.id, "idempotency_key": store.origin.idempotency_key},
        type=type,
    )
