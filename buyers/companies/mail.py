"""Emails to buyers. Views and admin call these after a domain function.

They go out after the transaction, never inside it, and a failing mail server does not fail the page:
a lost invitation can be sent again, and a decision also shows on the company's page.
"""

from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from buyers.models import Approval, Invitation, Role


def mail_invitation(invitation: Invitation) -> None:
    link = settings.SITE_URL + reverse("buyers:accept", args=[invitation.token])
    _send(
        "You are invited to join a company on Remainder",
        "buyers/companies/email/invitation.txt",
        {"invitation": invitation, "link": link},
        to=[invitation.email],
    )


def mail_decision(approval: Approval) -> None:
    """Email the owners the decision as stored in the database."""
    approval = Approval.objects.select_related("buyer", "vertical").get(pk=approval.pk)
    owners = approval.buyer.memberships.filter(role=Role.OWNER, user__is_active=True)
    link = settings.SITE_URL + reverse("buyers:profile")
    _send(
        f"Remainder: {approval.vertical.name}, {approval.get_status_display().lower()}",
        "buyers/companies/email/decision.txt",
        {"approval": approval, "link": link},
        to=list(owners.values_list("user__email", flat=True)),
    )


def _send(subject: str, template: str, context: dict[str, Any], *, to: list[str]) -> None:
    text = render_to_string(template, {**context, "operator": settings.OPERATOR})

    def send() -> None:
        # One email per owner, so that nobody sees another's address in a header.
        for address in to:
            send_mail(subject, text, None, [address])

    transaction.on_commit(send, robust=True)
