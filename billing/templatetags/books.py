"""Tags for the admin's front page about the state of the books."""

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
    """Return the number of days that could not be compared and have not been since."""
    return Reconciliation.objects.filter(is_daily=True, status=Reconciliation.Status.FAILED).count()
