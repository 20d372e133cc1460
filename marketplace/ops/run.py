"""The whole market as one foreground command: what it prepares, which programs run, when it is ready."""

import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from marketplace.ops.queue import ensure_queue
from marketplace.ops.supervisor import Program, Supervisor

Report = Callable[[str], None]
STOP_ORDER = ("beat", "web", "worker", "stripe")  # no new work, no new requests, then finish what has started
WEB_THREADS = 4
REQUESTS_WAITING = 128  # per web process; beyond that a connection waits in the listen queue

# Each thread of a web process would keep its own heap for the sets that a response builds and drops, as large as its
# largest response. Most of that work happens under one lock: two heaps are enough, and the process stays smaller.
FEW_ARENAS = {"MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2")}

# Celery warns against running as root because of pickle; this worker accepts only JSON.
ROOT_WORKER_WARNING = "ignore:You're running the worker with superuser privileges"


@contextlib.contextmanager
def step(report: Report, what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    report(f"{what} in {time.monotonic() - started:.1f} s")


def check_port_is_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} can't be used ({error.strerror}). Choose another one, such as PORT=8001."
            ) from error


@contextlib.contextmanager
def interruptible(report: Report) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM end a command cleanly, without a traceback and with the database stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except KeyboardInterrupt:
        report("stopped")
        sys.exit(128 + signal.SIGINT)


def site_address(port: int) -> str:
    return str(settings.SITE_URL) if port == settings.PORT else f"http://localhost:{port}"


def make_ready(report: Report) -> None:
    """Prepare the database, migrations, queue and static files. Each step is safe to repeat."""
    if settings.EMBEDDED_CLUSTER:
        with step(report, "started PostgreSQL"):
            settings.EMBEDDED_CLUSTER.ensure_running()
    with step(report, "migrated the database"):
        call_command("migrate", interactive=False, verbosity=0)
        ensure_queue()
    with step(report, "collected static files"):
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0)


def market_programs(*, host: str, port: int, web_workers: int, concurrency: int) -> list[Program]:
    module = [sys.executable, "-m"]
    web = [*module, "granian", "--interface", "wsgi", "--no-ws", "--host", host, "--port", str(port)]
    web += ["--workers", str(web_workers), "--blocking-threads", str(WEB_THREADS)]
    web += ["--backpressure", str(REQUESTS_WAITING), "--workers-kill-timeout", "2", "--log-level", "warning"]
    celery = [*module, "celery", "--quiet", "-A", "marketplace"]
    worker = [*celery, "worker", "-c", str(concurrency), "--without-gossip", "--without-mingle", "-l", "WARNING"]
    beat = [*celery, "beat", "--pidfile=", "-s", str(settings.VAR_DIR / "beat-schedule"), "-l", "WARNING"]
    same_port = {"PORT": str(port)}
    # An idle worker takes six seconds to notice and close its pool; all are asked to stop at once.
    programs = [
        Program("web", [*web, "marketplace.wsgi:application"], {**same_port, **FEW_ARENAS}, stop_seconds=4),
        Program("worker", worker, {**same_port, "PYTHONWARNINGS": ROOT_WORKER_WARNING}, stop_seconds=8),
        Program("beat", beat, same_port, stop_seconds=3),
    ]
    if settings.STRIPE_STAND_IN:
        programs.append(stand_in_program(port))
    return programs


def stand_in_panel() -> str:
    """Return the address where a person refunds, disputes and pays out, as a merchant does in Stripe's dashboard."""
    return f"http://127.0.0.1:{settings.STRIPE_STAND_IN_PORT + 1}/"


def stand_in_program(port: int) -> Program:
    """The demo's Stripe: no money moves, and its cards and payments survive a restart."""
    command = [sys.executable, "-m", "stripe_stand_in", "--port", str(settings.STRIPE_STAND_IN_PORT)]
    command += ["--control-port", str(settings.STRIPE_STAND_IN_PORT + 1)]
    command += ["--public-url", settings.STRIPE_CHECKOUT_ORIGIN]
    command += ["--webhook-url", f"http://127.0.0.1:{port}/stripe/webhook/"]
    command += ["--webhook-secret", settings.STRIPE_WEBHOOK_SECRETS[0]]
    command += ["--state", str(settings.VAR_DIR / "stand-in-stripe.db")]
    return Program("stripe", command, stop_seconds=2)


def serve(*, host: str, port: int, concurrency: int, report: Report, announce: Callable[[], None]) -> None:
    """Run web, worker and beat until Ctrl-C or SIGTERM. The database stops last."""
    connections.close_all()
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    programs = market_programs(host=host, port=port, web_workers=settings.WEB_WORKERS, concurrency=concurrency)
    try:
        Supervisor(
            programs,
            stop_order=sorted((program.name for program in programs), key=STOP_ORDER.index),
            is_ready=lambda: web_answers(near, port),
            announce=announce,
        ).run()
    finally:
        if settings.EMBEDDED_CLUSTER and settings.EMBEDDED_CLUSTER.leave():
            report("stopped PostgreSQL")


def web_answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/health/ready/", headers={"Host": urlsplit(settings.SITE_URL).netloc})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
