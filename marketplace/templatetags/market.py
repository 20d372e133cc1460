"""Tags that every page uses: counts, money, instants, tables and empty states."""

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
from marketplace.inventory.small_counts import masked_text

register = template.Library()

cents = register.filter("cents", dollars)
count = register.filter("count", masked_text)


@register.simple_tag(takes_context=True)
def part(context: Context, name: str, **besides: object) -> SafeString:
    """Render a Jinja template with the page's context: ``{% part "marketplace/storefront/rows.jinja" %}``."""
    known: dict[str, Any] = context.flatten()  # type: ignore[assignment]
    drawn = get_template(name, using="jinja").render({**known, **besides})
    return mark_safe(drawn)  # noqa: S308  (the template does its own escaping)


@register.simple_tag
def instant(at: datetime | None, style: str = "M j, Y, g:i a") -> str:
    """Show an instant in the reader's time zone, with the zone name: ``{% instant order.placed_at %}``. Empty if None.

    ``style`` is a Django date format; one without a time of day ("M j, Y") gives neither the time nor the zone away.
    """
    if at is None:
        return ""
    local = timezone.localtime(at)
    if any(letter in style for letter in "gGhHP"):
        return format_html('<time datetime="{}">{} {}</time>', at.isoformat(), formatted(local, style), local.tzname())
    return format_html('<time datetime="{}">{}</time>', local.date().isoformat(), formatted(local, style))


@register.simple_tag(takes_context=True)
def current(context: Context, address: str) -> SafeString:
    """Mark a link to this page, or to the part of the site that this page belongs to, for people who hear the page."""
    path = context["request"].path
    if path == address:
        return mark_safe('aria-current="page"')
    return mark_safe('aria-current="true"') if address != "/" and path.startswith(address) else mark_safe("")


@register.simple_block_tag
def table(content: str, label: str, kind: str = "") -> SafeString:
    """Render a table that scrolls sideways on a narrow screen: ``{% table "Orders" %}<thead>…{% endtable %}``."""
    return render_to_string("_parts/table.html", {"content": content, "label": label, "kind": kind})


@register.simple_block_tag
def empty(content: str, title: str, drawing: str = "") -> SafeString:
    """Render an empty state: what is missing, and what to do about it.

    ``{% empty "No orders yet" %}<p>…</p><div class="row">…</div>{% endempty %}``; ``drawing`` names a template.
    """
    return render_to_string("_parts/empty.html", {"content": content, "title": title, "drawing": drawing})
