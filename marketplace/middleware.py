"""Middleware for every request: one log line, and the headers that keep a page private."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from marketplace.inventory.live import NotReady, one_reading

GetResponse = Callable[[HttpRequest], HttpResponseBase]

log = structlog.get_logger("request")

UNLOGGED_PATHS = ("/static/", "/health/")
REQUEST_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
LONGEST_LOGGED_PATH = 120
SAFE_METHODS = {"GET", "HEAD"}
LOGOUT_ROUTES = {"account_logout", "admin:logout"}
# Everything is off except passkeys, which people log in with.
PERMISSIONS_POLICY = ", ".join(
    [
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "autoplay",
                "browsing-topics",
                "camera",
                "display-capture",
                "encrypted-media",
                "fullscreen",
                "geolocation",
                "gyroscope",
                "hid",
                "idle-detection",
                "local-fonts",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "picture-in-picture",
                "screen-wake-lock",
                "serial",
                "usb",
                "xr-spatial-tracking",
            )
        ),
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)


class RequestLogMiddleware:
    """Log one line per request: by route, never with a query string, with an id that the response carries too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        request_id = _request_id(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            if not request.path.startswith(UNLOGGED_PATHS):
                self._log(request, response, milliseconds=round((time.monotonic() - started) * 1000))
        return response

    def _log(self, request: HttpRequest, response: HttpResponseBase, *, milliseconds: int) -> None:
        # The user, if the request loaded it; loading it only for the log would cost a query.
        user = getattr(request, "_cached_user", None)
        say = log.error if response.status_code >= 500 else log.info
        say(
            f"{request.method} {_place(request)}",
            status=response.status_code,
            ms=milliseconds,
            user=user.pk if user is not None else None,
        )


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _place(request: HttpRequest) -> str:
    """Return the route, not the path: a path may carry a password reset key."""
    if request.resolver_match:
        return request.resolver_match.view_name or f"/{request.resolver_match.route}"
    return request.path[:LONGEST_LOGGED_PATH]


class PrivateResponseMiddleware:
    """Keep private pages out of browser and shared caches, and turn off browser features no page needs (P22)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _is_private(request) and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])
        if _is_logout(request):
            response["Clear-Site-Data"] = '"cache", "storage"'
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        response["Permissions-Policy"] = PERMISSIONS_POLICY
        return response


def _is_private(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return "Authorization" in request.headers or (user is not None and user.is_authenticated)


def _is_logout(request: HttpRequest) -> bool:
    route = request.resolver_match
    return request.method == "POST" and route is not None and route.view_name in LOGOUT_ROUTES


class ShelfMiddleware:
    """Show a read-only page one state of the inventory. While it is still loading, every page that needs it says so,
    shows the progress and reloads. A submitted form is not acted on; the person submits it again."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in SAFE_METHODS:
            return self.get_response(request)
        with one_reading():
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, NotReady):
            return None
        looks_again = request.method in SAFE_METHODS
        said = {"percent": error.percent, "looks_again": looks_again}
        response = render(request, "marketplace/storefront/counting.html", said, status=503)
        response["Retry-After"] = str(error.wait)
        if looks_again:
            response["HX-Refresh"] = "true"
        return response
