"""An order that waits for its payment: the page the buyer comes back to from Stripe, paid or not."""

import logging
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.payments import top_ups
from billing.stripe.gateway import GatewayOff, GatewayRefused, GatewayUnavailable
from buyers.companies.access import MemberRequest, buying_required
from marketplace.models import OrderAwaitingPayment
from marketplace.orders import awaiting_payment as orders_awaiting_payment

log = logging.getLogger(__name__)
TOO_LATE = "It is too late to pay for this order. Nothing was charged. Cancel it and buy the leads again."
UNREACHABLE = "We cannot reach Stripe right now. Nothing was charged, and we are holding the leads for you. Try again."


def go_and_pay(request: MemberRequest, awaiting: OrderAwaitingPayment) -> HttpResponse:
    """On to Stripe's page; when there is none to be had, to our own, which says so and offers it again."""
    if awaiting.status == OrderAwaitingPayment.Status.WAITING and awaiting.payment.is_unfinished:
        here = f"{settings.SITE_URL}{reverse('checkout:waiting', args=[awaiting.public_id])}"
        try:
            payment = top_ups.open_page(awaiting.payment, success_url=here, cancel_url=here, now=timezone.now())
        except (GatewayUnavailable, GatewayRefused, GatewayOff) as failure:
            log.warning("no page at Stripe for pending order %s: %s", awaiting.public_id, type(failure).__name__)
            messages.error(request, UNREACHABLE if isinstance(failure, GatewayUnavailable) else str(failure))
        else:
            if payment.page_url and payment.is_unfinished:
                response = redirect(payment.page_url)
                response.status_code = 303
                return response
            messages.error(request, TOO_LATE)
    return redirect("checkout:waiting", public_id=awaiting.public_id)


@require_safe
@buying_required
def waiting(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """How it stands. Who comes here has Stripe asked; htmx, which asks again by itself, reads our own books only: a
    Stripe that hangs must not take every thread of the shop."""
    awaiting = _pending(request, public_id)
    if awaiting.status == OrderAwaitingPayment.Status.WAITING:
        query = orders_awaiting_payment.bring_up_to_date if request.htmx else orders_awaiting_payment.look_again
        try:
            awaiting = query(awaiting, now=timezone.now())
        except (GatewayUnavailable, GatewayRefused, GatewayOff):
            log.warning("could not ask how pending order %s stands", public_id)
    if awaiting.status == OrderAwaitingPayment.Status.COMPLETED:
        return _to_the_order(request, awaiting)
    page = "marketplace/orders/awaiting_payment.html"
    return render(request, f"{page}#status" if request.htmx else page, {"awaiting": awaiting})


def _to_the_order(request: MemberRequest, awaiting: OrderAwaitingPayment) -> HttpResponse:
    assert awaiting.order is not None  # a completed one has it, by constraint
    address = reverse("orders:detail", args=[awaiting.order.public_id])
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    messages.success(request, f"Paid. {awaiting.order.filled:,} leads are yours. Your file is ready below.")
    return redirect(address)


@require_POST
@buying_required
def pay_again(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """To Stripe's page once more."""
    return go_and_pay(request, _pending(request, public_id))


@require_POST
@buying_required
def cancel(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """The leads go back to the shelf, unless the payment came through at this very moment."""
    awaiting = _pending(request, public_id)
    try:
        orders_awaiting_payment.cancel(awaiting, now=timezone.now())
    except (GatewayUnavailable, GatewayRefused, GatewayOff):
        messages.error(request, UNREACHABLE)
    return redirect("checkout:waiting", public_id=public_id)


def _pending(request: MemberRequest, public_id: UUID) -> OrderAwaitingPayment:
    found: OrderAwaitingPayment = get_object_or_404(
        request.buyer.orders_awaiting_payment.select_related("payment", "order"), public_id=public_id
    )
    return found
