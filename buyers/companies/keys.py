"""API keys: created once, shown once, revoked permanently."""

import secrets
from datetime import datetime

from django.db import transaction

from buyers.models import ApiKey, Buyer, User
from buyers.models.api_key import PREFIX_LENGTH, key_digest

MOST_KEYS = 20


class TooManyKeys(Exception):
    def __init__(self) -> None:
        super().__init__(f"You can have at most {MOST_KEYS} API keys. Revoke one you no longer use.")


@transaction.atomic
def create_key(*, buyer: Buyer, name: str, created_by: User | None) -> tuple[ApiKey, str]:
    """Return the key's record and the key itself, which we do not store and cannot show again. Raises TooManyKeys."""
    Buyer.objects.select_for_update().get(pk=buyer.pk)
    if buyer.api_keys.unrevoked().count() >= MOST_KEYS:
        raise TooManyKeys
    key = f"rem_{secrets.token_urlsafe(32)}"
    record = ApiKey.objects.create(
        buyer=buyer, name=name, prefix=key[:PREFIX_LENGTH], digest=key_digest(key), created_by=created_by
    )
    return record, key


def revoke_key(*, key: ApiKey, now: datetime) -> None:
    """Stop the key from working. Revoking it again changes nothing; the first time stays on record."""
    ApiKey.objects.unrevoked().filter(pk=key.pk).update(revoked_at=now)
