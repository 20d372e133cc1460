"""The outbox: a row says when its email is due. It is leased for a while, sent, and only then marked as sent.

If a worker dies in between, the email is sent again later: twice rather than never.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import TypeVar

import structlog
from django.core.mail import send_mail
from django.db.models import Model, QuerySet

from leads.jobs import lease

M = TypeVar("M", bound=Model)
AGAIN_AFTER = timedelta(minutes=15)
BATCH = 200
log = structlog.get_logger("outbox")


def take(due: QuerySet[M], now: datetime, *, column: str = "tell_at") -> list[M]:
    """Lease up to ``BATCH`` rows whose email is due, for ``AGAIN_AFTER``, and return them."""
    return lease.take(due.order_by(column, "pk"), column, now + AGAIN_AFTER, most=BATCH)


def strike_off(rows: Iterable[Model], now: datetime, *, column: str = "tell_at", **changes: object) -> int:
    """Mark the email about these rows, leased at ``now``, as sent. Return how many were still ours."""
    return lease.end(rows, column, now + AGAIN_AFTER, **changes)


def send_to_each(subject: str, text: str, addresses: Iterable[str]) -> bool:
    """Email each address separately: nobody sees another's address, and a bad one does not stop the others.

    Return whether at least one email was sent, or there was nobody to send to.
    """
    sent = [_send(subject, text, address) for address in addresses]
    return any(sent) or not sent


def _send(subject: str, text: str, address: str) -> bool:
    try:
        send_mail(subject, text, None, [address])
    except (SMTPException, OSError, ValueError) as error:  # ValueError: not an email address
        log.warning("mail not sent", subject=subject, kind=type(error).__name__)
        return False
    return True
