"""Once: a request is carried out once per client's key. The unique constraint on the key decides a race."""

from typing import TypeVar

from django.db.models import Model, QuerySet


class KeyTaken(Exception):
    """The key was already used for a different request."""


K = TypeVar("K", bound=Model)


def made_before(rows: QuerySet[K], key: str, fingerprint: str) -> K | None:
    """Return what the same request already created under this key, or None. Raises KeyTaken."""
    found = rows.filter(idempotency_key=key).first()
    if found is not None and found.fingerprint != fingerprint:  # type: ignore[attr-defined]
        raise KeyTaken
    return found
