"""What every address of the API has in common: a company that asks, JSON, and no parameter that is not meant."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from buyers.models import ApiKey, Buyer
from marketplace.api.errors import Invalid
from marketplace.inventory.pages import LARGEST_PAGE, PAGE


class AlwaysJSON(DefaultContentNegotiation):
    """Answers are JSON, refusals too, whatever the client would accept."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


class MarketView(APIView):
    """Refuses query parameters that are not in ``takes`` and those given twice."""

    content_negotiation_class = AlwaysJSON
    metadata_class = None
    http_method_names = ["get", "post", "head"]
    takes: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.check_parameters(request)

    def check_parameters(self, request: Request) -> None:
        """Raises Invalid."""
        for name, values in request.query_params.lists():
            if name not in self.takes:
                raise Invalid({name[:40]: "There is no such parameter here."})
            if len(values) > 1:
                raise Invalid({name: "Given more than once."})


class Nowhere(MarketView):
    """Every address that is none. It asks nobody who they are: there is nothing to tell."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = list(APIView.http_method_names)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


def key_of(request: Request) -> ApiKey:
    """The key that was shown; HasBuyer has seen to it that there is one."""
    assert isinstance(request.auth, ApiKey)
    return request.auth


def buyer_of(request: Request) -> Buyer:
    """The company whose key was shown."""
    return key_of(request).buyer


def max_price_of(request: Request) -> int:
    """How many rows a page has. Raises Invalid."""
    said = request.query_params.get("limit", str(PAGE))
    if not (said.isascii() and said.isdigit() and len(said) <= 3 and 1 <= int(said) <= LARGEST_PAGE):
        raise Invalid({"limit": f"Wants a whole number from 1 to {LARGEST_PAGE}."})
    return int(said)


def next_url(request: Request, after: str | None) -> str | None:
    """This list's address with another ``after``; None on the last page."""
    if after is None:
        return None
    asked = request.query_params.copy()
    asked["after"] = after
    return request.build_absolute_uri(f"{request.path}?{asked.urlencode()}")
