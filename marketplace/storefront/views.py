"""The storefront's pages: the front page, one vertical, one lead."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from buyers.companies.access import MarketRequest
from leads.criteria.criteria import Criteria
from leads.criteria.filters import CriteriaFilterSet, FilterRefused, query_of, read_filters
from leads.listed import ListedLead
from leads.models import Lead, Vertical
from leads.schema.labels import headline_fields, shown_answers
from marketplace.inventory.facets import Counts, count
from marketplace.inventory.pages import LeadPage, NoSuchPage, even_sample, page
from marketplace.inventory.query import Sort, StockQuery
from marketplace.inventory.small_counts import masked
from marketplace.models import Sale
from marketplace.orders.buy_bar import BESIDES, buy_bar_of
from marketplace.prices.catalogue import catalogue_of
from marketplace.prices.pricing import Curve, NoCurve, curves_in_force, price_of
from marketplace.storefront.plot import IndexPrices, index_prices, plot_of
from marketplace.storefront.rail import rail_of
from marketplace.storefront.rows import rows_of, slots_of
from marketplace.storefront.unknowns import unknowns_of
from marketplace.storefront.verticals import shelf_url, stock_by_vertical

EVEN = "even"
SORTS = [(EVEN, "Even sample"), ("newest", "Newest"), ("oldest", "Oldest"), ("cheapest", "Cheapest")]


@require_safe
def home(request: MarketRequest) -> HttpResponse:
    """Show what this market is, with stock and prices by vertical."""
    catalogue = catalogue_of(request)
    curves = curves_in_force(catalogue.now)
    stock = stock_by_vertical(catalogue)
    on_sale = [(size or 0, vertical) for vertical, size in stock if vertical.open_for_resale]
    fullest = max(on_sale, key=itemgetter(0), default=None)
    context = {
        "index": [IndexLine(vertical, size, _index_prices(curves.get(vertical.pk))) for vertical, size in stock],
        "stock": sum(size for size, _ in on_sale),
        "counted": None not in dict(stock).values(),
        "first_url": reverse("storefront:browse", args=[fullest[1].slug]) if fullest else "#index",
    }
    return render(request, "marketplace/storefront/home.html", context)


@dataclass(frozen=True)
class IndexLine:
    """One vertical of the price index; ``stock`` is None while it is being counted."""

    vertical: Vertical
    stock: int | None
    prices: IndexPrices | None


def _index_prices(curve: Curve | None) -> IndexPrices | None:
    return index_prices(curve) if curve else None


@require_safe
def browse(request: MarketRequest, slug: str) -> HttpResponse:
    """Show one vertical: filters with counts, stock and price by age, masked rows. htmx gets ``#results``."""
    vertical = catalogue_of(request).named(slug)
    if vertical is None:
        raise Http404
    if not vertical.open_for_resale:
        return render(request, "marketplace/storefront/closed.html", {"vertical": vertical})
    try:
        filters = read_filters(vertical, request.GET, besides=BESIDES)
        shown = _shelf_page(request, vertical, filters)
    except (FilterRefused, NoSuchPage) as refusal:
        return _refused(request, vertical, refusal)
    except NoCurve:
        return render(request, "marketplace/storefront/closed.html", {"vertical": vertical, "no_prices": True})
    template = "marketplace/storefront/browse.html#answer" if request.htmx else "marketplace/storefront/browse.html"
    return render(request, template, shown)


def _shelf_page(request: MarketRequest, vertical: Vertical, filters: CriteriaFilterSet) -> dict[str, Any]:
    criteria, catalogue = filters.criteria, catalogue_of(request)
    query = StockQuery(vertical, criteria, catalogue.curve_of(vertical), catalogue.now, request.buyer)
    counts = count(query)
    sort = request.GET.get("sort", EVEN)
    after = request.GET.get("after", "")
    found = _page_of(query, sort, after, counts)
    buy_bar = buy_bar_of(request.GET, query, counts)
    return {
        "vertical": vertical,
        "here": shelf_url(vertical.slug),
        "counts": counts,
        "rail": rail_of(dict(criteria.filter_fields), counts, request.GET),
        "chips": _chips(criteria),
        "plot": plot_of(counts.bands, buy_bar.max_price_cents),
        "columns": headline_fields(vertical.schema),
        "rows": rows_of(found.leads, vertical.schema, query.now),
        "sort": sort,
        "sorts": SORTS,
        "after": after,
        "next_after": found.next_after,
        "buy_bar": buy_bar,
        "said": query_of(criteria),
        "standing_query": _query(criteria),
        "proven_percent": _percent(counts.proven, counts.matching),
    }


def _query(criteria: Criteria) -> str:
    pairs = query_of(criteria)
    return f"?{urlencode(pairs)}" if pairs else ""


def _percent(part: int, whole: int) -> int | None:
    """Return the percentage, or None if it would reveal a group too small to count."""
    small = [size for size in (part, whole - part) if isinstance(masked(size), str)]
    return None if small or not whole else 100 * part // whole


def _page_of(query: StockQuery, sort: str, after: str, counts: Counts) -> LeadPage:
    if sort == EVEN:
        if after and not (after.isascii() and after.isdigit()):
            raise NoSuchPage("There is no such page of this list.")
        return even_sample(query, page_number=int(after[:9] or 0))
    if sort not in list(Sort):
        raise NoSuchPage("Sort by even, newest, oldest or cheapest.")
    return page(query, Sort(sort), after=after)


def _refused(request: MarketRequest, vertical: Vertical, refusal: Exception) -> HttpResponse:
    fields = refusal.fields if isinstance(refusal, FilterRefused) else {"page": [str(refusal)]}
    context = {"vertical": vertical, "fields": fields}
    template = "marketplace/storefront/refused.html#refusal" if request.htmx else "marketplace/storefront/refused.html"
    return render(request, template, context, status=400)


@dataclass(frozen=True)
class Chip:
    """An active filter, with a link to the page without it."""

    text: str
    url: str


def _chips(criteria: Criteria) -> list[Chip]:
    url = shelf_url(criteria.vertical)
    return [Chip(text, f"{url}?{urlencode(query_of(criteria.without(name)))}") for name, text in criteria.sentences()]


@require_safe
def lead(request: MarketRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show one lead's provenance card, with its legs. Sold-out leads are shown only to companies that bought them."""
    now = timezone.now()
    buyer = request.buyer
    found = get_object_or_404(
        Lead.objects.select_related("vertical", "schema", "source", "consent__text").prefetch_related("legs"),
        public_id=public_id,
        vertical__open_for_resale=True,
    )
    own = Sale.objects.of_buyer(buyer.pk).filter(lead=found).select_related("order").first() if buyer else None
    if own is None and not found.is_for_sale:
        raise Http404
    return render(request, "marketplace/storefront/lead.html", _card(found, own, now))


def _card(found: Lead, own: Sale | None, now: datetime) -> dict[str, Any]:
    curve = curves_in_force(now).get(found.vertical_id)
    price = price_of(found, curve, now=now) if curve and not own else None
    asked = found.schema.parsed
    shown = asked.as_shown_by(found.vertical.schema)
    (row,) = rows_of([ListedLead.of(found, price)], shown, now)
    steps = [(day, cents) for day, cents in curve.tiers if day > row.age_days] if curve else []
    return {
        "lead": found,
        "row": row,
        "own": own,
        "price": price,
        "exclusive_price": price_of(found, curve, now=now, exclusive=True) if curve and not found.times_sold else None,
        "sealed_names": ["Name", "Phone", "Email", "Street"],
        "next_step": _next_step(row.lead, steps, curve),
        "answers": list(shown_answers(found.attributes, shown)),
        "hidden": [item.label for item in asked if item.name not in shown.by_name and item.name in found.attributes],
        "slots": list(slots_of(found, {own.leg_id} if own else set(), now)),
        "channels": row.channels,
        "unknown": list(unknowns_of(found)),
    }


def _next_step(found: ListedLead, steps: list[tuple[int, int]], curve: Curve | None) -> tuple[int, int] | None:
    """Return the (day, cents) of this lead's next price drop, or None if there is none."""
    if curve is None or found.price_cents is None:
        return None
    prices = ((day, curve.price_cents(age_days=day, grade=found.source.grade)) for day, _ in steps)
    return next(((day, cents) for day, cents in prices if cents < found.price_cents), None)
