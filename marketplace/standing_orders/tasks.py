"""Jobs of standing orders. Each looks up what is due in the tables, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from marketplace.standing_orders import fill, mail, scheduler


@shared_task
def fill_standing_orders() -> None:
    """Wake the standing orders affected by changes in the market, then check every one that is due."""
    scheduler.wake(timezone.now())
    fill.fill_due(clock=timezone.now)


@shared_task
def send_search_mail() -> None:
    """Send alerts about new leads for saved searches, at most once a day each."""
    mail.send_due(timezone.now())
