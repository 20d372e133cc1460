"""Stripe's events as they arrived: stored before anything acts on them."""

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import Q


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def due(self, now: datetime) -> "StripeEventQuerySet":
        """Events nobody has acted on yet, or whose retry is due."""
        return self.filter(status=StripeEvent.Status.RECEIVED, try_at__lte=now)


class StripeEvent(models.Model):
    class Status(models.TextChoices):
        RECEIVED = "received", "Waiting"
        DONE = "done", "Processed"
        IGNORED = "ignored", "Ignored"
        FAILED = "failed", "Given up"

    event_id = models.CharField(max_length=64, unique=True)
    type = models.CharField(max_length=80)
    livemode = models.BooleanField()
    api_version = models.CharField(max_length=40, blank=True)
    happened_at = models.DateTimeField(help_text="Assigned by Stripe.")
    received_at = models.DateTimeField()
    body = models.JSONField(help_text="As it arrived. We use only its IDs and ask Stripe for the current status.")
    status = models.CharField(max_length=8, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    try_at = models.DateTimeField("next try at")
    acted_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True)

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="received", acted_at=None)
                | Q(status__in=["done", "ignored", "failed"], acted_at__isnull=False),
                name="stripe_event_acted_has_its_instant",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="stripe_event_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="stripe_event_is_as_it_came",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.event_id <> NEW.event_id OR OLD.type <> NEW.type OR OLD.body IS DISTINCT FROM NEW.body"
                    " OR OLD.livemode <> NEW.livemode OR OLD.happened_at <> NEW.happened_at"
                ),
                func="RAISE EXCEPTION 'a Stripe event must stay as it arrived'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'stripe_event_is_as_it_came';",
            ),
        ]
        indexes = [models.Index(fields=["try_at"], condition=Q(status="received"), name="stripe_event_due")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.RECEIVED
