"""Telling: one letter to a buyer's people about everything that the desk decided since the last one.

What is to be told is a row that says so. It is taken for a while, sent, and only then struck off: a worker that dies
in between sends it again later, twice rather than never.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from billing.payments.mail import send_to_each
from buyers.models import Role
from marketplace.models import Return

AGAIN_AFTER = timedelta(minutes=15)
BATCH = 200


def tell_due(now: datetime) -> int:
    """Write about every decision that nobody was told of. Answers how many returns that were."""
    told = 0
    for group in _by_buyer(_take(now)).values():
        if not _write(group):
            continue  # it is tried again later
        told += Return.objects.filter(pk__in=[one.pk for one in group], tell_at=now + AGAIN_AFTER).update(tell_at=None)
    return told


@transaction.atomic
def _take(now: datetime) -> list[Return]:
    """Those that are due, and for the next while nobody else's."""
    due = Return.objects.untold(now).order_by("tell_at").select_for_update(skip_locked=True, of=("self",))
    taken = list(due.select_related("buyer", "reason", "sale__lead", "sale__order")[:BATCH])
    Return.objects.filter(pk__in=[one.pk for one in taken]).update(tell_at=now + AGAIN_AFTER)
    return taken


def _by_buyer(taken: list[Return]) -> dict[int, list[Return]]:
    groups: dict[int, list[Return]] = defaultdict(list)
    for one in taken:
        groups[one.buyer_id].append(one)
    return groups


def _write(group: list[Return]) -> bool:
    """One letter each to those who may buy. Answers whether it went out."""
    buyer = group[0].buyer
    people = buyer.memberships.filter(role__in=[Role.OWNER, Role.BUYER], user__is_active=True)
    link = settings.SITE_URL + reverse("returns:list")
    context = {"buyer": buyer, "returns": group, "link": link, "operator": settings.OPERATOR}
    text = render_to_string("marketplace/returns/email/decided.txt", context)
    subject = f"Remainder: {len(group):,} return{'s' if len(group) > 1 else ''} decided"
    return send_to_each(subject, text, people.values_list("user__email", flat=True))
