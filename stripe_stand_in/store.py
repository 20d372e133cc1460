"""All the stand-in's data, in one SQLite file. A request's effect and its remembered answer commit together."""

import json
import secrets
import sqlite3
import string
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stripe_stand_in import errors

Resource = dict[str, Any]
ALPHABET = string.ascii_letters + string.digits
MAX_PAGE = 100

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS resources_by_kind ON resources (kind, seq);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    due_at REAL NOT NULL, last_status INTEGER);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due_at);
CREATE TABLE IF NOT EXISTS reminders (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, due_at INTEGER NOT NULL, verb TEXT NOT NULL, subject TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS reminders_due ON reminders (due_at);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
MATCHING = """
FROM resources WHERE kind = :kind AND created BETWEEN :since AND :until AND seq > :above AND seq < :below
AND NOT EXISTS (SELECT 1 FROM json_each(:equal) AS wanted
                WHERE json_extract(resources.body, '$.' || wanted.key) IS NOT wanted.value)
AND (:types = '[]' OR json_extract(body, '$.type') IN (SELECT value FROM json_each(:types)))
"""
NEWEST_FIRST = f"SELECT body {MATCHING} ORDER BY seq DESC LIMIT :limit"
OLDEST_FIRST = f"SELECT body {MATCHING} ORDER BY seq LIMIT :limit"


@dataclass(frozen=True)
class Terms:
    """The merchant's settings at this Stripe: where it is reached and how long banks take, in seconds."""

    api_version: str
    merchant: str
    bank_delay: int
    settlement_delay: int
    public_url: str = ""


@dataclass(frozen=True)
class Origin:
    """The request that caused an event."""

    id: str | None = None
    idempotency_key: str | None = None


class Store:
    def __init__(self, path: str, terms: Terms) -> None:
        self.terms = terms
        self.origin = Origin()
        self.has_news = False
        self.tell_news: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)
        self._ahead = self.number("clock_ahead")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            news, self.has_news = self.has_news, False
        if news:
            self.tell_news()

    @contextmanager
    def undone_if_refused(self) -> Iterator[None]:
        """Within a transaction: a refusal undoes what was done before it."""
        self._connection.execute("SAVEPOINT attempt")
        try:
            yield
        except errors.Refusal as refusal:
            if not refusal.keeps_effects:
                self._connection.execute("ROLLBACK TO attempt")
            raise
        finally:
            self._connection.execute("RELEASE attempt")

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def now(self) -> int:
        return int(time.time()) + self._ahead

    def advance(self, seconds: int) -> None:
        self._ahead += seconds
        self.set_number("clock_ahead", self._ahead)

    def number(self, name: str) -> int:
        return next((row[0] for row in self.run("SELECT value FROM numbers WHERE name = ?", name)), 0)

    def set_number(self, name: str, value: int) -> None:
        self.run("INSERT OR REPLACE INTO numbers VALUES (?, ?)", name, value)

    def add(self, kind: str, prefix: str, **fields: Any) -> Resource:
        id = new_id(prefix)
        resource = {"id": id, "object": kind, "created": self.now(), **fields}
        self.run(
            "INSERT INTO resources (id, kind, created, body) VALUES (?, ?, ?, ?)",
            *(id, kind, resource["created"], json.dumps(resource)),
        )
        return resource

    def save(self, resource: Resource, **changes: Any) -> Resource:
        resource.update(changes)
        self.run("UPDATE resources SET body = ? WHERE id = ?", json.dumps(resource), resource["id"])
        return resource

    def find(self, kind: str, id: str, param: str = "id") -> Resource:
        for (body,) in self.run("SELECT body FROM resources WHERE id = ? AND kind = ?", id, kind):
            return dict(json.loads(body))
        raise errors.no_such(kind.replace("checkout.session", "checkout session"), id, param)

    def find_any(self, id: str) -> Resource | None:
        return next((json.loads(body) for (body,) in self.run("SELECT body FROM resources WHERE id = ?", id)), None)

    def everything(self, kind: str, **equal: Any) -> list[Resource]:
        return self.page(kind, limit=-1, equal=equal)

    def page(
        self,
        kind: str,
        *,
        limit: int,
        equal: dict[str, Any],
        types: list[str] | None = None,
        since: int = 0,
        until: int = 2**62,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> list[Resource]:
        """Newest first. Without a cursor, from the newest; with ``ending_before``, the ones just before it."""
        asked = {
            "kind": kind,
            "limit": limit,
            "equal": json.dumps(equal),
            "types": json.dumps(types or []),
            "since": since,
            "until": until,
            "below": self._place(starting_after, "starting_after", kind) if starting_after else 2**62,
            "above": self._place(ending_before, "ending_before", kind) if ending_before else 0,
        }
        with self._lock:
            rows = self._connection.execute(OLDEST_FIRST if ending_before else NEWEST_FIRST, asked).fetchall()
        found = [json.loads(body) for (body,) in rows]
        return found[::-1] if ending_before else found

    def _place(self, id: str, param: str, kind: str) -> int:
        for (seq,) in self.run("SELECT seq FROM resources WHERE id = ? AND kind = ?", id, kind):
            return int(seq)
        raise errors.Refusal(400, f"No such {kind}: '{id}'", param=param, code="resource_missing")

    def remind(self, due_at: int, verb: str, subject: str) -> None:
        self.run("INSERT INTO reminders (due_at, verb, subject) VALUES (?, ?, ?)", due_at, verb, subject)


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(length))}"
