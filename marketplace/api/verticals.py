"""What is for sale: verticals with their stock, prices, fields and filters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leads.criteria.criteria import Criteria, filter_fields_of
from leads.criteria.filter_fields import FilterField
from leads.criteria.filters import parameters_of
from leads.models import Vertical
from leads.schema.fields import Schema
from marketplace.api.refusals import refuses
from marketplace.api.serializers import VerticalsSerializer
from marketplace.api.view import MarketView
from marketplace.inventory.live import result_of, stock_sizes
from marketplace.inventory.query import StockQuery
from marketplace.inventory.small_counts import masked
from marketplace.prices.pricing import Curve, curves_in_force


@dataclass(frozen=True)
class VerticalStock:
    """A vertical, how many of its leads are for sale, and the lowest and the highest price of one in cents."""

    vertical: Vertical
    quantity: int = 0
    lowest_cents: int | None = None
    highest_cents: int | None = None

    @property
    def as_json(self) -> dict[str, Any]:
        schema: Schema = self.vertical.schema
        return {
            "slug": self.vertical.slug,
            "name": self.vertical.name,
            "open_for_resale": self.vertical.open_for_resale,
            "stock": masked(self.quantity),
            "price": {"lowest_cents": self.lowest_cents, "highest_cents": self.highest_cents},
            "fields": schema.fields,
            "filters": [_filter(filter_field) for filter_field in filter_fields_of(schema).values()],
        }


def _filter(filter_field: FilterField) -> dict[str, Any]:
    return {"filter_field": filter_field, "parameters": parameters_of(filter_field)}


def stocks(now: datetime) -> Iterator[VerticalStock]:
    """Every vertical, in its order."""
    curves = curves_in_force(now)
    for vertical in Vertical.objects.prefetch_related("schemas"):
        yield _stock(vertical, curves.get(vertical.pk), now) if vertical.open_for_resale else VerticalStock(vertical)


def _stock(vertical: Vertical, curve: Curve | None, now: datetime) -> VerticalStock:
    if curve is None:
        return VerticalStock(vertical, stock_sizes([vertical])[vertical.pk])
    with result_of(StockQuery(vertical, Criteria.anything(vertical), curve, now)) as result:
        return VerticalStock(vertical, len(result.shelf), *result.prices.ends_of(result.shelf))


class Verticals(MarketView):
    @extend_schema(
        operation_id="list_verticals", tags=["Leads for sale"], responses={200: VerticalsSerializer, **refuses(503)}
    )
    def get(self, request: Request) -> Response:
        """Verticals with their stock and price range, the fields of their leads, and how each can be filtered."""
        results = [stock.as_json for stock in stocks(timezone.now())]
        return Response(VerticalsSerializer({"results": results}).data)
