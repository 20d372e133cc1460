"""Once: what was done under a client's key is not done again. The unique constraint on the key decides a race."""

from typing import TypeVar

from django.db.models import Model, QuerySet


class KeyTaken(Exception):
    """The key stands for another request."""


K = TypeVar("K", bound=Model)


def made_before(rows: QuerySet[K], key: str, fingerprint: str) -> K | None:
    """What was made of the same request under this key, if anything. Raises KeyTaken."""
    found = rows.filter(idempotency_key=key).first()
    if found is not None and found.fingerprint != fingerprint:  # type: ignore[attr-defined]
        raise KeyTaken
    return found
