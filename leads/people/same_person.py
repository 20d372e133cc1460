"""The same person: everything we hold of one, from one phone or one email address on.

Leads are of one person when they share a digest, or when one repeats the other's request. Each round follows what the
one before it found, until a round finds nothing new.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection

from leads.arrays import key_array
from leads.models import DigestKind

MOST_ROUNDS = 20  # a number that many people gave (a shop's, a made-up one) must not walk through the whole stock

_FOLLOW = """
    WITH theirs AS MATERIALIZED (
        SELECT lead_id FROM leads_contactdigest WHERE digest = ANY(%(digests)s)
        UNION
        SELECT id FROM leads_lead WHERE id = ANY(%(leads)s::bigint[])
        UNION
        SELECT id FROM leads_lead WHERE duplicate_of_id = ANY(%(leads)s::bigint[])
    )
    SELECT lead.id, lead.duplicate_of_id, known.kind, known.digest
    FROM theirs JOIN leads_lead AS lead ON lead.id = theirs.lead_id
    LEFT JOIN leads_contactdigest AS known ON known.lead_id = lead.id
"""


@dataclass
class Traces:
    """Leads of one person, and the digests under which the person is known."""

    digests: dict[bytes, DigestKind] = field(default_factory=dict)
    leads: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.digests) + len(self.leads)


def traces_of(digests: dict[bytes, DigestKind], leads: Iterable[int] = ()) -> Traces:
    """Everything that these digests and leads lead to."""
    traces = Traces(dict(digests), set(leads))
    for _ in range(MOST_ROUNDS):
        known = len(traces)
        _follow(traces)
        if len(traces) == known:
            break
    return traces


def _follow(traces: Traces) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, {"digests": list(traces.digests), "leads": key_array(traces.leads)})
        for lead, original, kind, digest in cursor.fetchall():
            traces.leads |= {lead, original} - {None}
            if digest:
                traces.digests[bytes(digest)] = DigestKind(kind)
