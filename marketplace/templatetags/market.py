"""How the market writes numbers, for every page; and the tag that puts a Jinja part into one."""

from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe

from billing.money import dollars
from marketplace.inventory.masking import masked_text

register = template.Library()

cents = register.filter("cents", dollars)


count = register.filter("count", masked_text)


@register.simple_tag(takes_context=True)
def part(context: Context, name: str, **besides: object) -> SafeString:
    """The Jinja template of this name, with what the page knows: ``{% part "marketplace/storefront/rows.jinja" %}``."""
    known: dict[str, Any] = context.flatten()  # type: ignore[assignment]
    drawn = get_template(name, using="jinja").render({**known, **besides})
    return mark_safe(drawn)  # noqa: S308  (that template escapes for itself)
