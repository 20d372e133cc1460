"""A large order on its way: the page that shows how far it is, until it is an order or there will be none."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from buyers.companies.access import MemberRequest, buying_required
from leads.criteria.filters import query_of
from marketplace.models import Placing
from marketplace.orders.quotes import wish_in
from marketplace.orders.request import Selection


@require_safe
@buying_required
def progress(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Ends at the order, or back at the checkout with the reason and the prices of now."""
    placing: Placing = get_object_or_404(request.buyer.placings.select_related("order"), public_id=public_id)
    if placing.is_under_way:
        page = "marketplace/orders/background.html"
        return render(request, f"{page}#progress" if request.htmx else page, {"placing": placing})
    address = _end_of(placing)
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": request.path})
    if placing.order:
        messages.success(request, f"{placing.order.filled:,} leads are yours. The file is ready below.")
    else:
        messages.error(request, placing.problem)
    return redirect(address)


def _end_of(placing: Placing) -> str:
    if placing.order:
        return reverse("orders:detail", args=[placing.order.public_id])
    wish = wish_in(placing.token, buyer=placing.buyer)
    if not isinstance(wish, Selection):
        return reverse("storefront:home")
    return f"{reverse('checkout:review', args=[wish.criteria.vertical])}?{urlencode(_asked_again(wish))}"


def _asked_again(wish: Selection) -> list[tuple[str, str]]:
    """The parameters of the till that ask for the same."""
    till = [("quantity", str(wish.quantity)), ("first", wish.ranking.value)]
    if wish.most_cents is not None:
        till.append(("limit", f"{wish.most_cents // 100}.{wish.most_cents % 100:02}"))
    if wish.exclusive:
        till.append(("exclusive", "true"))
    return [*query_of(wish.criteria), *till]
