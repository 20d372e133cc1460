"""How the market writes numbers: two filters for every page."""

from django import template

register = template.Library()

FEWEST_TOLD = 5


@register.filter
def cents(amount: int) -> str:
    """123456 is written "$1,234.56"; a debt carries a true minus sign."""
    dollars, rest = divmod(abs(amount), 100)
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    return f"{sign}${dollars:,}.{rest:02}"


@register.filter
def count(number: int) -> str:
    """1234 is written "1,234"; one to four are "<5", so that no count points at a person."""
    return f"<{FEWEST_TOLD}" if 0 < number < FEWEST_TOLD else f"{number:,}"
