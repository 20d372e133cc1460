"""Events sent to the merchant: signed, over real HTTP, resent until they are accepted, even after a restart."""

import hashlib
import hmac
import http.client
import json
import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from stripe_stand_in.expansion import present
from stripe_stand_in.passing_time import at_work
from stripe_stand_in.store import Resource, Store

logger = logging.getLogger("stripe_stand_in")
SLOWEST_RETRY = 30.0
PATIENCE_SECONDS = 10
TICK_SECONDS = 0.5

UNPLANNED = "SELECT seq, id FROM resources WHERE kind = 'event' AND seq > ? ORDER BY seq"
PLAN = "INSERT INTO deliveries (event, state, attempts, due_at) VALUES (?, ?, 0, ?)"
DUE = "SELECT seq, event, attempts FROM deliveries WHERE state = 'due' AND due_at <= ? ORDER BY due_at, seq LIMIT ?"
TRIED = "UPDATE deliveries SET state = ?, attempts = attempts + 1, due_at = ?, last_status = ? WHERE seq = ?"
HELD = "SELECT seq FROM deliveries WHERE state = 'held' ORDER BY seq"


def signature(secrets: list[str], body: bytes, at: int) -> str:
    """Return a signature of Stripe's scheme, version 1: an HMAC of the time and the body for each valid secret."""
    signed = b"%d." % at + body
    marks = [hmac.digest(secret.encode(), signed, hashlib.sha256).hex() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


class Courier:
    """Delivers events in the order they happened, unless told to misbehave."""

    def __init__(self, store: Store, url: str | None, secret: str, first_retry: float) -> None:
        self.store = store
        self.url = url
        self.secrets = [secret]
        self.first_retry = first_retry
        self.is_holding = False
        self.copies = 1
        self.to_drop = 0
        self.delay = 0.0
        self.at_once = 1
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="stand-in-courier")
        self._thread = threading.Thread(target=self._run, name="stand-in-courier")

    def start(self) -> None:
        self.store.tell_news = self._news.set
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._news.set()
        self._thread.join()
        self._pool.shutdown()

    def nudge(self) -> None:
        self._news.set()

    def plan(self) -> None:
        """Plan each event's deliveries once; the last planned event is stored with them."""
        with self.store.transaction():
            for seq, event in self.store.run(UNPLANNED, self.store.number("planned")):
                self._plan_one(event)
                self.store.set_number("planned", seq)

    def _plan_one(self, event: str) -> None:
        if self.url is None:
            return
        state = "held" if self.is_holding else "due"
        if self.to_drop:
            self.to_drop -= 1
            state = "dropped"
        for _ in range(self.copies):
            self.store.run(PLAN, event, state, time.time() + self.delay)

    def hold(self) -> None:
        self.plan()
        self.is_holding = True

    def release(self, seed: int | None) -> int:
        """Send what was held, shuffled if there is a seed."""
        self.plan()
        self.is_holding = False
        held = [seq for (seq,) in self.store.run(HELD)]
        if seed is not None:
            random.Random(seed).shuffle(held)  # noqa: S311 (a repeatable order, not a secret)
        with self.store.transaction():
            for place, seq in enumerate(held):
                due_at = time.time() - 1 + place / 1_000_000
                self.store.run("UPDATE deliveries SET state = 'due', due_at = ? WHERE seq = ?", due_at, seq)
        self.nudge()
        return len(held)

    def forget_held(self) -> int:
        held = self.store.run(HELD)
        self.store.run("UPDATE deliveries SET state = 'dropped' WHERE state = 'held'")
        return len(held)

    def counts(self) -> dict[str, int]:
        self.plan()
        counts = dict.fromkeys(("due", "held", "done", "dropped"), 0)
        counts.update(self.store.run("SELECT state, count(*) FROM deliveries GROUP BY state"))
        return counts

    def deliver(self, event: Resource, *, secrets: list[str] | None = None, seconds_off: int = 0) -> int | None:
        """Deliver once, now. Return the status of the answer, or None if there was none."""
        body = json.dumps(present(event), separators=(",", ":")).encode()
        header = signature(secrets or self.secrets, body, int(time.time()) + seconds_off)
        try:
            return self._post(body, header)
        except (OSError, http.client.HTTPException) as trouble:
            logger.debug("webhook %s %s: %s", event["type"], event["id"], type(trouble).__name__)
            return None

    def _post(self, body: bytes, header: str) -> int:
        address = urlsplit(self.url or "")
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=PATIENCE_SECONDS)
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}
        path = address.path or "/"
        try:
            connection.request("POST", f"{path}?{address.query}" if address.query else path, body, headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            with at_work(self.store):
                pass
            self.plan()
            due = self.store.run(DUE, time.time(), self.at_once)
            list(self._pool.map(self._attempt, due))
            if not due:
                self._news.wait(self._pause())

    def _attempt(self, delivery: tuple[Any, ...]) -> None:
        seq, id, attempts = delivery
        event = self.store.find("event", id)
        status = self.deliver(event)
        taken = status is not None and 200 <= status < 300
        retry_at = time.time() + min(self.first_retry * 2 ** min(attempts, 16), SLOWEST_RETRY)
        logger.debug("webhook %s %s %s", event["type"], id, status or "no answer")
        with self.store.transaction():
            self.store.run(TRIED, "done" if taken else "due", retry_at, status, seq)
            if taken:
                self.store.save(self.store.find("event", id), pending_webhooks=0)

    def _pause(self) -> float:
        soonest = self.store.run("SELECT min(due_at) FROM deliveries WHERE state = 'due'")[0][0]
        if soonest is None:
            return TICK_SECONDS
        return max(0.0, min(TICK_SECONDS, soonest - time.time()))
