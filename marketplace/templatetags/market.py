"""How the market writes numbers: two filters for every page."""

from django import template

from billing.money import dollars

register = template.Library()

FEWEST_TOLD = 5


cents = register.filter("cents", dollars)


@register.filter
def count(number: int) -> str:
    """1234 is written "1,234"; one to four are "<5", so that no count points at a person."""
    return f"<{FEWEST_TOLD}" if 0 < number < FEWEST_TOLD else f"{number:,}"
