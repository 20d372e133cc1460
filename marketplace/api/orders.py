"""Buying what was quoted, and what was bought."""

import re
import uuid
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from buyers.models import Buyer
from marketplace.api.errors import Invalid
from marketplace.api.examples import ORDERS
from marketplace.api.refusals import refuses
from marketplace.api.serializers import OrderRequestSerializer, OrdersSerializer, PlacedOrderSerializer
from marketplace.api.view import MarketView, buyer_of, limit_of, next_url
from marketplace.checkout import Placement, place_order
from marketplace.inventory.search import NoSuchPage
from marketplace.models import Order

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
        limit = limit_of(request)
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
        responses={201: PlacedOrderSerializer, 200: PlacedOrderSerializer, **refuses(400, 402, 403, 409, 422)},
        examples=ORDERS,
    )
    def post(self, request: Request) -> Response:
        """Buy what was quoted, paid from the wallet: all of it, or what is left of it if you allow a part.

        An order that was placed before under the same key is answered with 200 and “Idempotent-Replayed: true”;
        nothing is bought again. So an order whose answer got lost can be asked for again without fear.
        """
        placement = _placement(request, timezone.now())
        order = place_order(placement)
        answer = PlacedOrderSerializer(order).data
        # An order placed before under this key carries the instant of then.
        if order.placed_at != placement.now:
            return Response(answer, headers={"Idempotent-Replayed": "true"})
        return Response(answer, status=status.HTTP_201_CREATED)


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
        return Order.objects.get(buyer=buyer, public_id=uuid.UUID(public_id))
    except (ValueError, Order.DoesNotExist) as error:
        raise Http404 from error


def _behind(after: str, buyer: Buyer) -> Q:
    """The condition for orders placed before the one that ``after`` names. Raises NoSuchPage."""
    try:
        last = order_named(after, buyer)
    except Http404 as error:
        raise NoSuchPage("This list has no such page.") from error
    return Q(placed_at__lt=last.placed_at) | Q(placed_at=last.placed_at, id__lt=last.pk)


def _placement(request: Request, now: datetime) -> Placement:
    """Raises Invalid."""
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        raise Invalid({"Idempotency-Key": "This header is wanted: 1 to 100 printable ASCII characters of your own."})
    said: Any = request.data
    if unknown := set(said) - {"quote", "allow_partial"}:
        raise Invalid({min(unknown)[:40]: "This is not part of an order."})
    token, allow_partial = said.get("quote"), said.get("allow_partial", False)
    if not isinstance(token, str) or not token:
        raise Invalid({"quote": "Wants a quote's token."})
    if not isinstance(allow_partial, bool):
        raise Invalid({"allow_partial": "Wants true or false."})
    return Placement(buyer_of(request), None, token, key, allow_partial, now)
