"""The default broker's tables: pgmq's own SQL in our own database, no extension and no server needed."""

from typing import Any

from django.conf import settings
from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from pgmq.install import get_embedded_install_sql


def queue_is_ours() -> bool:
    """Whether jobs travel through our own database and not through a broker of the operator's."""
    return bool(settings.CELERY_BROKER_URL == "pgmq://")


def ensure_queue() -> None:
    """Install pgmq's tables where they are needed and missing; safe to repeat."""
    with transaction.atomic(), default_connection.schema_editor() as schema_editor:
        install_queue(None, schema_editor)


def install_queue(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A migration's step, and its own check: nothing happens when pgmq is there or another broker is set."""
    if not queue_is_ours():
        return
    with schema_editor.connection.cursor() as cursor:
        # Two processes that start at once: the second waits here and then finds the tables.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('pgmq install'))")
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone()[0] is None:
            cursor.execute(get_embedded_install_sql())


def keep_queue(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The way back does nothing: messages may be waiting, and tables that nobody reads harm nobody."""
