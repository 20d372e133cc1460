"""Ownership: the people a buyer already has, so that it never buys a person twice, nor one of its own customers.

Requests linked at capture share their first lead (``Sale.request``, unique per buyer in the database). Two requests can
also turn out later to be from one person, when a third shares a phone with one and an email address with the other;
those are found here, by digest, within the vertical's window. The result holds until the buyer's wallet is unlocked.

The buyer's own customers are checked at the same time, by digest and without a window. A list that is still being
read, or is finished while an order is being placed, applies to later orders.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from leads.arrays import key_array

_ASKERS = """
    SELECT lead.id, coalesce(lead.duplicate_of_id, lead.id), lead.vertical_id, lead.captured_at,
        vertical.duplicate_window_days,
        EXISTS (
            SELECT FROM marketplace_sale AS sale
            WHERE sale.buyer_id = %(buyer)s AND sale.request_id = coalesce(lead.duplicate_of_id, lead.id)
        ),
        EXISTS (
            SELECT FROM buyers_owncustomer AS own
            WHERE own.buyer_id = %(buyer)s AND own.digest = ANY(known.digests)
        ),
        known.digests
    FROM leads_lead AS lead
    JOIN leads_vertical AS vertical ON vertical.id = lead.vertical_id
    JOIN leads_contact AS contact ON contact.lead_id = lead.id
    CROSS JOIN LATERAL (
        SELECT array_agg(digest) AS digests FROM leads_contactdigest WHERE lead_id = lead.id
    ) AS known
    WHERE lead.id = ANY(%(leads)s::bigint[])
"""
# Digests are joined in the database: a hundred thousand are too many to pass as parameters. MATERIALIZED, because the
# planner would otherwise look up all of them again for every sale of the buyer.
_BOUGHT = """
    WITH same AS MATERIALIZED (
        SELECT other.lead_id, other.digest FROM leads_contactdigest AS known
        JOIN leads_contactdigest AS other ON other.digest = known.digest
        WHERE known.lead_id = ANY(%(leads)s::bigint[])
    )
    SELECT lead.vertical_id, lead.captured_at, same.digest FROM same
    JOIN marketplace_sale AS sale ON sale.lead_id = same.lead_id AND sale.buyer_id = %(buyer)s
    JOIN leads_lead AS lead ON lead.id = same.lead_id
"""
# Read from what was recorded when the legs were held: reading the legs themselves would take three more tables.
_WAITING = """
    SELECT (kept ->> 1)::bigint
    FROM marketplace_orderawaitingpayment AS awaiting, jsonb_array_elements(awaiting.held) AS kept
    WHERE awaiting.buyer_id = %s AND awaiting.status = 'waiting' AND awaiting.public_id IS DISTINCT FROM %s
        AND awaiting.expires_at > %s
"""


@dataclass(frozen=True, slots=True)
class OwnershipCheck:
    """The person behind a lead, by digests only: ``bought`` by this buyer before, or ``brought`` as an own customer."""

    request_id: int
    vertical_id: int
    captured_at: datetime
    window: timedelta
    bought: bool
    brought: bool
    digests: tuple[bytes, ...]


class OwnedPeople:
    """The people one buyer has, as far as these leads are concerned. A lead that is taken here counts from then on, and
    so do leads held for its other orders awaiting payment (not for ``holder``)."""

    def __init__(
        self, buyer_id: int, lead_ids: Collection[int], *, now: datetime, holder: uuid.UUID | None = None
    ) -> None:
        asked: dict[str, Any] = {"buyer": buyer_id, "leads": key_array(lead_ids)}
        with connection.cursor() as cursor:
            cursor.execute(_ASKERS, asked)
            self._askers = {
                lead: OwnershipCheck(
                    request, vertical, captured_at, timedelta(days=days), bought, bool(brought), tuple(digests or ())
                )
                for lead, request, vertical, captured_at, days, bought, brought, digests in cursor.fetchall()
            }
            cursor.execute(_BOUGHT, asked)
            self._seen: dict[tuple[int, bytes], list[datetime]] = {}
            for vertical, captured_at, digest in cursor.fetchall():
                self._see(vertical, captured_at, [bytes(digest)])
            cursor.execute(_WAITING, [buyer_id, holder, now])
            waiting = {request for (request,) in cursor.fetchall()}
        self._requests = waiting | {asker.request_id for asker in self._askers.values() if asker.bought}

    def brought(self, lead_id: int) -> bool:
        """Whether the person of this lead is one of the buyer's own customers."""
        asker = self._askers.get(lead_id)
        return asker is not None and asker.brought

    def has(self, lead_id: int) -> bool:
        """Whether the buyer has the person of this lead, bought here or as an own customer."""
        asker = self._askers.get(lead_id)
        if asker is None or asker.brought or asker.request_id in self._requests:
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

    def _see(self, vertical_id: int, captured_at: datetime, digests: Iterable[bytes]) -> None:
        for digest in digests:
            self._seen.setdefault((vertical_id, digest), []).append(captured_at)
