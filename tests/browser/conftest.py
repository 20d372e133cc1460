"""A real browser on a live server. It reports errors, content-policy violations and lost requests by itself."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from celery.app.task import Task
from django.core.cache import cache
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

from buyers.models import User
from tests.factories import PASSWORD

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium found: install Debian's chromium"
QUIET = ("gpu", "background-networking", "component-update", "default-apps", "sync", "dev-shm-usage")
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests in this folder. While it runs, the ORM would mistake its event loop for ours."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(MISSING)
    args = [f"--disable-{thing}" for thing in QUIET] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=found, args=args)
        yield browser
        browser.close()


@dataclass
class Guard:
    """Collect what goes wrong in the browser unnoticed. ``expected`` are paths that should be refused."""

    complaints: list[str] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("response", self._on_response)
        context.on("requestfailed", self._on_failure)

    def _on_console(self, message: ConsoleMessage) -> None:
        # A refused request is said by _on_response, with its address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {message.text}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and urlsplit(response.url).path not in self.expected:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def _on_failure(self, request) -> None:
        # What htmx replaces by a newer question, and what turns into a download, is aborted and no fault.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.failure} {request.url}")


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture
def new_page(live_server, chromium, guard) -> Iterator[Callable[..., Page]]:
    """A page in its own browser context, not logged in."""
    cache.clear()
    contexts = []

    def new_page(**options) -> Page:
        # Nothing moves: what fades in is not judged half-way.
        given = {"base_url": live_server.url, "viewport": WIDE, "reduced_motion": "reduce", **options}
        context = chromium.new_context(**given)
        context.set_default_timeout(15_000)
        guard.watch(context)
        contexts.append(context)
        return context.new_page()

    yield new_page
    for context in contexts:
        context.close()
    assert not guard.complaints, "\n".join(guard.complaints)


@pytest.fixture
def worker(monkeypatch) -> Iterator[None]:
    """A worker next to the server: jobs run soon, in order, in another thread."""
    with ThreadPoolExecutor(1) as pool:

        def work(task: Task, args: tuple, kwargs: dict) -> None:
            try:
                task.run(*args, **kwargs)
            finally:
                connections.close_all()

        def apply_async(task: Task, args=(), kwargs=None, **_) -> None:
            pool.submit(work, task, args or (), kwargs or {})

        monkeypatch.setattr(Task, "apply_async", apply_async)
        yield


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("/")


@pytest.fixture
def be(live_server) -> Callable[[Page, User], None]:
    """Log in without going through the login pages."""

    def be(page: Page, user: User) -> None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])

    return be
