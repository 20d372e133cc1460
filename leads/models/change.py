"""The change feed: which leads for sale and which sources changed, recorded in the transaction that changed them.

Anything that keeps a copy of the inventory in memory follows it. A row carries the transaction that wrote it, not a
sequence number: those are assigned before the commit, and a reader that went by them would miss late commits.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class TransactionId(models.Field):
    """PostgreSQL's own transaction number, which never wraps."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class Change(models.Model):
    """Written only by triggers, one row per statement, however many leads it touched.

    ``leads`` were listed, sold, held, released or withdrawn; ``corrected`` ones changed in another field that criteria
    can use; ``sources`` got a new grade or other new details.
    """

    leads = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    corrected = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    sources = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    made_in = TransactionId(db_default=models.Func(function="pg_current_xact_id"), editable=False)
    made_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["made_in"], name="change_by_transaction")]

    def __str__(self) -> str:
        return f"change {self.pk}"


class FeedMark(models.Model):
    """Which transactions had ended at a point in time: all below ``ended``, and none from ``reached`` on.
    A reader that read later has seen all of those that had ended."""

    at = models.DateTimeField(db_default=Now())
    ended = TransactionId()
    reached = TransactionId()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class FeedHorizon(models.Model):
    """One row: some changes written up to ``forgotten`` are deleted; no reader past ``reached`` misses them."""

    forgotten = TransactionId()
    reached = TransactionId()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="feed_has_one_horizon")]

    def __str__(self) -> str:
        return f"forgotten up to {self.forgotten}"


CAME_LISTED = """
    INSERT INTO leads_change (leads) SELECT array_agg(id) FROM new_leads WHERE legs_left > 0 HAVING count(*) > 0;
    RETURN NULL;
"""
LISTED = """
    INSERT INTO leads_change (leads, corrected)
    SELECT coalesce(array_agg(id) FILTER (WHERE NOT corrected), '{}'),
        coalesce(array_agg(id) FILTER (WHERE corrected), '{}')
    FROM (
        SELECT lead.id, (was.state, was.postal_code, was.phone_type, was.attributes, was.schema_id)
            IS DISTINCT FROM (lead.state, lead.postal_code, lead.phone_type, lead.attributes, lead.schema_id)
            AS corrected
        FROM new_leads AS lead JOIN old_leads AS was ON was.id = lead.id
        WHERE was.legs_left > 0 OR lead.legs_left > 0
    ) AS changed HAVING count(*) > 0;
    RETURN NULL;
"""
HELD = """
    INSERT INTO leads_change (leads)
    SELECT array_agg(DISTINCT leg.lead_id) FROM new_legs AS leg JOIN old_legs AS was ON was.id = leg.id
    WHERE 'held' IN (leg.status, was.status)
        AND (leg.status, leg.held_until, leg.held_for) IS DISTINCT FROM (was.status, was.held_until, was.held_for)
    HAVING count(*) > 0;
    RETURN NULL;
"""
GRADED = """
    INSERT INTO leads_change (sources) VALUES (ARRAY[NEW.id]);
    RETURN NULL;
"""
