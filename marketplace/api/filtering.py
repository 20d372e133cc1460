"""django-filter as the listings' filter backend: a vertical's FilterSet reads the parameters, the inventory answers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.extensions import OpenApiFilterExtension
from rest_framework.request import Request

from leads.criteria.clauses import FARTHEST_MILES
from leads.criteria.common_fields import ENVELOPE
from leads.criteria.filter_fields import FilterField
from leads.criteria.filters import LONGEST_LIST, USUAL_MILES, CriteriaFilterSet, parameters_of, read_filters
from marketplace.inventory.query import StockQuery

BESIDES = ("vertical", "sort", "after", "limit")
MEANINGS = {
    "in": ["any of these"],
    "has": ["all of these"],
    "is": ["true or false"],
    "span": ["at least", "at most"],
    "near": ["the ZIP", "how many miles around it"],
}


class CriteriaBackend(DjangoFilterBackend):
    """Narrows a StockQuery as the filter set's ``qs`` narrows leads; the inventory answers it without the database."""

    def get_filterset(self, request: Request, queryset: StockQuery, view: Any) -> CriteriaFilterSet:
        """Raises FilterRefused for parameters that the vertical does not have."""
        return read_filters(queryset.vertical, request.query_params, besides=BESIDES, now=queryset.now)

    def filter_queryset(self, request: Request, queryset: StockQuery, view: Any) -> StockQuery:
        """Raises FilterRefused."""
        return replace(queryset, criteria=self.get_filterset(request, queryset, view).criteria)


class CriteriaParameters(OpenApiFilterExtension):
    """The parameters that every vertical has, with the bounds that are checked; its own are listed by /verticals/."""

    target_class = CriteriaBackend
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "query", "schema": shape, "description": f"{_label(filter_field)}: {meaning}."}
            for filter_field in ENVELOPE.values()
            for name, shape, meaning in zip(
                parameters_of(filter_field), _shapes(filter_field), MEANINGS[filter_field.kind], strict=True
            )
        ]


def _label(filter_field: FilterField) -> str:
    unit = "dollars" if filter_field.unit == "cents" else filter_field.unit
    return f"{filter_field.label} in {unit}" if unit else filter_field.label


def _shapes(filter_field: FilterField) -> Iterator[dict[str, Any]]:
    """One for each of the field's parameters."""
    match filter_field.kind:
        case "span":
            yield from [_number(filter_field)] * 2
        case "near":
            yield {"type": "string", "pattern": "^[0-9]{5}$"}
            yield {"type": "number", "minimum": 0, "maximum": FARTHEST_MILES, "default": USUAL_MILES}
        case "is":
            yield {"type": "boolean"}
        case _ if filter_field.choices:
            yield {"type": "array", "items": {"type": "string", "enum": list(filter_field.choices)}}
        case _:
            yield {"type": "string", "maxLength": LONGEST_LIST, "example": "90210,10001"}


def _number(filter_field: FilterField) -> dict[str, Any]:
    cents = filter_field.unit == "cents"
    kind = "integer" if filter_field.whole and not cents else "number"
    bounds = {"minimum": filter_field.lowest, "maximum": filter_field.highest}
    return {"type": kind, **{end: at / 100 if cents else at for end, at in bounds.items() if at is not None}}
