"""Idempotency keys: the first answer, even a 500, is the answer for a day."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stripe_stand_in import errors
from stripe_stand_in.store import Store

KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class KeptAnswer:
    status: int
    body: dict[str, Any]
    original_request: str | None = None


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    said = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def recall(store: Store, key: str, said: str) -> KeptAnswer | None:
    since = store.now() - KEPT_SECONDS
    found = store.run(
        "SELECT fingerprint, status, body, request FROM answers WHERE key = ? AND created > ?", key, since
    )
    for known, status, body, request in found:
        if known != said:
            raise errors.Refusal(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        return KeptAnswer(status, json.loads(body), request)
    return None


def remember(store: Store, key: str, said: str, answer: KeptAnswer, request: str) -> None:
    values = (key, said, answer.status, json.dumps(answer.body), request, store.now())
    store.run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", *values)


class KeysInUse:
    """Two requests with one key at the same time: the second is told to retry."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] = set()

    @contextmanager
    def using(self, key: str | None) -> Iterator[None]:
        if key is None:
            yield
            return
        self._take(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)

    def _take(self, key: str) -> None:
        with self._lock:
            if key in self._keys:
                message = f"There is currently another in-progress request using this idempotent key: {key}."
                raise errors.Refusal(409, message, type="idempotency_error", code="idempotency_key_in_use")
            self._keys.add(key)
