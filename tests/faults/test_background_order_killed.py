"""A worker killed in the middle of a large order leaves nothing behind, and the next one places the order."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from urllib.parse import quote as quoted

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing.ledger import balance_cents
from leads.criteria.criteria import Criteria
from leads.models import Leg
from marketplace.audit import violations
from marketplace.models import BackgroundOrder, Order, Sale
from marketplace.orders import background
from marketplace.orders.background import ask_for, work_on
from marketplace.orders.checkout import OrderAttempt
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import Selection
from tests.factories import make_market

LEADS = 40
# A worker in a process of its own that kills itself: before the n-th batch of sales, or at the commit after the last.
WORKER = """
import os, signal, sys
import django
django.setup()
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from marketplace.orders import background, checkout, sales
sales.BATCH = 10
left = int(sys.argv[2])

def deadly(original):
    def wrapped(*args, **named):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **named)
    return wrapped

sales._insert_sales = deadly(sales._insert_sales)
background._finish = deadly(background._finish)
background.work_on(int(sys.argv[1]), clock=timezone.now)
"""


def killed_at(one, moment):
    of = connection.settings_dict
    address = f"{quoted(of['USER'])}:{quoted(of['PASSWORD'])}@{quoted(of['HOST'], safe='')}:{of['PORT'] or 5432}"
    worker = subprocess.run(
        [sys.executable, "-c", WORKER, str(one.pk), str(moment)],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "DATABASE_URL": f"postgresql://{address}/{quoted(of['NAME'])}",
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert worker.returncode == -signal.SIGKILL, worker.stderr.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("moment", "done"), [(1, 0), (3, 20), (5, 40)])
def test_a_killed_worker_leaves_nothing_and_the_next_one_places_the_order(monkeypatch, moment, done):
    monkeypatch.setattr(background, "LARGE", 3)
    market = make_market()
    market.leads(LEADS)
    order_request = Selection(Criteria.anything(market.vertical), LEADS)
    token = token_of(quote(order_request, buyer=market.buyer, now=market.now))
    one = ask_for(OrderAttempt(market.buyer, None, token, "k", False, market.now))

    killed_at(one, moment)

    one.refresh_from_db()
    assert (one.status, one.tries, one.done) == ("working", 1, done)
    assert balance_cents(market.buyer) == 100_000
    assert not Order.objects.exists()
    assert not Sale.objects.exists()
    assert not Leg.objects.filter(status="sold").exists()
    assert violations() == []
    work_on(one.pk, clock=timezone.now)
    one.refresh_from_db()
    assert one.status == "working"

    work_on(one.pk, clock=lambda: timezone.now() + timedelta(minutes=2))

    one.refresh_from_db()
    assert (one.status, one.tries, one.done) == ("done", 2, LEADS)
    assert BackgroundOrder.objects.count() == Order.objects.count() == 1
    assert Sale.objects.count() == LEADS
    assert balance_cents(market.buyer) == 100_000 - LEADS * 220
