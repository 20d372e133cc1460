"""Jobs of orders. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.models import StripeEvent
from billing.payments import stripe_events
from marketplace.models import BackgroundOrder
from marketplace.orders import awaiting_payment, background, mail, sales


@shared_task
def place_background_order(background_order_id: int) -> None:
    background.work_on(background_order_id, clock=timezone.now)


@shared_task
def place_background_orders() -> None:
    """Go on with what waits without a message, or whose worker was killed."""
    for background_order_id in BackgroundOrder.objects.due(timezone.now()).order_by("pk").values_list("pk", flat=True):
        place_background_order.delay(background_order_id)


@shared_task
def act_on_stripe_event(event_id: int) -> None:
    """What a message from Stripe changes, and the orders that waited for it."""
    stripe_events.act(StripeEvent.objects.get(pk=event_id), now=timezone.now())
    awaiting_payment.finish_due(now=timezone.now())


@shared_task
def complete_paid_orders() -> None:
    """Orders whose payment came in, or will not come any more."""
    awaiting_payment.finish_due(now=timezone.now())


@shared_task
def send_order_mail() -> None:
    """To those who paid for an order that could not be filled."""
    mail.send_due(timezone.now())


@shared_task
def release_holds() -> None:
    """Only tidies: a hold that is over binds nobody."""
    sales.release_expired(now=timezone.now())
