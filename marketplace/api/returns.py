"""Returning leads: each lead gets its own answer, and a repeated request the same one."""

from typing import Any

import django_filters
from django.utils import timezone
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leads.criteria.filters import NOT_ONE
from marketplace.api.examples import RETURNS
from marketplace.api.refusals import refuses
from marketplace.api.strict import BoundedList, Identifier, OneOfThese, StrictSerializer, Text, check_body
from marketplace.api.view import MarketView, OwnListView, OwnView, buyer_of, key_of
from marketplace.models import Return, ReturnReason
from marketplace.returns.claims import LONGEST_WORDS, Claim, Claimant, ClaimResult, ask_all

MOST = 500
CODES = [
    *("unknown", "twice", "returned_before", "not_returnable", "too_late", "unknown_reason", "too_long"),
    *("nothing_to_judge", "words_missing", "limit_reached"),
]


class ReasonSerializer(serializers.Serializer[ReturnReason]):
    vertical = serializers.CharField(source="vertical.slug")
    code = serializers.CharField(help_text="Send it as a claim's “reason”.")
    label = serializers.CharField()  # type: ignore[assignment]
    explanation = serializers.CharField(help_text="What counts and what does not.")
    automatic = serializers.SerializerMethodField(help_text="Our own records decide a claim right away.")
    words_required = serializers.BooleanField(help_text="“words” must say what happened, unless our records decide.")

    def get_automatic(self, reason: ReturnReason) -> bool:
        return reason.decided_by != ReturnReason.DecidedBy.PERSON


class ReasonsSerializer(serializers.Serializer[Any]):
    results = ReasonSerializer(many=True)


class ReturnSerializer(serializers.Serializer[Return]):
    id = serializers.UUIDField(source="public_id")
    lead = serializers.UUIDField(source="sale.lead.public_id")
    order = serializers.UUIDField(source="sale.order.public_id")
    reason = serializers.CharField(source="reason.code")
    status = OneOfThese(Return.Status.values)
    cents = serializers.IntegerField(help_text="What you paid for the lead; the credit, if there is one.")
    finding = serializers.CharField(help_text="What we found; may be empty.")
    automatic = serializers.BooleanField(help_text="Our own records decided it.")
    asked_at = serializers.DateTimeField()
    answer_by = serializers.DateTimeField(allow_null=True, help_text="When you get an answer at the latest.")
    decided_at = serializers.DateTimeField(allow_null=True)
    appeal_until = serializers.DateTimeField(allow_null=True, help_text="Until then you can appeal on the website.")


class ClaimSerializer(StrictSerializer):
    lead = Identifier()
    reason = Text(help_text="The code of one of the reasons.")
    words = Text(default="", allow_blank=True, help_text=f"What happened, in at most {LONGEST_WORDS:,} characters.")


class ClaimsSerializer(StrictSerializer):
    returns = BoundedList(child=ClaimSerializer(), min_length=1, max_length=MOST)


class ClaimAnswerSerializer(serializers.Serializer[ClaimResult]):
    """The result of one claim. A claim that was accepted before for the same reason is accepted."""

    lead = serializers.UUIDField(source="claim.lead")
    accepted = serializers.SerializerMethodField(help_text="Whether the claim was accepted.")
    code = serializers.SerializerMethodField(help_text="Why it was not accepted, or empty.")
    message = serializers.SerializerMethodField(help_text="The same in a sentence.")
    returned = ReturnSerializer(allow_null=True, help_text="The lead's return; null if it was never returned.")

    def get_accepted(self, answer: ClaimResult) -> bool:
        return answer.is_accepted or _repeats(answer)

    @extend_schema_field(OneOfThese(CODES, allow_blank=True))
    def get_code(self, answer: ClaimResult) -> str:
        return answer.refusal.code if answer.refusal and not _repeats(answer) else ""

    def get_message(self, answer: ClaimResult) -> str:
        return answer.refusal.message if answer.refusal and not _repeats(answer) else ""


class ClaimAnswersSerializer(serializers.Serializer[Any]):
    results = ClaimAnswerSerializer(many=True, help_text="One for each claim, in their order.")


def _repeats(answer: ClaimResult) -> bool:
    """Whether the same was claimed before: then the first answer got lost."""
    return answer.returned is not None and answer.returned.reason.code == answer.claim.reason


class ReturnFilters(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        choices=Return.Status.choices, label="Only returns with this status.", error_messages=NOT_ONE
    )

    class Meta:
        model = Return
        fields: list[str] = []


class Returns(OwnListView[Return]):
    queryset = Return.objects.select_related("reason", "sale__lead", "sale__order")
    serializer_class = ReturnSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = ReturnFilters
    takes = OwnListView.takes | {"status"}
    dated_by = "asked_at"

    @extend_schema(
        operation_id="list_returns", tags=["Returns"], responses={200: ReturnSerializer(many=True), **refuses()}
    )
    def get(self, request: Request) -> Response:
        """Your company's returns, newest first."""
        return self.listed()

    @extend_schema(
        operation_id="create_returns",
        summary="Return leads",
        tags=["Returns"],
        request=ClaimsSerializer,
        responses={200: ClaimAnswersSerializer, **refuses()},
        examples=RETURNS,
    )
    def post(self, request: Request) -> Response:
        """Return leads. Each claim gets its own answer: accepted, and perhaps credited at once, or not and why.

        A lead is returned once, so if an answer gets lost, you can safely send the same claims again.
        """
        claims = [Claim(**claim) for claim in check_body(ClaimsSerializer, request.data)["returns"]]
        claimant = Claimant(buyer_of(request), f"API key {key_of(request).name}", timezone.now())
        return Response(ClaimAnswersSerializer({"results": ask_all(claims, claimant)}).data)


class OneReturn(OwnView[Return]):
    queryset = Returns.queryset

    @extend_schema(operation_id="get_return", tags=["Returns"], responses={200: ReturnSerializer, **refuses(404)})
    def get(self, request: Request, public_id: str) -> Response:
        """One return of your company."""
        return Response(ReturnSerializer(self.get_object()).data)


class Reasons(MarketView):
    @extend_schema(
        operation_id="list_return_reasons", tags=["Returns"], responses={200: ReasonsSerializer, **refuses()}
    )
    def get(self, request: Request) -> Response:
        """The reasons for which you can return leads, by vertical."""
        offered = ReturnReason.objects.offered().filter(vertical__return_policy__window_days__gt=0)
        return Response(ReasonsSerializer({"results": offered.select_related("vertical")}).data)
