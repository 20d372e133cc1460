"""Counts as the public may see them: small groups are not countable, so that none points at a person (promise P19)."""

SMALL = 5


def masked(quantity: int) -> int | str:
    """``<5`` for one to four, else the number itself."""
    return f"<{SMALL}" if 0 < quantity < SMALL else quantity


def masked_text(quantity: int) -> str:
    """The same as a person reads it: 1234 is "1,234"."""
    return f"<{SMALL}" if 0 < quantity < SMALL else f"{quantity:,}"
