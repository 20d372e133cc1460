"""The money of sixteen buyers at once, one process each: postings, and orders with everything booked for them.

The floor is bare SQL that writes the same rows into the same tables, with triggers and all keys known beforehand.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import bare
from benchmarks.figures import Figure, Goal, settle
from benchmarks.racing import Act, per_second
from benchmarks.stock import Market, fill, new_buyer
from billing.ledger import credit_wallet, house_account, payable_of, wallet_of
from billing.models import Account
from buyers.models import Buyer
from leads.models import Lead, Vertical
from marketplace.audit import violations
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from marketplace.prices.pricing import curve_in_force

BUYERS, POSTINGS, ORDERS, EACH, ROUNDS = 16, 40, 8, 5, 5
OF_MONEY = {"transaction", "sum in cents", "account"}
_TRANSACTION = """
    INSERT INTO billing_transaction (public_id, kind, reference, memo, actor, posted_at, stripe_id)
    VALUES (gen_random_uuid(), 'credit', gen_random_uuid(), '', '', now(), '') RETURNING id
"""
_ENTRIES = "INSERT INTO billing_entry (transaction_id, account_id, cents) VALUES (%s, %s, 100), (%s, %s, -100)"
_OF_ORDER = """
    INSERT INTO billing_transaction (public_id, kind, reference, memo, actor, posted_at, stripe_id)
    SELECT gen_random_uuid(), 'order', public_id, '', '', now(), '' FROM marketplace_order
    WHERE id = (SELECT max(id) FROM marketplace_order WHERE buyer_id = %s) RETURNING id
"""
_EARNINGS = """
    WITH booked AS (
        INSERT INTO billing_earning
            (leg_id, source_id, kind, cents, price_cents, percent, transaction_id, at, held_until)
        SELECT leg.id, source_id, 'earned', 50, 100, 50, %(posted)s, now(), now()
        FROM leads_leg AS leg JOIN leads_lead AS lead ON lead.id = leg.lead_id WHERE leg.id = ANY(%(legs)s)
        RETURNING source_id, cents
    )
    INSERT INTO billing_entry (transaction_id, account_id, cents)
    SELECT %(posted)s, payable.id, sum(cents) FROM booked JOIN billing_account AS payable USING (source_id)
    GROUP BY payable.id
    UNION ALL SELECT %(posted)s, %(shares)s, -sum(cents) FROM booked
    UNION ALL SELECT %(posted)s, %(sales)s, 2 * sum(cents) FROM booked
    UNION ALL SELECT %(posted)s, %(wallet)s, -2 * sum(cents) FROM booked
"""
Clients = Callable[[], Sequence[Act]]


def measure(market: Market, leads: int) -> Iterator[Figure]:
    vertical = market.vertical("mortgage")
    buyers = [new_buyer(vertical) for _ in range(BUYERS)]
    for source in market.sources:
        payable_of(source)
    goal = Goal("ratio", at_least=1 / 3)
    ours, floor = _rates(partial(_credits, buyers), partial(_bare_credits, buyers), POSTINGS)
    yield Figure(f"{BUYERS} wallets credited at once", ours, "postings/s", floor, goal)
    stock = partial(_lots, market, vertical)
    ours, floor = _rates(partial(_orders, buyers, stock), partial(_bare_orders, vertical, buyers, stock), ORDERS)
    yield Figure(f"{BUYERS} buyers, orders of {EACH} leads, booked", ours, "orders/s", floor, goal)
    broken = sum(one.count for one in violations() if one.of in OF_MONEY)
    yield Figure("promises of the ledger broken after it", broken, "rows", goal=Goal("value", at_most=0))


def _rates(ours: Clients, floor: Clients, times: int) -> tuple[float, float]:
    """Return the medians, measured in turn."""
    pairs = []
    for _ in range(ROUNDS):
        pairs.append(tuple(_rate(clients, times) for clients in (ours, floor)))
    return statistics.median(mine for mine, _ in pairs), statistics.median(least for _, least in pairs)


def _rate(clients: Clients, times: int) -> float:
    ready = clients()
    settle()
    return per_second(ready, times)


# --- Postings
def _credits(buyers: Sequence[Buyer]) -> Sequence[Act]:
    return [partial(_credit, buyer) for buyer in buyers]


def _credit(buyer: Buyer, number: int) -> bool:
    credit_wallet(buyer=buyer, cents=100, reference=str(uuid4()), memo="", actor="", now=timezone.now())
    return True


def _bare_credits(buyers: Sequence[Buyer]) -> Sequence[Act]:
    bank = house_account(Account.Kind.BANK).pk
    return [partial(_bare_credit, wallet_of(buyer).pk, bank) for buyer in buyers]


def _bare_credit(wallet: int, bank: int, number: int) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TRANSACTION)
        (posted,) = cursor.fetchone()
        cursor.execute(_ENTRIES, [posted, wallet, posted, bank])
    return True


# --- Orders
def _lots(market: Market, vertical: Vertical) -> list[list[list[int]]]:
    """Return leads that nobody else wants, by buyer and order."""
    lot = fill(market, vertical, BUYERS * ORDERS * EACH)
    orders = [list(range(first, first + EACH)) for first in range(lot.first, lot.last + 1, EACH)]
    return [orders[place::BUYERS] for place in range(BUYERS)]


def _orders(buyers: Sequence[Buyer], stock: Callable[[], list[list[list[int]]]]) -> Sequence[Act]:
    """Quote before the race."""
    return [partial(_order, buyer, _tokens(buyer, lots)) for buyer, lots in zip(buyers, stock(), strict=True)]


def _tokens(buyer: Buyer, lots: list[list[int]]) -> list[str]:
    names = {pk: name for lot in lots for pk, name in Lead.objects.filter(pk__in=lot).values_list("pk", "public_id")}
    wishes = [NamedLeads(tuple(names[lead] for lead in lot)) for lot in lots]
    return [token_of(quote(order_request, buyer=buyer, now=timezone.now())) for order_request in wishes]


def _order(buyer: Buyer, tokens: list[str], number: int) -> bool:
    order = place_order(OrderAttempt(buyer, None, tokens[number], str(uuid4()), False, timezone.now()))
    return order.filled == EACH


def _bare_orders(
    vertical: Vertical, buyers: Sequence[Buyer], stock: Callable[[], list[list[list[int]]]]
) -> Sequence[Act]:
    curve = curve_in_force(vertical, timezone.now()).id
    accounts = {kind: house_account(Account.Kind(kind)).pk for kind in ("sales", "shares")}
    return [
        partial(_bare_order, buyer, {**accounts, "wallet": wallet_of(buyer).pk}, curve, lots)
        for buyer, lots in zip(buyers, stock(), strict=True)
    ]


def _bare_order(buyer: Buyer, accounts: dict[str, int], curve: int, lots: list[list[int]], number: int) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        bare.lock(lots[number])
        legs = bare.lowest_legs(lots[number])
        bare.sell(legs, buyer, curve)
        cursor.execute(_OF_ORDER, [buyer.pk])
        (posted,) = cursor.fetchone()
        cursor.execute(_EARNINGS, {**accounts, "posted": posted, "legs": legs})
    return True
