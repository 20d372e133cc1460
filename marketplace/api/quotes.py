"""What a wish would cost now."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.examples import QUOTES
from marketplace.api.refusals import refuses
from marketplace.api.serializers import QuoteRequestSerializer, QuoteSerializer
from marketplace.api.view import MarketView, buyer_of
from marketplace.orders.quotes import Quote, quote, token_of
from marketplace.orders.request import read_order_request


class Quotes(MarketView):
    @extend_schema(
        operation_id="quote",
        tags=["Buying"],
        request=QuoteRequestSerializer,
        responses={200: QuoteSerializer, **refuses(400)},
        examples=QUOTES,
    )
    def post(self, request: Request) -> Response:
        """What a wish would cost now: good for ten minutes, and never charged above. Nothing is reserved by it."""
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
