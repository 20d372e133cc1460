"""Pages of every list: ``after`` names the last row of the page before, so that no row is missed or shown twice."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.errors import Invalid
from marketplace.inventory.pages import LARGEST_PAGE, PAGE, NoSuchPage

BOUNDS = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}
PARAMETERS = {
    "after": ({"type": "string", "format": "uuid"}, "The id of the last row of the page before."),
    "limit": (BOUNDS, "Rows a page."),
}


class KeysetPagination(BasePagination):
    """Newest first. The view's ``dated_by`` names the column that says how old a row is."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size = page_size_of(request)
        if after := request.query_params.get("after"):
            queryset = queryset.filter(_behind(after, view.get_queryset(), view.dated_by))
        rows = list(queryset.order_by(f"-{view.dated_by}", "-pk")[: size + 1])
        self.keep(request, str(rows[size - 1].public_id) if len(rows) > size else None)
        return rows[:size]

    def keep(self, request: Request, next_after: str | None) -> None:
        self.next_url = next_url(request, next_after)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.next_url})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "results": schema,
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "example": None,
                    "description": "The next page; null on the last.",
                },
            },
            "required": ["results", "next"],
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "query", "schema": schema, "description": meaning}
            for name, (schema, meaning) in PARAMETERS.items()
        ]


def _behind(after: str, owned: QuerySet[Any], dated_by: str) -> Q:
    """The condition for older rows than the one named. Raises NoSuchPage, also for another company's row."""
    try:
        last = owned.get(public_id=UUID(after))
    except (ValueError, ObjectDoesNotExist) as error:
        raise NoSuchPage("This list has no such page.") from error
    at = getattr(last, dated_by)
    return Q(**{f"{dated_by}__lt": at}) | Q(**{dated_by: at}, pk__lt=last.pk)


def page_size_of(request: Request) -> int:
    """How many rows a page has. Raises Invalid."""
    asked = request.query_params.get("limit", str(PAGE))
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 3 and 1 <= int(asked) <= LARGEST_PAGE):
        raise Invalid({"limit": f"Enter a whole number from 1 to {LARGEST_PAGE}."})
    return int(asked)


def next_url(request: Request, after: str | None) -> str | None:
    """This list's address with another ``after``; None on the last page."""
    if after is None:
        return None
    asked = request.query_params.copy()
    asked["after"] = after
    return request.build_absolute_uri(f"{request.path}?{asked.urlencode()}")
