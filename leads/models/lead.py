"""The lead: what a person requested, without who they are."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from leads.arrays import key_array
from leads.models.change import CAME_LISTED, LISTED
from leads.models.vertical import Vertical

DAY = timedelta(days=1)


class LeadKind(models.TextChoices):
    FORM = "form", "Form"
    CALL = "call", "Phone call"
    COMPILED = "compiled", "Compiled (not a request)"


class PhoneType(models.TextChoices):
    MOBILE = "mobile", "Mobile"
    LANDLINE = "landline", "Landline"
    VOIP = "voip", "VoIP"
    UNKNOWN = "unknown", "Unknown"


FOR_SALE = "lead.legs_left > 0 AND lead.withdrawn_at IS NULL"
"""The same as ``LeadQuerySet.for_sale``, for SQL that reads ``leads_lead AS lead``."""

# Raw SQL: an order checks this for thousands of leads, and composing the query took longer than running it.
_LISTED = """
    EXISTS (SELECT FROM leads_leg AS leg WHERE leg.lead_id = leads_lead.id AND leg.market = 'aged'
        AND leg.status IN ('open', 'held') AND leg.aged_at <= %s)
"""


class LeadQuerySet(models.QuerySet["Lead"]):
    def in_vertical(self, vertical: Vertical) -> "LeadQuerySet":
        return self.filter(vertical=vertical)

    def for_sale(self) -> "LeadQuerySet":
        """Leads with an unsold leg in the aged market, open or held. Stopped and retired leads have none."""
        return self.filter(legs_left__gt=0, withdrawn_at=None)

    def with_legs_held(self, *, now: datetime) -> "LeadQuerySet":
        """Annotate ``legs_held``: how many of the lead's legs somebody is paying for right now."""
        live = Q(legs__status="held", legs__held_until__gt=now)
        return self.annotate(legs_held=models.Count("legs", filter=live))

    def aged_between(self, youngest: int, oldest: int, *, now: datetime) -> "LeadQuerySet":
        """Leads whose age in whole days is within both bounds, inclusive."""
        return self.filter(captured_at__lte=now - youngest * DAY, captured_at__gt=now - (oldest + 1) * DAY)

    def numbered(self, keys: Iterable[int]) -> "LeadQuerySet":
        """Leads with these keys, however many: uses one parameter, while ``pk__in`` uses one per key."""
        return self.filter(RawSQL("leads_lead.id = ANY(%s::bigint[])", [key_array(keys)], models.BooleanField()))

    def listed_by(self, instant: datetime) -> "LeadQuerySet":
        """Leads with an unsold leg that was for sale as aged at that instant."""
        return self.filter(RawSQL(_LISTED, [instant], models.BooleanField()))  # noqa: S611

    def never_sold(self) -> "LeadQuerySet":
        return self.filter(times_sold=0)

    def withdrawn(self) -> "LeadQuerySet":
        return self.filter(withdrawn_at__isnull=False)

    def with_original(self) -> "LeadQuerySet":
        """Annotate ``request_id``: the first lead from the same person's request, or itself if it is the first."""
        return self.annotate(request_id=Coalesce("duplicate_of_id", "id"))


class Lead(models.Model):
    """A request. A trigger counts ``times_sold``, ``legs_realtime`` and ``legs_left`` from its legs, in the statement
    that changes the legs; a lead inserted with the right counts is not written again. The audit compares
    them."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    vertical = models.ForeignKey(Vertical, on_delete=models.PROTECT, related_name="leads")
    schema = models.ForeignKey("leads.FieldSchema", on_delete=models.PROTECT, related_name="leads", db_index=False)
    source = models.ForeignKey("leads.Source", on_delete=models.PROTECT, related_name="leads", db_index=False)
    external_id = models.CharField(max_length=80, help_text="The source's own ID, or a fingerprint of the request.")
    kind = models.CharField(max_length=8, choices=LeadKind, default=LeadKind.FORM)
    captured_at = models.DateTimeField(help_text="When the person made the request.")
    received_at = models.DateTimeField(help_text="When we received it.")
    state = models.CharField(max_length=2)
    postal_code = models.CharField(max_length=5, blank=True, validators=[RegexValidator(r"^\d{5}$")])
    phone_type = models.CharField(max_length=8, choices=PhoneType, default=PhoneType.UNKNOWN)
    attributes = models.JSONField(default=dict)
    flags = ArrayField(models.CharField(max_length=60), default=list, help_text="Problems at intake, as field:reason.")
    legs_authorized = models.PositiveSmallIntegerField()
    duplicate_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="duplicates")
    import_run = models.ForeignKey("leads.ImportRun", null=True, on_delete=models.PROTECT, related_name="leads")
    withdrawn_at = models.DateTimeField(null=True, help_text="When the person opted out. It can never be sold again.")

    times_sold = models.PositiveSmallIntegerField(default=0, editable=False)
    legs_realtime = models.PositiveSmallIntegerField(default=0, editable=False)
    legs_left = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = LeadQuerySet.as_manager()

    class Meta:
        permissions = [("reveal_contact", "Can open a sealed contact")]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="lead_is_captured_once"),
            models.CheckConstraint(condition=Q(legs_authorized__range=(1, 20)), name="lead_legs_1_to_20"),
            models.CheckConstraint(condition=Q(kind__in=LeadKind.values), name="lead_kind_is_known"),
            models.CheckConstraint(condition=Q(state__regex=r"^[A-Z]{2}$"), name="lead_state_is_two_letters"),
            models.CheckConstraint(
                condition=Q(postal_code__regex=r"^(\d{5})?$"), name="lead_postal_code_is_five_digits"
            ),
            models.CheckConstraint(
                condition=Q(captured_at__lte=F("received_at") + timedelta(minutes=5)),
                name="lead_is_not_from_the_future",
            ),
            models.CheckConstraint(
                condition=Q(duplicate_of=None) | ~Q(duplicate_of=F("id")), name="lead_is_not_its_own_duplicate"
            ),
            models.CheckConstraint(
                condition=Q(times_sold__lte=F("legs_authorized")), name="lead_is_never_sold_over_its_legs"
            ),
        ]
        indexes = [
            models.Index(fields=["vertical", "captured_at"], condition=Q(legs_left__gt=0), name="lead_shelf_by_age"),
            models.Index(
                fields=["vertical", "state", "captured_at"], condition=Q(legs_left__gt=0), name="lead_shelf_by_state"
            ),
            models.Index(
                fields=["vertical", "captured_at"], condition=Q(legs_realtime__gt=0), name="lead_realtime_by_age"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="lead_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="lead_terms_are_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.captured_at IS DISTINCT FROM NEW.captured_at"
                    " OR OLD.vertical_id IS DISTINCT FROM NEW.vertical_id"
                    " OR OLD.source_id IS DISTINCT FROM NEW.source_id OR OLD.public_id IS DISTINCT FROM NEW.public_id"
                    " OR OLD.legs_authorized IS DISTINCT FROM NEW.legs_authorized"
                    " OR OLD.duplicate_of_id IS DISTINCT FROM NEW.duplicate_of_id"
                    " OR OLD.kind IS DISTINCT FROM NEW.kind OR OLD.external_id IS DISTINCT FROM NEW.external_id"
                    " OR (OLD.withdrawn_at IS NOT NULL AND OLD.withdrawn_at IS DISTINCT FROM NEW.withdrawn_at)"
                ),
                func="RAISE EXCEPTION 'what a lead is, where it came from and its stop never change'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'lead_terms_are_fixed';",
            ),
            pgtrigger.Trigger(
                name="lead_is_told",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_leads"),
                func=CAME_LISTED,
            ),
            pgtrigger.Trigger(
                name="lead_change_is_told",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(old="old_leads", new="new_leads"),
                func=LISTED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vertical} {self.state} {self.public_id}"

    @property
    def is_for_sale(self) -> bool:
        """Whether an aged leg of it is unsold, open or held, and nobody stopped it."""
        return self.legs_left > 0 and self.withdrawn_at is None

    def age_days(self, now: datetime) -> int:
        """Return whole days since the request: floor((now - captured_at) / 24 h)."""
        return (now - self.captured_at) // DAY

    @property
    def short_id(self) -> str:
        """A short id for people to read aloud; the URL carries the full one."""
        return str(self.public_id)[:8]

    @property
    def area(self) -> str:
        """The part of the ZIP that may be shown before the sale."""
        return area_of(self.postal_code)


def area_of(postal_code: str) -> str:
    """Return the first three digits of a ZIP, such as 454xx; empty without a ZIP."""
    return f"{postal_code[:3]}xx" if postal_code else ""
