"""What the desk's first page has to know about the books."""

from django import template

from billing.models import Difference, Reconciliation
from billing.money import dollars

register = template.Library()
register.filter("dollars", dollars)


@register.simple_tag
def unseen_differences() -> int:
    return Difference.objects.unseen().count()


@register.simple_tag
def failed_comparisons() -> int:
    """Days that could not be compared and were not since."""
    return Reconciliation.objects.filter(is_daily=True, status=Reconciliation.Status.FAILED).count()
