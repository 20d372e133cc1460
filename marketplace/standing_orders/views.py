"""A company's standing orders and saved searches. Every query starts from the company."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from buyers.companies.access import MemberRequest, buying_required, member_required
from buyers.models import StandingOrder
from leads.criteria.clauses import CriteriaError
from leads.criteria.criteria import Criteria
from leads.criteria.filters import FilterRefused, query_of, read_filters
from leads.models import Vertical
from marketplace.orders.buy_bar import BESIDES
from marketplace.prices.pricing import NoCurve
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders.forms import BuyForm, SearchForm, TermsForm, form_of, initial_of
from marketplace.standing_orders.lifecycle import NewStandingOrder, StandingRefused
from marketplace.standing_orders.outcomes import sentence_of
from marketplace.standing_orders.preview import matching_or_none, preview_of
from marketplace.standing_orders.terms import TermsRefused, terms_of
from marketplace.standing_orders.wording import chips_of, terms_in_words

PAGE = 50


@dataclass(frozen=True)
class StandingOrderRow:
    """A standing order in the list. ``matching`` is the current count, only for a search that has not ended."""

    order: StandingOrder
    sentence: str
    matching: int | None


@require_safe
@member_required
def listing(request: MemberRequest) -> HttpResponse:
    now = timezone.now()
    page = Paginator(request.buyer.standing_orders.select_related("vertical", "buyer"), PAGE)
    shown = page.get_page(request.GET.get("page"))
    rows = list(_rows(shown, now))
    context = {
        "page": shown,
        "buying": [row for row in rows if row.order.buys],
        "searches": [row for row in rows if not row.order.buys],
        "may_change": request.membership.can_buy,
    }
    return render(request, "marketplace/standing_orders/list.html", context)


def _rows(orders: object, now: datetime) -> Iterator[StandingOrderRow]:
    for order in orders:  # type: ignore[attr-defined]
        live_search = not order.buys and not order.ended_at
        found = matching_or_none(order, now) if live_search else None
        yield StandingOrderRow(order, sentence_of(order, now), found.now.matching if found else None)


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def buy(request: MemberRequest, slug: str) -> HttpResponse:
    """Place a standing order that buys the leads selected by the filters in the URL."""
    return _new(request, slug, BuyForm)


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def save(request: MemberRequest, slug: str) -> HttpResponse:
    """Save a search that only sends alerts."""
    return _new(request, slug, SearchForm)


def _new(request: MemberRequest, slug: str, form_class: type[TermsForm]) -> HttpResponse:
    vertical = get_object_or_404(Vertical.objects.for_resale(), slug=slug)
    try:
        criteria = read_filters(vertical, request.GET, besides=BESIDES).criteria
    except FilterRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("storefront:browse", slug=slug)
    initial = {"name": _usual_name(vertical, criteria), "max_price": request.GET.get("max_price", "")}
    form = form_class(request.POST if request.method == "POST" else None, initial=initial)
    draft = StandingOrder(
        buyer=request.buyer, vertical=vertical, criteria=criteria.as_json()["all"], kind=form_class.kind
    )
    if request.method == "POST" and form.is_valid():
        if "save" in request.POST:
            return _place(
                request, NewStandingOrder(request.buyer, request.user, vertical, criteria, form_class.kind), form, draft
            )
        _set_terms(draft, form)
    return _form_page(request, form, draft)


def _usual_name(vertical: Vertical, criteria: Criteria) -> str:
    return ", ".join([vertical.name, *(words for _, words in criteria.sentences())])[:60]


def _set_terms(draft: StandingOrder, form: TermsForm) -> None:
    for name, value in form.terms.as_fields().items():
        setattr(draft, name, value)


def _place(request: MemberRequest, new: NewStandingOrder, form: TermsForm, draft: StandingOrder) -> HttpResponse:
    try:
        order = lifecycle.place(new, form.terms, now=timezone.now())
    except StandingRefused as refusal:
        form.add_error(None, str(refusal))
        return _form_page(request, form, draft)
    messages.success(
        request,
        "Standing order placed. Its first check runs within a minute."
        if order.buys
        else "Search saved. We email you once a day when there are new leads.",
    )
    return redirect("standing_orders:detail", order.public_id)


def _form_page(request: MemberRequest, form: TermsForm, draft: StandingOrder) -> HttpResponse:
    """Return the form page; once the terms are valid, with a preview of what the order would do."""
    now, said = timezone.now(), form.is_bound and not form.errors
    try:
        found = preview_of(draft, now) if said else matching_or_none(draft, now)
    except (NoCurve, CriteriaError):
        found = None
    context = {
        "form": form,
        "order": draft,
        "chips": chips_of(draft),
        "found": found,
        "said": said,
        "shelf_url": _shelf_url(draft),
    }
    return render(request, "marketplace/standing_orders/form.html", context, status=422 if form.errors else 200)


def _shelf_url(order: StandingOrder) -> str:
    """Return the URL of the leads for sale, with the order's filters applied."""
    url = reverse("storefront:browse", args=[order.vertical.slug])
    try:
        return f"{url}?{urlencode(query_of(order.wanted))}"
    except CriteriaError:
        return url


@require_safe
@member_required
def detail(request: MemberRequest, public_id: UUID) -> HttpResponse:
    order, now = _order(request, public_id), timezone.now()
    fills = order.fills.select_related("order").order_by("-number")
    context = {
        "order": order,
        "sentence": sentence_of(order, now),
        "chips": chips_of(order),
        "terms": list(terms_in_words(order)) if order.buys else [],
        "page": Paginator(fills, PAGE).get_page(request.GET.get("page")),
        "found": None if order.ended_at else matching_or_none(order, now),
        "shelf_url": _shelf_url(order),
        "may_change": request.membership.can_buy and order.ended_at is None,
    }
    return render(request, "marketplace/standing_orders/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def edit(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Change the terms of an order. One that has ended redirects to its page."""
    order = _order(request, public_id)
    if order.ended_at:
        messages.error(request, "This order has ended and cannot be changed. Place a new one.")
        return redirect("standing_orders:detail", order.public_id)
    form = form_of(order.kind)(request.POST if request.method == "POST" else None, initial=initial_of(order))
    if request.method == "POST" and form.is_valid():
        if "save" not in request.POST:
            _set_terms(order, form)
        elif _changed(request, order, form):
            return redirect("standing_orders:detail", order.public_id)
    return _form_page(request, form, order)


def _changed(request: MemberRequest, order: StandingOrder, form: TermsForm) -> bool:
    terms = form.terms
    if order.kind == StandingOrder.Kind.ALERT:
        terms = replace(terms_of(order), name=terms.name)  # the form of a search has no other field
    try:
        lifecycle.change(order, terms, now=timezone.now())
    except TermsRefused as refusal:
        form.add_error(refusal.field.removesuffix("_cents"), refusal.message)
        return False
    except StandingRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, "Changes saved. They apply from now on.")
    return True


@require_POST
@buying_required
def pause(request: MemberRequest, public_id: UUID) -> HttpResponse:
    return _act(request, public_id, lifecycle.pause, "Paused.")


@require_POST
@buying_required
def resume(request: MemberRequest, public_id: UUID) -> HttpResponse:
    return _act(request, public_id, lifecycle.resume, "Active again, starting now.")


@require_POST
@buying_required
def end(request: MemberRequest, public_id: UUID) -> HttpResponse:
    return _act(request, public_id, lifecycle.end, "Ended. You keep everything it bought.")


def _act(request: MemberRequest, public_id: UUID, verb: Callable[..., StandingOrder], done: str) -> HttpResponse:
    order = _order(request, public_id)
    try:
        verb(order, now=timezone.now())
        messages.success(request, done)
    except StandingRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("standing_orders:detail", order.public_id)


def _order(request: MemberRequest, public_id: UUID) -> StandingOrder:
    mine = request.buyer.standing_orders.select_related("vertical", "buyer", "placed_by")
    found: StandingOrder = get_object_or_404(mine, public_id=public_id)
    return found
