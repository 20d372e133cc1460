"""Standing orders and saved searches by program."""

import uuid
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from buyers.models import Buyer, StandingOrder
from leads.criteria.criteria import Criteria, read_criteria
from leads.models import Vertical
from marketplace.api.errors import Invalid
from marketplace.api.orders import PAGES
from marketplace.api.refusals import refuses
from marketplace.api.view import MarketView, buyer_of, max_price_of, next_url
from marketplace.inventory.pages import NoSuchPage
from marketplace.models import StandingFill
from marketplace.orders.request import vertical_named
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders.lifecycle import NewStandingOrder
from marketplace.standing_orders.outcomes import sentence_of
from marketplace.standing_orders.terms import StandingOrderTerms, terms_of

FILLS_SHOWN = 50
TERMS = tuple(one.name for one in fields(StandingOrderTerms))
WHOLE = {name for name in TERMS if name.endswith(("_cap", "_cents", "_hour"))}
STATUSES = {"live": lifecycle.resume, "paused": lifecycle.pause}


class FillSerializer(serializers.Serializer[StandingFill]):
    number = serializers.IntegerField()
    order = serializers.UUIDField(source="order.public_id")
    leads = serializers.IntegerField()
    cents = serializers.IntegerField()
    filled_at = serializers.DateTimeField()


class TermsSerializer(serializers.Serializer[Any]):
    """What may be changed at any time. Caps and hours are null where there are none."""

    name = serializers.CharField()
    max_price_cents = serializers.IntegerField(allow_null=True, required=False, help_text="The most for one lead.")
    hourly_cap = serializers.IntegerField(allow_null=True, required=False, help_text="Leads in any 60 minutes.")
    daily_cap = serializers.IntegerField(allow_null=True, required=False, help_text="Leads in any 24 hours.")
    weekly_cap = serializers.IntegerField(allow_null=True, required=False, help_text="Leads in any 7 days.")
    total_cap = serializers.IntegerField(allow_null=True, required=False, help_text="Leads in all.")
    budget_cents = serializers.IntegerField(allow_null=True, required=False, help_text="The most it spends in all.")
    from_hour = serializers.IntegerField(allow_null=True, required=False, help_text="0 to 23; it buys from then on,")
    to_hour = serializers.IntegerField(allow_null=True, required=False, help_text="1 to 24; and until then.")
    weekdays = serializers.ListField(child=serializers.IntegerField(), required=False, help_text="1 is Monday.")
    time_zone = serializers.CharField(required=False, help_text="As in “America/New_York”.")
    exclusive = serializers.BooleanField(required=False)
    sort = serializers.CharField(required=False, help_text="newest, oldest or cheapest.")


class ClausesField(serializers.ListField):
    child = serializers.DictField()


class ChangeSerializer(TermsSerializer):
    name = serializers.CharField(required=False)
    criteria = ClausesField(required=False, help_text="Clauses, as a quote has them.")
    status = serializers.ChoiceField(choices=list(STATUSES), required=False, help_text="Resume it, or pause it.")


class RequestSerializer(TermsSerializer):
    vertical = serializers.CharField()
    kind = serializers.ChoiceField(choices=StandingOrder.Kind.values, help_text="buy, or tell: a saved search.")
    criteria = ClausesField(required=False, help_text="Clauses, as a quote has them; any lead if there are none.")


class OutcomeSerializer(serializers.Serializer[StandingOrder]):
    code = serializers.CharField(source="outcome")
    message = serializers.SerializerMethodField(help_text="What the last look found, in a sentence.")

    def get_message(self, order: StandingOrder) -> str:
        return sentence_of(order, timezone.now())


class StandingOrderSerializer(TermsSerializer):
    id = serializers.UUIDField(source="public_id")
    vertical = serializers.CharField(source="vertical.slug")
    kind = serializers.CharField()
    criteria = ClausesField()
    status = serializers.SerializerMethodField(help_text="live, paused or ended.")
    filled = serializers.IntegerField(help_text="Leads bought.")
    spent_cents = serializers.IntegerField()
    outcome = OutcomeSerializer(source="*")
    created_at = serializers.DateTimeField()
    looked_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it looks again at the latest.")

    def get_status(self, order: StandingOrder) -> str:
        return "ended" if order.ended_at else "paused" if order.paused_at else "live"


class WithFillsSerializer(StandingOrderSerializer):
    fills = serializers.SerializerMethodField()

    @staticmethod
    def _latest(order: StandingOrder) -> Any:
        return order.fills.select_related("order").order_by("-number")[:FILLS_SHOWN]

    def get_fills(self, order: StandingOrder) -> list[dict[str, Any]]:
        return list(FillSerializer(self._latest(order), many=True).data)


class StandingOrdersSerializer(serializers.Serializer[Any]):
    results = StandingOrderSerializer(many=True)
    next = serializers.URLField(allow_null=True)


EXAMPLES = [
    OpenApiExample(
        "Buy what comes down to $1.80",
        request_only=True,
        value={
            "vertical": "mortgage-refinance",
            "kind": "buy",
            "name": "Ohio cash-out",
            "criteria": [{"field": "state", "in": ["OH"]}, {"field": "purpose", "in": ["cash_out"]}],
            "max_price_cents": 180,
            "daily_cap": 25,
            "budget_cents": 50000,
        },
    ),
]


class StandingOrders(MarketView):
    def check_parameters(self, request: Request) -> None:
        self.takes = frozenset({"after", "limit"}) if request.method != "POST" else frozenset()
        super().check_parameters(request)

    @extend_schema(
        operation_id="list_standing_orders",
        tags=["Standing orders"],
        parameters=PAGES,
        responses={200: StandingOrdersSerializer, **refuses(400)},
    )
    def get(self, request: Request) -> Response:
        """Your company's standing orders and saved searches, newest first."""
        limit = max_price_of(request)
        orders = buyer_of(request).standing_orders.select_related("vertical")
        if after := request.query_params.get("after"):
            orders = orders.filter(_behind(after, buyer_of(request)))
        found = list(orders[: limit + 1])
        following = str(found[limit - 1].public_id) if len(found) > limit else None
        return Response(StandingOrdersSerializer({"results": found[:limit], "next": next_url(request, following)}).data)

    @extend_schema(
        operation_id="place_standing_order",
        tags=["Standing orders"],
        request=RequestSerializer,
        responses={201: WithFillsSerializer, **refuses(400, 409)},
        examples=EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Want something from now on. One that buys takes its first look within a minute."""
        said: Any = request.data
        wish, terms = _wish(said, buyer_of(request))
        order = lifecycle.place(wish, terms, now=timezone.now())
        return Response(WithFillsSerializer(order).data, status=status.HTTP_201_CREATED)


class OneStandingOrder(MarketView):
    http_method_names = ["get", "head", "patch", "delete"]

    @extend_schema(
        operation_id="get_standing_order",
        tags=["Standing orders"],
        responses={200: WithFillsSerializer, **refuses(404)},
    )
    def get(self, request: Request, public_id: str) -> Response:
        """One standing order with its latest fills, each an order of its own."""
        return Response(WithFillsSerializer(standing_order_named(public_id, buyer_of(request))).data)

    @extend_schema(
        operation_id="change_standing_order",
        tags=["Standing orders"],
        request=ChangeSerializer,
        responses={200: WithFillsSerializer, **refuses(400, 404, 409)},
    )
    def patch(self, request: Request, public_id: str) -> Response:
        """Other terms, other criteria, paused or live: what is named changes, the rest stays."""
        order = standing_order_named(public_id, buyer_of(request))
        said: Any = request.data
        _change(order, said)
        return Response(WithFillsSerializer(standing_order_named(public_id, buyer_of(request))).data)

    @extend_schema(
        operation_id="end_standing_order",
        tags=["Standing orders"],
        responses={200: WithFillsSerializer, **refuses(404)},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """End it for good. It stays to be read, with what it bought."""
        lifecycle.end(standing_order_named(public_id, buyer_of(request)), now=timezone.now())
        return Response(WithFillsSerializer(standing_order_named(public_id, buyer_of(request))).data)


def standing_order_named(public_id: str, buyer: Buyer) -> StandingOrder:
    """Raises Http404, the same for another company's, for none and for what is no id."""
    try:
        return buyer.standing_orders.select_related("vertical").get(public_id=uuid.UUID(public_id))
    except (ValueError, StandingOrder.DoesNotExist) as error:
        raise Http404 from error


def _behind(after: str, buyer: Buyer) -> Q:
    """Raises NoSuchPage."""
    try:
        last = standing_order_named(after, buyer)
    except Http404 as error:
        raise NoSuchPage("This list has no such page.") from error
    return Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lt=last.pk)


def _wish(said: Mapping[str, Any], buyer: Buyer) -> tuple[NewStandingOrder, StandingOrderTerms]:
    """Raises Invalid, CriteriaError, TermsRefused."""
    _only(said, {"vertical", "kind", "criteria", *TERMS})
    vertical = vertical_named(said["vertical"]) if isinstance(said.get("vertical"), str) else None
    if vertical is None:
        raise Invalid({"vertical": "There is no such vertical."})
    if said.get("kind") not in StandingOrder.Kind.values:
        raise Invalid({"kind": "Wants “buy” or “tell”."})
    criteria = _criteria(said.get("criteria", []), vertical)
    return NewStandingOrder(buyer, None, vertical, criteria, said["kind"]), _terms(said, StandingOrderTerms(""))


@transaction.atomic
def _change(order: StandingOrder, said: Mapping[str, Any]) -> None:
    """Raises Invalid, CriteriaError, TermsRefused, StandingRefused."""
    _only(said, {"criteria", "status", *TERMS})
    if "status" in said and said["status"] not in list(STATUSES):
        raise Invalid({"status": "Wants “live” or “paused”; to end it, use DELETE."})
    now = timezone.now()
    criteria = _criteria(said["criteria"], order.vertical) if "criteria" in said else None
    terms = _terms(said, terms_of(order))
    if terms != terms_of(order):
        lifecycle.change(order, terms, now=now)
    if criteria is not None:
        lifecycle.ask_otherwise(order, criteria, now=now)
    if "status" in said:
        STATUSES[said["status"]](order, now=now)


def _only(said: Mapping[str, Any], allowed: set[str]) -> None:
    if unknown := set(said) - allowed:
        raise Invalid({min(unknown)[:40]: "This is not part of a standing order."})


def _criteria(clauses: Any, vertical: Vertical) -> Criteria:
    return read_criteria({"vertical": vertical.slug, "all": clauses}, lambda slug: vertical)


def _terms(said: Mapping[str, Any], before: StandingOrderTerms) -> StandingOrderTerms:
    """The terms before, with what is said. Raises Invalid for what is of another type."""
    values = {name: said[name] for name in TERMS if name in said}
    for name, value in values.items():
        if not _fits(name, value):
            raise Invalid({name: _WANTED.get(name, "Wants a text.")})
    if "weekdays" in values:
        values["weekdays"] = tuple(sorted(set(values["weekdays"])))
    return replace(before, **values)


_WANTED = {
    "weekdays": "Wants a list of days, 1 is Monday.",
    "exclusive": "Wants true or false.",
    **dict.fromkeys(WHOLE, "Wants a whole number, or null."),
}


def _fits(name: str, value: Any) -> bool:
    if name in WHOLE:
        return value is None or _is_whole(value)
    if name == "weekdays":
        return isinstance(value, list) and all(_is_whole(day) for day in value)
    return isinstance(value, bool) if name == "exclusive" else isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
