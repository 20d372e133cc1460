"""The company's money."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing.ledger import balance_cents
from billing.models import Entry
from marketplace.api.refusals import refuses
from marketplace.api.serializers import WalletSerializer
from marketplace.api.view import MarketView, buyer_of

SHOWN = 20


class Wallet(MarketView):
    @extend_schema(operation_id="get_wallet", tags=["Wallet"], responses={200: WalletSerializer, **refuses()})
    def get(self, request: Request) -> Response:
        """The wallet's balance and its last twenty entries."""
        buyer = buyer_of(request)
        entries = Entry.objects.filter(account__buyer=buyer).select_related("transaction").order_by("-id")
        answer = {"balance_cents": balance_cents(buyer), "entries": entries[:SHOWN]}
        return Response(WalletSerializer(answer).data)
