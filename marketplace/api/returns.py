"""Handing leads back by program: each lead answered for itself, and asked twice answered with what there is."""

import uuid
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from buyers.models import Buyer
from marketplace.api.errors import Invalid
from marketplace.api.examples import LEAD, ORDER
from marketplace.api.refusals import refuses
from marketplace.api.view import MarketView, buyer_of, key_of, max_price_of, next_url
from marketplace.inventory.pages import NoSuchPage
from marketplace.models import Return, ReturnReason
from marketplace.models.returning import ReturnQuerySet
from marketplace.returns.claims import Claim, Claimant, ClaimResult, ask_all

MOST = 500
RETURN = "c2a4b1de-6f0e-4c53-9a77-0e5b7a1d3f42"


class ReasonSerializer(serializers.Serializer[ReturnReason]):
    vertical = serializers.CharField(source="vertical.slug")
    code = serializers.CharField(help_text="What a claim names.")
    label = serializers.CharField()  # type: ignore[assignment]
    explanation = serializers.CharField(help_text="What counts and what does not.")
    decided_at_once = serializers.SerializerMethodField(help_text="Our record is looked at, and credits at once.")
    words_wanted = serializers.BooleanField(
        source="evidence_needed", help_text="“words” must say what happened, unless our record credits it."
    )

    def get_decided_at_once(self, reason: ReturnReason) -> bool:
        return reason.decided_by != ReturnReason.DecidedBy.PERSON


class ReasonsSerializer(serializers.Serializer[Any]):
    results = ReasonSerializer(many=True)


class ReturnSerializer(serializers.Serializer[Return]):
    id = serializers.UUIDField(source="public_id")
    lead = serializers.UUIDField(source="sale.lead.public_id")
    order = serializers.UUIDField(source="sale.order.public_id")
    reason = serializers.CharField(source="reason.code")
    status = serializers.CharField(help_text="asked, credited, refused, appealed, refused_finally or taken_back.")
    cents = serializers.IntegerField(help_text="What was paid for the lead, and is credited.")
    finding = serializers.CharField(help_text="What was found; may be empty.")
    by_machine = serializers.BooleanField()
    asked_at = serializers.DateTimeField()
    answer_by = serializers.DateTimeField(allow_null=True, help_text="By then a person answers.")
    decided_at = serializers.DateTimeField(allow_null=True)
    appeal_until = serializers.DateTimeField(allow_null=True, help_text="Asked once more on the market's pages.")


class ReturnsSerializer(serializers.Serializer[Any]):
    results = ReturnSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class ClaimSerializer(serializers.Serializer[Any]):
    lead = serializers.UUIDField()
    reason = serializers.CharField(help_text="A reason's code.")
    words = serializers.CharField(required=False, help_text="What happened. Kept sealed.")


class ClaimsSerializer(serializers.Serializer[Any]):
    returns = ClaimSerializer(many=True, help_text=f"1 to {MOST} leads.")


class AnswerSerializer(serializers.Serializer[ClaimResult]):
    """What came of one claim. A claim that was taken before under the same reason is answered as taken."""

    lead = serializers.UUIDField(source="claim.lead")
    taken = serializers.SerializerMethodField()
    code = serializers.SerializerMethodField(help_text="Why it was not taken; empty if it was.")
    message = serializers.SerializerMethodField(help_text="The same in a sentence.")
    returned = ReturnSerializer(allow_null=True, help_text="Null if the lead was never handed back.")

    def get_taken(self, answer: ClaimResult) -> bool:
        return answer.is_taken or _repeats(answer)

    def get_code(self, answer: ClaimResult) -> str:
        return answer.refusal.code if answer.refusal and not _repeats(answer) else ""

    def get_message(self, answer: ClaimResult) -> str:
        return answer.refusal.message if answer.refusal and not _repeats(answer) else ""


class AnswersSerializer(serializers.Serializer[Any]):
    results = AnswerSerializer(many=True, help_text="One for each claim, in their order.")


def _repeats(answer: ClaimResult) -> bool:
    """Asked before, for the same reason: the answer that got lost."""
    return answer.returned is not None and answer.returned.reason.code == answer.claim.reason


CLAIM = {"lead": LEAD, "reason": "disconnected", "words": "Out of service, called twice on March 3."}
EXAMPLES = [
    OpenApiExample("Two leads", request_only=True, value={"returns": [CLAIM, {**CLAIM, "reason": "outside-criteria"}]}),
    OpenApiExample(
        "One taken, one not",
        response_only=True,
        status_codes=["200"],
        value={
            "results": [
                {
                    "lead": LEAD,
                    "taken": True,
                    "code": "",
                    "message": "",
                    "returned": {
                        "id": RETURN,
                        "lead": LEAD,
                        "order": ORDER,
                        "reason": "disconnected",
                        "status": "asked",
                        "cents": 220,
                        "finding": "",
                        "by_machine": False,
                        "asked_at": "2026-03-03T16:20:00Z",
                        "answer_by": "2026-03-06T16:20:00Z",
                        "decided_at": None,
                        "appeal_until": None,
                    },
                },
                {
                    "lead": LEAD,
                    "taken": False,
                    "code": "twice",
                    "message": "This lead was named before in the same list.",
                    "returned": None,
                },
            ]
        },
    ),
]
PAGES = [
    OpenApiParameter("status", str, description="Only returns that stand like this."),
    OpenApiParameter("after", str, description="The id of the last return of the page before."),
    OpenApiParameter("limit", int, description="Rows a page, 1 to 100; 50 if nothing is said."),
]


class Returns(MarketView):
    def check_parameters(self, request: Request) -> None:
        self.takes = frozenset({"after", "limit", "status"}) if request.method != "POST" else frozenset()
        super().check_parameters(request)

    @extend_schema(
        operation_id="list_returns",
        tags=["Returns"],
        parameters=PAGES,
        responses={200: ReturnsSerializer, **refuses(400)},
    )
    def get(self, request: Request) -> Response:
        """What your company handed back, newest first."""
        limit = max_price_of(request)
        returns = _of(buyer_of(request))
        if status := request.query_params.get("status"):
            returns = returns.filter(status=_status(status))
        if after := request.query_params.get("after"):
            returns = returns.filter(_behind(after, buyer_of(request)))
        found = list(returns[: limit + 1])
        following = str(found[limit - 1].public_id) if len(found) > limit else None
        return Response(ReturnsSerializer({"results": found[:limit], "next": next_url(request, following)}).data)

    @extend_schema(
        operation_id="hand_back",
        tags=["Returns"],
        request=ClaimsSerializer,
        responses={200: AnswersSerializer, **refuses(400)},
        examples=EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Hand leads back. Each is answered for itself: taken, and perhaps credited at once, or not and why.

        A lead is handed back once, so a call whose answer got lost can be made again without fear.
        """
        claims = _claims(request.data)
        asker = Claimant(buyer_of(request), f"API key {key_of(request).name}", timezone.now())
        return Response(AnswersSerializer({"results": ask_all(claims, asker)}).data)


class OneReturn(MarketView):
    @extend_schema(operation_id="get_return", tags=["Returns"], responses={200: ReturnSerializer, **refuses(404)})
    def get(self, request: Request, public_id: str) -> Response:
        """One return of your company."""
        return Response(ReturnSerializer(return_named(public_id, buyer_of(request))).data)


class Reasons(MarketView):
    @extend_schema(
        operation_id="list_return_reasons", tags=["Returns"], responses={200: ReasonsSerializer, **refuses()}
    )
    def get(self, request: Request) -> Response:
        """The reasons for which leads can be handed back, by vertical."""
        offered = ReturnReason.objects.offered().filter(vertical__return_policy__window_days__gt=0)
        return Response(ReasonsSerializer({"results": offered.select_related("vertical")}).data)


def return_named(public_id: str, buyer: Buyer) -> Return:
    """Raises Http404, the same for another company's return, for none and for what is no id."""
    try:
        return _of(buyer).get(public_id=uuid.UUID(public_id))
    except (ValueError, Return.DoesNotExist) as error:
        raise Http404 from error


def _of(buyer: Buyer) -> ReturnQuerySet:
    return Return.objects.filter(buyer=buyer).select_related("reason", "sale__lead", "sale__order")


def _behind(after: str, buyer: Buyer) -> Q:
    """The condition for returns asked before the one that ``after`` names. Raises NoSuchPage."""
    try:
        last = return_named(after, buyer)
    except Http404 as error:
        raise NoSuchPage("This list has no such page.") from error
    return Q(asked_at__lt=last.asked_at) | Q(asked_at=last.asked_at, id__lt=last.pk)


def _status(said: str) -> Return.Status:
    """Raises Invalid."""
    try:
        return Return.Status(said)
    except ValueError as error:
        raise Invalid({"status": f"One of {', '.join(Return.Status.values)}."}) from error


def _claims(said: Any) -> list[Claim]:
    """Raises Invalid."""
    if unknown := set(said) - {"returns"}:
        raise Invalid({min(unknown)[:40]: "This is not part of handing back."})
    rows = said.get("returns")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise Invalid({"returns": f"Wants a list of 1 to {MOST} leads."})
    return [_claim(row, place) for place, row in enumerate(rows)]


def _claim(row: Any, place: int) -> Claim:
    where = f"returns[{place}]"
    if not isinstance(row, dict) or set(row) - {"lead", "reason", "words"}:
        raise Invalid({where: "Wants “lead”, “reason” and perhaps “words”, and nothing else."})
    reason, words = row.get("reason"), row.get("words", "")
    if not isinstance(reason, str) or not isinstance(words, str):
        raise Invalid({where: "“reason” and “words” are texts."})
    try:
        return Claim(uuid.UUID(row["lead"]), reason, words)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Invalid({f"{where}.lead": "Send each lead's id."}) from error
