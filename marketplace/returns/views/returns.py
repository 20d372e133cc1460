"""A company's returns and their results. Every query starts from the company."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.documents.receipts import DocumentRefused
from billing.documents.rendering import pdf_response
from buyers.companies.access import MemberRequest, buying_required, may_buy, member_required
from marketplace.models import Return
from marketplace.models.returning import ReturnQuerySet
from marketplace.orders.invoices import credit_note_of
from marketplace.returns import decisions
from marketplace.returns.claims import LONGEST_WORDS
from marketplace.returns.limits import Limits
from marketplace.returns.rates import rates_of_buyer

PAGE = 50
SHOWN: dict[str, tuple[str, Callable[[ReturnQuerySet], ReturnQuerySet]]] = {
    "": ("All", lambda returns: returns),
    "waiting": ("In review", lambda returns: returns.waiting()),
    "credited": ("Credited", lambda returns: returns.credited()),
    "refused": ("Refused", lambda returns: returns.refused()),
    "taken-back": ("Withdrawn", lambda returns: returns.taken_back()),
}


@require_safe
@member_required
def listing(request: MemberRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    _, narrowed = SHOWN.get(status, SHOWN[""])
    returns = narrowed(request.buyer.returns.select_related("reason", "sale__lead__vertical", "sale__order"))
    context = {
        "page": Paginator(returns, PAGE).get_page(request.GET.get("page")),
        "statuses": [(name, label, name == status) for name, (label, _) in SHOWN.items()],
        "status": status,
        "rates": rates_of_buyer(request.buyer, timezone.now()),
        "may_ask": request.membership.can_buy,
    }
    return render(request, "marketplace/returns/list.html", context)


@require_safe
@member_required
def detail(request: MemberRequest, public_id: UUID) -> HttpResponse:
    returned = _returned(request, public_id)
    return render(request, "marketplace/returns/detail.html", _context(request, returned))


def _context(request: MemberRequest, returned: Return) -> dict[str, object]:
    in_time = request.membership.can_buy and returned.may_be_appealed(timezone.now())
    has_room = in_time and Limits([returned.sale.order_id]).has_room(returned.sale)
    return {
        "returned": returned,
        "steps": returned.steps.all(),
        "erased": returned.sale.lead.contact.erased_at is not None,
        "may_read": may_buy(request),
        "may_ask": request.membership.can_buy,
        "may_appeal": has_room,
        "place_is_taken": in_time and not has_room,
        "longest_words": LONGEST_WORDS,
    }


@require_safe
@member_required
def credit_note(request: MemberRequest, public_id: UUID) -> HttpResponse:
    returned = _returned(request, public_id)
    try:
        return pdf_response(credit_note_of(returned), f"credit-note-{returned.number}")
    except DocumentRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("returns:detail", returned.public_id)


@require_POST
@buying_required
def appeal(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Appeal a refusal; another person decides."""
    returned, words = _returned(request, public_id), request.POST.get("words", "")
    try:
        decisions.appeal(returned, actor=str(request.user), words=words, now=timezone.now())
    except decisions.DecisionRefused as refusal:
        context = {**_context(request, returned), "problem": str(refusal), "words": words}
        return render(request, "marketplace/returns/detail.html", context, status=422)
    messages.success(request, "Appeal sent. Someone else will review it this time.")
    return redirect("returns:detail", returned.public_id)


@require_POST
@buying_required
def take_back(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Withdraw the return: keep the lead after all."""
    returned = _returned(request, public_id)
    try:
        decisions.take_back(returned, actor=str(request.user), now=timezone.now())
        messages.success(request, "Return withdrawn. You keep the lead, and nothing was credited.")
    except decisions.DecisionRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("returns:detail", returned.public_id)


def _returned(request: MemberRequest, public_id: UUID) -> Return:
    mine = request.buyer.returns.select_related("buyer", "reason", "sale__order", "sale__lead__vertical")
    found: Return = get_object_or_404(mine.select_related("sale__lead__contact"), public_id=public_id)
    return found
