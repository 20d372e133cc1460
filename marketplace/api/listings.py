"""Leads for sale: masked rows with counts, and one lead's provenance card."""

from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from leads.criteria.criteria import Criteria
from leads.models import Lead
from marketplace.api.errors import Invalid
from marketplace.api.examples import LISTING
from marketplace.api.facets import FACETS, facets_of
from marketplace.api.filtering import CriteriaBackend
from marketplace.api.pagination import KeysetPagination, page_size_of
from marketplace.api.refusals import refuses
from marketplace.api.serializers import COUNT, PRICE_RANGE, CardSerializer, ListingSerializer
from marketplace.api.view import MarketView, buyer_of
from marketplace.inventory.facets import count
from marketplace.inventory.pages import page, with_label
from marketplace.inventory.query import Sort, StockQuery
from marketplace.inventory.small_counts import masked
from marketplace.models import Sale
from marketplace.prices.catalogue import read_catalogue
from marketplace.prices.pricing import curves_in_force, price_of

PARAMETERS = [
    OpenApiParameter("vertical", str, required=True, description="A vertical's slug."),
    OpenApiParameter("sort", str, enum=list(Sort), default=Sort.NEWEST, description="What comes first."),
    OpenApiParameter(
        "filters",
        {"type": "object", "additionalProperties": {"type": "string"}},
        description="The vertical's own parameters, such as “loan_amount_min=200000”: see its “filters”.",
        style="form",
        explode=True,
    ),
]


class StockPagination(KeysetPagination):
    """Pages of the inventory in memory, with the counts that go with them."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query: StockQuery = queryset
        sort, size = sort_of(request), page_size_of(request)
        counts = count(query)
        found = page(query, sort, after=request.query_params.get("after", ""), size=size)
        self.keep(request, found.next_after)
        self.counts = {
            "count": masked(counts.matching),
            "facets": facets_of(dict(query.criteria.filter_fields), counts),
            "price": {"lowest_cents": counts.lowest_cents, "highest_cents": counts.highest_cents},
        }
        return found.leads

    def get_paginated_response(self, data: Any) -> Response:
        return Response({**self.counts, "results": data, "next": self.next_url})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        paged = super().get_paginated_response_schema(schema)
        counts = {"count": COUNT, "facets": FACETS, "price": PRICE_RANGE}
        return {
            **paged,
            "properties": {**counts, **paged["properties"]},
            "required": [*counts, *paged["required"]],
        }


class Listings(MarketView, GenericAPIView[Lead]):
    queryset = Lead.objects.all()
    serializer_class = ListingSerializer
    filter_backends = [CriteriaBackend]
    pagination_class = StockPagination

    def check_parameters(self, request: Request) -> None:
        """The vertical decides which there are: CriteriaBackend refuses all others."""

    @extend_schema(
        operation_id="list_listings",
        summary="List leads for sale",
        tags=["Leads for sale"],
        parameters=PARAMETERS,
        responses={200: ListingSerializer(many=True), **refuses(409, 503)},
        examples=[LISTING],
    )
    def get(self, request: Request) -> Response:
        """What you can buy in one vertical: the number of leads, counts for each filter, the price range, and a page.

        Leads that your company already owns are left out. Counts of one to four read “<5”.
        """
        query: Any = stock_query_of(request)
        query = self.filter_queryset(query)
        leads: Any = self.paginate_queryset(query)
        context = {"now": query.now, "schema": query.vertical.schema}
        return self.get_paginated_response(ListingSerializer(leads, many=True, context=context).data)


def stock_query_of(request: Request) -> StockQuery:
    """All that this company can buy of the vertical. Raises Invalid, NoCurve."""
    catalogue = read_catalogue(timezone.now())
    vertical = catalogue.named(request.query_params.get("vertical", ""))
    if vertical is None or not vertical.open_for_resale:
        raise Invalid({"vertical": "Enter the slug of a vertical that is open for resale."})
    anything = Criteria.anything(vertical)
    return StockQuery(vertical, anything, catalogue.curve_of(vertical), catalogue.now, buyer_of(request))


def sort_of(request: Request) -> Sort:
    """Raises Invalid."""
    try:
        return Sort(request.query_params.get("sort", Sort.NEWEST))
    except ValueError as error:
        raise Invalid({"sort": f"Use one of: {', '.join(Sort)}."}) from error


class LeadCard(MarketView, GenericAPIView[Lead]):
    queryset = with_label(Lead.objects.all()).select_related("schema").prefetch_related("legs")
    lookup_field = "public_id"

    @extend_schema(
        operation_id="get_listing",
        summary="Get a lead's card",
        tags=["Leads for sale"],
        responses={200: CardSerializer, **refuses(404)},
    )
    def get(self, request: Request, public_id: str) -> Response:
        """One lead's provenance card: its legs and which were sold, the consent and its wording, what we do not know.

        A leg is one of the companies that may call the person. Each leg is sold at most once.
        """
        now, lead = timezone.now(), self.get_object()
        bought = Sale.objects.of_buyer(buyer_of(request).pk).filter(lead=lead).exists()
        if not bought and not _for_sale(lead):
            raise Http404
        context = {
            "now": now,
            "schema": lead.schema.parsed.as_shown_by(lead.vertical.schema),
            "bought": bought,
            "price_cents": None if bought else _price_of(lead, now),
        }
        return Response(CardSerializer(lead, context=context).data)


def _for_sale(lead: Lead) -> bool:
    return lead.is_for_sale and lead.vertical.open_for_resale


def _price_of(lead: Lead, now: datetime) -> int | None:
    curve = curves_in_force(now).get(lead.vertical_id)
    return price_of(lead, curve, now=now) if curve else None
