"""Webhooks from Stripe: verified, then stored as they arrived. Acting on them is a separate step."""

from datetime import datetime

from django.db import DataError

from billing.models import StripeEvent
from billing.stripe import gateway
from billing.stripe.gateway import BadWebhook

__all__ = ["BadWebhook", "receive"]


def receive(body: bytes, signature: str, *, now: datetime) -> StripeEvent:
    """Store an event. A repeated one is returned as it was first stored. Raises BadWebhook, and nothing is stored."""
    notice = gateway.verify_webhook(body, signature, now=now)
    kept = {
        "type": notice.type,
        "livemode": notice.livemode,
        "api_version": notice.api_version,
        "happened_at": notice.happened_at,
        "received_at": now,
        "try_at": now,
        "body": notice.body,
    }
    try:
        event, _ = StripeEvent.objects.get_or_create(event_id=notice.event_id, defaults=kept)
    except DataError as error:  # signed, but with lengths or characters that Stripe does not use
        raise BadWebhook("not an event") from error
    return event
