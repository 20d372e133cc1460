"""Return rates for the admin pages of sources and buyers, whose apps don't know about returns."""

from typing import Any

from django import template
from django.utils import timezone

from buyers.models import Buyer
from leads.models import Source
from marketplace.returns.rates import (
    abuse_of_buyer,
    faults_of_source,
    rates_of_buyer,
    rates_of_source,
    reasons_of_buyer,
    reasons_of_source,
)

register = template.Library()


@register.inclusion_tag("admin/marketplace/return/rates.html")
def returns_of_source(source: Source) -> dict[str, Any]:
    now = timezone.now()
    return {
        "rates": rates_of_source(source, now),
        "reasons": reasons_of_source(source, now),
        "sentences": faults_of_source(source, now),
        "query": f"source__id__exact={source.pk}",
    }


@register.inclusion_tag("admin/marketplace/return/rates.html")
def returns_of_buyer(buyer: Buyer) -> dict[str, Any]:
    now = timezone.now()
    return {
        "rates": rates_of_buyer(buyer, now),
        "reasons": reasons_of_buyer(buyer, now),
        "sentences": abuse_of_buyer(buyer, now),
        "query": f"buyer__id__exact={buyer.pk}",
    }
