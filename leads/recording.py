"""Recording: captured requests go into their four tables by COPY, in the caller's transaction.

The values are those of ``capture.py``; nothing is decided here. COPY because a file of a hundred thousand rows has
seven hundred thousand of them to write.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connection

from leads.models import ClosedReason, LegState, Market
from leads.models.consent import seal_machine
from leads.models.contact import seal_person
from leads.request import Fresh

Row: TypeAlias = tuple[Any, ...]

LEAD = (
    "id public_id vertical_id schema_id source_id external_id kind captured_at received_at state postal_code phone_type"
    " attributes flags legs_authorized duplicate_of_id import_run_id times_sold legs_realtime legs_aged"
)
CONTACT = "lead_id sealed phone_digest second_phone_digest email_digest"
CONSENT = "lead_id text_id given_at page sealed_machine trustedform_url leadid_token retained_until"
LEG = "lead_id number market aged_at state closed_reason ended_at"


def record(fresh: list[Fresh], now: datetime) -> None:
    """Write leads, contacts, consents and legs, in the order in which the database checks them."""
    _copy("leads_lead", LEAD, (_lead(one, now) for one in fresh))
    _copy("leads_contact", CONTACT, (_contact(one) for one in fresh))
    _copy("leads_consent", CONSENT, (_consent(one) for one in fresh))
    _copy("leads_leg", LEG, (leg for one in fresh for leg in _legs(one, now)))


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
        list(capture.flags),
        capture.legs_authorized,
        one.original,
        capture.import_run and capture.import_run.pk,
        0,
        0,
        0,
    )


def _contact(one: Fresh) -> Row:
    return (one.number, seal_person(one.capture.person, row=str(one.public_id)), *one.digests)


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


def _legs(one: Fresh, now: datetime) -> Iterator[Row]:
    """Those sold before it came to us, closed; the others open, aged at once when the window has passed already."""
    capture = one.capture
    due = capture.captured_at + capture.vertical.window <= now
    market, aged_at = (Market.AGED.value, now) if due else (Market.REALTIME.value, None)
    unsold: Row = (market, aged_at, LegState.OPEN.value, "", None)
    if due and not capture.vertical.open_for_resale:
        unsold = (Market.REALTIME.value, None, LegState.CLOSED.value, ClosedReason.NOT_FOR_RESALE.value, now)
    sold: Row = (Market.REALTIME.value, None, LegState.CLOSED.value, ClosedReason.SOLD_ELSEWHERE.value, None)
    for number in range(1, capture.legs_authorized + 1):
        yield (one.number, number, *(sold if number <= capture.legs_sold_elsewhere else unsold))
