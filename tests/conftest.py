"""The base of every test: real PostgreSQL, no network, and a way around triggers that forbid cleaning up."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import hypothesis
import pytest
from django.core.cache import cache
from django.db.backends.postgresql.operations import DatabaseOperations

from marketplace.inventory import live
from tests import factories
from tests.cast import Cast, make_cast

# Where a change is decided on, property tests try the same examples each time; elsewhere new ones.
hypothesis.settings.register_profile("decided", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("decided")


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_triggers() -> Iterator[None]:
    """Every table is emptied between transactional tests, which the ledger's triggers would refuse."""
    flush = DatabaseOperations.sql_flush

    def unguarded(self, *args, **kwargs):
        statements = flush(self, *args, **kwargs)
        if not statements:
            return statements
        return ["SET session_replication_role = replica", *statements, "SET session_replication_role = origin"]

    with patch.object(DatabaseOperations, "sql_flush", unguarded):
        yield


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Clear the caches of counts and rate limits before each test."""
    cache.clear()
    live.forget()


@pytest.fixture
def market(db) -> factories.Market:
    """One vertical with prices, one source with a consent text, one buyer with $1,000 who may buy."""
    return factories.make_market()


@pytest.fixture
def cast(market, settings, tmp_path) -> Cast:
    """Three companies in that market with their members and records, the operator's staff and two uploads."""
    stored = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "files")},
    }
    settings.STORAGES = {**settings.STORAGES, "default": stored}
    return make_cast(market)
