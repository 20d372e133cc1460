"""Aging: how legs change as time passes.

A leg is due when ``captured_at + window <= now`` by the database's clock; the sweep only records that. Each batch
locks its leads oldest first, skips those that someone is buying right now (so it never waits, whatever the order), and
commits on its own: two sweeps at once share the work, a killed one loses at most a batch, and a clock that steps back
un-ages nothing.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from leads.models import ClosedReason, Lead, SweepRun, Vertical

BATCH = 1000
EVERY = timedelta(seconds=60)
LATE = timedelta(minutes=3)
RUNS_KEPT = timedelta(days=30)
LONGEST_PROBLEM = 200

log = logging.getLogger(__name__)

_DUE = """
    SELECT lead.id FROM leads_lead AS lead
    WHERE lead.vertical_id = %(vertical)s AND lead.legs_realtime > 0
        AND lead.captured_at <= now() - make_interval(mins => %(minutes)s)
    ORDER BY lead.captured_at LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
"""
_MOVE = f"""
    WITH due AS MATERIALIZED ({_DUE})
    UPDATE leads_leg SET market = 'aged', aged_at = now()
    WHERE lead_id IN (SELECT id FROM due) AND status = 'open' AND market = 'realtime'
"""  # noqa: S608
_CLOSE_UNRESOLD = f"""
    WITH due AS MATERIALIZED ({_DUE})
    UPDATE leads_leg SET status = 'closed', closed_reason = '{ClosedReason.NOT_FOR_RESALE}', ended_at = now()
    WHERE lead_id IN (SELECT id FROM due) AND status = 'open' AND market = 'realtime'
"""  # noqa: S608
_CLOSE_SHELF = f"""
    WITH shut AS MATERIALIZED (
        SELECT id FROM leads_lead WHERE vertical_id = %(vertical)s AND legs_left > 0
        ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE leads_leg SET status = 'closed', closed_reason = '{ClosedReason.NOT_FOR_RESALE}', ended_at = now()
    WHERE lead_id IN (SELECT id FROM shut) AND status IN ('open', 'held') AND market = 'aged'
"""  # noqa: S608
_RETIRE = f"""
    WITH old AS MATERIALIZED (
        SELECT lead.id FROM leads_lead AS lead
        WHERE lead.vertical_id = %(vertical)s AND lead.legs_left > 0
            AND lead.captured_at <= now() - make_interval(days => %(days)s)
            AND EXISTS (
                SELECT 1 FROM leads_leg WHERE lead_id = lead.id
                    AND (status = 'open' OR (status = 'held' AND held_until <= now()))
            )
        ORDER BY lead.captured_at LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE leads_leg SET status = 'closed', closed_reason = '{ClosedReason.EXPIRED}', ended_at = now()
    WHERE lead_id IN (SELECT id FROM old) AND (status = 'open' OR (status = 'held' AND held_until <= now()))
"""  # noqa: S608
_ERASE = """
    WITH old AS MATERIALIZED (
        SELECT contact.id FROM leads_contact AS contact JOIN leads_lead AS lead ON lead.id = contact.lead_id
        WHERE lead.vertical_id = %(vertical)s AND contact.erased_at IS NULL
            AND lead.legs_realtime = 0 AND lead.legs_left = 0
            AND lead.captured_at <= now() - make_interval(days => %(days)s)
        ORDER BY contact.id LIMIT %(batch)s FOR NO KEY UPDATE OF contact SKIP LOCKED
    )
    UPDATE leads_contact
    SET sealed = NULL, erased_at = now()
    WHERE id IN (SELECT id FROM old)
"""


def sweep(*, batch: int = BATCH) -> SweepRun:
    """Age the legs that are due, retire those too old, and return the run's record. Safe to run twice, or two at once.

    An error in one vertical is recorded and does not hold up the others.
    """
    run = SweepRun.objects.create(started_at=timezone.now())
    problems = [problem for vertical in Vertical.objects.all() if (problem := _attempt(run, vertical, batch))]
    run.problem = "; ".join(problems)[:LONGEST_PROBLEM]
    run.finished_at = timezone.now()
    run.save(update_fields=["moved", "closed", "retired", "problem", "finished_at"])
    return run


def _attempt(run: SweepRun, vertical: Vertical, batch: int) -> str:
    """Sweep one vertical. Return what went wrong, without any value from a row, or an empty string."""
    try:
        _sweep_vertical(run, vertical, batch)
    except Exception as error:  # any error: the other verticals' legs are due too
        log.exception("the sweep failed in %s", vertical.slug)
        return f"{type(error).__name__} in {vertical.slug}"
    return ""


def _sweep_vertical(run: SweepRun, vertical: Vertical, batch: int) -> None:
    if vertical.open_for_resale:
        run.moved += move_due(vertical, batch=batch)
    else:
        run.closed += close_unresold(vertical, batch=batch)
    run.retired += retire(vertical, batch=batch)


def move_due(vertical: Vertical, *, batch: int = BATCH) -> int:
    """Move real-time legs whose window has passed to the aged market. Return how many legs moved."""
    return _in_batches(_MOVE, {"vertical": vertical.pk, "minutes": vertical.window_minutes, "batch": batch})


def close_unresold(vertical: Vertical, *, batch: int = BATCH) -> int:
    """Close the unsold legs of a no-resale vertical: real-time ones once their window ends, and all aged ones."""
    values = {"vertical": vertical.pk, "minutes": vertical.window_minutes, "batch": batch}
    return _in_batches(_CLOSE_SHELF, values) + _in_batches(_CLOSE_UNRESOLD, values)


def retire(vertical: Vertical, *, batch: int = BATCH) -> int:
    """Close legs past their shelf life. Return how many."""
    return _in_batches(_RETIRE, {"vertical": vertical.pk, "days": vertical.shelf_life_days, "batch": batch})


def purge_expired(*, batch: int = BATCH) -> int:
    """Erase contacts past retention and return how many; evidence and sales stay. Also delete old sweep records."""
    SweepRun.objects.filter(started_at__lt=timezone.now() - RUNS_KEPT).delete()
    return sum(
        _in_batches(_ERASE, {"vertical": vertical.pk, "days": vertical.retention_days, "batch": batch})
        for vertical in Vertical.objects.all()
    )


def due_now() -> int:
    """Return how many leads are waiting for the sweep right now."""
    waiting = Q(pk=None)
    for vertical in Vertical.objects.all():
        waiting |= Q(vertical=vertical, captured_at__lte=timezone.now() - vertical.window)
    return Lead.objects.filter(waiting, legs_realtime__gt=0).count()


@dataclass(frozen=True)
class SweepClock:
    """When the sweep is next due, and whether it is late, which means that the scheduler is not running."""

    due_at: datetime | None
    is_late: bool


def next_sweep(last: SweepRun | None, now: datetime) -> SweepClock:
    """Due one minute after the last sweep started; late if that was more than three minutes ago, or never."""
    if last is None:
        return SweepClock(None, True)
    return SweepClock(last.started_at + EVERY, now - last.started_at > LATE)


def _in_batches(statement: str, values: dict[str, int]) -> int:
    """Repeat the statement, one transaction each, until it changes nothing. Return how many rows it changed."""
    total = 0
    while changed := _once(statement, values):
        total += changed
    return total


def _once(statement: str, values: dict[str, int]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount
