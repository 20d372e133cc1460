"""Tracing: everything we hold of one person, from one phone or one address on.

Leads belong together when they share a digest, or when one repeats the other's request. Each round follows what the
one before it found, until a round finds nothing new.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

MOST_ROUNDS = 20  # a number that many people gave (a shop's, a made-up one) must not walk through the whole stock

_FOLLOW = """
    WITH theirs AS MATERIALIZED (
        SELECT lead_id FROM leads_contact WHERE phone_digest = ANY(%(phones)s)
        UNION
        SELECT lead_id FROM leads_contact WHERE second_phone_digest = ANY(%(phones)s)
        UNION
        SELECT lead_id FROM leads_contact WHERE email_digest = ANY(%(emails)s)
        UNION
        SELECT id FROM leads_lead WHERE id = ANY(%(leads)s)
        UNION
        SELECT id FROM leads_lead WHERE duplicate_of_id = ANY(%(leads)s)
    )
    SELECT lead.id, lead.duplicate_of_id, contact.phone_digest, contact.second_phone_digest, contact.email_digest
    FROM theirs JOIN leads_lead AS lead ON lead.id = theirs.lead_id
    LEFT JOIN leads_contact AS contact ON contact.lead_id = lead.id
"""


@dataclass
class Traces:
    """Leads of one person, and the digests under which the person is known."""

    phones: set[bytes] = field(default_factory=set)
    emails: set[bytes] = field(default_factory=set)
    leads: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.phones) + len(self.emails) + len(self.leads)


def traces_of(phone_digest: bytes | None, email_digest: bytes | None) -> Traces:
    """Everything that these two lead to."""
    traces = Traces({phone_digest} if phone_digest else set(), {email_digest} if email_digest else set())
    for _ in range(MOST_ROUNDS):
        known = len(traces)
        _follow(traces)
        if len(traces) == known:
            break
    return traces


def _follow(traces: Traces) -> None:
    asked: dict[str, Any] = {"phones": list(traces.phones), "emails": list(traces.emails), "leads": list(traces.leads)}
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, asked)
        for lead, original, phone, second_phone, email in cursor.fetchall():
            traces.leads |= {lead, original} - {None}
            traces.phones |= {bytes(digest) for digest in (phone, second_phone) if digest}
            traces.emails |= {bytes(email)} if email else set()
