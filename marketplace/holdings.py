"""Holdings: whom a buyer has bought already, so that no person is sold to one company twice.

Requests that were linked at capture share their first lead (``Sale.request``, unique per buyer in the database). Two
requests can also turn out to be one person later, when a third one shares a phone with the first and an address with
the second; those are told here, by digest, within the vertical's window. True until the buyer's wallet is let go.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from marketplace.models import Sale

_ASKERS = """
    SELECT lead.id, coalesce(lead.duplicate_of_id, lead.id), lead.vertical_id, lead.captured_at,
        vertical.duplicate_window_days, contact.phone_digest, contact.second_phone_digest, contact.email_digest
    FROM leads_lead AS lead
    JOIN leads_vertical AS vertical ON vertical.id = lead.vertical_id
    JOIN leads_contact AS contact ON contact.lead_id = lead.id
    WHERE lead.id = ANY(%s)
"""
_BOUGHT = """
    SELECT lead.vertical_id, lead.captured_at, contact.phone_digest, contact.second_phone_digest, contact.email_digest
    FROM marketplace_sale AS sale
    JOIN leads_lead AS lead ON lead.id = sale.lead_id
    JOIN leads_contact AS contact ON contact.lead_id = sale.lead_id
    WHERE sale.buyer_id = %(buyer)s AND (contact.phone_digest = ANY(%(digests)s)
        OR contact.second_phone_digest = ANY(%(digests)s) OR contact.email_digest = ANY(%(digests)s))
"""

_WAITING = """
    SELECT coalesce(lead.duplicate_of_id, lead.id) FROM marketplace_pendingorder AS pending
    JOIN leads_leg AS leg ON leg.held_for = pending.public_id AND leg.state = 'held'
    JOIN leads_lead AS lead ON lead.id = leg.lead_id
    WHERE pending.buyer_id = %s AND pending.status = 'waiting' AND pending.public_id IS DISTINCT FROM %s
        AND leg.held_until > %s
"""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who stands behind a lead, without saying who."""

    request_id: int
    vertical_id: int
    captured_at: datetime
    window: timedelta
    digests: tuple[bytes, ...]


class Holdings:
    """One buyer's holdings, as far as these leads can touch them. What is taken counts as held from then on, and what
    other orders of his keep while they wait for their payment (not that of ``holder``) counts too."""

    def __init__(
        self, buyer_id: int, lead_ids: Collection[int], *, now: datetime, holder: uuid.UUID | None = None
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ASKERS, [list(lead_ids)])
            self._askers = {
                lead: Asker(request, vertical, captured_at, timedelta(days=days), _known(digests))
                for lead, request, vertical, captured_at, days, *digests in cursor.fetchall()
            }
            every_digest = list({digest for asker in self._askers.values() for digest in asker.digests})
            cursor.execute(_BOUGHT, {"buyer": buyer_id, "digests": every_digest})
            self._seen: dict[tuple[int, bytes], list[datetime]] = {}
            for vertical, captured_at, *digests in cursor.fetchall():
                self._see(vertical, captured_at, _known(digests))
            cursor.execute(_WAITING, [buyer_id, holder, now])
            waiting = {request for (request,) in cursor.fetchall()}
        requests = {asker.request_id for asker in self._askers.values()}
        bought = Sale.objects.of_buyer(buyer_id).filter(request__in=requests)
        self._requests = waiting | set(bought.values_list("request_id", flat=True))

    def has(self, lead_id: int) -> bool:
        """Whether the buyer holds the person of this lead."""
        asker = self._askers.get(lead_id)
        if asker is None or asker.request_id in self._requests:
            return asker is not None
        return any(
            abs(seen_at - asker.captured_at) <= asker.window
            for digest in asker.digests
            for seen_at in self._seen.get((asker.vertical_id, digest), ())
        )

    def take(self, lead_id: int) -> None:
        asker = self._askers[lead_id]
        self._requests.add(asker.request_id)
        self._see(asker.vertical_id, asker.captured_at, asker.digests)

    def _see(self, vertical_id: int, captured_at: datetime, digests: tuple[bytes, ...]) -> None:
        for digest in digests:
            self._seen.setdefault((vertical_id, digest), []).append(captured_at)


def _known(digests: Collection[memoryview | bytes | None]) -> tuple[bytes, ...]:
    return tuple(bytes(digest) for digest in digests if digest)
