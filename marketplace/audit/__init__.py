"""The audit: checks every promise that SQL can check, against one snapshot of the database.

A check selects the ids of rows that break its promise; the audit never repairs anything. Constraints should make every
result empty: the audit finds what gets past them (a restore, a superuser, a constraint dropped by mistake).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from marketplace.audit import inventory, money, people, standing
from marketplace.audit.check import Check

CHECKS = (*inventory.CHECKS, *people.CHECKS, *money.CHECKS, *standing.CHECKS)
IDS_SHOWN = 20


@dataclass(frozen=True)
class Violation:
    """A broken promise: how many rows break it, and the first few ids."""

    name: str
    promise: str
    of: str
    count: int
    ids: tuple[str, ...]


def violations() -> list[Violation]:
    """Return the broken promises in the order of CHECKS; empty if all hold."""
    with _snapshot():
        return [violation for check in CHECKS if (violation := _ask(check))]


@contextmanager
def _snapshot() -> Iterator[None]:
    """Read one snapshot of everything; inside a caller's transaction, whatever that transaction sees."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        yield


def _ask(check: Check) -> Violation | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH found (id) AS MATERIALIZED ({check.sql})
            SELECT (SELECT count(*) FROM found), ARRAY(SELECT id::text FROM found ORDER BY found.id LIMIT {IDS_SHOWN})
            """  # noqa: S608  (constants of this module only)
        )
        count, ids = cursor.fetchone()
    return Violation(check.name, check.promise, check.of, count, tuple(ids)) if count else None
