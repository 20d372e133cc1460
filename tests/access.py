"""The access table of promise P34: every route of ours, every role, every method. Anything not in it is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LOGIN, REGISTER = "to login", "to register"
TURNED_AWAY = (LOGIN, REGISTER, 404, 401)
# Others decide access under these URLs; each has a rule of its own instead of rows.
FOREIGN = ("admin/", "accounts/")

ROLES = ("stranger", "newcomer", "viewer", "buyer", "owner", "closed", "staff")
KEYS = ("none", "nonsense", "session", "revoked", "closed", "company")


@dataclass(frozen=True)
class Row:
    """Methods, separated by spaces, and the answer each role gets about its own company's objects.

    Every other method is answered 405; where ``guarded``, only to those allowed in at all. ``writes`` are the tables
    that a GET writes to on purpose.
    """

    answers: dict[str, list[str | int]]
    guarded: bool = False
    writes: frozenset[str] = field(default=frozenset())

    def expected(self, place: int) -> dict[str, str | int]:
        """Return the expected answer for the role here, by method."""
        said = {method: answers[place] for methods, answers in self.answers.items() for method in methods.split()}
        first = next(iter(said.values()))
        otherwise = first if self.guarded and first in TURNED_AWAY else 405
        return {method: said.get(method, otherwise) for method in METHODS}


def reads(*answers: str | int, guarded: bool = False) -> Row:
    return Row({"GET HEAD": list(answers)}, guarded)


def changes(*answers: str | int, guarded: bool = False) -> Row:
    return Row({"POST": list(answers)}, guarded)


# Forms are sent empty: 422 is a form that was read, 302 a change or its refusal in a message.
#                        stranger newcomer viewer buyer owner closed staff
PAGES = {
    "health-live": reads(200, 200, 200, 200, 200, 200, 200),
    "health-ready": reads(200, 200, 200, 200, 200, 200, 200),
    # Leads for sale
    "storefront:home": reads(200, 200, 200, 200, 200, 200, 200),
    "storefront:lead": reads(200, 200, 200, 200, 200, 200, 200),
    "storefront:browse": reads(200, 200, 200, 200, 200, 200, 200),
    "checkout:buy-bar": reads(200, 200, 200, 200, 200, 200, 200),
    "checkout:review": reads(LOGIN, REGISTER, 404, 200, 200, 200, REGISTER, guarded=True),
    "checkout:waiting": Row(
        {"GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 200, REGISTER]}, writes=frozenset({"billing_payment"})
    ),
    "checkout:pay-again": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER),
    "checkout:cancel": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER),
    "stripe-webhook": changes(400, 400, 400, 400, 400, 400, 400),
    "checkout:pay": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER, guarded=True),
    # Purchases
    "orders:list": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "orders:background": reads(LOGIN, REGISTER, 404, 200, 200, 200, REGISTER),
    "orders:detail": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "orders:receipt": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "orders:invoice": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "orders:leads": reads(LOGIN, REGISTER, 404, 200, 200, 404, REGISTER),
    "orders:ask": changes(LOGIN, REGISTER, 404, 422, 422, 404, REGISTER),
    "orders:progress": reads(LOGIN, REGISTER, 404, 302, 302, 404, REGISTER),
    "orders:file": Row(
        {"GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 404, REGISTER]},
        writes=frozenset({"marketplace_export", "marketplace_download"}),
    ),
    # Returns; a closed company is still credited for bad leads
    "returns:list": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "returns:detail": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "returns:credit-note": reads(LOGIN, REGISTER, 302, 302, 302, 302, REGISTER),  # that return is not credited
    "returns:ask": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 422, 422, 422, REGISTER],
        }
    ),
    "returns:upload": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 422, 422, 422, REGISTER],
        }
    ),
    "returns:send": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER),
    "returns:appeal": changes(LOGIN, REGISTER, 404, 422, 422, 422, REGISTER),
    "returns:take-back": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER),
    # Standing orders and saved searches
    "standing_orders:list": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "standing_orders:detail": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    **{
        f"standing_orders:{name}": Row(
            {
                "GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 200, REGISTER],
                "POST": [LOGIN, REGISTER, 404, 422, 422, 422, REGISTER],
            }
        )
        for name in ("buy", "save", "edit")
    },
    **{
        f"standing_orders:{name}": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER)
        for name in ("pause", "resume", "end")
    },
    # Money
    "billing:wallet": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "billing:statement": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "billing:statement-csv": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "billing:statement-pdf": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "billing:top-up": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 422, 422, 422, REGISTER],
        }
    ),
    "billing:payment": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    # What has ended stays as it is; viewing what has not records what Stripe says of it.
    "billing:done": reads(LOGIN, REGISTER, 404, 200, 200, 200, REGISTER),
    "billing:back": Row({"GET HEAD POST": [LOGIN, REGISTER, 404, 302, 302, 302, REGISTER]}),
    "billing:stop-payment": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    "billing:receipt": reads(LOGIN, REGISTER, 302, 302, 302, 302, REGISTER),
    "billing:automatic": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 404, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 404, 422, 422, REGISTER],
        }
    ),
    "billing:agree": changes(LOGIN, REGISTER, 404, 404, 422, 422, REGISTER),
    "billing:stop": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    "billing:remove-card": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    # The company
    "buyers:profile": reads(LOGIN, REGISTER, 200, 200, 200, 200, REGISTER),
    "buyers:register": Row(
        {"GET HEAD": [LOGIN, 200, 302, 302, 302, 302, 200], "POST": [LOGIN, 422, 302, 302, 302, 302, 422]}
    ),
    "buyers:edit": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 404, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 404, 422, 422, REGISTER],
        }
    ),
    "buyers:ask": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    "buyers:members": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 200, 200, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 404, 422, 422, REGISTER],
        }
    ),
    "buyers:role": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    "buyers:remove": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    "buyers:withdraw": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    "buyers:accept": Row(
        {"GET HEAD": [200, 200, 200, 200, 200, 200, 200], "POST": [200, 422, 422, 422, 422, 422, 422]}
    ),
    "buyers:customers": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 200, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 422, 422, 422, REGISTER],
        }
    ),
    "buyers:customer-list": reads(LOGIN, REGISTER, 404, 200, 200, 200, REGISTER),
    "buyers:remove-customers": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER),
    "buyers:remove-all-customers": changes(LOGIN, REGISTER, 404, 302, 302, 302, REGISTER),
    "buyers:keys": Row(
        {
            "GET HEAD": [LOGIN, REGISTER, 404, 404, 200, 200, REGISTER],
            "POST": [LOGIN, REGISTER, 404, 404, 422, 422, REGISTER],
        }
    ),
    "buyers:revoke": changes(LOGIN, REGISTER, 404, 404, 302, 302, REGISTER),
    # The operator
    "leads:operator": reads(LOGIN, 404, 404, 404, 404, 404, 302, guarded=True),
    "leads:imports": reads(LOGIN, 404, 404, 404, 404, 404, 200, guarded=True),
    "leads:import-new": Row(
        {"GET HEAD": [LOGIN, 404, 404, 404, 404, 404, 200], "POST": [LOGIN, 404, 404, 404, 404, 404, 422]},
        guarded=True,
    ),
    "leads:import": reads(LOGIN, 404, 404, 404, 404, 404, 200, guarded=True),
    "leads:import-columns": Row(
        {"GET HEAD": [LOGIN, 404, 404, 404, 404, 404, 200], "POST": [LOGIN, 404, 404, 404, 404, 404, 422]},
        guarded=True,
    ),
    "leads:import-start": changes(LOGIN, 404, 404, 404, 404, 404, 302, guarded=True),
    "leads:import-discard": changes(LOGIN, 404, 404, 404, 404, 404, 302, guarded=True),
    "leads:import-problems": reads(LOGIN, 404, 404, 404, 404, 404, 200, guarded=True),
    "leads:aging": reads(LOGIN, 404, 404, 404, 404, 404, 200, guarded=True),
    "leads:aging-run": changes(LOGIN, 404, 404, 404, 404, 404, 302, guarded=True),
    # The API's pages for people
    "api:docs": reads(200, 200, 200, 200, 200, 200, 200),
}


def keyed(methods: str, answer: int, writes: frozenset[str] = frozenset()) -> Row:
    """For a live key of an active company, and for nothing else: not for a session either."""
    return Row({methods: [401, 401, 401, 401, 401, answer]}, guarded=True, writes=writes)


# Bodies are sent as ``{}``: 400 is one that was read.
API = {
    "api:verticals": keyed("GET HEAD", 200),
    "api:listings": keyed("GET HEAD", 200),
    "api:listing": keyed("GET HEAD", 200),
    "api:quotes": keyed("POST", 400),
    "api:orders": Row(
        {"GET HEAD": [401, 401, 401, 401, 401, 200], "POST": [401, 401, 401, 401, 401, 400]}, guarded=True
    ),
    "api:background-order": keyed("GET HEAD", 200),
    "api:order": keyed("GET HEAD", 200),
    "api:file": keyed("GET HEAD", 200, frozenset({"marketplace_export", "marketplace_download"})),
    "api:manifest": keyed("GET HEAD", 200, frozenset({"marketplace_export"})),
    "api:returns": Row(
        {"GET HEAD": [401, 401, 401, 401, 401, 200], "POST": [401, 401, 401, 401, 401, 400]}, guarded=True
    ),
    "api:return-reasons": keyed("GET HEAD", 200),
    "api:return": keyed("GET HEAD", 200),
    "api:standing-orders": Row(
        {"GET HEAD": [401, 401, 401, 401, 401, 200], "POST": [401, 401, 401, 401, 401, 400]}, guarded=True
    ),
    "api:standing-order": keyed("GET HEAD PATCH DELETE", 200, frozenset({"buyers_standingorder"})),
    "api:wallet": keyed("GET HEAD", 200),
    "api:schema": reads(200, 200, 200, 200, 200, 200),
    "api:nowhere": Row({" ".join(METHODS): [404] * 6}),
    "api-nowhere": Row({" ".join(METHODS): [404] * 6}),
}


@dataclass(frozen=True)
class Route:
    name: str
    address: str
    view: object


def routes(resolver: URLResolver | None = None, before: str = "", namespace: str = "") -> Iterator[Route]:
    """Yield every route that the resolver knows."""
    for entry in (resolver or get_resolver()).url_patterns:
        address = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from routes(entry, address, inner)
        elif isinstance(entry, URLPattern):
            yield Route(f"{namespace}{entry.name}", address, entry.callback)


def own_routes() -> list[Route]:
    return [route for route in routes() if not route.address.startswith(FOREIGN)]


def foreign_routes(prefix: str) -> list[Route]:
    return [route for route in routes() if route.address.startswith(prefix)]


# What the view pg_stat_xact_user_tables says, which counts scans as well and takes three times as long.
WRITES = """
    SELECT relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
        + pg_stat_get_xact_tuples_deleted(oid)
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def writes() -> dict[str, int]:
    """Return how many rows this transaction wrote so far, by table; rollbacks and triggers' rows count too."""
    with connection.cursor() as cursor:
        cursor.execute(WRITES)
        return {table: rows for table, rows in cursor.fetchall() if rows}


def written_since(before: dict[str, int]) -> set[str]:
    """Return which of our tables were written to since then."""
    ours = ("leads_", "buyers_", "billing_", "marketplace_")
    return {table for table, rows in writes().items() if rows != before.get(table, 0) and table.startswith(ours)}
