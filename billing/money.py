"""How amounts are written."""


def dollars(cents: int) -> str:
    """Return 123456 as "$1,234.56"; a debt gets a true minus sign."""
    whole, rest = divmod(abs(cents), 100)
    sign = "\N{MINUS SIGN}" if cents < 0 else ""
    return f"{sign}${whole:,}.{rest:02}"


def typed(cents: int) -> str:
    """Return an amount as it is typed and stored in files: 123456 is "1234.56"."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"
