"""A second database connection, for writes that others must see while a long transaction is still open."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def connection_aside() -> Iterator[BaseDatabaseWrapper]:
    """Open a second connection; each statement is its own transaction. Never touch rows that this thread locked."""
    aside = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        yield aside
    finally:
        aside.close()
