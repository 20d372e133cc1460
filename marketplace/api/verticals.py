"""What there is to buy: verticals with their stock, prices, fields and filters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leads.criteria import wants_of
from leads.fields import Schema
from leads.models import Lead, Vertical
from leads.models.lead import DAY
from leads.wants import Want
from marketplace.api.refusals import refuses
from marketplace.api.serializers import VerticalsSerializer
from marketplace.api.view import MarketView
from marketplace.filters import parameters_of
from marketplace.inventory.search import masked
from marketplace.pricing import Curve, curves_in_force


@dataclass(frozen=True)
class Shelf:
    """A vertical and what lies on its shelf. ``grades`` are (source's grade, quantity, oldest, youngest capture)."""

    vertical: Vertical
    curve: Curve | None
    grades: tuple[tuple[str, int, datetime, datetime], ...]
    now: datetime

    @property
    def stock(self) -> int | str:
        return masked(sum(quantity for _, quantity, _, _ in self.grades))

    @property
    def price(self) -> dict[str, int | None]:
        """Prices only fall with age, so that each grade's oldest and youngest lead span its prices."""
        ends = list(self._ends(self.curve)) if self.curve else []
        return {"lowest_cents": min(ends, default=None), "highest_cents": max(ends, default=None)}

    def _ends(self, curve: Curve) -> Iterator[int]:
        for grade, _, oldest, youngest in self.grades:
            for captured_at in (oldest, youngest):
                yield curve.price_cents(age_days=(self.now - captured_at) // DAY, grade=grade)

    @property
    def as_asked(self) -> dict[str, Any]:
        schema: Schema = self.vertical.schema
        return {
            "slug": self.vertical.slug,
            "name": self.vertical.name,
            "open_for_resale": self.vertical.open_for_resale,
            "stock": self.stock,
            "price": self.price,
            "fields": schema.fields,
            "filters": [_filter(want) for want in wants_of(schema).values()],
        }


def _filter(want: Want) -> dict[str, Any]:
    return {"want": want, "parameters": parameters_of(want)}


def shelves(now: datetime) -> Iterator[Shelf]:
    """Every vertical in its order, counted and priced with two queries."""
    curves = curves_in_force(now)
    ends = (Count("id"), Min("captured_at"), Max("captured_at"))
    on_shelf = Lead.objects.on_shelf().order_by().values_list("vertical_id", "source__grade")
    found: dict[int, list[tuple[str, int, datetime, datetime]]] = {}
    for vertical_id, *grade in on_shelf.annotate(*ends):
        found.setdefault(vertical_id, []).append(tuple(grade))
    for vertical in Vertical.objects.prefetch_related("schemas"):
        grades = found.get(vertical.pk, []) if vertical.open_for_resale else []
        yield Shelf(vertical, curves.get(vertical.pk), tuple(grades), now)


class Verticals(MarketView):
    @extend_schema(operation_id="list_verticals", tags=["Shelf"], responses={200: VerticalsSerializer, **refuses()})
    def get(self, request: Request) -> Response:
        """Verticals, with stock and price range, the fields of their leads and how each can be filtered."""
        results = [shelf.as_asked for shelf in shelves(timezone.now())]
        return Response(VerticalsSerializer({"results": results}).data)
