"""The other template language: for the parts of the shelf's page that repeat themselves hundreds of times.

Jinja turns a template into Python code, and fifty rows and a rail of counts take a fifth of the time. Everything else
stays in Django's own. How numbers are written is the same in both.
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
    """What Django makes its templates with: see TEMPLATES."""
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)  # noqa: S701  (Django passes autoescape)
    made.filters |= {"cents": dollars, "count": count}
    made.globals |= {"lead_url": _lead_url, "once": _once, "query_besides": _query_besides}
    return made


@lru_cache(maxsize=4096)
def _once(macro: Callable[..., str], *said: Any) -> str:
    """What an imported macro draws of these values, which say everything it looks at."""
    return macro(*said)


def _lead_url(public_id: uuid.UUID) -> str:
    return _lead_address().format(public_id)


@lru_cache(maxsize=1)
def _lead_address() -> str:
    """Looked up once: fifty rows a page link there."""
    return reverse("storefront:lead", args=[NO_LEAD]).replace(str(NO_LEAD), "{}")


def _query_besides(request: HttpRequest, *names: str) -> str:
    """The page's own parameters less these, ready for one more to be put behind them."""
    kept = request.GET.copy()
    for name in names:
        kept.pop(name, None)
    return f"?{kept.urlencode()}&" if kept else "?"
