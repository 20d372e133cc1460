"""Sixteen buyers at once, one process each, want the same 2,000 leads; then the audit looks for double sales."""

import statistics
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import bare
from benchmarks.figures import Figure, Goal, settle
from benchmarks.racing import Act, per_second
from benchmarks.stock import Market, fill, new_buyer
from buyers.models import Buyer
from leads.models import Vertical
from marketplace.audit import violations
from marketplace.orders.checkout import NotAllThere, OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import read_order_request
from marketplace.prices.pricing import curve_in_force

BUYERS, LEADS, ORDERS, EACH = 16, 2000, 8, 20
STATES = ("AZ", "CO", "NV", "OR", "UT", "WA", "ID", "NM", "MT", "WY")
SOLD_TWICE = {"sales_never_overlap", "sales_stay_within_the_legs", "people_are_sold_once_to_a_buyer"}
OF_GOODS = {"lead", "leg", "sale", "request"}
BOOKED = "sales_earn_their_source_its_share"  # the floor sells without booking anything
_BEST = """
    SELECT id FROM leads_lead AS lead WHERE vertical_id = %s AND state = %s AND legs_left > 0
        AND NOT EXISTS (SELECT 1 FROM marketplace_sale WHERE buyer_id = %s AND request_id = lead.id)
    ORDER BY captured_at DESC, id DESC LIMIT %s
"""


def measure(market: Market, leads: int) -> Iterator[Figure]:
    vertical = market.vertical("mortgage")
    buyers = [new_buyer(vertical) for _ in range(BUYERS)]
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for number, state in enumerate(STATES):
        fill(market, vertical, LEADS, state=state)
        settle()
        whose, clients = ("bare", _bare_clients) if number % 2 else ("ours", _clients)
        rates[whose].append(per_second(clients(vertical, state, buyers), ORDERS))
    ours, floor = statistics.median(rates["ours"]), statistics.median(rates["bare"])
    name = f"{BUYERS} buyers, orders of {EACH} out of the same {LEADS:,} leads"
    yield Figure(name, ours, "orders/s", floor, Goal("ratio", at_least=1 / 3))
    broken = [one for one in violations() if one.of in OF_GOODS and one.name != BOOKED]
    none = Goal("value", at_most=0)
    yield Figure("leads sold twice in the contention", _count(broken, SOLD_TWICE), "sales", goal=none)
    rest = {one.name for one in broken} - SOLD_TWICE
    yield Figure("other promises that the audit finds broken after it", _count(broken, rest), "rows", goal=none)


def _count(broken: list[Any], names: set[str]) -> int:
    return sum(one.count for one in broken if one.name in names)


def _clients(vertical: Vertical, state: str, buyers: list[Buyer]) -> list[Act]:
    """Each buyer quotes before the race; leads the others take in the meantime are replaced."""
    said = {"vertical": vertical.slug, "criteria": [{"field": "state", "in": [state]}], "quantity": EACH}
    order_request, now = read_order_request(said), timezone.now()
    tokens = {buyer: token_of(quote(order_request, buyer=buyer, now=now)) for buyer in buyers}

    def client(buyer: Buyer) -> Act:
        def buy(number: int) -> bool:
            try:
                place_order(OrderAttempt(buyer, None, tokens[buyer], f"{state}-{number}", False, timezone.now()))
            except NotAllThere:
                return False
            return True

        return buy

    return [client(buyer) for buyer in buyers]


def _bare_clients(vertical: Vertical, state: str, buyers: list[Buyer]) -> list[Act]:
    curve = curve_in_force(vertical, timezone.now()).id
    return [partial(_bare_order, vertical, state, curve, buyer) for buyer in buyers]


def _bare_order(vertical: Vertical, state: str, curve: int, buyer: Buyer, number: int) -> bool:
    """Take as many spares as our code does, and try again if the others were faster."""
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BEST, [vertical.pk, state, buyer.pk, 2 * EACH])
            best = [lead for (lead,) in cursor.fetchall()]
            open_legs = bare.lock(best)
            free = [lead for lead in best if open_legs.get(lead)][:EACH]
            if len(free) == EACH:
                bare.sell(bare.lowest_legs(free), buyer, curve)
                return True
