"""The letter to somebody who paid for an order that could not be filled any more.

What is to be told is a row that says so. It is taken for a while, sent, and only then struck off: a worker that dies
in between sends it again later, twice rather than never.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string

from billing.payments.mail import send_to_each
from buyers.models import Role
from marketplace.models import OrderAwaitingPayment

AGAIN_AFTER = timedelta(minutes=15)
BATCH = 100


def tell_due(now: datetime) -> int:
    """Write about every paid order that came to nothing. Answers how many."""
    return sum(_tell(awaiting, now) for awaiting in _take(now))


@transaction.atomic
def _take(now: datetime) -> list[OrderAwaitingPayment]:
    """Those that are due, and for the next while nobody else's."""
    due = OrderAwaitingPayment.objects.untold(now).order_by("tell_at").select_for_update(skip_locked=True, of=("self",))
    taken = list(due.select_related("buyer", "payment", "placed_by")[:BATCH])
    OrderAwaitingPayment.objects.filter(pk__in=[one.pk for one in taken]).update(tell_at=now + AGAIN_AFTER)
    return taken


def _tell(awaiting: OrderAwaitingPayment, now: datetime) -> bool:
    context = {"awaiting": awaiting, "site": settings.SITE_URL, "operator": settings.OPERATOR}
    text = render_to_string("marketplace/orders/email/not_filled.txt", context)
    if not send_to_each(f"Remainder: order {awaiting.number} could not be filled", text, _addresses(awaiting)):
        return False  # it is tried again later
    return bool(OrderAwaitingPayment.objects.filter(pk=awaiting.pk, tell_at=now + AGAIN_AFTER).update(tell_at=None))


def _addresses(awaiting: OrderAwaitingPayment) -> list[str]:
    """Whoever ordered and the owners, each in a letter of its own."""
    owners = awaiting.buyer.memberships.filter(role=Role.OWNER, user__is_active=True)
    addresses = set(owners.values_list("user__email", flat=True))
    return sorted(addresses | ({awaiting.placed_by.email} if awaiting.placed_by else set()))
