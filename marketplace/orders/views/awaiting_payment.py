"""An order awaiting payment: the page the buyer returns to from Stripe, paid or not."""

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
from marketplace.orders.receipts import yours

log = logging.getLogger(__name__)
TOO_LATE = "The time to pay for this order is over. Nothing was charged. Cancel the order and buy the leads again."
UNREACHABLE = "We can't reach Stripe right now. Nothing was charged, and your leads are still on hold. Try again."


def go_and_pay(request: MemberRequest, awaiting: OrderAwaitingPayment) -> HttpResponse:
    """Redirect to Stripe's page; if there is none, to our own, which says so and offers to try again."""
    if awaiting.status == OrderAwaitingPayment.Status.WAITING and awaiting.payment.is_unfinished:
        here = f"{settings.SITE_URL}{reverse('checkout:waiting', args=[awaiting.public_id])}"
        try:
            payment = top_ups.open_page(awaiting.payment, success_url=here, cancel_url=here, now=timezone.now())
        except (GatewayUnavailable, GatewayRefused, GatewayOff) as failure:
            log.warning("no Stripe page for order %s awaiting payment: %s", awaiting.public_id, type(failure).__name__)
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
    """Show the order's status. A page load asks Stripe; htmx polling reads only our database, so that a slow Stripe
    cannot tie up every thread."""
    awaiting = _pending(request, public_id)
    if awaiting.status == OrderAwaitingPayment.Status.WAITING:
        query = orders_awaiting_payment.bring_up_to_date if request.htmx else orders_awaiting_payment.look_again
        try:
            awaiting = query(awaiting, now=timezone.now())
        except (GatewayUnavailable, GatewayRefused, GatewayOff):
            log.warning("could not ask Stripe about order %s awaiting payment", public_id)
    if awaiting.status == OrderAwaitingPayment.Status.COMPLETED:
        return _to_the_order(request, awaiting)
    page = "marketplace/orders/awaiting_payment.html"
    return render(request, f"{page}#status" if request.htmx else page, {"awaiting": awaiting})


def _to_the_order(request: MemberRequest, awaiting: OrderAwaitingPayment) -> HttpResponse:
    assert awaiting.order is not None  # a constraint guarantees it once completed
    address = reverse("orders:detail", args=[awaiting.order.public_id])
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    messages.success(request, f"Paid. {yours(awaiting.order)}")
    return redirect(address)


@require_POST
@buying_required
def pay_again(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Send the buyer to Stripe's page again."""
    return go_and_pay(request, _pending(request, public_id))


@require_POST
@buying_required
def cancel(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Put the leads back on sale, unless the payment went through at this very moment."""
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
