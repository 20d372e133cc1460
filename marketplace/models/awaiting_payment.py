"""An order awaiting payment: its legs are held while the buyer is on Stripe's page."""

import uuid
from datetime import datetime

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class OrderAwaitingPaymentQuerySet(models.QuerySet["OrderAwaitingPayment"]):
    def waiting(self) -> "OrderAwaitingPaymentQuerySet":
        return self.filter(status=OrderAwaitingPayment.Status.WAITING)

    def unpaid_for_good(self) -> "OrderAwaitingPaymentQuerySet":
        """Orders still waiting although their payment failed, expired or was canceled."""
        return self.waiting().filter(payment__status__in=["failed", "expired", "canceled"])

    def untold(self, now: datetime) -> "OrderAwaitingPaymentQuerySet":
        """Orders that were paid but not filled, whose buyer has not been told yet."""
        return self.filter(status=OrderAwaitingPayment.Status.FAILED, tell_at__lte=now)

    def paid_for(self) -> "OrderAwaitingPaymentQuerySet":
        """Orders still waiting although their payment has arrived."""
        return self.waiting().filter(payment__status="paid")


class OrderAwaitingPayment(models.Model):
    """An order to be placed once its payment arrives. It shares ``public_id`` with the order and holds its legs."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for payment"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Paid but not filled"
        RELEASED = "released", "Not paid"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="orders_awaiting_payment")
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64, help_text="Digest of what was requested with the key.")
    token = models.TextField(help_text="The quote, sealed.")
    allow_partial = models.BooleanField(default=False)
    quantity = models.PositiveIntegerField(help_text="Leads held.")
    quoted_cents = models.PositiveBigIntegerField()
    held = models.JSONField(default=list, help_text="Held leads, best first: [lead, request, cents, curve, behind].")
    payment = models.OneToOneField("billing.Payment", on_delete=models.PROTECT, related_name="pending_order")
    order = models.OneToOneField(
        "marketplace.Order", null=True, on_delete=models.PROTECT, related_name="pending", editable=False
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    reason = models.CharField(max_length=300, blank=True, help_text="Why there is no order. Buyers read it.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="The legs are held until then.")
    ended_at = models.DateTimeField(null=True)
    tell_at = models.DateTimeField(
        null=True, help_text="When to tell the buyer that the payment led to no order; empty once told."
    )

    objects = OrderAwaitingPaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["buyer", "idempotency_key"], name="pending_order_key_is_used_once"),
            models.CheckConstraint(
                condition=Q(status="waiting", ended_at=None, order=None)
                | Q(status="completed", ended_at__isnull=False, order__isnull=False)
                | Q(status__in=["failed", "released"], ended_at__isnull=False, order=None),
                name="pending_order_ends_once",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="pending_order_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="pending_order_stays_ended",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.status <> 'waiting' AND (to_jsonb(OLD) - 'tell_at') <> (to_jsonb(NEW) - 'tell_at')"
                ),
                func="RAISE EXCEPTION 'an order awaiting payment ends only once'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'pending_order_stays_ended';",
            ),
        ]
        indexes = [models.Index(fields=["buyer"], condition=Q(status="waiting"), name="pending_order_waiting")]

    def __str__(self) -> str:
        return f"order awaiting payment {self.public_id}"

    @property
    def number(self) -> str:
        return str(self.public_id)[:8].upper()
