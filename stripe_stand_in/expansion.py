"""What leaves the stand-in: private fields removed, and IDs expanded to objects on request."""

from typing import Any

from stripe_stand_in import errors
from stripe_stand_in.store import Resource, Store

EXPANDABLE = {
    "balance_transaction",
    "charge",
    "customer",
    "default_payment_method",
    "destination",
    "failure_balance_transaction",
    "latest_charge",
    "payment_intent",
    "payment_method",
    "setup_intent",
    "source",
    "source_transaction",
    "transfer",
}
MAX_DEPTH = 4


def present(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if not name.startswith("_")}


def expand(store: Store, answer: Resource, paths: list[str]) -> Resource:
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_DEPTH:
            raise errors.invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property: {path}", "expand")
        _open(store, answer, steps, path)
    return answer


def _open(store: Store, place: Any, steps: list[str], path: str) -> None:
    if isinstance(place, list):
        for item in place:
            _open(store, item, steps, path)
    elif isinstance(place, dict) and steps:
        name, *rest = steps
        if name not in place:
            raise _not_expandable(path)
        if isinstance(place[name], str):
            place[name] = _named(store, name, place[name], path)
        elif not rest and name not in EXPANDABLE:
            raise _not_expandable(path)
        _open(store, place[name], rest, path)


def _named(store: Store, name: str, id: str, path: str) -> Resource:
    found = store.find_any(id) if name in EXPANDABLE else None
    if found is None:
        raise _not_expandable(path)
    return present(found)


def _not_expandable(path: str) -> errors.Refusal:
    return errors.invalid(f"This property cannot be expanded ({path}).", "expand")
