"""A large order being placed: the page that shows its progress until it is placed or refused."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from buyers.companies.access import MemberRequest, buying_required
from leads.criteria.filters import query_of
from marketplace.models import BackgroundOrder
from marketplace.orders.quotes import order_request_in
from marketplace.orders.receipts import yours
from marketplace.orders.request import Selection


@require_safe
@buying_required
def progress(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Show the progress, then redirect to the order, or to the checkout with the reason and current prices."""
    background_order: BackgroundOrder = get_object_or_404(
        request.buyer.background_orders.select_related("order"), public_id=public_id
    )
    if background_order.is_under_way:
        page = "marketplace/orders/background.html"
        return render(request, f"{page}#progress" if request.htmx else page, {"background_order": background_order})
    address = _end_of(background_order)
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": request.path})
    if background_order.order:
        messages.success(request, yours(background_order.order))
    else:
        messages.error(request, background_order.problem)
    return redirect(address)


def _end_of(background_order: BackgroundOrder) -> str:
    if background_order.order:
        return reverse("orders:detail", args=[background_order.order.public_id])
    order_request = order_request_in(background_order.token, buyer=background_order.buyer)
    if not isinstance(order_request, Selection):
        return reverse("storefront:home")
    return (
        f"{reverse('checkout:review', args=[order_request.criteria.vertical])}?{urlencode(_asked_again(order_request))}"
    )


def _asked_again(order_request: Selection) -> list[tuple[str, str]]:
    """Return the URL parameters of a checkout for the same request."""
    buy_bar = [("quantity", str(order_request.quantity)), ("buy_sort", order_request.sort.value)]
    if order_request.max_price_cents is not None:
        buy_bar.append(
            ("max_price", f"{order_request.max_price_cents // 100}.{order_request.max_price_cents % 100:02}")
        )
    if order_request.exclusive:
        buy_bar.append(("exclusive", "true"))
    return [*query_of(order_request.criteria), *buy_bar]
