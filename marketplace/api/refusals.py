"""Refusals as the schema declares them, by status: what each means, its codes, and what only it says."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from marketplace.api.errors import STATUS_OF_ORDER
from marketplace.api.serializers import ErrorSerializer, RefusedSerializer
from marketplace.api.strict import OneOfThese

MEANINGS = {
    400: "The request is invalid; “fields” names what is wrong. A “bad_quote” was altered, belongs to another company,"
    " or asks for what is no longer sold.",
    401: "The key is missing or does not work.",
    402: "The wallet holds less than the order costs. Nothing was sold or charged.",
    403: "Your company is not approved for this vertical.",
    404: "It does not exist, or it is not yours.",
    409: "What you ask for is no longer possible as it stands. Nothing was sold or charged. With “not_all_there”,"
    " “left” and “refused” say what is left and why; with “too_many_under_way”, “Retry-After” says when to try again.",
    422: "This Idempotency-Key was used for another order.",
    429: "Too many requests; “Retry-After” says how many seconds to wait.",
    503: "The inventory is being counted after a start; “Retry-After” says when to try again.",
}
CODES = {
    400: ["invalid", "parse_error", "bad_quote"],
    401: ["not_authenticated", "authentication_failed"],
    402: ["not_enough_money"],
    403: ["not_approved"],
    404: ["not_found"],
    409: [
        *(code for code, status in STATUS_OF_ORDER.items() if status == 409),
        *("quote_expired", "no_price", "standing_refused"),
    ],
    422: ["key_reused"],
    429: ["throttled"],
    503: ["counting"],
}
MORE: dict[int, dict[str, serializers.Field[Any, Any, Any, Any]]] = {
    402: {"balance_cents": serializers.IntegerField(), "needed_cents": serializers.IntegerField()},
    409: {
        "left": serializers.IntegerField(required=False, help_text="Leads still available at the quoted price."),
        "refused": RefusedSerializer(many=True, required=False),
    },
    503: {"percent": serializers.IntegerField(allow_null=True, help_text="How far the count is, if known.")},
}
EVERYWHERE = (400, 401, 429)


def _shape(status: int) -> type[ErrorSerializer]:
    declared = {"code": OneOfThese(CODES[status]), **MORE.get(status, {})}
    return type(f"Refusal{status}Serializer", (ErrorSerializer,), declared)


SHAPES = {status: _shape(status) for status in CODES}


def refuses(*statuses: int) -> dict[int, OpenApiResponse]:
    """These refusals, and those that any address may give."""
    return {status: OpenApiResponse(SHAPES[status], MEANINGS[status]) for status in (*statuses, *EVERYWHERE)}
