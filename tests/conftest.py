"""What every test builds on: real PostgreSQL, no network, and triggers that must step aside for cleanup."""

import copy
import gc
import os
import shutil
from collections.abc import Iterator
from unittest.mock import patch

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import TransactionTestCase, override_settings

from marketplace.inventory import live
from tests import factories
from tests.cast import Cast, make_cast, stored_in

# In CI, property tests try the same examples each time; elsewhere new ones.
hypothesis.settings.register_profile("decided", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("decided")


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: to look through its 200,000 objects for garbage takes a tenth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


# What the migrations put in, which would have to be made anew; tests only read it.
KEPT = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def emptied_row_by_row() -> Iterator[None]:
    """Between transactional tests. TRUNCATE takes ten times as long: it makes ninety tables and their indexes anew."""
    with patch.object(TransactionTestCase, "_fixture_teardown", lambda self: empty_tables()):
        yield


def empty_tables() -> None:
    """Past the triggers: the ledger's own would refuse."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(";".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in sorted(tables)))


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Clear the cache: counts live there for seconds and rate limits for minutes; a test starts with neither."""
    cache.clear()
    live.forget()


@pytest.fixture
def market(db) -> factories.Market:
    """One vertical with prices, one source with a consent text, one buyer with $1,000 who may buy."""
    return factories.make_market()


@pytest.fixture(scope="module")
def cast_once(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Cast]:
    """Made for all tests of a file, in a transaction around each one's own: it takes longer than most of them do."""
    files = tmp_path_factory.mktemp("cast")
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(STORAGES=stored_in(files)):
            cast = make_cast(factories.make_market(), files)
        connection.check_constraints()
        yield cast
        transaction.set_rollback(True)


@pytest.fixture
def cast(cast_once, db, settings, tmp_path) -> Cast:
    """Three companies in one market with their people and things, the operator's staff and two uploads."""
    files = shutil.copytree(cast_once.files, tmp_path / "files")
    settings.STORAGES = stored_in(files)
    return copy.deepcopy(cast_once)
