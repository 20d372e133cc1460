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
from marketplace.models import PendingOrder
from marketplace.orders import awaiting_payment as pending_orders

log = logging.getLogger(__name__)
TOO_LATE = "It is too late for a page at Stripe. Nothing was charged: cancel this order and ask for the leads again."
UNREACHABLE = "Stripe cannot be reached at the moment. Nothing was charged. The leads are kept for you: try again."


def go_and_pay(request: MemberRequest, pending: PendingOrder) -> HttpResponse:
    """On to Stripe's page; when there is none to be had, to our own, which says so and offers it again."""
    if pending.status == PendingOrder.Status.WAITING and pending.payment.is_unfinished:
        here = f"{settings.SITE_URL}{reverse('checkout:waiting', args=[pending.public_id])}"
        try:
            payment = top_ups.open_page(pending.payment, success_url=here, cancel_url=here, now=timezone.now())
        except (GatewayUnavailable, GatewayRefused, GatewayOff) as failure:
            log.warning("no page at Stripe for pending order %s: %s", pending.public_id, type(failure).__name__)
            messages.error(request, UNREACHABLE if isinstance(failure, GatewayUnavailable) else str(failure))
        else:
            if payment.page_url and payment.is_unfinished:
                response = redirect(payment.page_url)
                response.status_code = 303
                return response
            messages.error(request, TOO_LATE)
    return redirect("checkout:waiting", public_id=pending.public_id)


@require_safe
@buying_required
def waiting(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """How it stands. Who comes here has Stripe asked; htmx, which asks again by itself, reads our own books only: a
    Stripe that hangs must not take every thread of the shop."""
    pending = _pending(request, public_id)
    if pending.status == PendingOrder.Status.WAITING:
        look = pending_orders.bring_up_to_date if request.htmx else pending_orders.look_again
        try:
            pending = look(pending, now=timezone.now())
        except (GatewayUnavailable, GatewayRefused, GatewayOff):
            log.warning("could not ask how pending order %s stands", public_id)
    if pending.status == PendingOrder.Status.COMPLETED:
        return _to_the_order(request, pending)
    page = "marketplace/orders/awaiting_payment.html"
    return render(request, f"{page}#state" if request.htmx else page, {"pending": pending})


def _to_the_order(request: MemberRequest, pending: PendingOrder) -> HttpResponse:
    assert pending.order is not None  # a completed one has it, by constraint
    address = reverse("orders:detail", args=[pending.order.public_id])
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    messages.success(request, f"Paid. {pending.order.filled:,} leads are yours. The file is ready below.")
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
    pending = _pending(request, public_id)
    try:
        pending_orders.cancel(pending, now=timezone.now())
    except (GatewayUnavailable, GatewayRefused, GatewayOff):
        messages.error(request, UNREACHABLE)
    return redirect("checkout:waiting", public_id=public_id)


def _pending(request: MemberRequest, public_id: UUID) -> PendingOrder:
    found: PendingOrder = get_object_or_404(
        request.buyer.pending_orders.select_related("payment", "order"), public_id=public_id
    )
    return found
