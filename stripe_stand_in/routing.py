"""Which function answers which request. Anything not in a table here is refused."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stripe_stand_in import errors, parameters
from stripe_stand_in.expansion import present
from stripe_stand_in.parameters import Form, Params
from stripe_stand_in.store import MAX_PAGE, Resource, Store

Handler = Callable[..., Resource]
NOTHING = Form({})
PAGING = {
    "limit": parameters.between(1, MAX_PAGE),
    "starting_after": parameters.text,
    "ending_before": parameters.text,
    "created": parameters.instants,
}


@dataclass(frozen=True)
class Route:
    """``/v1/refunds/:id`` with its parameters; the IDs in the path are passed in order."""

    method: str
    path: str
    act: Handler
    form: Form = NOTHING
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(self.path.replace(":id", r"([A-Za-z0-9_]+)") + "$"))


def page_form(**fields: parameters.Reader) -> Form:
    return Form({**PAGING, **fields})


def listing(
    store: Store, kind: str, url: str, params: Params, *, types: list[str] | None = None, **equal: Any
) -> Resource:
    """One page, newest first, of objects with these values; a value of None matches anything."""
    limit = params.get("limit", 10)
    cursors = {name: params[name] for name in ("starting_after", "ending_before") if name in params}
    if len(cursors) == 2:
        raise errors.invalid("You may only specify one of these parameters: starting_after, ending_before.")
    wanted = {name: value for name, value in equal.items() if value is not None}
    found = store.page(kind, limit=limit + 1, equal=wanted, types=types, **params.get("created", {}), **cursors)
    chosen = found[-limit:] if "ending_before" in cursors else found[:limit]
    data = [present(resource) for resource in chosen]
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}
