"""Email to a buyer's members: one message about everything decided since the last one."""

from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from buyers.models import Role
from leads.jobs import outbox
from marketplace.models import Return


def send_due(now: datetime) -> int:
    """Email buyers the decisions they have not been told about yet. Return how many returns that was."""
    untold = Return.objects.untold(now).select_related("buyer", "reason", "sale__lead", "sale__order")
    groups = _by_buyer(outbox.take(untold, now)).values()
    return sum(outbox.strike_off(group, now) for group in groups if _write(group))


def _by_buyer(taken: list[Return]) -> dict[int, list[Return]]:
    groups: dict[int, list[Return]] = defaultdict(list)
    for one in taken:
        groups[one.buyer_id].append(one)
    return groups


def _write(group: list[Return]) -> bool:
    """Email everyone in the company who may buy. Return whether it was sent."""
    buyer = group[0].buyer
    people = buyer.memberships.filter(role__in=[Role.OWNER, Role.BUYER], user__is_active=True)
    link = settings.SITE_URL + reverse("returns:list")
    context = {"buyer": buyer, "returns": group, "link": link, "operator": settings.OPERATOR}
    text = render_to_string("marketplace/returns/email/decided.txt", context)
    subject = f"Remainder: {len(group):,} return{'s' if len(group) > 1 else ''} decided"
    return outbox.send_to_each(subject, text, people.values_list("user__email", flat=True))
