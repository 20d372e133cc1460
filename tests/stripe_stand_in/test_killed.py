"""kill -9 between the action and its answer, in a separate process: after a restart everything is consistent."""

import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from stripe_stand_in import Control
from tests.stripe_stand_in.conftest import SECRET, client_of

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    def __init__(self, state: Path, webhook_url: str) -> None:
        self.port, control_port = free_port(), free_port()
        command = [sys.executable, "-m", "stripe_stand_in", "--port", self.port, "--control-port", control_port]
        command += ["--state", state, "--webhook-url", webhook_url, "--webhook-secret", SECRET, "--first-retry", "0.05"]
        self.process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = self.process.stdout.readline() + self.process.stdout.readline()
        self.control = Control(f"http://127.0.0.1:{control_port}")
        self.stripe = client_of(f"http://127.0.0.1:{self.port}").v1

    def wait(self) -> int:
        status = self.process.wait(10)
        self.said += self.process.stdout.read()
        self.process.stdout.close()
        return status

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


def test_payment_killed_before_its_answer_is_whole_after_a_restart(tmp_path, merchant):
    state = tmp_path / "state"
    asked = {"amount": 25_00, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    key = {"idempotency_key": "topup-42"}
    before = Process(state, merchant.url)
    before.control.hold_webhooks()
    before.control.mishap(kind="die", path="POST /v1/payment_intents")
    with pytest.raises(stripe.APIConnectionError):
        before.stripe.payment_intents.create(asked, key)
    assert before.wait() == -signal.SIGKILL

    after = Process(state, merchant.url)
    paid = after.stripe.payment_intents.create(asked, key)

    assert paid.last_response.headers["Idempotent-Replayed"] == "true"
    assert [intent.id for intent in after.stripe.payment_intents.list().data] == [paid.id]
    (entry,) = after.stripe.balance_transactions.list().data
    assert (entry.source, after.stripe.balance.retrieve().available[0].amount) == (paid.latest_charge, 25_00 - 103)
    after.control.wait_for_webhooks()
    assert merchant.types() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert after.stop() == 0
    assert "no money moves here" in after.said and "Traceback" not in after.said
    assert "POST /v1/payment_intents 200" in after.said


def test_killed_at_any_moment_each_key_has_its_effect_once(tmp_path, merchant):
    state = tmp_path / "state"
    asked = {"amount": 1_00, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    acknowledged: dict[int, str] = {}
    for life in range(3):
        running = Process(state, merchant.url)
        try:
            for number in range(10_000):
                if number == 15 * (life + 1):
                    killing = subprocess.Popen(["sh", "-c", f"sleep 0.03; kill -9 {running.process.pid}"])
                made = running.stripe.payment_intents.create(asked, {"idempotency_key": f"k{number}"})
                assert acknowledged.setdefault(number, made.id) == made.id
        except stripe.APIConnectionError:
            killing.wait()
        assert running.wait() == -signal.SIGKILL

    with sqlite3.connect(state) as books:
        kinds = dict(books.execute("SELECT kind, count(*) FROM resources GROUP BY kind").fetchall())
        (answers,) = books.execute("SELECT count(*) FROM answers").fetchone()
        (net,) = books.execute(
            "SELECT sum(json_extract(body, '$.net')) FROM resources WHERE kind = 'balance_transaction'"
        ).fetchone()
    books.close()

    assert len(acknowledged) >= 45
    assert len(acknowledged) <= answers <= len(acknowledged) + 1
    assert kinds["payment_intent"] == kinds["charge"] == kinds["balance_transaction"] == answers
    assert kinds["event"] == 3 * answers
    assert net == answers * (100 - 33)
