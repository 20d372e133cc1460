"""Jobs of returns. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from marketplace.returns import erasure, mail


@shared_task
def forget_erased() -> None:
    """What buyers wrote about people who were erased since."""
    erasure.forget_erased()


@shared_task
def send_return_mail() -> None:
    """What the desk decided."""
    mail.send_due(timezone.now())
