"""The same person: everything we have about one, starting from a phone or an email address.

Two leads belong to one person if they share a digest or one repeats the other's request. Each round follows what the
previous one found, until a round finds nothing new.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection

from leads.arrays import key_array
from leads.models import DigestKind

MOST_ROUNDS = 20  # so that a number many people gave (a shop's, a made-up one) does not lead to every lead

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
    """A person's leads, and the digests that identify the person."""

    digests: dict[bytes, DigestKind] = field(default_factory=dict)
    leads: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.digests) + len(self.leads)


def traces_of(digests: dict[bytes, DigestKind], leads: Iterable[int] = ()) -> Traces:
    """Return everything that can be reached from these digests and leads."""
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
