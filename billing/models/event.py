"""What Stripe told us, as it came: stored before anybody acts on it."""

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import Q


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def due(self, now: datetime) -> "StripeEventQuerySet":
        """Nobody has acted on these yet, or it did not work and its time has come again."""
        return self.filter(status=StripeEvent.Status.RECEIVED, try_at__lte=now)


class StripeEvent(models.Model):
    class Status(models.TextChoices):
        RECEIVED = "received", "Waiting"
        DONE = "done", "Acted on"
        IGNORED = "ignored", "Of no concern"
        FAILED = "failed", "Given up"

    event_id = models.CharField(max_length=64, unique=True)
    type = models.CharField(max_length=80)
    livemode = models.BooleanField()
    api_version = models.CharField(max_length=40, blank=True)
    happened_at = models.DateTimeField(help_text="As Stripe says.")
    received_at = models.DateTimeField()
    body = models.JSONField(help_text="As it came. Only ids are taken from it: what counts is asked of Stripe again.")
    status = models.CharField(max_length=8, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    try_at = models.DateTimeField()
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
                func="RAISE EXCEPTION 'what Stripe said is kept as it came'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'stripe_event_is_as_it_came';",
            ),
        ]
        indexes = [models.Index(fields=["try_at"], condition=Q(status="received"), name="stripe_event_due")]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.RECEIVED
