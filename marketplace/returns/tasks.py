"""Jobs of returns. Each looks up what is due in the tables, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from marketplace.returns import erasure, mail


@shared_task
def forget_erased() -> None:
    """Delete what buyers wrote about people who have since been erased."""
    erasure.forget_erased()


@shared_task
def send_return_mail() -> None:
    """Email buyers what our team decided."""
    mail.send_due(timezone.now())
