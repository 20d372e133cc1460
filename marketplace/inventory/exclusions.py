"""Exclusions: the leads that a buyer must not see, because it already has the person.

The same result as ``query.not_owned_by``, but starting from what the buyer has instead of what is for sale. A buyer's
sales and own customers are written under the buyer's own lock, so their keys are committed in order, and "newer than
these keys" misses nothing. The people of a removed list come back: see ``Extent``.
"""

from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from buyers.models import CustomerList
from leads.arrays import key_array
from leads.models import Vertical
from leads.models.lead import FOR_SALE

_FROM_THE_BUYER = f"""
    WITH sold AS MATERIALIZED (
        SELECT lead_id, request_id FROM marketplace_sale WHERE buyer_id = %(buyer)s AND id > %(sale)s
    ), known AS MATERIALIZED (
        SELECT theirs.digest, lead.captured_at - %(window)s AS first, lead.captured_at + %(window)s AS last
        FROM sold JOIN leads_lead AS lead ON lead.id = sold.lead_id AND lead.vertical_id = %(vertical)s
        JOIN leads_contactdigest AS theirs ON theirs.lead_id = sold.lead_id
        UNION
        SELECT digest, '-infinity', 'infinity' FROM buyers_owncustomer
        WHERE buyer_id = %(buyer)s AND id > %(customer)s
    ), owned AS (
        SELECT request_id AS lead_id FROM sold
        UNION
        SELECT lead.id FROM sold JOIN leads_lead AS lead ON lead.duplicate_of_id = sold.request_id
        UNION
        SELECT lead.id FROM known JOIN leads_contactdigest AS same ON same.digest = known.digest
        JOIN leads_lead AS lead ON lead.id = same.lead_id AND lead.captured_at BETWEEN known.first AND known.last
    )
    SELECT lead.id FROM owned JOIN leads_lead AS lead ON lead.id = owned.lead_id
    WHERE lead.vertical_id = %(vertical)s AND {FOR_SALE}
"""  # noqa: S608  (a constant)

_FROM_THE_LEADS = """
    WITH asked AS MATERIALIZED (
        SELECT lead.id, coalesce(lead.duplicate_of_id, lead.id) AS request_id, lead.vertical_id, lead.captured_at,
            make_interval(days => vertical.duplicate_window_days) AS span
        FROM leads_lead AS lead JOIN leads_vertical AS vertical ON vertical.id = lead.vertical_id
        WHERE lead.id = ANY(%(leads)s::bigint[])
    ), known AS MATERIALIZED (
        SELECT asked.*, theirs.digest FROM asked JOIN leads_contactdigest AS theirs ON theirs.lead_id = asked.id
    )
    SELECT asked.id FROM asked JOIN marketplace_sale AS sale ON sale.request_id = asked.request_id
    WHERE sale.buyer_id = %(buyer)s
    UNION
    SELECT known.id FROM known JOIN buyers_owncustomer AS own ON own.digest = known.digest
    WHERE own.buyer_id = %(buyer)s
    UNION
    SELECT known.id FROM known JOIN leads_contactdigest AS same ON same.digest = known.digest
    JOIN marketplace_sale AS sale ON sale.lead_id = same.lead_id AND sale.buyer_id = %(buyer)s
    JOIN leads_lead AS lead ON lead.id = same.lead_id AND lead.vertical_id = known.vertical_id
    WHERE lead.captured_at BETWEEN known.captured_at - known.span AND known.captured_at + known.span
"""

_EXTENT = """
    SELECT coalesce((SELECT max(id) FROM marketplace_sale WHERE buyer_id = %(buyer)s), 0),
        coalesce((SELECT max(id) FROM buyers_owncustomer WHERE buyer_id = %(buyer)s), 0),
        (SELECT count(*) FROM buyers_customerlist WHERE buyer_id = %(buyer)s AND status = ANY(%(ended)s))
"""
_UP_TO = """
    SELECT count(*) FROM (
        (SELECT 1 FROM marketplace_sale WHERE buyer_id = %(buyer)s LIMIT %(most)s)
        UNION ALL (SELECT 1 FROM buyers_owncustomer WHERE buyer_id = %(buyer)s LIMIT %(most)s)
    ) AS had
"""
_ENDED = [CustomerList.Status.REMOVED.value, CustomerList.Status.FAILED.value]


@dataclass(frozen=True)
class Extent:
    """How much a buyer has: the keys of its newest sale and own customer, and how many of its lists no longer count.
    If that number grows, people who were only on those lists are shown again, and everything must be read again."""

    sale_id: int = 0
    customer_id: int = 0
    lists_ended: int = 0

    def exceeds(self, known: "Extent") -> bool:
        return self.sale_id > known.sale_id or self.customer_id > known.customer_id

    def joined(self, other: "Extent") -> "Extent":
        return Extent(*map(max, astuple(self), astuple(other)))


def extent_of(buyer_id: int) -> Extent:
    with connection.cursor() as cursor:
        cursor.execute(_EXTENT, {"buyer": buyer_id, "ended": _ENDED})
        return Extent(*cursor.fetchone())


def has_fewer_than(buyer_id: int, most: int) -> bool:
    """Whether the buyer has fewer sales and own customers than ``most``; it stops counting there."""
    with connection.cursor() as cursor:
        cursor.execute(_UP_TO, {"buyer": buyer_id, "most": most})
        return bool(cursor.fetchone()[0] < most)


def owned_since(buyer_id: int, vertical: Vertical, known: Extent) -> list[int]:
    """Return the vertical's leads for sale that this buyer must not see because of sales and own customers newer than
    ``known``; with ``Extent()``, because of any.

    Read the extent first: what is committed in the meantime may be returned twice, but is not missed.
    """
    return _asked(
        _FROM_THE_BUYER,
        {
            "buyer": buyer_id,
            "vertical": vertical.pk,
            "window": timedelta(days=vertical.duplicate_window_days),
            "sale": known.sale_id,
            "customer": known.customer_id,
        },
    )


def owned_among(buyer_id: int, lead_ids: Collection[int]) -> list[int]:
    """Return which of these leads this buyer must not see, whatever their vertical, for sale or not."""
    return _asked(_FROM_THE_LEADS, {"buyer": buyer_id, "leads": key_array(lead_ids)})


def _asked(sql: str, values: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [lead for (lead,) in cursor.fetchall()]
