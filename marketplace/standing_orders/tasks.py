"""Jobs of standing orders. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from marketplace.standing_orders import fill, mail, scheduler


@shared_task
def fill_standing_orders() -> None:
    """Wake what the market's moves concern, then look at every standing order that is due."""
    scheduler.wake(timezone.now())
    fill.fill_due(clock=timezone.now)


@shared_task
def send_search_mail() -> None:
    """New leads for saved searches, once a day each."""
    mail.send_due(timezone.now())
