"""What every page writes alike: counts, money, instants, tables, and what stands where there is nothing yet."""

from datetime import datetime
from typing import Any

from django import template
from django.template.context import Context
from django.template.defaultfilters import date as formatted
from django.template.loader import get_template, render_to_string
from django.utils import timezone
from django.utils.html import format_html
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


@register.simple_tag
def instant(at: datetime | None, style: str = "M j, Y, g:i a") -> str:
    """An instant in the reader's time zone, with the zone's name: ``{% instant order.placed_at %}``. Nothing for None.

    ``style`` is Django's date format; one without a time of day ("M j, Y") names no zone.
    """
    if at is None:
        return ""
    local = timezone.localtime(at)
    zone = f" {local.tzname()}" if any(letter in style for letter in "gGhHP") else ""
    return format_html('<time datetime="{}">{}{}</time>', at.isoformat(), formatted(local, style), zone)


@register.simple_block_tag
def table(content: str, label: str, kind: str = "") -> SafeString:
    """A table that scrolls in its own frame on a narrow screen: ``{% table "Orders" %}<thead>…{% endtable %}``."""
    return render_to_string("_parts/table.html", {"content": content, "label": label, "kind": kind})


@register.simple_block_tag
def empty(content: str, title: str, drawing: str = "") -> SafeString:
    """What a page says where there is nothing yet, and what to do about it.

    ``{% empty "No orders yet" %}<p>…</p><div class="row">…</div>{% endempty %}``; ``drawing`` names a template.
    """
    return render_to_string("_parts/empty.html", {"content": content, "title": title, "drawing": drawing})
