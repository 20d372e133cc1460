"""Orders: what a buyer bought with one button, under one idempotency key."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Order(models.Model):
    """An accepted quote: what was requested, what was filled, what it cost."""

    class Status(models.TextChoices):
        FILLED = "filled", "Filled"
        PARTIAL = "partial", "Partially filled"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="orders")
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="orders")
    idempotency_key = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64, help_text="Digest of what was requested with the key.")
    request = models.JSONField(help_text="The quote's terms: criteria, quantity, sort and max price, or named leads.")
    status = models.CharField(max_length=8, choices=Status, default=Status.FILLED)
    quantity = models.PositiveIntegerField(help_text="Leads requested.")
    filled = models.PositiveIntegerField(default=0)
    replaced = models.PositiveIntegerField(default=0, help_text="Leads gone since the quote, replaced by others.")
    refused = models.JSONField(default=list, help_text="Leads not sold, with the reason: [{lead, reason}].")
    quoted_cents = models.PositiveBigIntegerField()
    total_cents = models.PositiveBigIntegerField(default=0)
    quoted_at = models.DateTimeField()
    placed_at = models.DateTimeField()

    class Meta:
        ordering = ["-placed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["buyer", "idempotency_key"], name="order_key_is_used_once"),
            models.CheckConstraint(
                condition=Q(total_cents__lte=F("quoted_cents")), name="order_never_costs_more_than_quoted"
            ),
            models.CheckConstraint(condition=Q(filled__lte=F("quantity")), name="order_never_fills_more_than_asked"),
        ]
        indexes = [models.Index(fields=["buyer", "-placed_at"], name="order_by_buyer")]

    def __str__(self) -> str:
        return f"order {self.public_id}"

    @property
    def number(self) -> str:
        """Return the short number shown on receipts and files."""
        return str(self.public_id)[:8].upper()
