"""Stripe's API as far as we use it: authentication, version, idempotency keys, and deliberate failures."""

import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from stripe_stand_in import errors, parameters, routes
from stripe_stand_in.expansion import expand, present
from stripe_stand_in.idempotency import KeptAnswer, KeysInUse, fingerprint, recall, remember
from stripe_stand_in.mishaps import Fate, Mishaps
from stripe_stand_in.parameters import Params
from stripe_stand_in.passing_time import at_work
from stripe_stand_in.routing import Route
from stripe_stand_in.store import Origin, Store
from stripe_stand_in.web import Reply, Request

EXPANSION = parameters.sequence(parameters.text)


@dataclass(frozen=True)
class Call:
    """A request that was parsed and validated."""

    request: str
    key: str | None
    said: str
    route: Route
    ids: tuple[str, ...]
    params: Params
    expand: list[str]


class Api:
    def __init__(self, store: Store, mishaps: Mishaps) -> None:
        self.store = store
        self.mishaps = mishaps
        self.counters: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._keys = KeysInUse()

    def __call__(self, request: Request) -> Reply:
        fate = self.mishaps.befall(request.method, request.path)
        try:
            call = self._understand(request)
            with self._keys.using(call.key):
                time.sleep(fate.delay)
                answer = self._answer(call, fate)
            if "die" in fate:
                os.kill(os.getpid(), signal.SIGKILL)
        except errors.Refusal as refusal:
            answer = KeptAnswer(refusal.status, refusal.body())
        self._count(request, answer.status)
        return self._reply(request, answer, is_lost="lose_answer" in fate)

    def _understand(self, request: Request) -> Call:
        self._authenticate(request)
        route, ids = routes.find(request.method, request.path)
        said = parameters.decode("&".join(part for part in (request.query, request.body) if part))
        expansion = EXPANSION(said.pop("expand", {}), "expand")
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is not None and not 0 < len(key) <= 255:
            raise errors.invalid("An idempotency key must have 1 to 255 characters.")
        params = route.form.read(said)
        digest = fingerprint(request.method, request.path, {**said, "expand": expansion})
        return Call(request.id, key, digest, route, ids, params, expansion)

    def _authenticate(self, request: Request) -> None:
        if not (request.headers.get("Authorization") or "").startswith("Bearer sk_test_"):
            raise errors.Refusal(401, "Invalid API Key provided. The stand-in accepts test keys (sk_test_) only.")
        wanted, given = self.store.terms.api_version, request.headers.get("Stripe-Version")
        if given != wanted:
            raise errors.invalid(f"Invalid Stripe API version: {given}. The stand-in accepts {wanted} only.")

    def _answer(self, call: Call, fate: Fate) -> KeptAnswer:
        """Commit the effect, its events and the remembered answer in one transaction."""
        with at_work(self.store):
            if call.key and (known := recall(self.store, call.key, call.said)):
                return known
            answer = self._act(call, fate)
            if call.key:
                remember(self.store, call.key, call.said, answer, call.request)
        return answer

    def _act(self, call: Call, fate: Fate) -> KeptAnswer:
        broken = KeptAnswer(500, errors.broken().body())
        if "fail_before" in fate:
            return broken
        self.store.origin = Origin(call.request, call.key)
        try:
            with self.store.undone_if_refused():
                answer = KeptAnswer(200, self._perform(call))
        except errors.Refusal as refusal:
            answer = KeptAnswer(refusal.status, refusal.body())
        finally:
            self.store.origin = Origin()
        return broken if "fail_after" in fate else answer

    def _perform(self, call: Call) -> dict[str, Any]:
        resource = call.route.act(self.store, call.params, *call.ids)
        return expand(self.store, present(resource), call.expand)

    def _count(self, request: Request, status: int) -> None:
        noun = request.path.removeprefix("/v1/").split("/")[0]
        with self._counting:
            self.counters[f"{request.method} {noun} {status}"] += 1

    def _reply(self, request: Request, answer: KeptAnswer, *, is_lost: bool) -> Reply:
        headers = {"Request-Id": request.id, "Stripe-Version": self.store.terms.api_version}
        if key := request.headers.get("Idempotency-Key"):
            headers["Idempotency-Key"] = key
        if answer.original_request:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.original_request}
        return Reply(answer.status, json.dumps(answer.body).encode(), headers=headers, is_lost=is_lost)
