"""The floor of a sale: lock the leads, claim a leg of each, write the sales. No search, pricing or payment.

The tables are the product's own, so the same constraints and triggers apply.
"""

from django.db import connection

from buyers.models import Buyer

LOCK = "SELECT id, legs_left FROM leads_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
LOWEST_LEGS = """
    SELECT DISTINCT ON (lead_id) id FROM leads_leg
    WHERE lead_id = ANY(%s) AND status = 'open' AND market = 'aged' ORDER BY lead_id, number
"""
CLAIM = "UPDATE leads_leg SET status = 'sold', ended_at = now() WHERE id = ANY(%s) AND status = 'open'"
ORDER = """
    INSERT INTO marketplace_order (public_id, buyer_id, idempotency_key, fingerprint, request, status, quantity, filled,
        replaced, refused, quoted_cents, total_cents, quoted_at, placed_at)
    VALUES (gen_random_uuid(), %(buyer)s, gen_random_uuid(), '', '{}', 'filled', %(filled)s, %(filled)s, 0, '[]',
        100 * %(filled)s, 100 * %(filled)s, now(), now())
    RETURNING id
"""
SALES = """
    INSERT INTO marketplace_sale (order_id, buyer_id, market, exclusive, sold_at, leg_id, lead_id, request_id,
        price_cents, curve_id, span)
    SELECT %s, %s, 'aged', false, now(), id, lead_id, lead_id, 100, %s, int4range(number, number + 1)
    FROM leads_leg WHERE id = ANY(%s) ORDER BY lead_id
"""


def lowest_legs(leads: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(LOWEST_LEGS, [leads])
        return [leg for (leg,) in cursor.fetchall()]


def lock(leads: list[int]) -> dict[int, int]:
    """Return each lead's open legs, once we hold its lock."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [leads])
        return dict(cursor.fetchall())


def sell(legs: list[int], buyer: Buyer, curve: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ORDER, {"buyer": buyer.pk, "filled": len(legs)})
        (order,) = cursor.fetchone()
        cursor.execute(CLAIM, [legs])
        cursor.execute(SALES, [order, buyer.pk, curve, legs])
