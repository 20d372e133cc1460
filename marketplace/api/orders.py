"""Buying what was quoted, and what was bought."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from buyers.models import Buyer
from marketplace.api.errors import Invalid
from marketplace.api.examples import ON_ITS_WAY, ORDERS, TAKEN_IN
from marketplace.api.refusals import refuses
from marketplace.api.serializers import (
    OrderRequestSerializer,
    OrdersSerializer,
    PlacedOrderSerializer,
    PlacingSerializer,
)
from marketplace.api.view import MarketView, buyer_of, max_price_of, next_url
from marketplace.inventory.pages import NoSuchPage
from marketplace.models import BackgroundOrder, Order
from marketplace.orders.background import ask_for, is_large
from marketplace.orders.checkout import STANDING, OrderAttempt, place_order, placed_before
from marketplace.orders.tasks import place_background_order

AGAIN_SECONDS = 2
KEY = re.compile(r"[\x20-\x7e]{1,100}")
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    str,
    location=OpenApiParameter.HEADER,
    required=True,
    description="Your own name for this order, 1 to 100 printable characters. The same again, the same order answers.",
)
PAGES = [
    OpenApiParameter("after", str, description="The id of the last order of the page before."),
    OpenApiParameter("limit", int, description="Rows a page, 1 to 100; 50 if nothing is said."),
]


class Orders(MarketView):
    def check_parameters(self, request: Request) -> None:
        self.takes = frozenset({"after", "limit"}) if request.method != "POST" else frozenset()
        super().check_parameters(request)

    @extend_schema(
        operation_id="list_orders", tags=["Buying"], parameters=PAGES, responses={200: OrdersSerializer, **refuses(400)}
    )
    def get(self, request: Request) -> Response:
        """Your company's orders, newest first."""
        limit = max_price_of(request)
        orders = Order.objects.filter(buyer=buyer_of(request))
        if after := request.query_params.get("after"):
            orders = orders.filter(_behind(after, buyer_of(request)))
        found = list(orders[: limit + 1])
        following = str(found[limit - 1].public_id) if len(found) > limit else None
        return Response(OrdersSerializer({"results": found[:limit], "next": next_url(request, following)}).data)

    @extend_schema(
        operation_id="place_order",
        tags=["Buying"],
        parameters=[KEY_HEADER],
        request=OrderRequestSerializer,
        responses={
            201: PlacedOrderSerializer,
            200: PlacedOrderSerializer,
            202: OpenApiResponse(PlacingSerializer, "More than 5,000 leads: taken in; “Location” says where to look."),
            **refuses(400, 402, 403, 409, 422),
        },
        examples=[*ORDERS, TAKEN_IN],
    )
    def post(self, request: Request) -> Response:
        """Buy what was quoted, paid from the wallet: all of it, or what is left of it if you allow a part.

        An order that was placed before under the same key is answered with 200 and “Idempotent-Replayed: true”;
        nothing is bought again. So an order whose answer got lost can be asked for again without fear.

        More than 5,000 leads are bought by a worker: the answer is 202, and its “Location” says how far it is.
        """
        attempt = _placement(request, timezone.now())
        if is_large(attempt) and not placed_before(attempt):
            return _taken_in(request, ask_for(attempt))
        order = place_order(attempt)
        answer = PlacedOrderSerializer(order).data
        # An order placed before under this key carries the instant of then.
        if order.placed_at != attempt.now:
            return Response(answer, headers={"Idempotent-Replayed": "true"})
        return Response(answer, status=status.HTTP_201_CREATED)


class OneBackgroundOrder(MarketView):
    @extend_schema(
        operation_id="get_background_order",
        tags=["Buying"],
        responses={200: PlacingSerializer, **refuses(404)},
        examples=[ON_ITS_WAY],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """A large order on its way: how far it is, and its order in the end, or why there is none."""
        try:
            background_order = BackgroundOrder.objects.select_related("order").get(
                buyer=buyer_of(request), public_id=UUID(public_id)
            )
        except (ValueError, BackgroundOrder.DoesNotExist) as error:
            raise Http404 from error
        return Response(PlacingSerializer(background_order).data, headers=_again_soon(background_order))


def _taken_in(request: Request, background_order: BackgroundOrder) -> Response:
    place_background_order.delay_on_commit(background_order.pk)  # type: ignore[attr-defined]
    where = request.build_absolute_uri(reverse("api:background-order", args=[background_order.public_id]))
    headers = {"Location": where, **_again_soon(background_order)}
    return Response(PlacingSerializer(background_order).data, status=status.HTTP_202_ACCEPTED, headers=headers)


def _again_soon(background_order: BackgroundOrder) -> dict[str, str]:
    return {"Retry-After": str(AGAIN_SECONDS)} if background_order.is_under_way else {}


class OneOrder(MarketView):
    @extend_schema(
        operation_id="get_order",
        tags=["Buying"],
        responses={200: PlacedOrderSerializer, **refuses(404)},
        examples=ORDERS[-1:],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """One order of your company."""
        return Response(PlacedOrderSerializer(order_named(public_id, buyer_of(request))).data)


def order_named(public_id: str, buyer: Buyer) -> Order:
    """Raises Http404, the same for another company's order, for none and for what is no id."""
    try:
        return Order.objects.get(buyer=buyer, public_id=UUID(public_id))
    except (ValueError, Order.DoesNotExist) as error:
        raise Http404 from error


def _behind(after: str, buyer: Buyer) -> Q:
    """The condition for orders placed before the one that ``after`` names. Raises NoSuchPage."""
    try:
        last = order_named(after, buyer)
    except Http404 as error:
        raise NoSuchPage("This list has no such page.") from error
    return Q(placed_at__lt=last.placed_at) | Q(placed_at=last.placed_at, id__lt=last.pk)


def _placement(request: Request, now: datetime) -> OrderAttempt:
    """Raises Invalid."""
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        raise Invalid({"Idempotency-Key": "This header is wanted: 1 to 100 printable ASCII characters of your own."})
    if key.startswith(STANDING):
        raise Invalid({"Idempotency-Key": "Names that begin like this one are those of standing orders."})
    said: Any = request.data
    if unknown := set(said) - {"quote", "allow_partial"}:
        raise Invalid({min(unknown)[:40]: "This is not part of an order."})
    token, allow_partial = said.get("quote"), said.get("allow_partial", False)
    if not isinstance(token, str) or not token:
        raise Invalid({"quote": "Wants a quote's token."})
    if not isinstance(allow_partial, bool):
        raise Invalid({"allow_partial": "Wants true or false."})
    return OrderAttempt(buyer_of(request), None, token, key, allow_partial, now)
