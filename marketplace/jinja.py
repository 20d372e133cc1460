"""The second template language: for the parts of the browse page that repeat hundreds of times.

Jinja compiles a template to Python code, so 50 rows and a rail of counts take a fifth of the time. Everything else
stays in Django's own language. Numbers are formatted the same in both.
"""

import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from jinja2 import Environment

from billing.money import dollars
from marketplace.templatetags.market import count

NO_LEAD = uuid.UUID(int=0)


def environment(**options: Any) -> Environment:
    """Return the environment that Django builds its Jinja templates with; see TEMPLATES in the settings."""
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)  # noqa: S701  (Django passes autoescape)
    made.filters |= {"cents": dollars, "count": count}
    made.globals |= {"lead_url": _lead_url, "once": _once, "query_besides": _query_besides}
    return made


@lru_cache(maxsize=4096)
def _once(macro: Callable[..., str], *said: Any) -> str:
    """Return a macro's cached output for these values; the macro must read nothing else."""
    return macro(*said)


def _lead_url(public_id: uuid.UUID) -> str:
    return _lead_address().format(public_id)


@lru_cache(maxsize=1)
def _lead_address() -> str:
    """Return the URL pattern of a lead's page, looked up once: 50 rows on a page link there."""
    return reverse("storefront:lead", args=[NO_LEAD]).replace(str(NO_LEAD), "{}")


def _query_besides(request: HttpRequest, *names: str) -> str:
    """Return the page's query string without these parameters, ready to append one more."""
    kept = request.GET.copy()
    for name in names:
        kept.pop(name, None)
    return f"?{kept.urlencode()}&" if kept else "?"
