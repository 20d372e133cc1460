"""A worker whose acts are killed on the way: ``python -m tests.faults.killed`` answers each JSON line with one line.

Each act runs in its own process, forked from this one, so that Django starts only once. The kill is wrapped around the
product from outside: after the n-th response from Stripe, or before the n-th COMMIT.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django


def main() -> None:
    django.setup()
    _say("ready")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _obey(json.loads(line))
        _, status = os.waitpid(child, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _obey(order: dict[str, Any]) -> None:
    from django.conf import settings
    from django.utils import timezone

    from tests.faults.acts import ACTS

    settings.STRIPE_API_BASE = order["stripe"]
    _kill_at(*order["moment"])
    try:
        ACTS[order["act"]](order["key"], timezone.now())
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _kill_at(what: str, number: int) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from billing.stripe import gateway

    if what == "commit":
        BaseDatabaseWrapper._commit = _deadly(BaseDatabaseWrapper._commit, number, after=False)
    else:
        name, _, when = what.partition(" ")
        setattr(gateway, name, _deadly(getattr(gateway, name), number, after=when == "answered"))


def _deadly(original: Callable[..., Any], number: int, *, after: bool) -> Callable[..., Any]:
    left = number

    def wrapped(*args: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = original(*args, **named)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped


if __name__ == "__main__":
    main()
