"""Standing orders and saved searches."""

from dataclasses import fields, replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from buyers.models import StandingOrder
from buyers.models.standing_order import EVERY_DAY, TIME_ZONES
from leads.criteria.criteria import Criteria, read_criteria
from leads.models import Vertical
from marketplace.api.errors import Invalid
from marketplace.api.examples import STANDING_ORDER, STANDING_ORDER_CHANGE
from marketplace.api.quotes import LONGEST_SLUG
from marketplace.api.refusals import refuses
from marketplace.api.strict import (
    BoundedList,
    ClausesField,
    Flag,
    OneOfThese,
    StrictSerializer,
    Text,
    WholeNumber,
    check_body,
)
from marketplace.api.view import OwnListView, OwnView, buyer_of
from marketplace.models import StandingFill
from marketplace.orders.request import vertical_named
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders.lifecycle import NewStandingOrder
from marketplace.standing_orders.outcomes import sentence_of
from marketplace.standing_orders.terms import (
    HIGHEST_PRICE_CENTS,
    LARGEST_BUDGET_CENTS,
    LONGEST_NAME,
    MOST_LEADS,
    StandingOrderTerms,
    terms_of,
)

FILLS_SHOWN = 50
TERMS = tuple(one.name for one in fields(StandingOrderTerms))
STATUSES = {"live": lifecycle.resume, "paused": lifecycle.pause}
OUTCOMES = [
    *("new", "bought", "out_of_reach", "taken", "hours", "complete", "wallet", "budget"),
    *("hourly_cap", "daily_cap", "weekly_cap", "not_approved", "closed", "no_price", "unreadable", "not_ready"),
    *("failed", "told"),
]


class FillSerializer(serializers.Serializer[StandingFill]):
    number = serializers.IntegerField()
    order = serializers.UUIDField(source="order.public_id")
    leads = serializers.IntegerField()
    cents = serializers.IntegerField()
    filled_at = serializers.DateTimeField()


def _or_null(low: int, high: int, meaning: str) -> WholeNumber:
    return WholeNumber(min_value=low, max_value=high, allow_null=True, required=False, help_text=meaning)


class TermsSerializer(StrictSerializer):
    """What you can change at any time. Caps and hours are null if there are none."""

    name = Text(max_length=LONGEST_NAME)
    max_price_cents = _or_null(1, HIGHEST_PRICE_CENTS, "The most it pays for one lead; required to buy.")
    hourly_cap = _or_null(1, MOST_LEADS, "Most leads in any 60 minutes.")
    daily_cap = _or_null(1, MOST_LEADS, "Most leads in any 24 hours.")
    weekly_cap = _or_null(1, MOST_LEADS, "Most leads in any 7 days.")
    total_cap = _or_null(1, MOST_LEADS, "Most leads in total.")
    budget_cents = _or_null(1, LARGEST_BUDGET_CENTS, "The most it spends in total.")
    from_hour = _or_null(0, 23, "It buys from this hour on.")
    to_hour = _or_null(1, 24, "It buys until this hour.")
    weekdays = BoundedList(
        child=WholeNumber(min_value=min(EVERY_DAY), max_value=max(EVERY_DAY)),
        min_length=1,
        max_length=len(EVERY_DAY),
        required=False,
        help_text="1 is Monday.",
    )
    time_zone = OneOfThese(TIME_ZONES, required=False)
    exclusive = Flag(required=False)
    sort = OneOfThese(StandingOrder.Sort.values, required=False, help_text="Which leads it buys first.")


class StandingOrderChangeSerializer(TermsSerializer):
    criteria = ClausesField(help_text="Clauses, as in a quote.")
    status = OneOfThese(STATUSES, help_text="Resume it, or pause it. To end it, use DELETE.")


class StandingOrderRequestSerializer(TermsSerializer):
    vertical = Text(max_length=LONGEST_SLUG)
    kind = OneOfThese(
        StandingOrder.Kind.values, help_text="“buy” buys; “alert” is a saved search and only sends alerts."
    )
    criteria = ClausesField(default=list, help_text="Clauses, as in a quote; without any, every lead matches.")


class OutcomeSerializer(serializers.Serializer[StandingOrder]):
    code = OneOfThese(OUTCOMES, source="outcome")
    message = serializers.SerializerMethodField(help_text="The result of its last run, in a sentence.")

    def get_message(self, order: StandingOrder) -> str:
        return sentence_of(order, timezone.now())


class StandingOrderSerializer(TermsSerializer):
    id = serializers.UUIDField(source="public_id")
    vertical = serializers.CharField(source="vertical.slug")
    kind = OneOfThese(StandingOrder.Kind.values)
    criteria = ClausesField()
    status = serializers.SerializerMethodField()
    filled = serializers.IntegerField(help_text="Leads bought.")
    spent_cents = serializers.IntegerField()
    outcome = OutcomeSerializer(source="*")
    created_at = serializers.DateTimeField()
    looked_at = serializers.DateTimeField(allow_null=True, help_text="When it last ran.")
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it runs again at the latest.")

    @extend_schema_field(OneOfThese([*STATUSES, "ended"]))
    def get_status(self, order: StandingOrder) -> str:
        return "ended" if order.ended_at else "paused" if order.paused_at else "live"


class StandingOrderDetailSerializer(StandingOrderSerializer):
    fills = serializers.SerializerMethodField(help_text=f"Its latest {FILLS_SHOWN} fills, each an order of its own.")

    @extend_schema_field(FillSerializer(many=True))
    def get_fills(self, order: StandingOrder) -> Any:
        latest: Any = order.fills.select_related("order").order_by("-number")[:FILLS_SHOWN]
        return FillSerializer(latest, many=True).data


class StandingOrders(OwnListView[StandingOrder]):
    queryset = StandingOrder.objects.select_related("vertical")
    serializer_class = StandingOrderSerializer
    dated_by = "created_at"

    @extend_schema(
        operation_id="list_standing_orders",
        tags=["Standing orders"],
        responses={200: StandingOrderSerializer(many=True), **refuses()},
    )
    def get(self, request: Request) -> Response:
        """Your company's standing orders and saved searches, newest first."""
        return self.listed()

    @extend_schema(
        operation_id="create_standing_order",
        tags=["Standing orders"],
        request=StandingOrderRequestSerializer,
        responses={201: StandingOrderDetailSerializer, **refuses(409)},
        examples=STANDING_ORDER,
    )
    def post(self, request: Request) -> Response:
        """Place a standing order, or save a search. A standing order runs for the first time within a minute."""
        body = check_body(StandingOrderRequestSerializer, request.data)
        vertical = vertical_named(body["vertical"])
        if vertical is None:
            raise Invalid({"vertical": "This vertical does not exist."})
        wanted = NewStandingOrder(
            buyer_of(request), None, vertical, _criteria(body["criteria"], vertical), body["kind"]
        )
        order = lifecycle.place(wanted, _terms(body, StandingOrderTerms("")), now=timezone.now())
        return Response(StandingOrderDetailSerializer(order).data, status=status.HTTP_201_CREATED)


class OneStandingOrder(OwnView[StandingOrder]):
    queryset = StandingOrder.objects.select_related("vertical")
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(
        operation_id="get_standing_order",
        tags=["Standing orders"],
        responses={200: StandingOrderDetailSerializer, **refuses(404)},
    )
    def get(self, request: Request, public_id: str) -> Response:
        """One standing order with its latest fills."""
        return Response(StandingOrderDetailSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="update_standing_order",
        tags=["Standing orders"],
        request=StandingOrderChangeSerializer,
        responses={200: StandingOrderDetailSerializer, **refuses(404, 409)},
        examples=STANDING_ORDER_CHANGE,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        """Change its terms or criteria, pause or resume it. What you leave out stays as it is."""
        order = self.get_object()
        _change(order, check_body(StandingOrderChangeSerializer, request.data, partial=True))
        return Response(StandingOrderDetailSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="end_standing_order",
        tags=["Standing orders"],
        responses={200: StandingOrderDetailSerializer, **refuses(404)},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """End it for good. You can still read it and see what it bought."""
        lifecycle.end(self.get_object(), now=timezone.now())
        return Response(StandingOrderDetailSerializer(self.get_object()).data)


@transaction.atomic
def _change(order: StandingOrder, body: dict[str, Any]) -> None:
    """Raises CriteriaError, TermsRefused, StandingRefused."""
    now, before = timezone.now(), terms_of(order)
    criteria = _criteria(body["criteria"], order.vertical) if "criteria" in body else None
    terms = _terms(body, before)
    if terms != before:
        lifecycle.change(order, terms, now=now)
    if criteria is not None:
        lifecycle.ask_otherwise(order, criteria, now=now)
    if "status" in body:
        STATUSES[body["status"]](order, now=now)


def _criteria(clauses: list[Any], vertical: Vertical) -> Criteria:
    """Raises CriteriaError."""
    return read_criteria({"vertical": vertical.slug, "all": clauses}, lambda slug: vertical)


def _terms(body: dict[str, Any], before: StandingOrderTerms) -> StandingOrderTerms:
    """The terms before, with what the body names."""
    changes = {name: body[name] for name in TERMS if name in body}
    if "weekdays" in changes:
        changes["weekdays"] = tuple(sorted(set(changes["weekdays"])))
    return replace(before, **changes)
