"""Exclusions: the leads that a buyer must not be shown, because it has the person already.

The same answer as ``shelf.not_held_by``, asked the other way round: from what the buyer has, not from what is on the
shelf. A buyer's sales and own customers are written under a lock of his own, so their keys are committed in order, and
"newer than these keys" misses nothing. What a removed list had comes back: see ``lists_ended``.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import connection

from buyers.models import CustomerList
from leads.models import Vertical

_FROM_THE_BUYER = """
    WITH sold AS MATERIALIZED (
        SELECT lead_id, request_id FROM marketplace_sale WHERE buyer_id = %(buyer)s AND id > %(sale)s
    ), known AS MATERIALIZED (
        SELECT each.digest, lead.captured_at - %(window)s AS first, lead.captured_at + %(window)s AS last
        FROM sold JOIN leads_lead AS lead ON lead.id = sold.lead_id AND lead.vertical_id = %(vertical)s
        JOIN leads_contact AS contact ON contact.lead_id = sold.lead_id
        CROSS JOIN unnest(ARRAY[contact.phone_digest, contact.second_phone_digest, contact.email_digest])
            AS each (digest)
        WHERE each.digest IS NOT NULL
        UNION
        SELECT digest, '-infinity', 'infinity' FROM buyers_owncustomer
        WHERE buyer_id = %(buyer)s AND id > %(customer)s
    ), held AS (
        SELECT request_id AS lead_id FROM sold
        UNION
        SELECT lead.id FROM sold JOIN leads_lead AS lead ON lead.duplicate_of_id = sold.request_id
        UNION
        SELECT lead.id FROM known
        CROSS JOIN LATERAL (
            SELECT lead_id FROM leads_contact WHERE phone_digest = known.digest
            UNION ALL SELECT lead_id FROM leads_contact WHERE second_phone_digest = known.digest
            UNION ALL SELECT lead_id FROM leads_contact WHERE email_digest = known.digest
        ) AS contact
        JOIN leads_lead AS lead ON lead.id = contact.lead_id AND lead.captured_at BETWEEN known.first AND known.last
    )
    SELECT lead.id FROM held JOIN leads_lead AS lead ON lead.id = held.lead_id
    WHERE lead.vertical_id = %(vertical)s AND lead.legs_aged > 0 AND lead.withdrawn_at IS NULL
"""

_FROM_THE_LEADS = """
    WITH asked AS MATERIALIZED (
        SELECT lead.id, coalesce(lead.duplicate_of_id, lead.id) AS request_id, lead.vertical_id, lead.captured_at,
            make_interval(days => vertical.duplicate_window_days) AS span
        FROM leads_lead AS lead JOIN leads_vertical AS vertical ON vertical.id = lead.vertical_id
        WHERE lead.id = ANY(%(leads)s)
    ), known AS MATERIALIZED (
        SELECT asked.*, each.digest FROM asked JOIN leads_contact AS contact ON contact.lead_id = asked.id
        CROSS JOIN unnest(ARRAY[contact.phone_digest, contact.second_phone_digest, contact.email_digest])
            AS each (digest)
        WHERE each.digest IS NOT NULL
    )
    SELECT asked.id FROM asked JOIN marketplace_sale AS sale ON sale.request_id = asked.request_id
    WHERE sale.buyer_id = %(buyer)s
    UNION
    SELECT known.id FROM known JOIN buyers_owncustomer AS own ON own.digest = known.digest
    WHERE own.buyer_id = %(buyer)s
    UNION
    SELECT known.id FROM known
    CROSS JOIN LATERAL (
        SELECT lead_id FROM leads_contact WHERE phone_digest = known.digest
        UNION ALL SELECT lead_id FROM leads_contact WHERE second_phone_digest = known.digest
        UNION ALL SELECT lead_id FROM leads_contact WHERE email_digest = known.digest
    ) AS contact
    JOIN marketplace_sale AS sale ON sale.lead_id = contact.lead_id AND sale.buyer_id = %(buyer)s
    JOIN leads_lead AS lead ON lead.id = contact.lead_id AND lead.vertical_id = known.vertical_id
    WHERE lead.captured_at BETWEEN known.captured_at - known.span AND known.captured_at + known.span
"""

_NEWEST = """
    SELECT coalesce((SELECT max(id) FROM marketplace_sale WHERE buyer_id = %(buyer)s), 0),
        coalesce((SELECT max(id) FROM buyers_owncustomer WHERE buyer_id = %(buyer)s), 0)
"""


def held_leads(buyer_id: int, vertical: Vertical) -> list[int]:
    """Everything on the vertical's shelf that this buyer must not be shown."""
    return _held(buyer_id, vertical, sale_id=0, customer_id=0)


def held_since(buyer_id: int, vertical: Vertical, *, sale_id: int, customer_id: int) -> tuple[list[int], int, int]:
    """What came to that through sales and own customers newer than these keys, and the newest keys of each.

    The keys are looked up first: what is committed meanwhile may be told twice, and is not missed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, {"buyer": buyer_id})
        newest_sale, newest_customer = cursor.fetchone()
    if newest_sale <= sale_id and newest_customer <= customer_id:
        return [], sale_id, customer_id
    held = _held(buyer_id, vertical, sale_id=sale_id, customer_id=customer_id)
    return held, max(sale_id, newest_sale), max(customer_id, newest_customer)


def held_among(buyer_id: int, lead_ids: Collection[int]) -> list[int]:
    """Which of these leads this buyer must not be shown, wherever they are."""
    return _asked(_FROM_THE_LEADS, {"buyer": buyer_id, "leads": list(lead_ids)})


def lists_ended(buyer_id: int) -> int:
    """How many lists of own customers count no longer. When it grows, what they alone held is on the shelf again, and
    only ``held_leads`` tells."""
    ended = [CustomerList.State.REMOVED, CustomerList.State.FAILED]
    return CustomerList.objects.filter(buyer=buyer_id, state__in=ended).count()


def _held(buyer_id: int, vertical: Vertical, *, sale_id: int, customer_id: int) -> list[int]:
    return _asked(
        _FROM_THE_BUYER,
        {
            "buyer": buyer_id,
            "vertical": vertical.pk,
            "window": timedelta(days=vertical.duplicate_window_days),
            "sale": sale_id,
            "customer": customer_id,
        },
    )


def _asked(sql: str, values: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [lead for (lead,) in cursor.fetchall()]
