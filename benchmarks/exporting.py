"""A large order as CSV, compared with COPY of the same rows and unsealing each contact; and the memory it takes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction

from benchmarks.figures import Figure, Goal, alternating, seconds
from benchmarks.stock import Lot, Market, fill, new_buyer, tell
from leads.models import Lead
from leads.models.contact import Person, seal_person
from leads.people.sealing import key_ring
from marketplace.exports.shape import shape_of
from marketplace.exports.writing import Count, write
from marketplace.models import Order
from marketplace.prices.pricing import curve_in_force

ROUNDS = 3
MOST = 100_000
_SALES = """
    INSERT INTO marketplace_sale (order_id, buyer_id, market, exclusive, sold_at, leg_id, lead_id, request_id,
        price_cents, curve_id, span, sold_before)
    SELECT placed.id, placed.buyer_id, 'aged', false, placed.placed_at, leg.id, leg.lead_id, leg.lead_id, 100, %s,
        int4range(leg.number, leg.number + 1), lead.times_sold - 1
    FROM leads_leg AS leg JOIN leads_lead AS lead ON lead.id = leg.lead_id, marketplace_order AS placed
    WHERE placed.id = %s AND leg.status = 'sold' AND leg.lead_id BETWEEN %s AND %s ORDER BY leg.lead_id
"""
_SELL = """
    UPDATE leads_leg SET status = 'sold', ended_at = now() WHERE id IN (
        SELECT DISTINCT ON (lead_id) id FROM leads_leg
        WHERE lead_id BETWEEN %s AND %s AND status = 'open' ORDER BY lead_id, number
    )
"""
_COUNT = """
    UPDATE leads_lead SET legs_left = legs_left - 1, times_sold = times_sold + 1 WHERE id BETWEEN %s AND %s
"""
_COPY = """
    COPY (
        SELECT lead.public_id, contact.sealed, sale.sold_at, sale.price_cents, sale.exclusive, lead.captured_at,
            lead.state, lead.postal_code, lead.phone_type, lead.kind, lead.attributes, lead.legs_authorized,
            consent.given_at, consent.page, consent.trustedform_url, consent.retained_until
        FROM marketplace_sale AS sale JOIN leads_lead AS lead ON lead.id = sale.lead_id
        JOIN leads_contact AS contact ON contact.lead_id = lead.id
        JOIN leads_consent AS consent ON consent.lead_id = lead.id
        WHERE sale.order_id = {order} ORDER BY sale.id
    ) TO STDOUT
"""


def measure(market: Market, leads: int) -> Iterator[Figure]:
    rows = min(MOST, leads)
    order = _bought(market, rows)
    taken, least = alternating(
        ROUNDS, lambda: seconds(lambda: write_file(order)), lambda: seconds(lambda: _bare(order))
    )
    yield Figure(f"export {rows:,} bought leads as CSV", taken, "s", least, Goal("ratio", at_most=3))
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", str(order.pk)], check=True, capture_output=True, text=True
    )
    megabytes = json.loads(child.stdout)["megabytes"]
    yield Figure("memory an export takes over what the process held", megabytes, "MB", goal=Goal("value", at_most=100))


@transaction.atomic
def _bought(market: Market, rows: int) -> Order:
    """Create an order of this many leads, each with a real sealed contact."""
    vertical = market.vertical("home-insurance")
    buyer = new_buyer(vertical)
    lot = fill(market, vertical, rows)
    _seal(lot)
    order = Order.objects.create(
        buyer=buyer,
        idempotency_key=f"export-{buyer.pk}",
        request={},
        quantity=rows,
        filled=rows,
        quoted_cents=100 * rows,
        total_cents=100 * rows,
        quoted_at=market.text.created_at,
        placed_at=market.text.created_at,
    )
    curve = curve_in_force(vertical, order.placed_at)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_SELL, [lot.first, lot.last])
        cursor.execute(_COUNT, [lot.first, lot.last])
        cursor.execute(_SALES, [curve.id, order.pk, lot.first, lot.last])
    tell(lot)
    return order


def _seal(lot: Lot) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE people (lead_id bigint, sealed bytea) ON COMMIT DROP")
        names = Lead.objects.filter(pk__range=(lot.first, lot.last)).values_list("pk", "public_id").iterator()
        sealed = [(number, seal_person(_person(number), row=str(name))) for number, name in names]
        with cursor.copy("COPY people FROM STDIN") as copy:
            for row in sealed:
                copy.write_row(row)
        cursor.execute("UPDATE leads_contact AS c SET sealed = p.sealed FROM people AS p WHERE p.lead_id = c.lead_id")


def _person(number: int) -> Person:
    return Person(
        first_name="Pat",
        last_name=f"Example{number}",
        phone=f"+1937{2_000_000 + number}",
        email=f"pat{number}@example.com",
        street=f"{number} Elm Street",
        city="Dayton",
    )


def write_file(order: Order) -> Count:
    counted = Count()
    with Path("/dev/null").open("wb") as nowhere:
        for chunk in write(shape_of(order), counted):
            nowhere.write(chunk)
    assert counted.rows == order.filled
    return counted


def _bare(order: Order) -> None:
    """Read the rows as text and unseal every contact; nothing is written."""
    opened, ring = 0, key_ring()
    with connection.cursor() as cursor, cursor.copy(_COPY.format(order=order.pk)) as copy:
        for row in copy.rows():
            ring.unseal(bytes.fromhex(row[1][2:]), row=f"contact|{row[0]}")
            opened += 1
    assert opened == order.filled
