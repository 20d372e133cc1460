"""Stock to measure with: leads by the hundred thousand, straight into the tables, in the shape the product leaves them.

Triggers sleep while it is written (they would do, row by row, what is counted here at once); the audit at the end of
``contention.py`` finds nothing wrong with it.
"""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from billing.ledger import credit_wallet
from buyers.models import Approval, Buyer
from leads.catalogue import load_verticals
from leads.models import Channel, ConsentText, Grade, Source, SourceKind, Vertical
from marketplace.starting_curves import load_curves

LEGS = 7
WALLET_CENTS = 10**10
_batches = itertools.count(1)
_buyers = itertools.count(1)

_LEADS = """
    INSERT INTO leads_lead (public_id, vertical_id, schema_id, source_id, external_id, kind, captured_at, received_at,
        state, postal_code, phone_type, attributes, flags, legs_authorized, times_sold, legs_realtime, legs_aged)
    SELECT gen_random_uuid(), %(vertical)s, %(schema)s, (%(sources)s::bigint[])[1 + floor(a * 3)], %(batch)s || n,
        'form', asked_at, asked_at, coalesce(%(state)s, place.state), coalesce(%(zip)s, place.zip),
        (ARRAY['mobile', 'mobile', 'mobile', 'landline', 'voip'])[1 + floor(c * 5)],
        jsonb_build_object(
            'purpose', (ARRAY['refinance', 'purchase', 'home_equity', 'reverse'])[1 + floor(d * 4)],
            'property_type', (ARRAY['single_family', 'condo', 'town_home', 'multi_family'])[1 + floor(e * 4)],
            'property_use', (ARRAY['primary', 'vacation', 'investment'])[1 + floor(a * c * 3)],
            'credit', (ARRAY['excellent', 'good', 'fair', 'poor'])[1 + floor(b * d * 4)],
            'property_value', 50000 + 1000 * floor(c * d * 900), 'current_rate', round((2 + 6 * e)::numeric, 2),
            'military', e < 0.1),
        '{}', %(legs)s, elsewhere, %(realtime)s * (%(legs)s - elsewhere), (1 - %(realtime)s) * (%(legs)s - elsewhere)
    FROM (
        SELECT n, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e,
            now() - %(youngest)s - %(span)s * CASE WHEN %(realtime)s = 1 THEN 1 - n / %(leads)s::float ELSE random() END
                AS asked_at, (random() < 0.3)::int AS elsewhere
        FROM generate_series(1, %(leads)s) AS n
    ) AS drawn
    JOIN (VALUES (0, 'CA', '90012'), (1, 'TX', '75201'), (2, 'FL', '33101'), (3, 'NY', '10001'), (4, 'PA', '19103'),
        (5, 'IL', '60601'), (6, 'OH', '45402'), (7, 'GA', '30303'), (8, 'NC', '27601'), (9, 'MI', '48201')
    ) AS place (number, state, zip) ON place.number = floor(b * 10)
    RETURNING id
"""
_CONTACTS = """
    INSERT INTO leads_contact (lead_id, sealed, phone_digest)
    SELECT id, '\\x00', sha256(int8send(id)) FROM leads_lead WHERE id BETWEEN %(first)s AND %(last)s
"""
_CONSENTS = """
    INSERT INTO leads_consent (lead_id, text_id, given_at, page, trustedform_url, retained_until)
    SELECT id, %(text)s, captured_at, 'https://quotes.example/ask', 'https://cert.example/' || public_id,
        (captured_at + interval '3 years')::date
    FROM leads_lead WHERE id BETWEEN %(first)s AND %(last)s
"""
_LEGS = """
    INSERT INTO leads_leg (lead_id, number, market, aged_at, state, closed_reason, ended_at)
    SELECT lead.id, number, CASE WHEN aged THEN 'aged' ELSE 'realtime' END, CASE WHEN aged THEN lead.captured_at END,
        CASE WHEN elsewhere THEN 'closed' ELSE 'open' END, CASE WHEN elsewhere THEN 'sold_elsewhere' ELSE '' END, NULL
    FROM leads_lead AS lead CROSS JOIN generate_series(1, lead.legs_authorized) AS number
    CROSS JOIN LATERAL (SELECT number <= lead.times_sold AS elsewhere) AS leg
    CROSS JOIN LATERAL (SELECT lead.legs_aged > 0 AND NOT elsewhere AS aged) AS market
    WHERE lead.id BETWEEN %(first)s AND %(last)s ORDER BY lead.id, number
"""


@dataclass(frozen=True)
class Market:
    sources: tuple[Source, ...]
    text: ConsentText

    def vertical(self, slug: str) -> Vertical:
        return Vertical.objects.get(slug=slug)


@dataclass(frozen=True)
class Lot:
    """Leads that were filled in together: their keys, without a gap."""

    first: int
    last: int


def open_market() -> Market:
    load_verticals()
    load_curves(effective_at=timezone.now() - timedelta(days=1000))
    sources = tuple(_source(grade) for grade in (Grade.A, Grade.B, Grade.C))
    wording = f"I agree that up to {LEGS} companies may call me."
    text = ConsentText.objects.create(
        source=sources[0], version="v1", wording=wording, channels=list(Channel.values), most_companies=LEGS
    )
    return Market(sources, text)


def _source(grade: Grade) -> Source:
    name = f"Grade {grade} Quotes LLC"
    return Source.objects.create(
        slug=f"grade-{grade.lower()}",
        legal_name=name,
        address="1 Main Street, Dayton, OH 45402",
        phone="(937) 555-0100",
        kind=SourceKind.PARTNER_FORM,
        site=f"quotes-{grade.lower()}.example",
        grade=grade,
    )


@transaction.atomic
def fill(
    market: Market,
    vertical: Vertical,
    leads: int,
    *,
    youngest: timedelta = timedelta(days=2),
    span: timedelta = timedelta(days=700),
    state: str | None = None,
    realtime: bool = False,
) -> Lot:
    """Put so many leads on the shelf, or into the real-time market, asked for evenly over the span: those of the shelf
    in no order, as files bring them; real-time ones in the order in which people asked."""
    schema = vertical.newest_schema
    assert schema is not None
    values: dict[str, Any] = {
        "vertical": vertical.pk,
        "schema": schema.pk,
        "sources": [source.pk for source in market.sources],
        "batch": f"{next(_batches)}-",
        "state": state,
        "zip": "" if state else None,
        "legs": LEGS,
        "realtime": int(realtime),
        "youngest": youngest,
        "span": span,
        "leads": leads,
        "text": market.text.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"WITH filled AS ({_LEADS}) SELECT min(id), max(id) FROM filled", values)
        lot = Lot(*cursor.fetchone())
        for statement in (_CONTACTS, _CONSENTS, _LEGS):
            cursor.execute(statement, {**values, "first": lot.first, "last": lot.last})
    return lot


def new_buyer(*verticals: Vertical) -> Buyer:
    """A company that may buy these verticals and has more money than it can spend."""
    number = next(_buyers)
    buyer = Buyer.objects.create(
        legal_name=f"Buyer {number} Inc",
        trade="Lending",
        street="2 Main Street",
        city="Dayton",
        state="OH",
        postal_code="45402",
        phone="(937) 555-0101",
    )
    for vertical in verticals:
        Approval.objects.create(buyer=buyer, vertical=vertical, status="granted", decided_at=timezone.now())
    credit_wallet(
        buyer=buyer, cents=WALLET_CENTS, reference=f"first-{number}", memo="", actor="benchmarks", now=timezone.now()
    )
    return buyer
