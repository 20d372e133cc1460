"""Email to buyers who paid for an order that could no longer be filled."""

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string

from buyers.models import Role
from leads.jobs import outbox
from marketplace.models import OrderAwaitingPayment


def send_due(now: datetime) -> int:
    """Email the buyer of every order that was paid but not filled. Return how many."""
    untold = OrderAwaitingPayment.objects.untold(now).select_related("buyer", "payment", "placed_by")
    return sum(_send(awaiting, now) for awaiting in outbox.take(untold, now))


def _send(awaiting: OrderAwaitingPayment, now: datetime) -> bool:
    context = {"awaiting": awaiting, "site": settings.SITE_URL, "operator": settings.OPERATOR}
    text = render_to_string("marketplace/orders/email/not_filled.txt", context)
    subject = f"Remainder: order {awaiting.number} could not be filled"
    sent = outbox.send_to_each(subject, text, _addresses(awaiting))
    return sent and bool(outbox.strike_off([awaiting], now))


def _addresses(awaiting: OrderAwaitingPayment) -> list[str]:
    """Return the addresses of the person who ordered and of the owners."""
    owners = awaiting.buyer.memberships.filter(role=Role.OWNER, user__is_active=True)
    addresses = set(owners.values_list("user__email", flat=True))
    return sorted(addresses | ({awaiting.placed_by.email} if awaiting.placed_by else set()))
