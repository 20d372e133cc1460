"""Refusals of the API: ``{"code", "message", "fields"}``, whatever refused."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from billing.ledger import NotEnoughMoney
from leads.criteria.clauses import CriteriaError
from leads.criteria.filters import FilterRefused
from marketplace.exports.shape import ShapeRefused
from marketplace.inventory.pages import NoSuchPage
from marketplace.inventory.startup import NotReady
from marketplace.orders.checkout import NotAllThere, OrderRefused
from marketplace.orders.quotes import QuoteExpired, QuoteRefused
from marketplace.orders.request import OrderRequestRefused
from marketplace.prices.pricing import NoCurve
from marketplace.standing_orders.lifecycle import StandingRefused
from marketplace.standing_orders.terms import TermsRefused

STATUS_OF_ORDER = {
    "not_approved": 403,
    "key_reused": 422,
    "not_all_there": 409,
    "empty_quote": 409,
    "too_many_under_way": 409,
}
BUSY_SECONDS = 2
"""When to look again while an order of the company is being placed."""
MOST_FIELDS = 20
# The framework's own messages repeat what was sent; ours do not.
MESSAGES = {
    "not_authenticated": "Send a key from your company's page: “Authorization: Api-Key …”.",
    "method_not_allowed": "This address does not take that method; the header “Allow” lists those that it takes.",
    "unsupported_media_type": "Send JSON with “Content-Type: application/json”.",
}


@dataclass(frozen=True)
class ApiRefusal:
    """``fields`` maps names to sentences; ``more`` are figures that only this refusal has; ``wait`` is in seconds."""

    status: int
    code: str
    message: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    wait: float | None = None

    @property
    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "fields": self.fields, **self.more}


NOTHING_HERE = ApiRefusal(404, "not_found", "There is nothing here.")


class Invalid(Exception):
    """The request is invalid. ``fields`` maps names to sentences."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(fields.values()))
        self.fields = {name: [sentence] for name, sentence in fields.items()}


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER. None for our own bugs, so that they go up."""
    refusal = refusal_of(error)
    if refusal is None:
        return None
    return Response(refusal.body, status=refusal.status, headers=_headers(error, refusal))


def refusal_of(error: Exception) -> ApiRefusal | None:
    match error:
        case FilterRefused() | Invalid():
            return _invalid(error.fields)
        case exceptions.ValidationError(detail=detail):
            return _invalid(dict(islice(_sentences(detail), MOST_FIELDS)))
        case CriteriaError() | OrderRequestRefused() | ShapeRefused() | TermsRefused():
            return _invalid({error.field: [error.message]})
        case NoSuchPage():
            return _invalid({"after": [str(error)]})
        case QuoteExpired():
            return ApiRefusal(409, "quote_expired", str(error))
        case QuoteRefused():
            return ApiRefusal(400, "bad_quote", str(error))
        case NotEnoughMoney(balance_cents=balance, needed_cents=needed):
            return ApiRefusal(
                402, "not_enough_money", str(error), more={"balance_cents": balance, "needed_cents": needed}
            )
        case NotAllThere(left=left, refused=refused):
            return ApiRefusal(409, error.code, str(error), more={"left": left, "refused": refused})
        case OrderRefused():
            wait = BUSY_SECONDS if error.code == "too_many_under_way" else None
            return ApiRefusal(STATUS_OF_ORDER[error.code], error.code, str(error), wait=wait)
        case StandingRefused():
            return ApiRefusal(409, "standing_refused", str(error))
        case NoCurve():
            return ApiRefusal(409, "no_price", "This vertical has no prices yet.")
        case NotReady(percent=percent):
            return ApiRefusal(503, "counting", str(error), more={"percent": percent}, wait=error.wait)
        case Http404() | exceptions.NotFound():
            return NOTHING_HERE
        case SuspiciousOperation():
            return ApiRefusal(400, "invalid", "This request is invalid.")
        case exceptions.APIException(status_code=status):
            code = str(error.get_codes())
            return ApiRefusal(status, code, MESSAGES.get(code, str(error.detail)))
    return None


def _invalid(fields: dict[str, list[str]]) -> ApiRefusal:
    return ApiRefusal(400, "invalid", "; ".join(" ".join(sentences) for sentences in fields.values()), fields)


def _sentences(detail: Any, where: str = "") -> Iterator[tuple[str, list[str]]]:
    """A serializer's errors by the path of what is wrong, as in ``returns[0].lead``."""
    if isinstance(detail, list):
        yield where, [str(sentence) for sentence in detail]
        return
    for name, inner in detail.items():
        yield from _sentences(inner, _path(where, name))


def _path(where: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{where}[{name}]"
    if name == api_settings.NON_FIELD_ERRORS_KEY:
        return where
    return f"{where}.{name}" if where else name


def _headers(error: Exception, refusal: ApiRefusal) -> dict[str, str]:
    headers = {}
    if who := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = who
    wait = refusal.wait if refusal.wait is not None else getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    return headers
