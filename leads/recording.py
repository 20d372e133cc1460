"""Recording: captured requests go into their four tables, in the caller's transaction.

The values are those of ``capture.py``; nothing is decided here. COPY, and legs made from their leads in one statement,
because a file of a hundred thousand rows has seven hundred thousand of them to write.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connection

from leads.models.consent import seal_machine
from leads.models.contact import seal_person
from leads.request import Fresh
from leads.sealing import KeyRing, key_ring

Row: TypeAlias = tuple[Any, ...]

LEAD = (
    "id public_id vertical_id schema_id source_id external_id kind captured_at received_at state postal_code phone_type"
    " attributes flags legs_authorized duplicate_of_id import_run_id times_sold legs_realtime legs_aged"
)
CONTACT = "lead_id sealed phone_digest second_phone_digest email_digest"
CONSENT = "lead_id text_id given_at page sealed_machine trustedform_url leadid_token retained_until"
# Legs sold before it came to us are closed; the others are open, aged at once when the window has passed already.
LEGS = """
    INSERT INTO leads_leg (lead_id, number, market, aged_at, state, closed_reason, ended_at)
    SELECT lead, number, CASE WHEN aged THEN 'aged' ELSE 'realtime' END, CASE WHEN aged THEN %(now)s END,
        CASE WHEN sold OR shut THEN 'closed' ELSE 'open' END,
        CASE WHEN sold THEN 'sold_elsewhere' WHEN shut THEN 'not_for_resale' ELSE '' END,
        CASE WHEN shut THEN %(now)s END
    FROM unnest(%(leads)s::bigint[], %(authorized)s::int[], %(elsewhere)s::int[], %(due)s::bool[])
        AS one (lead, authorized, elsewhere, due)
    CROSS JOIN generate_series(1, authorized) AS number
    CROSS JOIN LATERAL (
        SELECT number <= elsewhere AS sold, number > elsewhere AND due AND %(resale)s AS aged,
            number > elsewhere AND due AND NOT %(resale)s AS shut
    ) AS leg
"""


def record(fresh: list[Fresh], now: datetime) -> None:
    """Write leads, contacts, consents and legs, in the order in which the database checks them."""
    if not fresh:
        return
    ring = key_ring()
    _copy("leads_lead", LEAD, (_lead(one, now) for one in fresh))
    _copy("leads_contact", CONTACT, (_contact(one, ring) for one in fresh))
    _copy("leads_consent", CONSENT, (_consent(one) for one in fresh))
    _open_legs(fresh, now)


def _copy(table: str, columns: str, rows: Iterable[Row]) -> None:
    statement = f"COPY {table} ({', '.join(columns.split())}) FROM STDIN"
    # Django does not translate the driver's errors on this path by itself.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _lead(one: Fresh, now: datetime) -> Row:
    capture = one.capture
    return (
        one.number,
        one.public_id,
        capture.vertical.pk,
        capture.schema.pk,
        capture.source.pk,
        capture.external_id,
        str(capture.kind),
        capture.captured_at,
        now,
        capture.state,
        capture.postal_code,
        str(capture.phone_type),
        json.dumps(capture.attributes),
        list(capture.flags) or "{}",  # mostly, and the driver is slow with lists
        capture.legs_authorized,
        one.original,
        capture.import_run and capture.import_run.pk,
        0,
        0,
        0,
    )


def _contact(one: Fresh, ring: KeyRing) -> Row:
    return (one.number, seal_person(one.capture.person, row=str(one.public_id), ring=ring), *one.capture.digests)


def _consent(one: Fresh) -> Row:
    evidence = one.capture.evidence
    return (
        one.number,
        evidence.text.pk,
        evidence.given_at,
        evidence.page,
        seal_machine(evidence.ip_address, evidence.user_agent, row=str(one.public_id)),
        evidence.trustedform_url,
        evidence.leadid_token,
        evidence.retained_until,
    )


def _open_legs(fresh: list[Fresh], now: datetime) -> None:
    """Made where they are kept: a lead's legs differ in their number only."""
    captures = [one.capture for one in fresh]
    with connection.cursor() as cursor:
        cursor.execute(
            LEGS,
            {
                "now": now,
                "leads": [one.number for one in fresh],
                "authorized": [capture.legs_authorized for capture in captures],
                "elsewhere": [capture.legs_sold_elsewhere for capture in captures],
                "due": [capture.captured_at + capture.vertical.window <= now for capture in captures],
                "resale": captures[0].vertical.open_for_resale,
            },
        )
