"""The default broker's tables: pgmq's SQL in our own database, without an extension or a server."""

from typing import Any

from django.conf import settings
from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from pgmq.install import get_embedded_install_sql


def queue_is_ours() -> bool:
    """Whether jobs go through our own database rather than the operator's broker."""
    return bool(settings.CELERY_BROKER_URL == "pgmq://")


def ensure_queue() -> None:
    """Install pgmq's tables if they are needed and missing; safe to repeat."""
    with transaction.atomic(), default_connection.schema_editor() as schema_editor:
        install_queue(None, schema_editor)


def install_queue(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Migration step: install pgmq's tables, unless they exist or another broker is configured."""
    if not queue_is_ours():
        return
    with schema_editor.connection.cursor() as cursor:
        # If two processes start at once, the second waits here and then finds the tables.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pgmq install'))")
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone()[0] is None:
            cursor.execute(get_embedded_install_sql())


def keep_queue(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Reverse step: does nothing. Messages may be waiting, and unused tables do no harm."""
