"""Counts as the public may see them: small groups are masked, so that no count points at a person (promise P19)."""

SMALLEST_SHOWN = 5


def masked(quantity: int) -> int | str:
    """Return ``<5`` for one to four, else the number itself."""
    return f"<{SMALLEST_SHOWN}" if 0 < quantity < SMALLEST_SHOWN else quantity


def masked_text(quantity: int) -> str:
    """Return the same as text for people: 1234 is "1,234"."""
    return f"<{SMALLEST_SHOWN}" if 0 < quantity < SMALLEST_SHOWN else f"{quantity:,}"
