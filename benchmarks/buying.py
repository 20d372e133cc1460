"""One order of many leads by criteria, compared with locking, claiming and writing the same leads by number."""

from collections.abc import Iterator

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import bare
from benchmarks.figures import Figure, Goal, alternating, seconds
from benchmarks.stock import Market, new_buyer
from buyers.models import Buyer
from leads.models import Vertical
from marketplace.models import Order
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import read_order_request
from marketplace.prices.pricing import curve_in_force

ROUNDS = 3
MOST = 10_000
CRITERIA = [
    {"field": "state", "in": ["CA", "TX", "FL", "NY", "PA", "IL", "OH", "GA", "NC", "MI", "NJ", "VA"]},
    {"field": "age_days", "min": 30, "max": 600},
    {"field": "property_value", "min": 100_000},
    {"field": "legs_left", "min": 2},  # one for our buyer, one for the floor's buyer
]


def measure(market: Market, leads: int) -> Iterator[Figure]:
    """In each round two buyers buy the same leads, one through our code and one with the bare statements."""
    vertical = market.vertical("mortgage")
    quantity = min(MOST, leads // 50)
    latest: list[int] = []

    def ours() -> float:
        attempt = _placement(vertical, quantity)
        taken = seconds(lambda: place_order(attempt))
        order = Order.objects.get(buyer=attempt.buyer)
        latest[:] = order.sales.values_list("lead_id", flat=True)
        return taken

    def floor() -> float:
        return _bare_seconds(vertical, latest)

    taken, least = alternating(ROUNDS, ours, floor)
    yield Figure(f"buy {quantity:,} leads by criteria in one order", taken, "s", least, Goal("ratio", at_most=3))
    name = f"buy {quantity:,} leads, beside the floor without triggers and foreign keys"
    yield Figure(name, taken, "s", _naked_seconds(vertical, latest))


def _placement(vertical: Vertical, quantity: int) -> OrderAttempt:
    buyer, now = new_buyer(vertical), timezone.now()
    order_request = read_order_request(
        {"vertical": vertical.slug, "criteria": CRITERIA, "quantity": quantity, "sort": "newest"}
    )
    quoted = quote(order_request, buyer=buyer, now=now)
    assert quoted.quantity == quantity, f"the stock has only {quoted.quantity:,} such leads"
    return OrderAttempt(buyer, None, token_of(quoted), "first", False, now)


def _bare_seconds(vertical: Vertical, leads: list[int]) -> float:
    return _sold_in(new_buyer(vertical), vertical, leads)


def _naked_seconds(vertical: Vertical, leads: list[int]) -> float:
    """Return the floor's seconds. Everything is undone: what the triggers maintain would be missing."""
    buyer = new_buyer(vertical)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
        taken = _sold_in(buyer, vertical, leads)
        transaction.set_rollback(True)
    return taken


def _sold_in(buyer: Buyer, vertical: Vertical, leads: list[int]) -> float:
    curve = curve_in_force(vertical, timezone.now()).id
    legs = bare.lowest_legs(leads)

    def bought() -> None:
        with transaction.atomic():
            bare.lock(leads)
            bare.sell(legs, buyer, curve)

    return seconds(bought)
