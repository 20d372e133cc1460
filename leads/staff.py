"""Pages for the operator's staff. Everyone else gets a 404."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

View: TypeAlias = Callable[..., HttpResponseBase]


class PartRequest(HttpRequest):
    """A request that HtmxMiddleware has processed."""

    htmx: HtmxDetails


def staff_required(view: View) -> View:
    """Let only the operator's staff in; others get a 404."""

    @login_required
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return inner
