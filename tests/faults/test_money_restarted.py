"""The database is restarted under load: answered acts are kept, unanswered ones get resolved, nothing runs twice."""

import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.conf import settings

from marketplace.ops.postgres.cluster import Cluster
from tests.faults.load import BUYERS, CENTS
from tests.faults.scenes import fee

PATIENCE = 60
RESTARTS, BETWEEN = 3, 1.5
FIRST_CENTS = 100


@pytest.fixture
def cluster(tmp_path):
    """Commits survive a crash of this server, unlike those of the tests' server; power cuts are not tested."""
    cluster = Cluster(tmp_path / "postgres", ("fsync=off",))
    cluster.ensure_running()
    yield cluster
    cluster.destroy()


@pytest.fixture
def market(cluster, stand_in):
    of = cluster.django_settings()
    address = f"{of['USER']}:{quote(of['PASSWORD'])}@{quote(of['HOST'], safe='')}:{of['PORT']}/{of['NAME']}"
    ours = {
        "DATABASE_URL": f"postgresql://{address}",
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "MODE": "test",
        "STRIPE_SECRET_KEY": settings.STRIPE_SECRET_KEY,
        "STRIPE_API_BASE": stand_in.url,
    }
    command = [sys.executable, "-m", "tests.faults.load", stand_in.control.url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env={**os.environ, **ours}, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def restart_at_once(cluster):
    """Stop like ``pg_ctl -m immediate``: wait for nobody, write nothing out."""
    os.kill(cluster.pid(), signal.SIGQUIT)
    until = time.monotonic() + PATIENCE
    while cluster.pid():
        assert time.monotonic() < until
        time.sleep(0.02)
    cluster.ensure_running()


def test_a_database_that_dies_under_load_loses_and_doubles_nothing(cluster, market, control):
    for _ in range(RESTARTS):
        time.sleep(BETWEEN)
        restart_at_once(cluster)
    time.sleep(BETWEEN)
    said, _ = market.communicate("enough\n", timeout=PATIENCE)
    assert market.returncode == 0
    report = json.loads(said)

    assert report["unknown"] >= RESTARTS
    assert report["present"] == report["answered"]
    assert all(len(answered) >= BUYERS for answered in report["answered"].values())
    assert report["payments"] == len(report["answered"]["top_ups"])
    charged = [one["amount"] for one in control.everything(kind="charge")["data"]]
    assert charged == [CENTS] * report["payments"]
    assert report["sums"]["stripe"] == -report["payments"] * (CENTS - fee(CENTS))
    assert report["sums"]["sales"] == sum(int(order.split()[1]) for order in report["present"]["orders"])
    assert report["sums"]["wallet"] == BUYERS * FIRST_CENTS + 100_000 + sum(charged) - report["sums"]["sales"]
    assert (report["violations"], report["compared"], report["differences"]) == ([], "agreed", [])
