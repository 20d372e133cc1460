"""A second connection to the database, for what others must see while a long transaction goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def connection_aside() -> Iterator[BaseDatabaseWrapper]:
    """Each statement on it is its own transaction. It must not touch rows that this thread's transaction has locked."""
    aside = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        yield aside
    finally:
        aside.close()
