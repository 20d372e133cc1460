"""Fill ten million leads at once: tables without indexes, two parallel connections, no waiting for the disk.

The result is a database like any other: indexes and constraints as the migrations create them, statistics, and
everything on disk.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from django.db import connection

from benchmarks.stock import Draw, Market, write

BATCH = 50_000
CONNECTIONS = 2
TOLD = 20  # batches between progress messages
TABLES = ["leads_lead", "leads_contact", "leads_consent", "leads_leg"]
READ_OFTEN = ["leads_consent", "leads_consent_lead_id_key", "leads_lead", "leads_lead_pkey"]
# Nothing has to survive a crash while the stock is filled.
CARELESS = ("fsync = off", "full_page_writes = off", "autovacuum = off", "max_wal_size = '16GB'")
# Primary keys stay: other tables refer to them, and rows arrive in key order.
_UNIQUE = """
    SELECT conrelid::regclass::text, format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
        format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype = 'u' ORDER BY oid
"""
_INDEXES = """
    SELECT indrelid::regclass::text, format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = ANY(%s::regclass[]) AND NOT indisprimary
        AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid) ORDER BY indexrelid
"""


def fill_shelf(market: Market, leads: int) -> None:
    sizes = [BATCH] * (leads // BATCH) + [leads % BATCH] * bool(leads % BATCH)
    draws = (Draw(market, market.trades, size) for size in sizes)
    with _careless(), _bare(), ThreadPoolExecutor(CONNECTIONS) as writers:
        for number, _ in enumerate(writers.map(_write, draws), 1):
            if number % TOLD == 0:
                print(f"{number * BATCH:,}", end=" … ", file=sys.stderr, flush=True)


def _write(draw: Draw) -> None:
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        write(draw)


@contextmanager
def _careless() -> Iterator[None]:
    _say([f"ALTER SYSTEM SET {option}" for option in CARELESS])
    yield
    _say([f"ALTER SYSTEM RESET {option.partition(' ')[0]}" for option in CARELESS])
    os.sync()


def _say(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in (*statements, "SELECT pg_reload_conf()"):
            cursor.execute(statement)


@contextmanager
def _bare() -> Iterator[None]:
    """Remove from the tables what would be maintained row by row."""
    with connection.cursor() as cursor:
        cursor.execute(_UNIQUE, [TABLES])
        found = cursor.fetchall()
        cursor.execute(_INDEXES, [TABLES])
        found += cursor.fetchall()
        for _, drop, _ in found:
            cursor.execute(drop)
    yield
    makers = [[make for table, _, make in found if table == name] for name in TABLES]
    with ThreadPoolExecutor(CONNECTIONS) as indexers:
        list(indexers.map(_make, makers))


def _make(statements: list[str]) -> None:
    """Create the indexes of one table one after another: they would wait for each other's lock."""
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("SET max_parallel_maintenance_workers = 1")
        for statement in statements:
            cursor.execute(statement)


def read_in() -> None:
    """Load what pages read of leads into PostgreSQL's memory, as far as it fits: like a server running for a while,
    not one just started."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        for relation in READ_OFTEN:
            cursor.execute("SELECT pg_prewarm(%s)", [relation])
