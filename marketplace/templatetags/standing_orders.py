"""A company's standing orders and saved searches, for pages of features that don't know about them."""

from typing import Any

from django import template
from django.utils import timezone

from buyers.models import Buyer
from marketplace.standing_orders.summary import summary_of

register = template.Library()


@register.inclusion_tag("marketplace/standing_orders/_summary.html")
def standing_orders_of(buyer: Buyer) -> dict[str, Any]:
    return {"wanted": summary_of(buyer, timezone.now())}
