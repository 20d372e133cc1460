"""The outbox: mail that is due is a row that says so. It is taken for a while, sent, and only then struck off.

A worker that dies in between sends the mail again later: twice rather than never.
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
    """The rows that somebody is to be told about, ours for the next while."""
    return lease.take(due.order_by(column, "pk"), column, now + AGAIN_AFTER, most=BATCH)


def strike_off(rows: Iterable[Model], now: datetime, *, column: str = "tell_at", **changes: object) -> int:
    """The mail about these rows, taken at ``now``, went out. Returns how many were still ours."""
    return lease.end(rows, column, now + AGAIN_AFTER, **changes)


def send_to_each(subject: str, text: str, addresses: Iterable[str]) -> bool:
    """One message each: nobody sees another's address, and a bad address keeps the mail from nobody else.

    Whether somebody was told, or there is nobody to tell.
    """
    sent = [_send(subject, text, address) for address in addresses]
    return any(sent) or not sent


def _send(subject: str, text: str, address: str) -> bool:
    try:
        send_mail(subject, text, None, [address])
    except (SMTPException, OSError, ValueError) as error:  # the last is an address that is none
        log.warning("mail not sent", subject=subject, kind=type(error).__name__)
        return False
    return True
