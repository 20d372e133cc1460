"""Answers about the shelf: the leads of one page, and the best for an order.

The inventory says which leads come next; each is read from the database before it is shown, and what is not for sale
any more by then is passed over.
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
from leads.loading import loaded
from leads.models import Consent, Lead, Source, Vertical
from leads.models.consent import text_numbered
from leads.models.lead import FOR_SALE, LeadQuerySet
from marketplace.inventory.live import result_of, sources
from marketplace.inventory.picking import SortPlace, first_of, newest_first
from marketplace.inventory.query import Sort, StockQuery
from marketplace.inventory.result import StockResult
from marketplace.inventory.stock_prices import instant_of, microseconds
from marketplace.prices.pricing import price_of, priced

PAGE = 50
LARGEST_PAGE = 100
SPARE = 4


# What a row and its criteria look at, past the query builder: sixty leads a page are most of what a page costs.
_LEAD = (
    *("id", "public_id", "vertical_id", "schema_id", "source_id", "kind", "captured_at", "state", "postal_code"),
    *("phone_type", "attributes", "legs_authorized", "times_sold", "legs_left"),
)
_CONSENT = ("id", "lead_id", "text_id", "retained_until")
_FOR_SALE = f"""
    SELECT {", ".join(f"lead.{name}" for name in _LEAD)}, {", ".join(f"consent.{name}" for name in _CONSENT)}
    FROM leads_lead AS lead JOIN leads_consent AS consent ON consent.lead_id = lead.id
    WHERE lead.id = ANY(%s::bigint[]) AND {FOR_SALE}
"""  # noqa: S608  (our own names)
_SOURCE = _LEAD.index("source_id")


@dataclass(frozen=True)
class LeadPage:
    """Leads in their order, and the ``after`` that asks for those behind them; None on the last page."""

    leads: list[Lead]
    next_after: str | None


class NoSuchPage(ValueError):
    """``after`` names no lead and no page of this list."""


def page(query: StockQuery, sort: Sort, *, after: str = "", size: int = PAGE) -> LeadPage:
    """The leads behind ``after`` (a lead's public id): a deep page costs what the first one does."""
    last = _place_of(_lead_named(query, after)) if after else None
    asked = size + 1 + SPARE
    while True:
        with result_of(query) as result:
            ids = _ids(result, first_of(result, sort, asked, behind=last))
        found = _read(query, ids)
        if len(found) > size or len(ids) < asked:
            break
        asked *= 2  # much was sold at this moment
    more = len(found) > size
    return LeadPage(found[:size], str(found[size - 1].public_id) if more else None)


def even_sample(query: StockQuery, *, page_number: int = 0, size: int = PAGE) -> LeadPage:
    """Every n-th lead of the stock, which lies by state and by age, so that a buyer sees what he would get. Page k
    starts k further on. The newest of them comes first."""
    with result_of(query) as result:
        step = max(1, ceil(len(result.matching) / size))
        if not 0 <= page_number < step:
            raise NoSuchPage("This list has no such page.")
        matching = result.matching
        chosen = np.array([matching[number] for number in range(page_number, len(matching), step)], np.int64)
        ids = _ids(result, newest_first(result.stock, chosen))
    following = page_number + 1
    return LeadPage(_read(query, ids), str(following) if following < step else None)


def best(query: StockQuery, sort: Sort, most: int, *, max_price_cents: int | None = None) -> list[int]:
    """The keys of the leads that come first, at most so many, none dearer than ``max_price_cents``."""
    with result_of(query) as result:
        return _ids(result, first_of(result, sort, most, max_price_cents=max_price_cents))


@dataclass(frozen=True)
class Lot:
    """So many leads at one price, and when the newest and the oldest of them asked."""

    quantity: int
    cents: int
    newest_at: datetime
    oldest_at: datetime


def lots(query: StockQuery, sort: Sort, most: int, *, max_price_cents: int | None = None) -> list[Lot]:
    """What comes first, at most so many, by price: the dearest first."""
    with result_of(query) as result:
        positions = first_of(result, sort, most, max_price_cents=max_price_cents)
        cents, asked = result.prices.cents_of(positions), result.stock.asked_at(positions)
    prices = np.unique(cents)[::-1].tolist()
    return [_lot(price, asked[cents == price]) for price in prices]


def _lot(cents: int, asked: NDArray[Any]) -> Lot:
    return Lot(len(asked), cents, instant_of(asked.max()), instant_of(asked.min()))


def with_label(leads: LeadQuerySet) -> LeadQuerySet:
    """Loads what a lead's row shows: its source and its consent with the wording's terms."""
    return leads.select_related("vertical", "source", "consent__text")


def _ids(result: StockResult, positions: NDArray[Any]) -> list[int]:
    found: list[int] = result.stock.ids.at(positions).tolist()
    return found


def _read(query: StockQuery, ids: list[int]) -> list[Lead]:
    """Those of these leads that are still on the shelf and still wanted, in their order, with label and price."""
    found = _for_sale(ids, query.vertical)
    leads = [found[lead] for lead in ids if lead in found]
    for lead in leads:
        cents = price_of(lead, query.curve, now=query.now, exclusive=query.exclusive, quantity=query.quantity)
        lead.price_cents = cents  # type: ignore[attr-defined]
    return [lead for lead in leads if query.criteria.accepts(lead, query.now)]


def _for_sale(ids: list[int], vertical: Vertical) -> dict[int, Lead]:
    """By key. Few sources and few wordings stand behind many leads: each is read once. What was not read of a lead or
    its consent is asked for when somebody wants it."""
    with connection.cursor() as cursor:
        cursor.execute(_FOR_SALE, [key_array(ids)])
        rows = cursor.fetchall()
    known = sources({row[_SOURCE] for row in rows})
    return {row[0]: _lead_of(row, vertical, known[row[_SOURCE]]) for row in rows}


def _lead_of(row: tuple[Any, ...], vertical: Vertical, source: Source) -> Lead:
    columns = dict(zip(_LEAD, row, strict=False))
    columns["attributes"] = orjson.loads(columns["attributes"])
    proof = dict(zip(_CONSENT, row[len(_LEAD) :], strict=True))
    consent = loaded(Consent, proof, {"text": text_numbered(proof["text_id"])})
    return loaded(Lead, columns, {"vertical": vertical, "source": source, "consent": consent})


def _lead_named(query: StockQuery, after: str) -> Lead:
    """The last lead of the page before, also when it was sold since: its place in the order is still known."""
    leads = priced(Lead.objects.in_vertical(query.vertical), query.curve, now=query.now)
    try:
        return leads.get(public_id=uuid.UUID(after))
    except (ValueError, Lead.DoesNotExist) as error:
        raise NoSuchPage("This list has no such page.") from error


def _place_of(lead: Lead) -> SortPlace:
    return SortPlace(microseconds(lead.captured_at), lead.pk, lead.price_cents)  # type: ignore[attr-defined]
