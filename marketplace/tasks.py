"""Jobs of the market. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing.auto_topup import charges
from billing.models import StripeEvent
from billing.payments import mail, refunds, stripe_events, top_ups
from billing.payouts import execution
from billing.reconciliation import reconciliation
from marketplace.exports import manifest
from marketplace.inventory import builder, feed
from marketplace.models import Export, Placing
from marketplace.orders import awaiting_payment, background, sales
from marketplace.orders import mail as letters
from marketplace.returns import erasure
from marketplace.returns import mail as telling
from marketplace.standing_orders import fill as standing_orders
from marketplace.standing_orders import mail as saved_searches
from marketplace.standing_orders import scheduler


@shared_task
def build_export(export_id: int) -> None:
    manifest.work_on(export_id, timezone.now())


@shared_task
def build_exports() -> None:
    """Go on with what waits without a message, or whose worker was killed."""
    for export_id in Export.objects.due(timezone.now()).values_list("pk", flat=True):
        build_export.delay(export_id)


@shared_task
def place_large_order(placing_id: int) -> None:
    background.work_on(placing_id, clock=timezone.now)


@shared_task
def place_large_orders() -> None:
    """Go on with what waits without a message, or whose worker was killed."""
    for placing_id in Placing.objects.due(timezone.now()).order_by("pk").values_list("pk", flat=True):
        place_large_order.delay(placing_id)


@shared_task
def act_on_stripe_event(event_id: int) -> None:
    """What a message from Stripe changes, and the orders that waited for it."""
    stripe_events.act(StripeEvent.objects.get(pk=event_id), now=timezone.now())
    awaiting_payment.finish_due(now=timezone.now())


@shared_task
def settle_money() -> None:
    """Messages nobody acted on yet, payments and refunds of which nobody knows how they ended, orders that wait."""
    stripe_events.act_due(now=timezone.now())
    top_ups.ask_again(now=timezone.now())
    refunds.ask_again(now=timezone.now())
    execution.ask_again_payouts(timezone.now())
    awaiting_payment.finish_due(now=timezone.now())


@shared_task
def top_up_wallets() -> None:
    """Announce and make the top-ups that buyers agreed to once and for all."""
    charges.announce_due(now=timezone.now())
    charges.charge_due(now=timezone.now())
    charges.stop_failed(now=timezone.now())


@shared_task
def tell_buyers() -> None:
    """Letters about money: what ended, and was not told yet."""
    mail.tell_due(clock=timezone.now)
    letters.tell_due(timezone.now())
    telling.tell_due(timezone.now())


@shared_task
def fill_standing_orders() -> None:
    """Wake what the market's moves concern, then look at every standing order that is due."""
    scheduler.wake(timezone.now())
    standing_orders.fill_due(clock=timezone.now)


@shared_task
def tell_of_new_leads() -> None:
    """Letters about saved searches, once a day each."""
    saved_searches.tell_due(timezone.now())


@shared_task
def release_holds() -> None:
    """Only tidies: a hold that is over binds nobody."""
    sales.release_expired(now=timezone.now())


@shared_task
def reconcile_stripe() -> None:
    """Yesterday's books beside Stripe's, once; and a letter to the operator when they differ."""
    reconciliation.reconcile_yesterday(timezone.now())
    reconciliation.tell_operator(timezone.now())


@shared_task
def forget_erased() -> None:
    """What buyers wrote about people who were erased since."""
    erasure.forget_erased()


@shared_task
def build_snapshot() -> None:
    """The file that web processes start from, when it is an hour old, damaged, or not there."""
    builder.build_due()


@shared_task
def forget_changes() -> None:
    """What the change feed told hours ago."""
    feed.forget_old()
