"""Topping up by card: the amount, Stripe's page and the way back; and one payment with everything that moved for it."""

import uuid
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.documents.receipts import DocumentRefused, receipt_of
from billing.documents.rendering import pdf_response
from billing.ledger import balance_cents
from billing.models import Payment
from billing.models.ledger import Entry
from billing.money import typed
from billing.payments.forms import TopUpForm, suggested_amounts
from billing.payments.top_ups import PaymentRefused, ask_payment, cancel, open_page, settle_while_watched
from billing.statements import rows_among, wallet_to_read
from billing.stripe import gateway
from billing.stripe.gateway import GatewayRefused, GatewayUnavailable
from buyers.companies.access import MemberRequest, buying_required, may_buy, member_required
from buyers.models.buyer import Buyer

# Two seconds apart: after a minute the page stops checking automatically.
MOST_TRIES = 30


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def top_up(request: MemberRequest) -> HttpResponse:
    """The form; once submitted, it redirects to Stripe's page. Its key makes one payment, however often it is sent."""
    if request.method != "POST":
        amount = request.GET.get("amount", typed(next(iter(suggested_amounts()), settings.TOP_UP_LEAST_CENTS)))
        return _form(request, TopUpForm(initial={"amount": amount, "key": uuid.uuid4().hex}))
    form = TopUpForm(request.POST)
    if form.is_valid():
        try:
            return redirect_to_stripe(_asked(request, form), status=303)
        except GatewayUnavailable:
            return render(request, "billing/payments/unreachable.html", {"form": form}, status=503)
        except (PaymentRefused, GatewayRefused) as refusal:
            form.add_error(None, str(refusal))
    return _form(request, form, status=422)


def _form(request: MemberRequest, form: TopUpForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "suggested": [(cents, typed(cents)) for cents in suggested_amounts()],
        "chosen": form["amount"].value(),
        "cards_on": gateway.is_on(),
        "may_pay": may_buy(request),
    }
    return render(request, "billing/payments/top_up.html", context, status=status)


def _asked(request: MemberRequest, form: TopUpForm) -> Payment:
    """Return the payment with Stripe's page for it, or one under this key that has ended."""
    said, now = form.cleaned_data, timezone.now()
    payment = ask_payment(
        buyer=request.buyer,
        user=request.user,
        purpose=Payment.Purpose.TOP_UP,
        amount_cents=said["amount"],
        keep_card=said["keep_card"],
        key=said["key"],
        now=now,
    )
    return open_page(payment, success_url=_address(payment, "done"), cancel_url=_address(payment, "back"), now=now)


def _address(payment: Payment, name: str) -> str:
    return settings.SITE_URL + reverse(f"billing:{name}", args=[payment.public_id])


def redirect_to_stripe(payment: Payment, *, status: int) -> HttpResponse:
    """Redirect to Stripe's page while it is open, else to the payment that has ended."""
    target = payment.page_url or reverse("billing:payment", args=[payment.public_id])
    return HttpResponse(status=status, headers={"Location": target})


@require_safe
@buying_required
def done(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Where Stripe sends the buyer back to: ask for the status. While it is pending the page polls us, and we ask
    Stripe in the background: a poll that waited for a slow Stripe would block a thread that others need."""
    found = payment_of(request.buyer, public_id)
    if not request.htmx:
        found = settle_while_watched(found, now=timezone.now())
    template = "billing/payments/payment.html#status" if request.htmx else "billing/payments/payment.html"
    again = _next_try(request.GET.get("try", "0")) if found.is_unfinished else None
    return render(request, template, {**payment_context(request, found), "next_try": again})


def _next_try(tried: str) -> int | None:
    """Return the number of the next try, or None when there have been enough."""
    known = tried.isdecimal() and len(tried) <= len(str(MOST_TRIES))
    return int(tried) + 1 if known and int(tried) < MOST_TRIES else None


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def back(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Where Stripe's page sends people who changed their mind: show the payment, and cancel it when they say so. Money
    that came first is in the wallet all the same."""
    found = payment_of(request.buyer, public_id)
    if request.method == "POST":
        cancel(found, now=timezone.now())
    return redirect("billing:payment", public_id=found.public_id)


@require_safe
@member_required
def payment(request: MemberRequest, public_id: UUID) -> HttpResponse:
    found = payment_of(request.buyer, public_id)
    return render(request, "billing/payments/payment.html", payment_context(request, found))


def payment_of(buyer: Buyer, public_id: UUID) -> Payment:
    found: Payment = get_object_or_404(buyer.payments.select_related("asked_by", "buyer"), public_id=public_id)
    return found


def payment_context(request: MemberRequest, found: Payment) -> dict[str, object]:
    """One payment, its wallet entries, its refunds and its disputes."""
    moved = Entry.objects.filter(account__buyer=request.buyer, transaction__payment=found)
    return {
        "payment": found,
        "rows": rows_among(moved, wallet_to_read(request.buyer)),
        "balance_cents": balance_cents(request.buyer),
        "dollars": typed(found.amount_cents),
        "refunds": found.refunds.all(),
        "disputes": found.disputes.all(),
        "may_pay": may_buy(request),
    }


@require_safe
@member_required
def receipt(request: MemberRequest, public_id: UUID) -> HttpResponse:
    payment = payment_of(request.buyer, public_id)
    try:
        return pdf_response(receipt_of(payment), f"receipt-{payment.number}")
    except DocumentRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("billing:payment", public_id=payment.public_id)
