"""Legs: the companies that a consent lets call. Each leg is sold at most once, and the database counts them."""

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import Q

from leads.models.change import HELD


class Market(models.TextChoices):
    REALTIME = "realtime", "Real-time"
    AGED = "aged", "Aged"


class LegStatus(models.TextChoices):
    OPEN = "open", "Open"
    HELD = "held", "Held during payment"
    SOLD = "sold", "Sold"
    CLOSED = "closed", "Closed"


class ClosedReason(models.TextChoices):
    SOLD_ELSEWHERE = "sold_elsewhere", "Sold before we received it"
    EXCLUSIVE = "exclusive", "Sold as exclusive"
    WITHDRAWN = "withdrawn", "Stopped by the person"
    EXPIRED = "expired", "Too old to sell"
    NOT_FOR_RESALE = "not_for_resale", "Not for resale"
    FAULTY = "faulty", "Returned by a buyer as bad"


_COUNTS = """
    sum((status = 'sold' OR closed_reason = 'sold_elsewhere')::int) AS sold,
    sum((status = 'open' AND market = 'realtime')::int) AS realtime,
    sum((status IN ('open', 'held') AND market = 'aged')::int) AS aged
"""


def _count_on_lead(changes: str) -> str:
    """Return the body of a statement trigger that adds ``changes`` (lead_id, sold, realtime, aged) to the leads."""
    return f"""
        UPDATE leads_lead AS lead
        SET times_sold = lead.times_sold + change.sold,
            legs_realtime = lead.legs_realtime + change.realtime,
            legs_left = lead.legs_left + change.aged
        FROM (
            SELECT lead_id, sum(sold) AS sold, sum(realtime) AS realtime, sum(aged) AS aged
            FROM ({changes}) AS parts GROUP BY lead_id
            HAVING sum(sold) <> 0 OR sum(realtime) <> 0 OR sum(aged) <> 0
        ) AS change
        WHERE lead.id = change.lead_id;
        RETURN NULL;
    """  # noqa: S608  (constants of this module only)


# Most leads are inserted with their counts, and are not written again: a lead is in nine indexes. We lock them before
# counting, so that nobody sells a leg in between, and look them up one by one, whatever the planner would prefer.
_RECOUNT = f"""
    PERFORM 1 FROM leads_lead WHERE id IN (SELECT lead_id FROM new_legs) ORDER BY id FOR NO KEY UPDATE;
    UPDATE leads_lead AS lead SET times_sold = counted.sold, legs_realtime = counted.realtime, legs_left = counted.aged
    FROM (SELECT DISTINCT lead_id FROM new_legs) AS one
    CROSS JOIN LATERAL (SELECT {_COUNTS} FROM leads_leg AS leg WHERE leg.lead_id = one.lead_id) AS counted
    WHERE lead.id = one.lead_id
        AND (lead.times_sold, lead.legs_realtime, lead.legs_left) <> (counted.sold, counted.realtime, counted.aged);
    RETURN NULL;
"""  # noqa: S608  (constants of this module only)
_NEW = f"SELECT lead_id, {_COUNTS} FROM new_legs GROUP BY lead_id"  # noqa: S608
_OLD = f"""
    SELECT lead_id, -sold AS sold, -realtime AS realtime, -aged AS aged
    FROM (SELECT lead_id, {_COUNTS} FROM old_legs GROUP BY lead_id) AS before
"""  # noqa: S608


class LegQuerySet(models.QuerySet["Leg"]):
    def held(self, *, now: datetime) -> "LegQuerySet":
        """Legs whose hold has not expired."""
        return self.filter(status=LegStatus.HELD, held_until__gt=now)

    def holds_expired(self, *, now: datetime) -> "LegQuerySet":
        return self.filter(status=LegStatus.HELD, held_until__lte=now)

    def counted_as_sold(self) -> "LegQuerySet":
        """Legs sold by us, or by somebody else before we received the lead."""
        return self.filter(Q(status=LegStatus.SOLD) | Q(closed_reason=ClosedReason.SOLD_ELSEWHERE))


class Leg(models.Model):
    """One of the N companies that the person was told may call."""

    lead = models.ForeignKey("leads.Lead", on_delete=models.PROTECT, related_name="legs", db_index=False)
    number = models.PositiveSmallIntegerField()
    market = models.CharField(max_length=8, choices=Market, default=Market.REALTIME)
    aged_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=6, choices=LegStatus, default=LegStatus.OPEN)
    closed_reason = models.CharField(max_length=16, choices=ClosedReason, blank=True)
    ended_at = models.DateTimeField(null=True, help_text="When it was sold or closed, if known.")
    held_until = models.DateTimeField(null=True, help_text="When the hold ends. No job is needed to end it.")
    held_for = models.UUIDField(null=True, help_text="The order it is held for.")

    objects = LegQuerySet.as_manager()

    class Meta:
        ordering = ["lead", "number"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "number"], name="leg_number_is_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="leg_number_from_1"),
            models.CheckConstraint(
                condition=Q(market=Market.REALTIME, aged_at=None) | Q(market=Market.AGED, aged_at__isnull=False),
                name="leg_aged_has_its_instant",
            ),
            models.CheckConstraint(
                condition=Q(status=LegStatus.CLOSED, closed_reason__in=ClosedReason.values)
                | Q(status__in=[LegStatus.OPEN, LegStatus.HELD, LegStatus.SOLD], closed_reason=""),
                name="leg_closed_says_why",
            ),
            models.CheckConstraint(
                condition=Q(status=LegStatus.HELD, held_until__isnull=False, held_for__isnull=False, market=Market.AGED)
                | ~Q(status=LegStatus.HELD),
                name="leg_held_says_for_whom_and_until_when",
            ),
            models.CheckConstraint(
                condition=~Q(status=LegStatus.OPEN) | Q(held_until=None, held_for=None),
                name="leg_open_is_held_by_nobody",
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "held_until"], condition=Q(status="held"), name="leg_held_by_lead"),
            models.Index(fields=["held_for"], condition=Q(status="held"), name="leg_held_by_holder"),
        ]
        triggers = [
            pgtrigger.Protect(name="leg_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="leg_is_authorized",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_legs"),
                declare=[("wrong", "record")],
                func="""
                    SELECT most.number, lead.legs_authorized AS authorized INTO wrong
                    FROM (SELECT lead_id, max(number) AS number FROM new_legs GROUP BY lead_id) AS most
                    JOIN leads_lead AS lead ON lead.id = most.lead_id
                    JOIN leads_source AS source ON source.id = lead.source_id
                    LEFT JOIN leads_consent AS consent ON consent.lead_id = lead.id
                    WHERE most.number > lead.legs_authorized
                        OR lead.kind = 'compiled' OR source.kind = 'compiled' OR consent.id IS NULL
                    LIMIT 1;
                    IF wrong.number > wrong.authorized THEN
                        RAISE EXCEPTION 'leg % of a lead that allows %', wrong.number, wrong.authorized
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_is_authorized';
                    ELSIF FOUND THEN
                        RAISE EXCEPTION 'no legs without consent'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_needs_consent';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="leg_steps_are_allowed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF OLD.lead_id <> NEW.lead_id OR OLD.number <> NEW.number
                        OR (OLD.status IN ('sold', 'closed') AND OLD IS DISTINCT FROM NEW)
                        OR (OLD.market = 'aged' AND (NEW.market <> 'aged' OR NEW.aged_at <> OLD.aged_at)) THEN
                        RAISE EXCEPTION 'a leg goes from open or held to sold or closed and never back, and ages once'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'leg_steps_are_allowed';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="leg_counts_on_insert",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_legs"),
                func=_RECOUNT,
            ),
            pgtrigger.Trigger(
                name="leg_counts_on_update",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(old="old_legs", new="new_legs"),
                func=_count_on_lead(f"{_NEW} UNION ALL {_OLD}"),
            ),
            pgtrigger.Trigger(
                name="leg_hold_is_told",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(old="old_legs", new="new_legs"),
                func=HELD,
            ),
        ]

    def __str__(self) -> str:
        return f"leg {self.number} of lead {self.lead_id}"

    def is_held(self, now: datetime) -> bool:
        return self.status == LegStatus.HELD and self.held_until is not None and now < self.held_until

    @property
    def counts_as_sold(self) -> bool:
        return self.status == LegStatus.SOLD or self.closed_reason == ClosedReason.SOLD_ELSEWHERE
