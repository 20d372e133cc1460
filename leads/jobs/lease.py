"""A lease: a row says when it is due. A worker takes it by moving that time ahead; until then nobody else takes it.

A worker that dies leaves nothing to clean up: when its lease ends, the row is due again.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, Model, QuerySet

M = TypeVar("M", bound=Model)
MOST_RESUMPTIONS = 5


class TakenOver(Exception):
    """Another worker has this job now. What this one did must be rolled back."""


@transaction.atomic
def take(due: QuerySet[M], column: str, until: datetime, *, most: int) -> list[M]:
    """Take up to ``most`` of these rows, in their order, and return them. Rows that somebody has locked are skipped."""
    taken = list(due.select_for_update(no_key=True, skip_locked=True, of=("self",))[:most])
    due.model._base_manager.filter(pk__in=[row.pk for row in taken]).update(**{column: until})
    return taken


def take_one(row: Model, column: str, until: datetime, **changes: Any) -> bool:
    """Take this row until then. Return False if its due time is no longer the one we read."""
    same = type(row)._base_manager.filter(pk=row.pk, **{column: getattr(row, column)})
    return bool(same.update(**{column: until, **changes}))


def end(rows: Iterable[Model], column: str, until: datetime, **changes: Any) -> int:
    """Record the result for those rows that are still ours, taken until ``until``. Return how many."""
    ours = list(rows)
    if not ours:
        return 0
    still = type(ours[0])._base_manager.filter(pk__in=[row.pk for row in ours], **{column: until})
    return still.update(**{column: None, **changes})


def resume(abandoned: QuerySet[M], job: M, now: datetime) -> bool:
    """Take over a job in batches whose worker died; return whether it is ours. A successful batch resets the count."""
    again = abandoned.filter(pk=job.pk, resumptions__lt=MOST_RESUMPTIONS)
    return bool(again.update(resumptions=F("resumptions") + 1, worked_at=now))
