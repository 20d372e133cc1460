"""What there is to buy: verticals with their stock, prices, fields and filters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leads.criteria.criteria import Criteria, wants_of
from leads.criteria.filter_fields import Want
from leads.criteria.filters import parameters_of
from leads.models import Vertical
from leads.schema.fields import Schema
from marketplace.api.refusals import refuses
from marketplace.api.serializers import VerticalsSerializer
from marketplace.api.view import MarketView
from marketplace.inventory.live import sight_of, stock_sizes
from marketplace.inventory.masking import masked
from marketplace.inventory.query import Look
from marketplace.prices.pricing import Curve, curves_in_force


@dataclass(frozen=True)
class Shelf:
    """A vertical, how many leads lie on its shelf, and the lowest and the highest price of one in cents."""

    vertical: Vertical
    quantity: int = 0
    lowest_cents: int | None = None
    highest_cents: int | None = None

    @property
    def as_asked(self) -> dict[str, Any]:
        schema: Schema = self.vertical.schema
        return {
            "slug": self.vertical.slug,
            "name": self.vertical.name,
            "open_for_resale": self.vertical.open_for_resale,
            "stock": masked(self.quantity),
            "price": {"lowest_cents": self.lowest_cents, "highest_cents": self.highest_cents},
            "fields": schema.fields,
            "filters": [_filter(want) for want in wants_of(schema).values()],
        }


def _filter(want: Want) -> dict[str, Any]:
    return {"want": want, "parameters": parameters_of(want)}


def shelves(now: datetime) -> Iterator[Shelf]:
    """Every vertical in its order."""
    curves = curves_in_force(now)
    for vertical in Vertical.objects.prefetch_related("schemas"):
        yield _shelf(vertical, curves.get(vertical.pk), now) if vertical.open_for_resale else Shelf(vertical)


def _shelf(vertical: Vertical, curve: Curve | None, now: datetime) -> Shelf:
    if curve is None:
        return Shelf(vertical, stock_sizes([vertical])[vertical.pk])
    with sight_of(Look(vertical, Criteria.anything(vertical), curve, now)) as sight:
        return Shelf(vertical, len(sight.shelf), *sight.prices.ends_of(sight.shelf))


class Verticals(MarketView):
    @extend_schema(operation_id="list_verticals", tags=["Shelf"], responses={200: VerticalsSerializer, **refuses()})
    def get(self, request: Request) -> Response:
        """Verticals, with stock and price range, the fields of their leads and how each can be filtered."""
        results = [shelf.as_asked for shelf in shelves(timezone.now())]
        return Response(VerticalsSerializer({"results": results}).data)
