"""Standing orders: what a company wants from now on. One kind buys when the price drops, one only sends alerts."""

import uuid
from datetime import datetime
from functools import cached_property
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from leads.criteria.criteria import Criteria, read_criteria
from leads.models import Market
from leads.models.change import TransactionId

EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
TIME_ZONES = {
    "America/New_York": "Eastern",
    "America/Chicago": "Central",
    "America/Denver": "Mountain",
    "America/Phoenix": "Arizona",
    "America/Los_Angeles": "Pacific",
    "America/Anchorage": "Alaska",
    "Pacific/Honolulu": "Hawaii",
    "America/Puerto_Rico": "Atlantic",
}
CAPS = ("hourly_cap", "daily_cap", "weekly_cap", "total_cap")


def every_day() -> list[int]:
    return list(EVERY_DAY)


class StandingOrderQuerySet(models.QuerySet["StandingOrder"]):
    def unended(self) -> "StandingOrderQuerySet":
        return self.filter(ended_at=None)

    def live(self) -> "StandingOrderQuerySet":
        """Neither paused nor ended."""
        return self.unended().filter(paused_at=None)

    def buying(self) -> "StandingOrderQuerySet":
        """Orders that buy in the aged market."""
        return self.filter(kind=StandingOrder.Kind.BUY, market=Market.AGED)

    def telling(self) -> "StandingOrderQuerySet":
        """Saved searches."""
        return self.filter(kind=StandingOrder.Kind.ALERT)

    def due(self, now: datetime) -> "StandingOrderQuerySet":
        return self.live().filter(due_at__lte=now)

    def with_room_in_total(self) -> "StandingOrderQuerySet":
        return self.filter(Q(total_cap=None) | Q(filled__lt=F("total_cap")))

    def best_first(self) -> "StandingOrderQuerySet":
        """Order by the highest max price; of two with the same price, the older one comes first."""
        return self.order_by("-max_price_cents", "created_at", "id")


class StandingOrder(models.Model):
    """Only fills change ``filled`` and ``spent_cents``. ``outcome`` with its ``facts`` is the result of the last check;
    ``due_at`` is when the next check is worthwhile, or None if only a change to the order can help."""

    class Kind(models.TextChoices):
        BUY = "buy", "Buys when the price drops"
        ALERT = "alert", "Sends alerts only"

    class Sort(models.TextChoices):
        NEWEST = "newest", "Newest"
        OLDEST = "oldest", "Oldest"
        CHEAPEST = "cheapest", "Cheapest"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="standing_orders")
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    vertical = models.ForeignKey("leads.Vertical", on_delete=models.PROTECT, related_name="standing_orders")
    criteria = models.JSONField(default=list, help_text="The clauses of its criteria, in their normal form.")
    kind = models.CharField(max_length=5, choices=Kind)
    market = models.CharField(max_length=8, choices=Market, default=Market.AGED)

    max_price_cents = models.PositiveIntegerField(null=True, help_text="The most it pays for one lead, in cents.")
    hourly_cap = models.PositiveIntegerField(null=True, help_text="The most leads in any 60 minutes.")
    daily_cap = models.PositiveIntegerField(null=True, help_text="The most leads in any 24 hours.")
    weekly_cap = models.PositiveIntegerField(null=True, help_text="The most leads in any 7 days.")
    total_cap = models.PositiveIntegerField(null=True)
    budget_cents = models.PositiveBigIntegerField(null=True, help_text="The most it may spend in total, in cents.")
    from_hour = models.PositiveSmallIntegerField(null=True)
    to_hour = models.PositiveSmallIntegerField(null=True)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=every_day, help_text="1 is Monday.")
    time_zone = models.CharField(max_length=30, choices=TIME_ZONES, default="America/New_York")
    exclusive = models.BooleanField(default=False)
    sort = models.CharField(max_length=8, choices=Sort, default=Sort.NEWEST)

    filled = models.PositiveIntegerField(default=0, editable=False)
    spent_cents = models.PositiveBigIntegerField(default=0, editable=False)
    outcome = models.CharField(max_length=20, default="new", editable=False)
    facts = models.JSONField(default=dict, editable=False)
    looked_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)
    told_at = models.DateTimeField(null=True, editable=False, help_text="Matches up to then were sent or known.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    changed_in = TransactionId(
        db_default=Func(function="pg_current_xact_id"),
        editable=False,
        help_text="The transaction that last changed its criteria, price or status.",
    )

    objects = StandingOrderQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["buy", "alert"]), name="standing_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind="alert", max_price_cents=None)
                | Q(kind="buy", max_price_cents__isnull=False, max_price_cents__gte=1),
                name="standing_order_says_what_it_pays",
            ),
            models.CheckConstraint(
                condition=Q(kind="buy")
                | Q(hourly_cap=None, daily_cap=None, weekly_cap=None, total_cap=None, budget_cents=None, filled=0),
                name="standing_search_buys_nothing",
            ),
            models.CheckConstraint(
                condition=~(Q(hourly_cap=0) | Q(daily_cap=0) | Q(weekly_cap=0) | Q(total_cap=0) | Q(budget_cents=0)),
                name="standing_caps_are_positive",
            ),
            models.CheckConstraint(
                condition=Q(total_cap=None) | Q(filled__lte=F("total_cap")), name="standing_never_over_its_total"
            ),
            models.CheckConstraint(
                condition=Q(budget_cents=None) | Q(spent_cents__lte=F("budget_cents")),
                name="standing_never_over_its_budget",
            ),
            models.CheckConstraint(
                condition=Q(from_hour=None, to_hour=None)
                | Q(from_hour__isnull=False, to_hour__isnull=False, from_hour__lt=F("to_hour"), to_hour__lte=24),
                name="standing_hours_are_a_part_of_the_day",
            ),
            models.CheckConstraint(
                condition=Q(weekdays__contained_by=EVERY_DAY, weekdays__len__gte=1), name="standing_has_a_weekday"
            ),
            models.CheckConstraint(condition=Q(time_zone__in=list(TIME_ZONES)), name="standing_time_zone_is_known"),
            models.CheckConstraint(
                condition=Q(sort__in=["newest", "oldest", "cheapest"]), name="standing_sort_is_known"
            ),
            models.CheckConstraint(condition=Q(ended_at=None) | Q(due_at=None), name="standing_ended_is_never_due"),
        ]
        triggers = [
            pgtrigger.Protect(name="standing_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="standing_stays_what_it_is",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.ended_at IS NOT NULL OR OLD.buyer_id <> NEW.buyer_id OR OLD.vertical_id <> NEW.vertical_id"
                    " OR OLD.kind <> NEW.kind OR OLD.public_id <> NEW.public_id"
                ),
                func="RAISE EXCEPTION 'a standing order stays its company''s and of its kind, and ends once'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_stays_what_it_is';",
            ),
            pgtrigger.Trigger(
                name="standing_counts_its_fills",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "((OLD.filled <> NEW.filled OR OLD.spent_cents <> NEW.spent_cents) AND pg_trigger_depth() = 0)"
                ),
                func="RAISE EXCEPTION 'what a standing order bought is counted by its fills alone'"
                " USING ERRCODE = 'check_violation', CONSTRAINT = 'standing_counts_its_fills';",
            ),
            pgtrigger.Trigger(
                name="standing_notes_its_change",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition(
                    "OLD.criteria IS DISTINCT FROM NEW.criteria"
                    " OR OLD.max_price_cents IS DISTINCT FROM NEW.max_price_cents"
                    " OR OLD.exclusive <> NEW.exclusive OR OLD.paused_at IS DISTINCT FROM NEW.paused_at"
                    " OR OLD.ended_at IS DISTINCT FROM NEW.ended_at"
                ),
                func="NEW.changed_in := pg_current_xact_id(); RETURN NEW;",
            ),
        ]
        indexes = [
            models.Index(fields=["changed_in"], name="standing_by_change"),
            models.Index(
                fields=["due_at"], condition=Q(ended_at=None, paused_at=None, due_at__isnull=False), name="standing_due"
            ),
            models.Index(fields=["buyer", "-created_at"], name="standing_by_buyer"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def number(self) -> str:
        """The short id shown in emails and lists."""
        return str(self.public_id)[:8].upper()

    @property
    def buys(self) -> bool:
        return self.kind == self.Kind.BUY

    @property
    def is_full(self) -> bool:
        """Whether it has bought its total cap."""
        return self.total_cap is not None and self.filled >= self.total_cap

    @cached_property
    def wanted(self) -> Criteria:
        """Its criteria, read by its vertical's current fields. Raises CriteriaError."""
        order_request: dict[str, Any] = {"vertical": self.vertical.slug, "all": self.criteria}
        return read_criteria(order_request, lambda slug: self.vertical)
