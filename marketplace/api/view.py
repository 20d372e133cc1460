"""What every address of the API has in common: a company that asks, JSON, and no parameter that is not declared."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from buyers.models import ApiKey, Buyer
from marketplace.api.errors import Invalid
from marketplace.api.pagination import KeysetPagination

Row = TypeVar("Row", bound=Model)


class AlwaysJSON(DefaultContentNegotiation):
    """Answers are JSON, refusals too, whatever the client would accept."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


class MarketView(APIView):
    """Refuses query parameters that are not in ``takes`` and those given twice. Only reading takes any."""

    content_negotiation_class = AlwaysJSON
    metadata_class = None
    http_method_names = ["get", "post", "head"]
    takes: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.check_parameters(request)

    def check_parameters(self, request: Request) -> None:
        """Raises Invalid."""
        takes = self.takes if request.method in ("GET", "HEAD") else ()
        for name, values in request.query_params.lists():
            if name not in takes:
                raise Invalid({name[:40]: "This parameter is unknown."})
            if len(values) > 1:
                raise Invalid({name: "Send this parameter once."})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Every answer says how much of the rate limit is left."""
        for name, value in getattr(request, "rate_limit", {}).items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)


class OwnView(MarketView, GenericAPIView[Row]):
    """Reads what the asking company owns. Another company's row, none and what is no id are the same 404."""

    lookup_field = "public_id"

    def get_queryset(self) -> QuerySet[Row]:
        return super().get_queryset().filter(buyer=buyer_of(self.request))


class OwnListView(OwnView[Row]):
    """Pages of the company's rows, newest first by ``dated_by``."""

    pagination_class = KeysetPagination
    takes = frozenset({"after", "limit"})
    dated_by: str

    def listed(self) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)


class Nowhere(MarketView):
    """Every address that does not exist. It does not ask for a key: there is nothing to protect."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = list(APIView.http_method_names)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


def key_of(request: Request) -> ApiKey:
    """The key that was sent; HasBuyer has made sure that there is one."""
    assert isinstance(request.auth, ApiKey)
    return request.auth


def buyer_of(request: Request) -> Buyer:
    """The company whose key was sent."""
    return key_of(request).buyer
