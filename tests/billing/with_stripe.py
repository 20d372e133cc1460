"""What tests of money do with Stripe's stand-in: pay, hand over events, look at all the books at once."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from django.db import connection, connections
from django.db.models import Sum
from django.utils import timezone

from billing.models import Entry, Payment, StripeEvent
from billing.payments import stripe_events, top_ups
from billing.stripe import webhooks
from stripe_stand_in.webhooks import signature

SECRET = "whsec_stand_in"
VISA, DECLINED, DEBIT = "pm_card_visa", "pm_card_chargeDeclined", "pm_usBankAccount_success"
RETURNED = "pm_usBankAccount_insufficientFunds"
FROM_THEN_ON = "https://market.example/payments/there/"


def asked(buyer, cents=5000, *, keep_card=False, key="", now=None, purpose="top_up", **more) -> Payment:
    values = {"user": None, "purpose": purpose, "keep_card": keep_card, "key": key, "now": now or timezone.now()}
    return top_ups.ask_payment(buyer=buyer, amount_cents=cents, **values, **more)


def open_page(payment, now=None) -> Payment:
    return top_ups.open_page(payment, success_url=FROM_THEN_ON, cancel_url=FROM_THEN_ON, now=now or timezone.now())


def opened(buyer, cents=5000, *, now=None, **more) -> Payment:
    return open_page(asked(buyer, cents, now=now, **more), now)


def submitted(control, buyer, cents=5000, *, card=VISA, **more) -> Payment:
    """Return a payment that was paid at Stripe and that we don't know of yet."""
    payment = opened(buyer, cents, **more)
    control.submit(session=payment.stripe_session_id, card=card)
    return payment


def paid(control, buyer, cents=5000, *, card=VISA, **more) -> Payment:
    payment = top_ups.settle(submitted(control, buyer, cents, card=card, **more), now=timezone.now())
    assert payment.status == "paid", payment.problem
    return payment


def books() -> dict[str, int]:
    """Return the total of every kind of account that is not zero."""
    sums = Entry.objects.values_list("account__kind").annotate(total=Sum("cents")).order_by()
    return {kind: total for kind, total in sums if total}


def told(control, *types: str) -> list[dict[str, Any]]:
    """Return Stripe's events so far, oldest first."""
    found = control.everything(kind="event")["data"][::-1]
    return [event for event in found if not types or event["type"] in types]


def raw(event: dict[str, Any], *, at: datetime | None = None, secrets=(SECRET,)) -> tuple[bytes, str]:
    body = json.dumps(event).encode()
    return body, signature(list(secrets), body, int((at or timezone.now()).timestamp()))


def receive(event: dict[str, Any], now: datetime | None = None) -> StripeEvent:
    return webhooks.receive(*raw(event, at=now), now=now or timezone.now())


def hand_over(event: dict[str, Any], now: datetime | None = None) -> StripeEvent:
    """Receive an event and act on it."""
    now = now or timezone.now()
    return stripe_events.act(receive(event, now), now=now)


def hand_over_all(control, *types: str) -> list[str]:
    return [hand_over(event).status for event in told(control, *types)]


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run all actions at once, each with its own connection. Return their results or exceptions in order."""
    gate = threading.Barrier(len(acts))

    def run(do: Callable[[], Any]) -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            gate.wait(30)
            return do()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
