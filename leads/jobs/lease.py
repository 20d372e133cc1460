"""A lease: a row says when it is due, and whoever takes it moves that instant on. Until then it is nobody else's.

A worker that dies leaves nothing to clean up: when its lease runs out, the row is due again.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, Model, QuerySet

M = TypeVar("M", bound=Model)
MOST_RESUMPTIONS = 5


class TakenOver(Exception):
    """Another worker has this job by now; what this one did must not be kept."""


@transaction.atomic
def take(due: QuerySet[M], column: str, until: datetime, *, most: int) -> list[M]:
    """Take up to ``most`` of these rows, in their order, and return them. Rows that somebody has locked are skipped."""
    taken = list(due.select_for_update(no_key=True, skip_locked=True, of=("self",))[:most])
    due.model._base_manager.filter(pk__in=[row.pk for row in taken]).update(**{column: until})
    return taken


def take_one(row: Model, column: str, until: datetime, **changes: Any) -> bool:
    """Whether this row is ours until then: it must still be due at the instant that we read."""
    same = type(row)._base_manager.filter(pk=row.pk, **{column: getattr(row, column)})
    return bool(same.update(**{column: until, **changes}))


def end(rows: Iterable[Model], column: str, until: datetime, **changes: Any) -> int:
    """Write down how it ended, for those rows that are still ours: taken until then. Returns how many."""
    ours = list(rows)
    if not ours:
        return 0
    still = type(ours[0])._base_manager.filter(pk__in=[row.pk for row in ours], **{column: until})
    return still.update(**{column: None, **changes})


def resume(abandoned: QuerySet[M], job: M, now: datetime) -> bool:
    """Whether a job in batches, whose worker died, is ours to go on with. Each batch that succeeds resets the count."""
    again = abandoned.filter(pk=job.pk, resumptions__lt=MOST_RESUMPTIONS)
    return bool(again.update(resumptions=F("resumptions") + 1, worked_at=now))
