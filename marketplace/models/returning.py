"""Returns: why and until when a lead can be returned, and the result of each return."""

import uuid
from datetime import datetime

import pghistory
import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from leads.people.sealing import key_ring


@pghistory.track()
class ReturnPolicy(models.Model):
    """A vertical's terms. The window of a sale is never longer than its source's, less a day (see ``Sale``)."""

    vertical = models.OneToOneField("leads.Vertical", on_delete=models.PROTECT, related_name="return_policy")
    window_days = models.PositiveSmallIntegerField(default=7, help_text="Days from the sale. 0: no returns.")
    most_percent = models.PositiveSmallIntegerField(
        default=20,
        validators=[MaxValueValidator(100)],
        help_text="Percent of an order's leads, for reasons our team decides. One lead can always be returned.",
    )
    decide_days = models.PositiveSmallIntegerField(default=3, help_text="Days our team has to decide.")
    appeal_days = models.PositiveSmallIntegerField(default=5, help_text="Days to appeal after a refusal.")

    class Meta:
        ordering = ["vertical"]
        constraints = [
            models.CheckConstraint(condition=Q(most_percent__lte=100), name="return_policy_at_most_all"),
        ]

    def __str__(self) -> str:
        return f"returns of {self.vertical}"

    @property
    def in_words(self) -> str:
        if not self.window_days:
            return "leads cannot be returned"
        return f"leads can be returned for {self.window_days} days, up to {self.most_percent}% of an order"

    def most_of(self, leads: int) -> int:
        """Return how many of ``leads`` may be returned for our team to decide: rounded down, but at least one."""
        return max(1, leads * self.most_percent // 100)


class ReturnReasonQuerySet(models.QuerySet["ReturnReason"]):
    def offered(self) -> "ReturnReasonQuerySet":
        return self.filter(is_active=True)


@pghistory.track()
class ReturnReason(models.Model):
    """A return reason in one vertical: who decides it, the evidence it needs, the effect on lead and source."""

    class DecidedBy(models.TextChoices):
        DUPLICATE = "duplicate", "Automatic: the buyer already had this person"
        OUTSIDE = "outside", "Automatic: outside the order's filters"
        SUPPRESSED = "suppressed", "Automatic: opted out before the sale"
        PERSON = "person", "Our team"

    class Consequence(models.TextChoices):
        LEG = "leg", "The leg is retired; the lead's other legs stay for sale"
        LEAD = "lead", "The lead is no longer for sale"
        STOP = "stop", "The request is stopped, as if the person had opted out"

    vertical = models.ForeignKey("leads.Vertical", on_delete=models.PROTECT, related_name="return_reasons")
    code = models.SlugField(max_length=40)
    label = models.CharField(max_length=80)
    explanation = models.CharField(max_length=300, help_text="What counts and what does not. Buyers read it.")
    decided_by = models.CharField(max_length=10, choices=DecidedBy, default=DecidedBy.PERSON)
    words_required = models.BooleanField(default=False)
    consequence = models.CharField(max_length=4, choices=Consequence, default=Consequence.LEG)
    charges_source = models.BooleanField(default=True, help_text="The source pays its share back.")
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    objects = ReturnReasonQuerySet.as_manager()

    class Meta:
        ordering = ["vertical", "position", "code"]
        constraints = [models.UniqueConstraint(fields=["vertical", "code"], name="return_reason_is_one_per_code")]

    def __str__(self) -> str:
        return self.label


class ReturnQuerySet(models.QuerySet["Return"]):
    def waiting(self) -> "ReturnQuerySet":
        """Returns for our team to decide, including appeals."""
        return self.filter(status__in=[Return.Status.ASKED, Return.Status.APPEALED])

    def credited(self) -> "ReturnQuerySet":
        return self.filter(status=Return.Status.CREDITED)

    def refused(self) -> "ReturnQuerySet":
        return self.filter(status__in=[Return.Status.REFUSED, Return.Status.REFUSED_FINALLY])

    def taken_back(self) -> "ReturnQuerySet":
        return self.filter(status=Return.Status.TAKEN_BACK)

    def overdue(self, now: datetime) -> "ReturnQuerySet":
        """Returns still waiting after the time we promised."""
        return self.waiting().filter(answer_by__lte=now)

    def counting(self) -> "ReturnQuerySet":
        """Returns that count toward an order's limit: decided by a person, and not refused."""
        standing = [Return.Status.ASKED, Return.Status.APPEALED, Return.Status.CREDITED]
        return self.filter(automatic=False, status__in=standing)

    def untold(self, now: datetime) -> "ReturnQuerySet":
        """Returns our team decided, with no email to the buyer yet."""
        return self.filter(tell_at__lte=now)


_OPEN_TO_CHANGE = (
    "ARRAY['status', 'finding', 'automatic', 'answer_by', 'decided_at', 'decided_by_id', 'appeal_until',"
    " 'decided_again_by_id', 'tell_at', 'transaction_id']"
)


class Return(models.Model):
    """A buyer's return of a lead. Credited once, in full, to the wallet; the sale itself stays on record."""

    class Status(models.TextChoices):
        ASKED = "asked", "In review"
        CREDITED = "credited", "Credited"
        REFUSED = "refused", "Refused"
        APPEALED = "appealed", "In review on appeal"
        REFUSED_FINALLY = "refused_finally", "Refused after appeal"
        TAKEN_BACK = "taken_back", "Withdrawn by the buyer"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sale = models.OneToOneField("marketplace.Sale", on_delete=models.PROTECT, related_name="returned")
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="returns")
    source = models.ForeignKey("leads.Source", on_delete=models.PROTECT, related_name="returns")
    reason = models.ForeignKey(ReturnReason, on_delete=models.PROTECT, related_name="returns")
    status = models.CharField(max_length=15, choices=Status, default=Status.ASKED)
    cents = models.PositiveIntegerField(help_text="The amount to credit: the sale's price.")
    automatic = models.BooleanField(default=False)
    finding = models.CharField(max_length=300, blank=True, help_text="The reason for the decision. Buyers read it.")
    asked_at = models.DateTimeField()
    answer_by = models.DateTimeField(null=True, help_text="Our deadline to decide.")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="On our team."
    )
    appeal_until = models.DateTimeField(null=True)
    decided_again_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="On appeal."
    )
    tell_at = models.DateTimeField(null=True, help_text="When to email the buyer; empty once sent.")
    transaction = models.OneToOneField(
        "billing.Transaction", null=True, on_delete=models.PROTECT, related_name="returned", editable=False
    )

    objects = ReturnQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-id"]
        permissions = [("decide_returns", "Can decide returns")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="credited", transaction__isnull=False)
                | (~Q(status="credited") & Q(transaction=None)),
                name="return_credited_has_its_money",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["asked", "appealed"]) | Q(decided_at__isnull=False),
                name="return_decided_has_its_instant",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["refused", "refused_finally", "appealed"]) | Q(decided_by__isnull=False),
                name="return_is_refused_by_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(status="refused_finally") | Q(decided_again_by__isnull=False),
                name="return_is_refused_finally_by_a_second",
            ),
            models.CheckConstraint(
                condition=Q(decided_again_by=None) | Q(decided_by__isnull=False) & ~Q(decided_again_by=F("decided_by")),
                name="return_appeal_is_decided_by_another",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="return_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="return_agrees_with_its_sale",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NEW.status <> 'asked' OR NOT EXISTS (
                        SELECT 1 FROM marketplace_sale AS sale JOIN leads_lead AS lead ON lead.id = sale.lead_id
                        JOIN marketplace_returnreason AS reason ON reason.vertical_id = lead.vertical_id
                        WHERE sale.id = NEW.sale_id AND sale.buyer_id = NEW.buyer_id
                            AND lead.source_id = NEW.source_id AND sale.price_cents = NEW.cents
                            AND reason.id = NEW.reason_id
                            AND NEW.asked_at BETWEEN sale.sold_at AND sale.returnable_until
                    ) THEN
                        RAISE EXCEPTION 'the return does not match its sale or is too late'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_agrees_with_its_sale';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="return_steps_are_allowed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF (to_jsonb(OLD) - %(open)s::text[]) <> (to_jsonb(NEW) - %(open)s::text[])
                        OR (OLD.status IN ('credited', 'refused_finally', 'taken_back')
                            AND (to_jsonb(OLD) - 'tell_at') <> (to_jsonb(NEW) - 'tell_at'))
                        OR (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
                            ('asked', 'credited'), ('asked', 'refused'), ('asked', 'taken_back'),
                            ('refused', 'appealed'), ('appealed', 'credited'), ('appealed', 'refused_finally'),
                            ('appealed', 'taken_back')))
                        OR (OLD.decided_by_id IS NOT NULL AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id)
                        OR (OLD.status = 'appealed' AND NEW.status = 'credited' AND NEW.decided_again_by_id IS NULL)
                    THEN
                        RAISE EXCEPTION 'a return is decided once, and again on appeal'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_steps_are_allowed';
                    END IF;
                    RETURN NEW;
                """.replace("%(open)s", _OPEN_TO_CHANGE),
            ),
            pgtrigger.Trigger(
                name="return_is_credited_by_its_own_money",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.status <> 'credited' AND NEW.status = 'credited'"),
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM billing_transaction AS posted
                        JOIN billing_entry AS entry ON entry.transaction_id = posted.id
                        JOIN billing_account AS wallet ON wallet.id = entry.account_id
                        WHERE posted.id = NEW.transaction_id AND posted.kind = 'return'
                            AND posted.reference = NEW.public_id::text
                            AND wallet.buyer_id = NEW.buyer_id AND entry.cents = NEW.cents
                    ) THEN
                        RAISE EXCEPTION 'the credit belongs to another return'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_is_credited_by_its_own_money';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["buyer", "-asked_at"], name="return_by_buyer"),
            models.Index(fields=["source", "-asked_at"], name="return_by_source"),
            models.Index(fields=["answer_by"], condition=Q(status__in=["asked", "appealed"]), name="return_waiting"),
            models.Index(fields=["tell_at"], condition=Q(tell_at__isnull=False), name="return_untold"),
        ]

    def __str__(self) -> str:
        return f"return {self.number}"

    @property
    def number(self) -> str:
        return str(self.public_id)[:8].upper()

    def may_be_appealed(self, now: datetime) -> bool:
        return self.status == self.Status.REFUSED and self.appeal_until is not None and now <= self.appeal_until

    @property
    def is_waiting(self) -> bool:
        return self.status in (self.Status.ASKED, self.Status.APPEALED)


class ReturnStepQuerySet(models.QuerySet["ReturnStep"]):
    def about_erased(self) -> "ReturnStepQuerySet":
        """Steps with words about people who have since been erased."""
        return self.filter(sealed_words__isnull=False, returned__sale__lead__contact__erased_at__isnull=False)


STEP_BINDING = "return-step"
MACHINE = "our system"


class ReturnStep(models.Model):
    """A step in a return's history. What the buyer wrote may name the person, so it is sealed."""

    class Kind(models.TextChoices):
        ASKED = "asked", "Requested"
        CREDITED = "credited", "Credited"
        REFUSED = "refused", "Refused"
        APPEALED = "appealed", "Appealed"
        TAKEN_BACK = "taken_back", "Withdrawn"
        NOTED = "noted", "Noted"

    returned = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="steps")
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    actor = models.CharField(max_length=254, help_text="Who, as named at that time; or our system.")
    at = models.DateTimeField()
    sealed_words = models.BinaryField(null=True)

    objects = ReturnStepQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        triggers = [
            pgtrigger.Protect(name="return_step_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="return_step_is_immutable",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF (to_jsonb(OLD) - 'sealed_words') <> (to_jsonb(NEW) - 'sealed_words')
                        OR (OLD.sealed_words IS NULL AND NEW.sealed_words IS NOT NULL) THEN
                        RAISE EXCEPTION 'a return step cannot change; its words can only be resealed or erased'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_step_is_immutable';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.actor}"

    @property
    def told_actor(self) -> str:
        """Return the actor as shown to the buyer, without the names of our team."""
        by_our_team = self.kind in (self.Kind.CREDITED, self.Kind.REFUSED) and self.actor != MACHINE
        return "our team" if by_our_team else self.actor

    @property
    def row(self) -> str:
        """Return what the seal is bound to."""
        return f"{STEP_BINDING}|{self.public_id}"

    def say(self, words: str) -> None:
        """Seal these words, unless the person has been erased."""
        if words and self.returned.sale.lead.contact.erased_at is None:
            self.sealed_words = key_ring().seal(words.encode(), row=self.row)

    @property
    def words(self) -> str:
        """Return the words in the clear; empty if there are none or the person was erased. Raises SealBroken."""
        return key_ring().unseal(bytes(self.sealed_words), row=self.row).decode() if self.sealed_words else ""
