"""Kill -9 between Stripe's response and our commit: the next request finds out, and no cent is lost or doubled."""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing.stripe import gateway
from billing.stripe.gateway import GatewayUnavailable
from stripe_stand_in import Control
from tests.faults.acts import ACTS, sweep
from tests.faults.scenes import (
    BANKED,
    CHARGE,
    COMPLETED,
    DISPUTED,
    HEARD,
    HEARD_REFUND,
    PAGE,
    REFUND,
    SETTLED,
    TRANSFER,
    assert_books_agree,
    let_time_pass,
    pay_open_pages,
    sums,
    unknown,
)

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PATIENCE = 20
KILLS = [
    (PAGE, "create_customer answered", 1),
    (PAGE, "create_checkout answered", 1),
    (PAGE, "commit", 2),  # that there is a customer is in the first
    (SETTLED, "fetch_checkout answered", 1),
    (SETTLED, "commit", 1),
    (COMPLETED, "fetch_checkout answered", 1),
    (COMPLETED, "commit", 1),  # of the credit
    (COMPLETED, "commit", 2),  # of the order
    (REFUND, "create_refund asked", 1),
    (REFUND, "create_refund answered", 1),
    (REFUND, "commit", 2),  # the wallet gave it up in the first
    (CHARGE, "charge_saved_card answered", 1),
    (CHARGE, "commit", 1),
    (TRANSFER, "transfer answered", 1),
    (TRANSFER, "commit", 1),
    (HEARD, "fetch_checkout answered", 1),
    (DISPUTED, "commit", 1),
    (HEARD_REFUND, "commit", 1),
    (BANKED, "commit", 1),
]
"""What is running and where it is killed: before or after the n-th request to Stripe, or before the n-th COMMIT."""
DEATHS = [(PAGE, "checkout/sessions"), (REFUND, "refunds"), (CHARGE, "payment_intents"), (TRANSFER, "transfers")]


@pytest.fixture(scope="module")
def worker(django_db_setup):
    """A worker that can be killed any number of times: it forks for each act."""
    of = connection.settings_dict
    address = f"{quote(of['USER'])}:{quote(of['PASSWORD'])}@{quote(of['HOST'], safe='')}:{of['PORT'] or 5432}"
    ours = {
        "DATABASE_URL": f"postgresql://{address}/{quote(of['NAME'])}",
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "MODE": "test",
        "STRIPE_SECRET_KEY": "sk_test_of_the_stand_in",
    }
    command = [sys.executable, "-m", "tests.faults.killed"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env={**os.environ, **ours}, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()
        process.wait(PATIENCE)


def status_of(worker, scene, key, what, number):
    """Return how the act ended in its own process."""
    order = {"act": scene.act, "key": key, "moment": [what, number], "stripe": settings.STRIPE_API_BASE}
    worker.stdin.write(f"{json.dumps(order)}\n")
    worker.stdin.flush()
    return int(worker.stdout.readline())


@pytest.mark.parametrize(("scene", "what", "number"), KILLS, ids=[f"{one[0]}: {one[1]} {one[2]}" for one in KILLS])
def test_killed_on_the_way_it_comes_to_the_same_end(control, worker, scene, what, number):
    key = scene.arrange(control)

    assert status_of(worker, scene, key, what, number) == -signal.SIGKILL
    assert unknown() != []
    if what == "create_customer answered":
        ACTS[scene.act](key, timezone.now())  # there is no page yet: the buyer presses the button again
    sweep(timezone.now() + 10 * MINUTE)
    pay_open_pages(control)
    let_time_pass(control, 10 * MINUTE, HOUR)

    assert sums() == scene.sums
    assert unknown() == []
    assert_books_agree()


@pytest.mark.parametrize("scene", [COMPLETED, TRANSFER], ids=str)
def test_nothing_kills_what_runs_to_its_end(control, worker, scene):
    """The control run: the same worker, not killed, does everything by itself, and no sweep is needed."""
    key = scene.arrange(control)

    assert status_of(worker, scene, key, "commit", 100) == 0

    assert sums() == scene.sums
    assert_books_agree()


class Stripe:
    """The stand-in as a process, so that it can be killed; its state is in its file."""

    def __init__(self, state) -> None:
        self.state = state
        self.port, control_port = _free_port(), _free_port()
        self.url, self.control = f"http://127.0.0.1:{self.port}", Control(f"http://127.0.0.1:{control_port}")
        command = [sys.executable, "-m", "stripe_stand_in", "--port", self.port, "--control-port", control_port]
        self.command = [str(part) for part in (*command, "--state", state)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
        assert "no money moves here" in self.process.stdout.readline()
        self.process.stdout.readline()

    def end(self) -> int:
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return status


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def mortal(stripe_settings, tmp_path):
    stripe = Stripe(tmp_path / "stripe")
    stripe_settings.STRIPE_API_BASE = stripe.url
    yield stripe
    stripe.process.kill()
    stripe.end()
    gateway._connected.cache_clear()


@pytest.mark.parametrize(("scene", "noun"), DEATHS, ids=[noun for _, noun in DEATHS])
def test_the_other_side_dies_before_its_answer_and_is_asked_again(mortal, scene, noun):
    key = scene.arrange(mortal.control)
    mortal.control.mishap(kind="die", path=f"POST /v1/{noun}")

    try:
        ACTS[scene.act](key, timezone.now())
    except GatewayUnavailable:
        assert scene is PAGE
    assert mortal.end() == -signal.SIGKILL
    sweep(timezone.now() + MINUTE)  # nobody answers
    assert unknown() != []
    mortal.start()
    sweep(timezone.now() + 10 * MINUTE)
    pay_open_pages(mortal.control)
    let_time_pass(mortal.control, 10 * MINUTE, HOUR)

    assert sums() == scene.sums
    assert unknown() == []
    assert_books_agree()
