"""Jobs of the market. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from billing import automatic, events, mail, paying_out, payments, reconciliation, refunds
from billing.models import StripeEvent
from marketplace import letters, pending, selling
from marketplace.exports import manifest
from marketplace.models import Export
from marketplace.returns import keeping, telling


@shared_task
def build_export(export_id: int) -> None:
    manifest.work_on(export_id, timezone.now())


@shared_task
def build_exports() -> None:
    """Go on with what waits without a message, or whose worker was killed."""
    for export_id in Export.objects.due(timezone.now()).values_list("pk", flat=True):
        build_export.delay(export_id)


@shared_task
def act_on_stripe_event(event_id: int) -> None:
    """What a message from Stripe changes, and the orders that waited for it."""
    events.act(StripeEvent.objects.get(pk=event_id), now=timezone.now())
    pending.finish_due(now=timezone.now())


@shared_task
def settle_money() -> None:
    """Messages nobody acted on yet, payments and refunds of which nobody knows how they ended, orders that wait."""
    events.act_due(now=timezone.now())
    payments.ask_again(now=timezone.now())
    refunds.ask_again(now=timezone.now())
    paying_out.ask_again_payouts(timezone.now())
    pending.finish_due(now=timezone.now())


@shared_task
def top_up_wallets() -> None:
    """Announce and make the top-ups that buyers agreed to once and for all."""
    automatic.announce_due(now=timezone.now())
    automatic.charge_due(now=timezone.now())
    automatic.stop_failed(now=timezone.now())


@shared_task
def tell_buyers() -> None:
    """Letters about money: what ended, and was not told yet."""
    mail.tell_due(clock=timezone.now)
    letters.tell_due(timezone.now())
    telling.tell_due(timezone.now())


@shared_task
def release_holds() -> None:
    """Only tidies: a hold that is over binds nobody."""
    selling.release_expired(now=timezone.now())


@shared_task
def reconcile_stripe() -> None:
    """Yesterday's books beside Stripe's, once; and a letter to the operator when they differ."""
    reconciliation.reconcile_yesterday(timezone.now())
    reconciliation.tell_operator(timezone.now())


@shared_task
def forget_erased() -> None:
    """What buyers wrote about people who were erased since."""
    keeping.forget_erased()
