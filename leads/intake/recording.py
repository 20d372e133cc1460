"""Recording: write captured requests to their five tables, in the caller's transaction.

The values come from ``capture.py``; nothing is decided here. We use COPY, and make the legs from their leads in one
statement, because a file of a hundred thousand rows means seven hundred thousand rows to write.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import orjson
from django.db import connection

from leads.arrays import key_array
from leads.intake.request import Capture, Fresh
from leads.models.consent import seal_machine
from leads.models.contact import seal_person
from leads.people.sealing import KeyRing, key_ring, nonces

TableRow: TypeAlias = tuple[Any, ...]

LEAD = (
    "id public_id vertical_id schema_id source_id external_id kind captured_at received_at state postal_code phone_type"
    " attributes flags legs_authorized duplicate_of_id import_run_id times_sold legs_realtime legs_left"
)
DIGEST = "lead_id kind digest"
CONTACT = "lead_id sealed"
CONSENT = "lead_id text_id given_at page sealed_machine trustedform_url leadid_token retained_until"
# Legs follow from their lead's counts: the first ones were sold before we received the lead, the others are open, or
# closed if neither market has them.
LEGS = """
    INSERT INTO leads_leg (lead_id, number, market, aged_at, status, closed_reason, ended_at)
    SELECT lead.id, number, CASE WHEN aged THEN 'aged' ELSE 'realtime' END, CASE WHEN aged THEN %(now)s END,
        CASE WHEN sold OR shut THEN 'closed' ELSE 'open' END,
        CASE WHEN sold THEN 'sold_elsewhere' WHEN shut THEN 'not_for_resale' ELSE '' END,
        CASE WHEN shut THEN %(now)s END
    FROM leads_lead AS lead
    CROSS JOIN generate_series(1, lead.legs_authorized) AS number
    CROSS JOIN LATERAL (
        SELECT number <= times_sold AS sold, number > times_sold AND legs_left > 0 AS aged,
            number > times_sold AND legs_left = 0 AND legs_realtime = 0 AS shut
    ) AS leg
    WHERE lead.id = ANY(%(leads)s::bigint[])
"""


def record(fresh: list[Fresh], now: datetime) -> None:
    """Write leads, contacts, consents and legs, in the order in which the database checks them."""
    if not fresh:
        return
    ring = key_ring()
    _copy("leads_lead", LEAD, (_lead(one, now) for one in fresh))
    _copy("leads_contactdigest", DIGEST, (row for one in fresh for row in _digests(one)))
    _copy("leads_contact", CONTACT, map(partial(_contact, ring), fresh, nonces(len(fresh))))
    _copy("leads_consent", CONSENT, (_consent(one) for one in fresh))
    _open_legs(fresh, now)


def _copy(table: str, columns: str, rows: Iterable[TableRow]) -> None:
    statement = f"COPY {table} ({', '.join(columns.split())}) FROM STDIN"
    # Django does not translate the driver's errors on this path by itself.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _lead(one: Fresh, now: datetime) -> TableRow:
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
        orjson.dumps(capture.attributes).decode(),
        list(capture.flags) or "{}",  # mostly empty, and the driver is slow with lists
        capture.legs_authorized,
        one.original,
        capture.import_run and capture.import_run.pk,
        *_counts(capture, now),
    )


def _counts(capture: Capture, now: datetime) -> tuple[int, int, int]:
    """Return legs sold before we received it, real-time legs and aged legs: aged if its window has passed."""
    sold = capture.legs_sold_elsewhere
    left = capture.legs_authorized - sold
    if capture.captured_at + capture.vertical.window > now:
        return sold, left, 0
    return sold, 0, left if capture.vertical.open_for_resale else 0


def _contact(ring: KeyRing, one: Fresh, nonce: bytes) -> TableRow:
    return one.number, seal_person(one.capture.person, row=str(one.public_id), ring=ring, nonce=nonce)


def _digests(one: Fresh) -> Iterator[TableRow]:
    """Yield its digests. They are written before the contacts, which the database refuses without digests."""
    for digest, kind in one.capture.digests.items():
        yield one.number, kind.value, digest


def _consent(one: Fresh) -> TableRow:
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
    """Make the legs in the database itself: a lead's legs differ only in their number."""
    with connection.cursor() as cursor:
        cursor.execute(LEGS, {"now": now, "leads": key_array(one.number for one in fresh)})
