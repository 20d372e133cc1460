"""What an order request costs now."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leads.models import Vertical
from marketplace.api.examples import QUOTES
from marketplace.api.refusals import refuses
from marketplace.api.serializers import QuoteSerializer
from marketplace.api.strict import (
    BoundedList,
    ClausesField,
    Flag,
    Identifier,
    OneOfThese,
    StrictSerializer,
    Text,
    WholeNumber,
    check_body,
)
from marketplace.api.view import MarketView, buyer_of
from marketplace.inventory.query import Sort
from marketplace.orders.quotes import Quote, quote, token_of
from marketplace.orders.request import HIGHEST_PRICE_CENTS, MOST_LEADS, MOST_NAMED, read_order_request

LONGEST_SLUG = Vertical._meta.get_field("slug").max_length


class SelectionSerializer(StrictSerializer):
    """As many leads as you ask for of those that match the criteria."""

    vertical = Text(max_length=LONGEST_SLUG)
    criteria = ClausesField(required=False, help_text="All of them must hold; without any, every lead matches.")
    quantity = WholeNumber(min_value=1, max_value=MOST_LEADS)
    sort = OneOfThese(Sort, required=False, help_text="Which leads come first; “newest” if you leave it out.")
    max_price_cents = WholeNumber(
        min_value=1, max_value=HIGHEST_PRICE_CENTS, required=False, allow_null=True, help_text="The most for one lead."
    )
    exclusive = Flag(required=False, help_text="Only leads that nobody bought, for your company only.")


class NamedLeadsSerializer(StrictSerializer):
    """Leads by their ids."""

    leads = BoundedList(child=Identifier(), min_length=1, max_length=MOST_NAMED)
    exclusive = Flag(required=False, help_text="Only leads that nobody bought, for your company only.")


class Quotes(MarketView):
    @extend_schema(
        operation_id="create_quote",
        tags=["Orders"],
        request=PolymorphicProxySerializer(
            "QuoteRequest", [SelectionSerializer, NamedLeadsSerializer], resource_type_field_name=None
        ),
        responses={200: QuoteSerializer, **refuses(409, 503)},
        examples=QUOTES,
    )
    def post(self, request: Request) -> Response:
        """What an order request costs now. The quote is good for ten minutes, and you never pay more than it says.

        It reserves nothing.
        """
        check_body(NamedLeadsSerializer if "leads" in request.data else SelectionSerializer, request.data)
        quoted = quote(read_order_request(request.data), buyer=buyer_of(request), now=timezone.now())
        return Response(QuoteSerializer(as_said(quoted)).data)


def as_said(quoted: Quote) -> dict[str, Any]:
    return {
        "token": token_of(quoted),
        "quantity": quoted.quantity,
        "total_cents": quoted.total_cents,
        "expires_at": quoted.expires_at,
        "lines": [{**asdict(line), "amount_cents": line.amount_cents} for line in quoted.lines],
        "unavailable": [{"lead": lead, "reason": reason} for lead, reason in quoted.unavailable],
    }
