"""Buying what was quoted, and what was bought."""

import re
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.errors import BUSY_SECONDS, Invalid
from marketplace.api.examples import ACCEPTED, IN_PROGRESS, ORDERS
from marketplace.api.openapi import header
from marketplace.api.refusals import refuses
from marketplace.api.serializers import BackgroundOrderSerializer, OrderSerializer, PlacedOrderSerializer
from marketplace.api.strict import Flag, StrictSerializer, Text, check_body
from marketplace.api.view import OwnListView, OwnView, buyer_of
from marketplace.models import BackgroundOrder, Order
from marketplace.orders.background import ask_for, is_large
from marketplace.orders.checkout import STANDING, OrderAttempt, place_order, placed_before
from marketplace.orders.tasks import place_background_order

LONGEST_KEY = Order._meta.get_field("idempotency_key").max_length
KEY = re.compile(rf"[ -~]{{1,{LONGEST_KEY}}}")
KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    required=True,
    description="Your own name for this order, in printable ASCII. Sent again, it returns the same order.",
)
PLACED_HEADERS = [
    header("Idempotent-Replayed", {"type": "string", "enum": ["true"]}, [200], "The order was placed before."),
    header("Location", {"type": "string", "format": "uri"}, [202], "Where to see how far the order is."),
    header("Retry-After", int, [202, 409, 429, 503], "Seconds to wait before you ask again."),
]


class PlaceOrderSerializer(StrictSerializer):
    quote = Text(help_text="A quote's token.")
    allow_partial = Flag(
        default=False,
        help_text="If some leads were sold meanwhile, buy those that are left. Otherwise it is all or nothing.",
    )


class Orders(OwnListView[Order]):
    queryset = Order.objects.all()
    serializer_class = OrderSerializer
    dated_by = "placed_at"

    @extend_schema(
        operation_id="list_orders", tags=["Orders"], responses={200: OrderSerializer(many=True), **refuses()}
    )
    def get(self, request: Request) -> Response:
        """Your company's orders, newest first."""
        return self.listed()

    @extend_schema(
        operation_id="place_order",
        tags=["Orders"],
        parameters=[KEY_HEADER, *PLACED_HEADERS],
        request=PlaceOrderSerializer,
        responses={
            201: PlacedOrderSerializer,
            200: OpenApiResponse(PlacedOrderSerializer, "The order that was placed before with this key."),
            202: OpenApiResponse(BackgroundOrderSerializer, "Accepted: more than 5,000 leads are bought by a worker."),
            **refuses(402, 403, 409, 422, 503),
        },
        examples=[*ORDERS, ACCEPTED],
    )
    def post(self, request: Request) -> Response:
        """Buy what was quoted, paid from the wallet: all of it, or what is left of it if you allow a partial order.

        If an answer gets lost, send the same request with the same key: the order is returned with 200 and
        “Idempotent-Replayed: true”, and nothing is bought twice.

        More than 5,000 leads are bought by a worker: the answer is 202, and “Location” shows how far the order is.
        """
        attempt = _attempt(request, timezone.now())
        if is_large(attempt) and not placed_before(attempt):
            return _accepted(request, ask_for(attempt))
        order = place_order(attempt)
        answer = PlacedOrderSerializer(order).data
        # An order placed before under this key carries the instant of then.
        if order.placed_at != attempt.now:
            return Response(answer, headers={"Idempotent-Replayed": "true"})
        return Response(answer, status=status.HTTP_201_CREATED)


class OneBackgroundOrder(OwnView[BackgroundOrder]):
    queryset = BackgroundOrder.objects.select_related("order")

    @extend_schema(
        operation_id="get_background_order",
        tags=["Orders"],
        parameters=[header("Retry-After", int, [200, 429], "Seconds to wait before you ask again.")],
        responses={200: BackgroundOrderSerializer, **refuses(404)},
        examples=[IN_PROGRESS],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """How far a large order is, and in the end its order, or why there is none."""
        found = self.get_object()
        return Response(BackgroundOrderSerializer(found).data, headers=_again_soon(found))


def _accepted(request: Request, background_order: BackgroundOrder) -> Response:
    place_background_order.delay_on_commit(background_order.pk)  # type: ignore[attr-defined]
    where = request.build_absolute_uri(reverse("api:background-order", args=[background_order.public_id]))
    headers = {"Location": where, **_again_soon(background_order)}
    return Response(BackgroundOrderSerializer(background_order).data, status.HTTP_202_ACCEPTED, headers=headers)


def _again_soon(background_order: BackgroundOrder) -> dict[str, str]:
    return {"Retry-After": str(BUSY_SECONDS)} if background_order.is_under_way else {}


class OneOrder(OwnView[Order]):
    queryset = Order.objects.all()

    @extend_schema(
        operation_id="get_order",
        tags=["Orders"],
        responses={200: PlacedOrderSerializer, **refuses(404)},
        examples=ORDERS[-1:],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """One order of your company."""
        return Response(PlacedOrderSerializer(self.get_object()).data)


def _attempt(request: Request, now: datetime) -> OrderAttempt:
    """Raises Invalid, ValidationError."""
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        raise Invalid({"Idempotency-Key": f"Send this header: 1 to {LONGEST_KEY} printable ASCII characters."})
    if key.startswith(STANDING):
        raise Invalid({"Idempotency-Key": f"Choose a key that does not begin with “{STANDING}”."})
    body: dict[str, Any] = check_body(PlaceOrderSerializer, request.data)
    return OrderAttempt(buyer_of(request), None, body["quote"], key, body["allow_partial"], now)
