"""Buying in the browser: the buy bar's total, the checkout page, and the button that places the order."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.ledger import NotEnoughMoney, balance_cents
from billing.payments.top_ups import PaymentRefused
from billing.stripe.gateway import is_on
from buyers.companies.access import MarketRequest, MemberRequest, buying_required
from leads.criteria.filters import FilterRefused, query_of, read_filters
from leads.models import Vertical
from marketplace.inventory.query import StockQuery
from marketplace.orders.awaiting_payment import LEAST_CHARGE_CENTS, held_before, hold_order
from marketplace.orders.background import ask_for, is_large
from marketplace.orders.buy_bar import BESIDES, buy_bar_of, order_request_of, read_buy_bar
from marketplace.orders.checkout import STANDING, NotAllThere, OrderAttempt, OrderRefused, place_order
from marketplace.orders.quotes import Quote, QuoteRefused, order_request_in, quote, token_of
from marketplace.orders.receipts import yours
from marketplace.orders.request import OrderRequest, OrderRequestRefused, Selection, read_order_request
from marketplace.orders.tasks import place_background_order
from marketplace.orders.views.awaiting_payment import go_and_pay
from marketplace.prices.pricing import NoCurve, curve_in_force

REASONS = {
    "already_owned": "your company already bought this person",
    "own_customer": "on your list of own customers",
    "same_person": "the same person as another lead in this order",
    "sold_out": "sold out",
    "being_paid": "another company is paying for it right now",
    "not_exclusive": "already sold or on hold, so it can't be bought exclusively",
    "unknown": "not for sale",
    "no_price": "no price yet",
}


@require_safe
def buy_bar(request: MarketRequest, slug: str) -> HttpResponse:
    """Render only the buy bar for htmx: the sentence and the total on the button."""
    vertical = get_object_or_404(Vertical.objects.for_resale(), slug=slug)
    now = timezone.now()
    try:
        criteria = read_filters(vertical, request.GET, besides=BESIDES).criteria
        query = StockQuery(vertical, criteria, curve_in_force(vertical, now), now, request.buyer)
    except (FilterRefused, NoCurve) as refusal:
        return HttpResponse(str(refusal), status=400, content_type="text/plain")
    context = {"vertical": vertical, "buy_bar": buy_bar_of(request.GET, query), "said": query_of(criteria)}
    return render(request, "marketplace/orders/_buy_bar.html", context)


@buying_required
@require_safe
def review(request: MemberRequest, slug: str) -> HttpResponse:
    """Show what is about to be bought, at which prices, and what happens next."""
    vertical = get_object_or_404(Vertical.objects.for_resale(), slug=slug)
    try:
        order_request = _requested(request.GET, vertical)
        return _review(request, order_request)
    except (FilterRefused, OrderRequestRefused, NoCurve, QuoteRefused) as refusal:
        messages.error(request, str(refusal))
        return redirect("storefront:browse", slug=slug)


def _requested(data: QueryDict, vertical: Vertical) -> OrderRequest:
    """Return the request: the selected leads, or a quantity of what the filters match. Raises OrderRequestRefused,
    FilterRefused."""
    if data.get("by") == "pick" or data.getlist("lead"):
        return read_order_request({"leads": data.getlist("lead"), "exclusive": data.get("exclusive") == "true"})
    asked = read_buy_bar(data)
    if asked.problem:
        raise OrderRequestRefused("buy_bar", asked.problem)
    kept = data.copy()
    for name in BESIDES:
        kept.pop(name, None)
    return order_request_of(asked, read_filters(vertical, kept).criteria)


def _review(
    request: MemberRequest, order_request: OrderRequest, *, problem: str = "", status: int = 200
) -> HttpResponse:
    quoted = quote(order_request, buyer=request.buyer, now=timezone.now())
    return render(request, "marketplace/orders/checkout.html", _terms(request, quoted, problem), status=status)


def _terms(request: MemberRequest, quoted: Quote, problem: str) -> dict[str, Any]:
    buyer = request.buyer
    balance = balance_cents(buyer)
    approved = set(buyer.approvals.granted().values_list("vertical_id", flat=True))
    order_request = quoted.order_request
    missing = quoted.total_cents - balance
    return {
        "quoted": quoted,
        "token": token_of(quoted),
        "idempotency_key": uuid.uuid4().hex,
        "balance_cents": balance,
        "after_cents": balance - quoted.total_cents,
        "missing_cents": max(0, missing),
        "card_cents": max(LEAST_CHARGE_CENTS, missing) if missing > 0 and is_on() else 0,
        "approved": buyer.closed_at is None and set(quoted.curves) <= approved,
        "is_selection": isinstance(order_request, Selection),
        "asked": [text for _, text in order_request.criteria.sentences()]
        if isinstance(order_request, Selection)
        else [],
        "unavailable": [(str(lead)[:8], REASONS[reason]) for lead, reason in quoted.unavailable],
        "problem": problem,
    }


@buying_required
@require_http_methods(["POST"])
def pay(request: MemberRequest) -> HttpResponse:
    """Place the order. If refused, show the page again with a new quote and the reason; nothing was charged."""
    key = request.POST.get("idempotency_key", "")[:100]
    is_free = key and key.isprintable() and not key.startswith(STANDING)
    attempt = OrderAttempt(
        buyer=request.buyer,
        user=request.user,
        token=request.POST.get("quote", ""),
        key=key if is_free else uuid.uuid4().hex,
        allow_partial=request.POST.get("partial") == "true",
        now=timezone.now(),
    )
    try:
        if waiting := held_before(attempt):
            return go_and_pay(request, waiting)
        if is_large(attempt) and request.POST.get("card") != "true":
            return _take_in(attempt)
        order = place_order(attempt)
    except NotEnoughMoney as refusal:
        return _hold(request, attempt) if request.POST.get("card") == "true" else _again(request, refusal)
    except (OrderRefused, QuoteRefused) as refusal:
        return _again(request, refusal)
    messages.success(request, yours(order))
    return redirect("orders:detail", public_id=order.public_id)


def _take_in(attempt: OrderAttempt) -> HttpResponse:
    """Hand a large order to a worker, and show a progress page."""
    asked = ask_for(attempt)
    place_background_order.delay_on_commit(asked.pk)  # type: ignore[attr-defined]
    return redirect("orders:background", public_id=asked.public_id)


def _hold(request: MemberRequest, attempt: OrderAttempt) -> HttpResponse:
    """The wallet is short: hold the leads and charge the difference by card."""
    try:
        return go_and_pay(request, hold_order(attempt))
    except (OrderRefused, QuoteRefused, PaymentRefused) as refusal:
        return _again(request, refusal)


def _again(request: MemberRequest, refusal: Exception) -> HttpResponse:
    """Show the checkout again for the refused token's request; if the token is unreadable, go to the front page."""
    order_request = order_request_in(request.POST.get("quote", ""), buyer=request.buyer)
    if order_request is None:
        messages.error(request, str(refusal))
        return redirect("storefront:home")
    status = 409 if isinstance(refusal, NotAllThere | QuoteRefused) else 422
    try:
        return _review(request, order_request, problem=str(refusal), status=status)
    except (NoCurve, QuoteRefused) as closed:
        messages.error(request, str(closed))
        return redirect("storefront:home")
