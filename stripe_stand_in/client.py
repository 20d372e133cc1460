"""The control port from a test: every action of the dashboard and the network is a method of the same name."""

import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Verb = Callable[..., dict[str, Any]]


class Refused(Exception):
    """The stand-in refused; the message says why."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.status = status
        self.error = error


class Control:
    """``Control(url).refund(payment="pi_…", amount=500)``; Dashboard and Network list the actions."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __getattr__(self, verb: str) -> Verb:
        if verb.startswith("_"):
            raise AttributeError(verb)
        return lambda **arguments: self._post(verb, arguments)

    def wait_for_webhooks(self, seconds: float = 10) -> None:
        """Wait until every event that is not held or dropped has been accepted."""
        until = time.monotonic() + seconds
        while self.state()["webhooks"]["due"]:
            if time.monotonic() > until:
                raise TimeoutError(f"Webhooks are still due: {self.state()['webhooks']}")
            time.sleep(0.02)

    def _post(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        try:
            connection.request("POST", f"/{verb}", json.dumps(arguments), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(response.status, answer["error"])
        return dict(answer)
