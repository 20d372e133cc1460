"""Automatic top-up: read the terms, agree, stop. For owners only, because it is the company's standing consent."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing.auto_topup import consent
from billing.auto_topup.consent import AutomaticRefused, wording_of
from billing.auto_topup.forms import AutomaticForm
from billing.models import AutomaticTopUp, Customer, Payment
from billing.money import typed
from billing.payments.stopping import stop_announced, stop_automatic
from billing.stripe import gateway
from billing.stripe.gateway import GatewayError
from buyers.companies.access import MemberRequest, owner_required
from buyers.models import Buyer


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def automatic(request: MemberRequest) -> HttpResponse:
    """The terms form; once submitted, it comes back as the wording to agree to."""
    agreed = AutomaticTopUp.objects.filter(buyer=request.buyer).first()
    form = AutomaticForm(request.POST if request.method == "POST" else None, initial=_initial(agreed))
    wording = _wording(request.buyer, form) if form.is_valid() else ""
    return _page(request, form, agreed, wording, status=422 if form.errors else 200)


@require_POST
@owner_required
def agree(request: MemberRequest) -> HttpResponse:
    """Accept agreement to exactly this wording. If anything changed in the meantime, show the new wording."""
    form = AutomaticForm(request.POST)
    agreed = AutomaticTopUp.objects.filter(buyer=request.buyer).first()
    if not form.is_valid():
        return _page(request, form, agreed, "", status=422)
    wording = " ".join(request.POST.get("wording", "").split())
    try:
        consent.set_automatic(
            buyer=request.buyer, user=request.user, terms=form.terms, wording=wording, now=timezone.now()
        )
    except AutomaticRefused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, agreed, _wording(request.buyer, form), status=422)
    messages.success(request, "Automatic top-up is on. We email you before each charge.")
    return redirect("billing:wallet")


@require_POST
@owner_required
def stop(request: MemberRequest) -> HttpResponse:
    stop_automatic(buyer=request.buyer, because=f"Turned off by {request.user}.", now=timezone.now())
    messages.success(request, "Automatic top-up is off.")
    return redirect("billing:wallet")


@require_POST
@owner_required
def stop_payment(request: MemberRequest, public_id: UUID) -> HttpResponse:
    payment: Payment = get_object_or_404(request.buyer.payments, public_id=public_id)
    if stop_announced(payment=payment, because=f"Stopped by {request.user}.", now=timezone.now()):
        messages.success(request, "The charge is stopped. Your card will not be charged.")
    else:
        messages.error(request, "It is too late to stop this charge. See its status below.")
    return redirect("billing:payment", public_id=payment.public_id)


@require_POST
@owner_required
def remove_card(request: MemberRequest) -> HttpResponse:
    try:
        consent.remove_card(buyer=request.buyer, now=timezone.now())
    except GatewayError:
        messages.error(
            request,
            "We could not reach Stripe, so the card is still on file. Automatic top-up is off. Try again.",
        )
    else:
        messages.success(request, "The card is removed, here and at Stripe.")
    return redirect("billing:wallet")


def _page(
    request: MemberRequest, form: AutomaticForm, agreed: AutomaticTopUp | None, wording: str, *, status: int
) -> HttpResponse:
    context = {
        "form": form,
        "agreed": agreed,
        "wording": wording,
        "customer": Customer.objects.filter(buyer=request.buyer).first(),
        "cards_on": gateway.is_on(),
        "notice_minutes": settings.AUTOMATIC_TOP_UP_NOTICE_MINUTES,
    }
    return render(request, "billing/auto_topup/terms.html", context, status=status)


def _initial(agreed: AutomaticTopUp | None) -> dict[str, str]:
    if agreed is None:
        return {}
    names = ("threshold", "amount", "daily_ceiling")
    return {name: typed(getattr(agreed, f"{name}_cents")) for name in names}


def _wording(buyer: Buyer, form: AutomaticForm) -> str:
    customer = Customer.objects.filter(buyer=buyer).first()
    return wording_of(form.terms, buyer=buyer, card=customer.card) if customer and customer.has_card else ""
