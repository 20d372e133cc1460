"""Order jobs. Each reads from the database what is due, so a lost or repeated message does no harm."""

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
    """Resume background orders whose message was lost or whose worker was killed."""
    for background_order_id in BackgroundOrder.objects.due(timezone.now()).order_by("pk").values_list("pk", flat=True):
        place_background_order.delay(background_order_id)


@shared_task
def act_on_stripe_event(event_id: int) -> None:
    """Apply a Stripe event, then finish the orders that were waiting for it."""
    stripe_events.act(StripeEvent.objects.get(pk=event_id), now=timezone.now())
    awaiting_payment.finish_due(now=timezone.now())


@shared_task
def complete_paid_orders() -> None:
    """Finish orders whose payment arrived or never will."""
    awaiting_payment.finish_due(now=timezone.now())


@shared_task
def send_order_mail() -> None:
    """Email buyers who paid for an order that could not be filled."""
    mail.send_due(timezone.now())


@shared_task
def release_holds() -> None:
    """Clean up expired holds, which no longer block anyone."""
    sales.release_expired(now=timezone.now())
