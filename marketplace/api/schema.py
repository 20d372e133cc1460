"""The API's description: as OpenAPI for programs, as a page for people."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.manual import Operation, operations_of
from marketplace.api.refusals import MEANINGS
from marketplace.api.view import MarketView


@lru_cache(maxsize=1)
def described() -> dict[str, Any]:
    """The whole API in OpenAPI 3. It is the same for everybody and does not change until the next start."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


class OpenApi(MarketView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(described())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The description as a page, grouped by subject."""
    subjects: dict[str, list[Operation]] = {}
    for operation in operations_of(described()):
        subjects.setdefault(operation.subject, []).append(operation)
    return render(request, "marketplace/api/docs.html", {"subjects": subjects, "statuses": MEANINGS.items()})
