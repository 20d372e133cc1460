"""The shelf: masked rows with counts, and one lead's provenance card."""

import uuid
from datetime import datetime

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leads.criteria.filters import read_filters
from leads.models import Lead
from marketplace.api.errors import Invalid
from marketplace.api.examples import LISTINGS
from marketplace.api.facets import facets_of
from marketplace.api.refusals import refuses
from marketplace.api.serializers import CardSerializer, ListingsSerializer
from marketplace.api.view import MarketView, buyer_of, max_price_of, next_url
from marketplace.inventory.facets import count
from marketplace.inventory.masking import masked
from marketplace.inventory.pages import page, with_label
from marketplace.inventory.query import Sort, StockQuery
from marketplace.models import Sale
from marketplace.prices.catalogue import read_catalogue
from marketplace.prices.pricing import curves_in_force, price_of

BESIDES = ("vertical", "sort", "after", "limit")
PARAMETERS = [
    OpenApiParameter("vertical", str, required=True, description="A vertical's slug."),
    OpenApiParameter("sort", str, enum=list(Sort), description="Which come first; the newest if nothing is said."),
    OpenApiParameter("after", str, description="The id of the last lead of the page before."),
    OpenApiParameter("limit", int, description="Rows a page, 1 to 100; 50 if nothing is said."),
    OpenApiParameter(
        "filters",
        {"type": "object", "additionalProperties": {"type": "string"}},
        description="The vertical's own parameters, as “state=OH&state=TX&age_max=90”: see its “filters”.",
        style="form",
        explode=True,
    ),
]


class Listings(MarketView):
    def check_parameters(self, request: Request) -> None:
        """The vertical decides which there are: see ``stock_query_of``."""

    @extend_schema(
        operation_id="list_listings",
        tags=["Shelf"],
        parameters=PARAMETERS,
        responses={200: ListingsSerializer, **refuses(400)},
        examples=LISTINGS,
    )
    def get(self, request: Request) -> Response:
        """What you could buy of one vertical: how many, each filter's counts, the price range, and a page of leads.

        What your company holds already is left out. Counts of one to four read “<5”.
        """
        query, sort, limit = stock_query_of(request), ranking_of(request), max_price_of(request)
        counts = count(query)
        found = page(query, sort, after=request.query_params.get("after", ""), size=limit)
        answer = {
            "count": masked(counts.matching),
            "facets": facets_of(dict(query.criteria.filter_fields), counts),
            "price": {"lowest_cents": counts.lowest_cents, "highest_cents": counts.highest_cents},
            "results": found.leads,
            "next": next_url(request, found.next_after),
        }
        context = {"now": query.now, "schema": query.vertical.schema}
        return Response(ListingsSerializer(answer, context=context).data)


def stock_query_of(request: Request) -> StockQuery:
    """The look that the query string asks for. Raises Invalid, FilterRefused, NoCurve."""
    catalogue = read_catalogue(timezone.now())
    vertical = catalogue.named(request.query_params.get("vertical", ""))
    if vertical is None or not vertical.open_for_resale:
        raise Invalid({"vertical": "Wants the slug of a vertical that is open for resale."})
    criteria = read_filters(vertical, request.query_params, besides=BESIDES).criteria
    return StockQuery(vertical, criteria, catalogue.curve_of(vertical), catalogue.now, buyer_of(request))


def ranking_of(request: Request) -> Sort:
    try:
        return Sort(request.query_params.get("sort", Sort.NEWEST))
    except ValueError as error:
        raise Invalid({"sort": "Sort by newest, oldest or cheapest."}) from error


class LeadCard(MarketView):
    @extend_schema(operation_id="get_listing", tags=["Shelf"], responses={200: CardSerializer, **refuses(404)})
    def get(self, request: Request, public_id: str) -> Response:
        """One lead's provenance card: its legs and who took them, the consent and its words, what we do not know."""
        now, buyer = timezone.now(), buyer_of(request)
        lead = lead_named(public_id)
        bought = Sale.objects.of_buyer(buyer.pk).filter(lead=lead).exists()
        if not bought and not _for_sale(lead):
            raise Http404
        lead.price_cents = None if bought else _price_of(lead, now)  # type: ignore[attr-defined]
        context = {"now": now, "schema": lead.schema.parsed.as_shown_by(lead.vertical.schema), "bought": bought}
        return Response(CardSerializer(lead, context=context).data)


def lead_named(public_id: str) -> Lead:
    """The lead with all that its card shows. Raises Http404, also for what is no id."""
    leads = with_label(Lead.objects.all()).select_related("schema").prefetch_related("legs")
    try:
        return leads.get(public_id=uuid.UUID(public_id))
    except (ValueError, Lead.DoesNotExist) as error:
        raise Http404 from error


def _for_sale(lead: Lead) -> bool:
    return lead.is_for_sale and lead.vertical.open_for_resale


def _price_of(lead: Lead, now: datetime) -> int | None:
    curve = curves_in_force(now).get(lead.vertical_id)
    return price_of(lead, curve, now=now) if curve else None
