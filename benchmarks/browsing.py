"""Counts, facets and the first page of one vertical, against plain GROUPING SETS; and the page over HTTP."""

import http.client
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from benchmarks.figures import Figure, alternating, seconds
from benchmarks.stock import Market
from leads.criteria import read_criteria
from leads.models import Vertical
from marketplace.inventory.facets import count
from marketplace.inventory.search import page
from marketplace.inventory.shelf import Look, Ranking
from marketplace.pricing import curve_in_force
from marketplace.running import market_programs, web_answers
from marketplace.wishes import vertical_named

ROUNDS = 5
CONNECTIONS, VISITS = 4, 80
START_SECONDS = 60
CLAUSES = [{"field": "state", "in": ["CA", "TX"]}, {"field": "age_days", "min": 30, "max": 400}]
PATHS = ("/{}/", "/{}/?state=CA&state=TX", "/{}/?order=newest&age_min=30&age_max=400", "/{}/?order=cheapest")
_GROUPING = """
    SELECT state, phone_type, times_sold, kind, attributes->>'purpose' AS purpose, attributes->>'credit' AS credit,
        attributes->>'property_type' AS type, attributes->>'property_use' AS use, attributes->>'military' AS military,
        count(*), min(captured_at)
    FROM leads_lead WHERE vertical_id = %s AND legs_aged > 0 {wanted}
    GROUP BY GROUPING SETS ((), (state), (phone_type), (times_sold), (kind), (attributes->>'purpose'),
        (attributes->>'credit'), (attributes->>'property_type'), (attributes->>'property_use'),
        (attributes->>'military'))
"""
_PAGE = "SELECT * FROM leads_lead WHERE vertical_id = %s AND legs_aged > 0 {wanted} ORDER BY captured_at DESC LIMIT 50"
_WANTED = "AND state IN ('CA', 'TX') AND captured_at BETWEEN now() - interval '400 days' AND now() - interval '30 days'"


def measure(market: Market, leads: int) -> Iterator[Figure]:
    vertical = market.vertical("mortgage")
    for name, clauses, wanted in (("no filter", [], ""), ("two filters", CLAUSES, _WANTED)):
        taken, least = alternating(
            ROUNDS,
            partial(seconds, partial(_look, vertical, clauses)),
            partial(seconds, partial(_bare, vertical, wanted)),
        )
        yield Figure(f"count, all facets and first page of {leads:,} leads, {name}", 1000 * taken, "ms", 1000 * least)
    yield from _over_http(vertical, leads)


def _look(vertical: Vertical, clauses: Sequence[object]) -> None:
    criteria = read_criteria({"vertical": vertical.slug, "all": list(clauses)}, vertical_named)
    now = timezone.now()
    look = Look(vertical, criteria, curve_in_force(vertical, now), now)
    count(look)
    page(look, Ranking.NEWEST)


def _bare(vertical: Vertical, wanted: str) -> None:
    with connection.cursor() as cursor:
        for statement in (_GROUPING, _PAGE):
            cursor.execute(statement.format(wanted=wanted), [vertical.pk])
            cursor.fetchall()


def _over_http(vertical: Vertical, leads: int) -> Iterator[Figure]:
    call_command("collectstatic", interactive=False, verbosity=0)
    connections.close_all()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    web = market_programs(host="127.0.0.1", port=port, concurrency=1)[0]
    server = subprocess.Popen(web.command, env={**os.environ, **web.environment, "WEB_WORKERS": "2"})
    try:
        _wait_for(port)
        times = sorted(_visits(vertical, port))
    finally:
        server.terminate()
        server.wait(30)
    name = f"the browse page over HTTP, {leads:,} leads, {CONNECTIONS} connections"
    yield Figure(f"{name}, p50", statistics.median(times), "ms")
    yield Figure(f"{name}, p99", times[int(len(times) * 0.99)], "ms")


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while not web_answers("127.0.0.1", port):
        assert time.monotonic() < until, "the web server does not answer"
        time.sleep(0.2)


def _visits(vertical: Vertical, port: int) -> list[float]:
    paths = [path.format(vertical.slug) for path in PATHS]
    with ThreadPoolExecutor(CONNECTIONS) as visitors:
        each = VISITS // CONNECTIONS
        found = [visitors.submit(_visit, port, list(islice(cycle(paths), each))) for _ in range(CONNECTIONS)]
        return [taken for one in found for taken in one.result()]


def _visit(port: int, paths: list[str]) -> list[float]:
    """One connection, kept open; the milliseconds of each page."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken = []
    for path in paths:
        started = time.perf_counter()
        client.request("GET", path, headers={"Host": f"localhost:{settings.PORT}"})
        response = client.getresponse()
        response.read()
        taken.append(1000 * (time.perf_counter() - started))
        assert response.status == http.client.OK, f"{path} answers {response.status}"
    client.close()
    return taken
