"""How amounts are written."""


def dollars(cents: int) -> str:
    """123456 is written "$1,234.56"; a debt carries a true minus sign."""
    whole, rest = divmod(abs(cents), 100)
    sign = "\N{MINUS SIGN}" if cents < 0 else ""
    return f"{sign}${whole:,}.{rest:02}"


def typed(cents: int) -> str:
    """As it is typed and stands in files: 123456 is "1234.56"."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"
