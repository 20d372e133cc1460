"""Every request that the stand-in answers, resource by resource."""

from stripe_stand_in import errors
from stripe_stand_in.routes import checkout, connect, customers, disputes, events, funds, payments, refunds
from stripe_stand_in.routing import Route

ROUTES: tuple[Route, ...] = (
    *customers.ROUTES,
    *checkout.ROUTES,
    *payments.ROUTES,
    *refunds.ROUTES,
    *disputes.ROUTES,
    *funds.ROUTES,
    *connect.ROUTES,
    *events.ROUTES,
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    for route in ROUTES:
        if route.method == method and (match := route.pattern.match(path)):
            return route, match.groups()
    raise errors.Refusal(404, f"Unrecognized request URL ({method}: {path}). The stand-in does not support it.")
