"""Queries of the inventory: the leads of one page, and the best leads for an order.

The inventory says which leads come next; each is read from the database before it is shown, and leads that are no
longer for sale by then are skipped.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import numpy as np
import orjson
from django.db import connection
from numpy.typing import NDArray

from leads.arrays import key_array
from leads.listed import ListedLead, Proof
from leads.models import Lead, Source, Vertical
from leads.models.consent import text_numbered
from leads.models.lead import FOR_SALE, LeadQuerySet
from marketplace.inventory.live import result_of, sources
from marketplace.inventory.picking import SortPlace, first_of, newest_first
from marketplace.inventory.query import Sort, StockQuery
from marketplace.inventory.result import StockResult
from marketplace.inventory.stock_prices import instant_of, microseconds
from marketplace.prices.pricing import price_of

PAGE = 50
LARGEST_PAGE = 100
SPARE = 4


# The columns that a row and its criteria read. Raw SQL, because reading 60 leads is most of a page's cost.
_FOR_SALE = f"""
    SELECT lead.id, lead.public_id, lead.captured_at, lead.state, lead.postal_code, lead.phone_type,
        lead.legs_authorized, lead.times_sold, lead.legs_left, lead.attributes, consent.text_id, consent.retained_until,
        lead.source_id
    FROM leads_lead AS lead JOIN leads_consent AS consent ON consent.lead_id = lead.id
    WHERE lead.id = ANY(%s::bigint[]) AND {FOR_SALE}
"""  # noqa: S608  (our own names)


@dataclass(frozen=True)
class LeadPage:
    """A page of leads in order, and the ``after`` of the next page; None on the last page."""

    leads: list[ListedLead]
    next_after: str | None


class NoSuchPage(ValueError):
    """``after`` is not a lead or page of this list."""


def page(query: StockQuery, sort: Sort, *, after: str = "", size: int = PAGE) -> LeadPage:
    """Return the leads after ``after`` (a lead's public id). A deep page costs no more than the first one."""
    last = _place_of(query, after) if after else None
    asked = size + 1 + SPARE
    while True:
        with result_of(query) as result:
            ids = _ids(result, first_of(result, sort, asked, behind=last))
        found = _read(query, ids)
        if len(found) > size or len(ids) < asked:
            break
        asked *= 2  # many were sold in the meantime
    more = len(found) > size
    return LeadPage(found[:size], str(found[size - 1].public_id) if more else None)


def even_sample(query: StockQuery, *, page_number: int = 0, size: int = PAGE) -> LeadPage:
    """Return every n-th lead of the stock, which is sorted by state and age, so that buyers see what they would get.
    Page k starts k leads later. The newest comes first."""
    with result_of(query) as result:
        step = max(1, ceil(len(result.matching) / size))
        if not 0 <= page_number < step:
            raise NoSuchPage("There is no such page of this list.")
        matching = result.matching
        chosen = np.array([matching[number] for number in range(page_number, len(matching), step)], np.int64)
        ids = _ids(result, newest_first(result.stock, chosen))
    following = page_number + 1
    return LeadPage(_read(query, ids), str(following) if following < step else None)


def best(query: StockQuery, sort: Sort, most: int, *, max_price_cents: int | None = None) -> list[int]:
    """Return the ids of the first leads, at most ``most``, none above ``max_price_cents``."""
    with result_of(query) as result:
        return _ids(result, first_of(result, sort, most, max_price_cents=max_price_cents))


@dataclass(frozen=True)
class Lot:
    """A number of leads at one price, and when the newest and the oldest of them were requested."""

    quantity: int
    cents: int
    newest_at: datetime
    oldest_at: datetime


def lots(query: StockQuery, sort: Sort, most: int, *, max_price_cents: int | None = None) -> list[Lot]:
    """Return the first leads, at most ``most``, grouped by price, most expensive first."""
    with result_of(query) as result:
        positions = first_of(result, sort, most, max_price_cents=max_price_cents)
        cents, asked = result.prices.cents_of(positions), result.stock.asked_at(positions)
    prices = np.unique(cents)[::-1].tolist()
    return [_lot(price, asked[cents == price]) for price in prices]


def _lot(cents: int, asked: NDArray[Any]) -> Lot:
    return Lot(len(asked), cents, instant_of(asked.max()), instant_of(asked.min()))


def with_label(leads: LeadQuerySet) -> LeadQuerySet:
    """Load what a lead's row shows: its source, and its consent with the wording's terms."""
    return leads.select_related("vertical", "source", "consent__text")


def _ids(result: StockResult, positions: NDArray[Any]) -> list[int]:
    found: list[int] = result.stock.ids.at(positions).tolist()
    return found


def _read(query: StockQuery, ids: list[int]) -> list[ListedLead]:
    """Return those of these leads that are still for sale and still match, in the same order, with label and price."""
    found = _for_sale(ids, query.vertical)
    leads = [found[lead] for lead in ids if lead in found]
    for lead in leads:
        lead.price_cents = price_of(
            lead, query.curve, now=query.now, exclusive=query.exclusive, quantity=query.quantity
        )
    return [lead for lead in leads if query.criteria.accepts(lead, query.now)]


def _for_sale(ids: list[int], vertical: Vertical) -> dict[int, ListedLead]:
    """Return leads for sale by id. Many leads share few sources and wordings, so each of those is read once."""
    with connection.cursor() as cursor:
        cursor.execute(_FOR_SALE, [key_array(ids)])
        rows = cursor.fetchall()
    known = sources({row[-1] for row in rows})
    return {row[0]: _listed(row, vertical, known[row[-1]]) for row in rows}


def _listed(row: tuple[Any, ...], vertical: Vertical, source: Source) -> ListedLead:
    key, public_id, captured_at, state, postal_code, phone, authorized, sold, left, answers, text, retained, _ = row
    proof = Proof(text_numbered(text), retained)
    facts = orjson.loads(answers), vertical, source, proof
    return ListedLead(key, public_id, captured_at, state, postal_code, phone, authorized, sold, left, *facts)


def _place_of(query: StockQuery, after: str) -> SortPlace:
    """Return the place of the previous page's last lead in the sort order, even if it was sold since."""
    leads = Lead.objects.in_vertical(query.vertical).select_related("source")
    try:
        lead = leads.get(public_id=uuid.UUID(after))
    except (ValueError, Lead.DoesNotExist) as error:
        raise NoSuchPage("There is no such page of this list.") from error
    return SortPlace(microseconds(lead.captured_at), lead.pk, price_of(lead, query.curve, now=query.now))
