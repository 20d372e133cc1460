"""A large order: requested on a page that shows its progress, placed by a worker in one transaction."""

import uuid
from datetime import datetime, timedelta

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

LEASE = timedelta(minutes=2)  # a worker silent for this long was killed; another one starts the order over


class BackgroundOrderQuerySet(models.QuerySet["BackgroundOrder"]):
    def under_way(self) -> "BackgroundOrderQuerySet":
        return self.filter(status__in=[BackgroundOrder.Status.WAITING, BackgroundOrder.Status.WORKING])

    def due(self, now: datetime) -> "BackgroundOrderQuerySet":
        """Orders that no worker has, or whose worker was killed."""
        lost = Q(status=BackgroundOrder.Status.WORKING, leased_until__lte=now)
        return self.filter(Q(status=BackgroundOrder.Status.WAITING) | lost)


class BackgroundOrder(models.Model):
    """The request never changes. It ends once, in the transaction of its order or with a reason and no order."""

    class Status(models.TextChoices):
        WAITING = "waiting", "In line"
        WORKING = "working", "Being placed"
        DONE = "done", "Placed"
        REFUSED = "refused", "Not placed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="background_orders")
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    token = models.TextField(help_text="The quote, sealed; it was valid when the order was requested.")
    idempotency_key = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64, help_text="Digest of what was requested with the key.")
    allow_partial = models.BooleanField(default=False)
    total = models.PositiveIntegerField(help_text="Leads quoted.")
    done = models.PositiveIntegerField(default=0, help_text="Leads sold so far by the current worker.")
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    tries = models.PositiveSmallIntegerField(default=0, help_text="Number of attempts; only the latest may end it.")
    code = models.CharField(max_length=40, blank=True, help_text="Why there is no order, for programs.")
    problem = models.CharField(max_length=300, blank=True, help_text="The same as a sentence.")
    order = models.OneToOneField("marketplace.Order", null=True, on_delete=models.PROTECT, related_name="placing")
    asked_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = BackgroundOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["buyer", "idempotency_key"], name="placing_key_is_used_once"),
            models.CheckConstraint(
                condition=Q(status="waiting", order=None, ended_at=None, leased_until=None)
                | Q(status="working", order=None, ended_at=None, leased_until__isnull=False)
                | Q(status="done", order__isnull=False, ended_at__isnull=False, problem="")
                | (Q(status="refused", order=None, ended_at__isnull=False) & ~Q(problem="")),
                name="placing_ends_with_an_order_or_a_reason",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="placing_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="placing_stays_ended",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.ended_at IS NOT NULL"),
                func="RAISE EXCEPTION 'a background order ends only once'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'placing_stays_ended';",
            ),
        ]
        indexes = [models.Index(fields=["buyer", "-asked_at"], name="placing_by_buyer")]

    def __str__(self) -> str:
        return f"background order {self.public_id}"

    @property
    def is_under_way(self) -> bool:
        return self.ended_at is None
