"""How the market writes numbers, for every page; and the tag that puts a Jinja part into one."""

from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from billing.money import dollars

register = template.Library()

FEWEST_TOLD = 5


cents = register.filter("cents", dollars)


@register.filter
def count(number: int) -> str:
    """1234 is written "1,234"; one to four are "<5", so that no count points at a person."""
    return f"<{FEWEST_TOLD}" if 0 < number < FEWEST_TOLD else f"{number:,}"


@register.simple_tag(takes_context=True)
def part(context: Context, name: str, **besides: object) -> SafeString:
    """The Jinja template of this name, with what the page knows: ``{% part "marketplace/rows.jinja" %}``."""
    known: dict[str, Any] = context.flatten()  # type: ignore[assignment]
    drawn = get_template(name, using="jinja").render({**known, **besides})
    return mark_safe(drawn)  # noqa: S308  (that template escapes for itself)
