"""The memory of a web process, and whether it grows over thousands of pages while the stock changes."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from benchmarks.clients import visit
from benchmarks.figures import Figure, Goal
from benchmarks.serving import visited
from benchmarks.stock import Market
from benchmarks.web import web
from leads.models import Leg

CONNECTIONS = 2
WARMING, VISITS = 1000, 10_000
PATIENCE = 300  # seconds
CHANGES_A_SECOND, LEGS_A_CHANGE, LOOKED_AT = 5, 20, 100
_CLOSE = "UPDATE leads_leg SET status = 'closed', closed_reason = 'faulty', ended_at = now() WHERE id = ANY(%s)"


def measure(market: Market, leads: int) -> Iterator[Figure]:
    paths = visited(market, leads)
    with web(1) as served, _changing_stock() as changed:
        visit(served.port, paths, connections=CONNECTIONS, visits=WARMING, patience=PATIENCE)
        whole, own = served.worker_megabytes(), served.own_megabytes()
        visits = visit(served.port, paths, connections=CONNECTIONS, visits=VISITS, patience=PATIENCE)
        whole_after, own_after = served.worker_megabytes(), served.own_megabytes()
    name = f"over {len(visits.milliseconds):,} pages while {sum(changed):,} legs go"
    yield Figure("a web process holds", whole, "MB")
    yield Figure("a web process holds without pages of the snapshot", own, "MB")
    yield Figure(f"its memory grows {name}", whole_after - whole, "MB")
    grown = own_after - own
    yield Figure(f"without pages of the snapshot it grows {name}", grown, "MB", goal=Goal("value", at_most=10))


@contextmanager
def _changing_stock() -> Iterator[list[int]]:
    """Close open legs all over the stock in the meantime; the list grows by how many, change by change."""
    ended, changed = threading.Event(), list[int]()
    closer = threading.Thread(target=_close_legs, args=(ended, changed))
    closer.start()
    try:
        yield changed
    finally:
        ended.set()
        closer.join()


def _close_legs(ended: threading.Event, changed: list[int]) -> None:
    newest, dice = Leg.objects.order_by("-pk").values_list("pk", flat=True)[0], random.Random()
    while not ended.wait(1 / CHANGES_A_SECOND):
        some = dice.sample(range(1, newest + 1), LOOKED_AT)
        with transaction.atomic():
            legs = Leg.objects.filter(pk__in=some, status="open", market="aged").values_list("pk", flat=True)
            with connection.cursor() as cursor:
                cursor.execute(_CLOSE, [list(legs[:LEGS_A_CHANGE])])
                changed.append(cursor.rowcount)
    connection.close()
