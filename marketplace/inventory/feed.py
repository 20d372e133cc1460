"""Follow the change feed: every change is seen once it is committed, in whatever order transactions end.

A reader keeps no row number, only what it could see: PostgreSQL's own snapshot. Rows of a transaction that was running
when it last read were not visible then, so they are new once they become visible.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection, transaction

from leads.visibility import visible_now, with_own

KEPT = timedelta(hours=6)

_SINCE = """
    SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned()::text, change.leads, change.corrected,
        change.sources, CASE WHEN change.made_in = pg_current_xact_id_if_assigned() THEN change.id END,
        (horizon.forgotten >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
                AND horizon.reached >= pg_snapshot_xmax(%(seen)s::pg_snapshot))
            OR pg_snapshot_xmax(%(seen)s::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot())
    FROM (SELECT) AS once
    LEFT JOIN leads_feedhorizon AS horizon ON true
    LEFT JOIN leads_change AS change ON change.made_in >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
        AND NOT pg_visible_in_snapshot(change.made_in, %(seen)s::pg_snapshot)
"""
_MARK = """
    INSERT INTO leads_feedmark (ended, reached)
    SELECT pg_snapshot_xmin(seen), pg_snapshot_xmax(seen) FROM pg_current_snapshot() AS seen
"""
_FORGET = """
    WITH mark AS (
        SELECT id, at, ended, reached FROM leads_feedmark
        WHERE at < now() - make_interval(secs => %(seconds)s) ORDER BY at DESC, id DESC LIMIT 1
    ), older AS (
        DELETE FROM leads_feedmark USING mark WHERE leads_feedmark.at < mark.at
    ), gone AS (
        DELETE FROM leads_change USING mark WHERE made_in < mark.ended RETURNING made_in
    ), newest AS (
        SELECT made_in FROM gone ORDER BY made_in DESC LIMIT 1
    ), horizon AS (
        INSERT INTO leads_feedhorizon (id, forgotten, reached) SELECT 1, made_in, reached FROM newest, mark
        ON CONFLICT (id) DO UPDATE SET forgotten = excluded.forgotten, reached = excluded.reached
    )
    SELECT count(*) FROM gone
"""


class FeedLost(Exception):
    """Some changes since this cursor were deleted, or the cursor is another database's. The reader must start over."""


@dataclass(frozen=True)
class Cursor:
    """What a reader could see when it last read, in PostgreSQL's own notation."""

    text: str


@dataclass
class Changes:
    """Leads and sources that changed since the last cursor. ``own`` are leads that this very transaction changed, by
    feed row, and whether they were corrected: the transaction, and the row with it, may still be rolled back."""

    cursor: Cursor
    leads: set[int] = field(default_factory=set)
    corrected: set[int] = field(default_factory=set)
    sources: set[int] = field(default_factory=set)
    own: dict[int, dict[int, bool]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.leads or self.corrected or self.sources)


def here() -> Cursor:
    """Return the feed's current end: a reader that starts here does not get changes that are already committed."""
    return Cursor(visible_now())


def check(seen: Cursor) -> None:
    """Raise FeedLost if the feed cannot be read from there on."""
    changes_since(seen)


def changes_since(seen: Cursor) -> Changes:
    """Return everything committed since. Raises FeedLost."""
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, {"seen": seen.text})
        rows = cursor.fetchall()
    if rows[0][-1]:
        raise FeedLost("some changes since then were deleted")
    changes = Changes(Cursor(with_own(*rows[0][:2])))
    for _, _, leads, corrected, sources, own, _ in rows:
        changes.leads.update(leads or ())
        changes.corrected.update(corrected or ())
        changes.sources.update(sources or ())
        if own:
            changes.own[own] = {**dict.fromkeys(leads, False), **dict.fromkeys(corrected, True)}
    return changes


@transaction.atomic
def forget_old() -> int:
    """Delete changes that nobody needs any more: those already committed at a look hours ago. However long a
    transaction runs, its changes are kept until hours after it ends. Return how many rows were deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"seconds": KEPT.total_seconds()})
        gone: int = cursor.fetchone()[0]
        cursor.execute(_MARK)
    return gone
