"""A wallet's statement: any page, with its opening and closing balance, whatever the number of entries."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.figures import Figure, Goal, seconds
from benchmarks.stock import Market, new_buyer
from billing.ledger import house_account, wallet_of
from billing.models import Account
from billing.statements import EVER, Period, page_of, rows_of, statement_of

ENTRIES_PER_LEAD, MOST = 10, 1_000_000
ROUNDS = 20
YEARS = timedelta(days=3 * 365)
_FILL = """
    WITH posted AS (
        INSERT INTO billing_transaction (public_id, kind, reference, memo, actor, posted_at, stripe_id)
        SELECT gen_random_uuid(), CASE WHEN n %% 10 = 0 THEN 'credit' ELSE 'order' END, gen_random_uuid()::text,
            '12 leads, order 1A2B3C4D', 'pat@example.com', %(since)s + %(span)s * (n / %(entries)s::float), ''
        FROM generate_series(1, %(entries)s) AS n
        RETURNING id, kind, posted_at
    ), moved AS (
        SELECT id, posted_at, CASE WHEN kind = 'credit' THEN 9000 ELSE -1000 END AS cents FROM posted
    )
    INSERT INTO billing_entry (transaction_id, account_id, cents, posted_at, balance_cents)
    SELECT id, %(wallet)s, cents, posted_at, sum(cents) OVER (ORDER BY id) + 1000000000 FROM moved
    UNION ALL
    SELECT id, %(sales)s, -cents, posted_at, NULL FROM moved
    ORDER BY 1, 2
"""
_EMPTY = """
    WITH filled AS MATERIALIZED (
        SELECT posted.id FROM billing_transaction AS posted
        JOIN billing_entry AS entry ON entry.transaction_id = posted.id
        WHERE entry.account_id = %(wallet)s AND posted.memo = '12 leads, order 1A2B3C4D'
    ), gone AS (
        DELETE FROM billing_entry WHERE transaction_id IN (SELECT id FROM filled)
    )
    DELETE FROM billing_transaction WHERE id IN (SELECT id FROM filled)
"""
_BARE = """
    SELECT posted.public_id, posted.kind, posted.reference, posted.memo, posted.actor, payment.public_id,
        payment.purpose, entry.posted_at, entry.cents, entry.balance_cents
    FROM billing_entry AS entry JOIN billing_transaction AS posted ON posted.id = entry.transaction_id
    LEFT JOIN billing_payment AS payment ON payment.id = posted.payment_id
    WHERE entry.account_id = %s AND entry.id < %s ORDER BY entry.id DESC LIMIT 51
"""


def measure(market: Market, leads: int) -> Iterator[Figure]:
    entries = min(MOST, leads * ENTRIES_PER_LEAD)
    wallet, sales = wallet_of(new_buyer()), house_account(Account.Kind.SALES)
    with _filled(wallet, sales, entries):
        yield from _figures(wallet, sales, entries)


def _figures(wallet: Account, sales: Account, entries: int) -> Iterator[Figure]:
    middle = _row_at(wallet, entries // 2)
    period = _month_in_the_middle()
    pages: dict[str, tuple[Period, UUID | None]] = {
        "the newest page": (EVER, None),
        "a page in the middle": (EVER, middle),
        "the oldest page": (EVER, _row_at(wallet, entries - 60)),
        "a month in the middle": (period, None),
    }
    for name, (days, before) in pages.items():
        ours, floor = _both(wallet, days, before)
        yield Figure(f"statement of {entries:,} entries, {name}", ours, "s", floor, Goal("value", at_most=0.1))
    operators = _median(lambda: page_of(statement_of(sales, period)))
    yield Figure(f"a month of an account without balances, {entries:,} entries summed up", operators, "s")
    taken = seconds(lambda: sum(1 for _ in rows_of(statement_of(wallet))))
    yield Figure(f"all {entries:,} rows of a statement, batch by batch", taken, "s")


def _both(wallet: Account, days: Period, before: UUID | None) -> tuple[float, float]:
    found = statement_of(wallet, days)
    first = page_of(found, before=before).rows[0].public_id
    entry = wallet.entries.get(transaction__public_id=first).pk
    ours = _median(lambda: page_of(statement_of(wallet, days), before=before))
    return ours, _median(lambda: _bare(wallet.pk, entry + 1))


def _median(work: Callable[[], object]) -> float:
    return statistics.median(seconds(work) for _ in range(ROUNDS))


def _bare(wallet: int, before: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BARE, [wallet, before])
        cursor.fetchall()


def _row_at(wallet: Account, place: int) -> UUID:
    """Return the transaction this many rows from the newest."""
    entry = wallet.entries.select_related("transaction").order_by("-id")[place]
    return entry.transaction.public_id


def _month_in_the_middle() -> Period:
    middle = (timezone.now() - YEARS / 2).date()
    return Period(middle, middle + timedelta(days=30))


@contextmanager
def _filled(wallet: Account, sales: Account, entries: int) -> Iterator[None]:
    """Fill a wallet with entries and delete them afterwards: on a kept stock, the audit would miss their orders."""
    values = {"since": timezone.now() - YEARS, "span": YEARS, "entries": entries}
    _asleep(_FILL, {**values, "wallet": wallet.pk, "sales": sales.pk})
    try:
        yield
    finally:
        _asleep(_EMPTY, {"wallet": wallet.pk})


def _asleep(statement: str, values: dict[str, Any]) -> None:
    """Run a statement with triggers disabled, as for the stock; the wallet's own balance is not updated."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) billing_entry, billing_transaction")
