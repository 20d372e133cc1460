"""Health probes: whether this process is alive, and whether it can serve. The answers never contain a traceback."""

from functools import cache

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError as BrokerError

from marketplace.celery import app
from marketplace.ops.postgres.errors import EmbeddedPostgresError
from marketplace.ops.queue import queue_is_ours

RETRY_SECONDS = "5"


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "live"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Return 200 if pages and purchases work. They work without the queue: its jobs wait in the tables."""
    database = _database_answers()
    migrated = database and _is_migrated()
    status = {"database": database, "migrated": migrated, "queue": database and _queue_answers()}
    if migrated:
        return JsonResponse({"status": "ready", **status})
    return JsonResponse({"status": "unavailable", **status}, status=503, headers={"Retry-After": RETRY_SECONDS})


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, EmbeddedPostgresError):
        return False
    return True


def _is_migrated() -> bool:
    try:
        return _all_migrations_applied()
    except (DatabaseError, _StillToMigrate):
        return False


class _StillToMigrate(Exception):
    """Raised, not returned, so that only the final answer is cached."""


@cache
def _all_migrations_applied() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _StillToMigrate
    return True


def _queue_answers() -> bool:
    if queue_is_ours():
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
            return bool(cursor.fetchone()[0])
    try:
        with app.connection_for_write(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, timeout=1)
    except (BrokerError, OSError):
        return False
    return True
