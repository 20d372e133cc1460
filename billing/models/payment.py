"""Card payments: who pays, what was requested, what Stripe said, and what was refunded or disputed."""

import uuid
from datetime import datetime

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from billing.models.ledger import CURRENCY


class Customer(models.Model):
    """A buyer at Stripe, and the card saved there. We know the card's last four digits and no more."""

    buyer = models.OneToOneField("buyers.Buyer", on_delete=models.PROTECT, related_name="customer")
    stripe_id = models.CharField(max_length=64, unique=True)
    payment_method_id = models.CharField(max_length=64, blank=True)
    card_brand = models.CharField(max_length=20, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expires = models.DateField(null=True, help_text="The first day it is no longer valid.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["buyer"]

    def __str__(self) -> str:
        return f"{self.buyer} at Stripe"

    @property
    def has_card(self) -> bool:
        return bool(self.payment_method_id)

    @property
    def card(self) -> str:
        return f"{self.card_brand.capitalize()} ending {self.card_last4}" if self.has_card else ""


class AutomaticTopUpQuerySet(models.QuerySet["AutomaticTopUp"]):
    def covering(self, payment: "Payment") -> "AutomaticTopUpQuerySet":
        """The consent under which this payment was announced, while it stands; a newer consent does not cover it."""
        told = self.filter(buyer=payment.buyer_id, consented_at__lte=payment.created_at)
        return told.filter(is_on=True, amount_cents=payment.amount_cents)


@pghistory.track()
class AutomaticTopUp(models.Model):
    """A buyer's standing consent: below ``threshold_cents`` charge ``amount_cents``, up to a daily limit (UTC)."""

    buyer = models.OneToOneField("buyers.Buyer", on_delete=models.PROTECT, related_name="automatic_top_up")
    is_on = models.BooleanField(default=False)
    threshold_cents = models.PositiveBigIntegerField()
    amount_cents = models.PositiveBigIntegerField()
    daily_ceiling_cents = models.PositiveBigIntegerField()
    consent_wording = models.TextField(help_text="The wording that was agreed to, as it was shown.")
    consented_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    consented_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    stopped_because = models.CharField(max_length=200, blank=True)

    objects = AutomaticTopUpQuerySet.as_manager()

    class Meta:
        ordering = ["buyer"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="automatic_top_up_charges_something"),
            models.CheckConstraint(
                condition=Q(daily_ceiling_cents__gte=F("amount_cents")), name="automatic_top_up_fits_its_ceiling"
            ),
            models.CheckConstraint(
                condition=Q(is_on=True, stopped_at=None) | Q(is_on=False, stopped_at__isnull=False),
                name="automatic_top_up_is_on_or_stopped",
            ),
        ]

    def __str__(self) -> str:
        return f"automatic top-up of {self.buyer}"


class PaymentQuerySet(models.QuerySet["Payment"]):
    def unfinished(self) -> "PaymentQuerySet":
        """Payments that Stripe may still collect."""
        return self.filter(status__in=Payment.UNFINISHED)

    def paid(self) -> "PaymentQuerySet":
        return self.filter(status=Payment.Status.PAID)

    def automatic(self) -> "PaymentQuerySet":
        return self.filter(purpose=Payment.Purpose.AUTOMATIC)

    def due_to_ask(self, now: datetime) -> "PaymentQuerySet":
        """Payments whose status or fee is unknown and that are due for another check with Stripe."""
        return self.filter(ask_again_at__lte=now).exclude(status=Payment.Status.ANNOUNCED)


class Payment(models.Model):
    """One attempt to move money from a card to a wallet. Credited once, when Stripe says it is paid."""

    class Purpose(models.TextChoices):
        TOP_UP = "top_up", "Top-up"
        ORDER = "order", "Payment for an order"
        AUTOMATIC = "automatic", "Automatic top-up"

    class Status(models.TextChoices):
        ANNOUNCED = "announced", "Scheduled"  # automatic only: the buyer was notified and may still stop it
        CREATED = "created", "Requested"  # Stripe may or may not know of it
        OPEN = "open", "Waiting for payment"
        PROCESSING = "processing", "Processing"
        PAID = "paid", "Paid"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"
        CANCELED = "canceled", "Canceled"

    UNFINISHED = (Status.ANNOUNCED, Status.CREATED, Status.OPEN, Status.PROCESSING)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="payments")
    purpose = models.CharField(max_length=9, choices=Purpose)
    amount_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3, default=CURRENCY)
    keep_card = models.BooleanField(default=False, help_text="The buyer asked to save the card.")
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=100, blank=True)
    stripe_session_id = models.CharField(max_length=100, blank=True)
    stripe_payment_intent_id = models.CharField(max_length=64, blank=True)
    stripe_charge_id = models.CharField(max_length=64, blank=True)
    page_url = models.TextField(blank=True, help_text="Stripe's page for this payment.")
    card = models.CharField(max_length=40, blank=True, help_text="Brand and last four digits.")
    problem = models.CharField(max_length=300, blank=True, help_text="Why it failed, in words for the buyer.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ask_again_at = models.DateTimeField("next check at", null=True, help_text="When to check the status with Stripe.")
    ended_at = models.DateTimeField(null=True, help_text="When it was paid, failed, expired or was canceled.")
    tell_at = models.DateTimeField(null=True, help_text="An email about it is being sent; no other before then.")
    told_at = models.DateTimeField("emailed at", null=True, help_text="When the buyer was emailed the result.")

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payment_is_more_than_nothing"),
            models.UniqueConstraint(
                fields=["stripe_session_id"], condition=~Q(stripe_session_id=""), name="payment_session_is_its_own"
            ),
            models.UniqueConstraint(
                fields=["stripe_payment_intent_id"],
                condition=~Q(stripe_payment_intent_id=""),
                name="payment_intent_is_its_own",
            ),
            models.UniqueConstraint(
                fields=["buyer", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="payment_key_is_used_once",
            ),
            models.UniqueConstraint(
                fields=["buyer"],
                condition=Q(purpose="automatic", status__in=["announced", "created", "open", "processing"]),
                name="payment_automatic_is_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["announced", "created", "open", "processing"], ended_at=None)
                | Q(status__in=["paid", "failed", "expired", "canceled"], ended_at__isnull=False),
                name="payment_ended_has_its_instant",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="payment_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="payment_terms_are_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.buyer_id <> NEW.buyer_id OR OLD.amount_cents <> NEW.amount_cents"
                    " OR OLD.currency <> NEW.currency OR OLD.purpose <> NEW.purpose"
                    " OR OLD.public_id <> NEW.public_id OR (OLD.status = 'paid' AND NEW.status <> 'paid')"
                    " OR (OLD.stripe_payment_intent_id <> ''"
                    " AND OLD.stripe_payment_intent_id <> NEW.stripe_payment_intent_id)"
                ),
                func="RAISE EXCEPTION 'a payment must keep its buyer, amount, purpose and paid status'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_terms_are_fixed';",
            ),
            pgtrigger.Trigger(
                name="payment_paid_is_credited",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Condition("NEW.status = 'paid'"),
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM billing_transaction AS posted
                        JOIN billing_entry AS entry ON entry.transaction_id = posted.id
                        JOIN billing_account AS wallet ON wallet.id = entry.account_id AND wallet.kind = 'wallet'
                        WHERE posted.kind = 'top_up' AND posted.payment_id = NEW.id
                            AND entry.cents = NEW.amount_cents AND wallet.buyer_id = NEW.buyer_id
                    ) THEN
                        RAISE EXCEPTION 'payment % is paid but not credited', NEW.id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_paid_is_credited';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["ask_again_at"], condition=Q(ask_again_at__isnull=False), name="payment_due_to_ask"),
            models.Index(fields=["buyer", "-created_at"], name="payment_by_buyer"),
            models.Index(
                fields=["id"],
                condition=Q(status__in=["announced", "paid", "failed"], told_at=None),
                name="payment_to_tell",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.number}"

    @property
    def number(self) -> str:
        """The short number shown on receipts."""
        return str(self.public_id)[:8].upper()

    @property
    def is_unfinished(self) -> bool:
        return self.status in self.UNFINISHED


class RefundQuerySet(models.QuerySet["Refund"]):
    def standing(self) -> "RefundQuerySet":
        """Refunds that did not fail: what of the payment was refunded or is being refunded."""
        return self.exclude(status=Refund.Status.FAILED)

    def due_to_ask(self, now: datetime) -> "RefundQuerySet":
        return self.filter(status__in=[Refund.Status.CREATED, Refund.Status.PENDING], ask_again_at__lte=now)


class Refund(models.Model):
    """Money refunded to the card, by our staff or in Stripe's dashboard. It has already left the wallet."""

    class Status(models.TextChoices):
        CREATED = "created", "Requested"  # Stripe may or may not know of it
        PENDING = "pending", "Processing"
        SUCCEEDED = "succeeded", "Refunded"
        FAILED = "failed", "Failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount_cents = models.PositiveBigIntegerField()
    status = models.CharField(max_length=9, choices=Status, default=Status.CREATED)
    stripe_id = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    made_by = models.CharField(max_length=254, help_text="The staff member, or Stripe's dashboard.")
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    ask_again_at = models.DateTimeField("next check at", null=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="refund_is_more_than_nothing"),
            models.UniqueConstraint(
                fields=["stripe_id"], condition=~Q(stripe_id=""), name="refund_at_stripe_is_its_own"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="refund_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="refund_terms_are_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.payment_id <> NEW.payment_id OR OLD.amount_cents <> NEW.amount_cents"
                    " OR OLD.public_id <> NEW.public_id OR (OLD.status = 'failed' AND NEW.status <> 'failed')"
                    " OR (OLD.stripe_id <> '' AND OLD.stripe_id <> NEW.stripe_id)"
                ),
                func="RAISE EXCEPTION 'a refund must keep its payment, amount and failed status'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_terms_are_fixed';",
            ),
            pgtrigger.Trigger(
                name="refunds_never_exceed_the_payment",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                declare=[("paid", "bigint"), ("back", "numeric")],
                func="""
                    SELECT amount_cents INTO paid FROM billing_payment
                    WHERE id = NEW.payment_id AND status = 'paid' FOR NO KEY UPDATE;
                    SELECT sum(amount_cents) INTO back FROM billing_refund
                    WHERE payment_id = NEW.payment_id AND status <> 'failed';
                    IF back > coalesce(paid, 0) THEN
                        RAISE EXCEPTION 'refunds must not exceed the payment'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_never_exceed_the_payment';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]
        indexes = [models.Index(fields=["payment"], name="refund_by_payment")]

    def __str__(self) -> str:
        return f"refund {self.number}"

    @property
    def number(self) -> str:
        return str(self.public_id)[:8].upper()


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def undecided(self) -> "DisputeQuerySet":
        return self.filter(closed_at=None)


class Dispute(models.Model):
    """A payment taken back by the cardholder's bank. ``status`` is Stripe's own; the ledger says where the money is."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=64, unique=True)
    amount_cents = models.PositiveBigIntegerField()
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=60, blank=True)
    opened_at = models.DateTimeField()
    evidence_due_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [models.CheckConstraint(condition=Q(amount_cents__gt=0), name="dispute_is_more_than_nothing")]
        triggers = [pgtrigger.Protect(name="dispute_is_never_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"dispute {self.stripe_id}"
