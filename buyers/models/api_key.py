"""API keys: shown once, stored as a digest."""

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

PREFIX_LENGTH = 8  # "rem_" and four characters: enough to tell keys apart, but no help in guessing one
LAST_USED_STEP = timedelta(minutes=1)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def unrevoked(self) -> "ApiKeyQuerySet":
        return self.filter(revoked_at=None)

    def live(self) -> "ApiKeyQuerySet":
        """Keys that work: not revoked, and of a company that is not closed."""
        return self.unrevoked().filter(buyer__closed_at=None)

    def matching(self, key: str) -> "ApiKeyQuerySet":
        return self.filter(digest=key_digest(key))


class ApiKey(models.Model):
    """A program's key to one company, with a buyer's rights. It has 256 random bits, so a plain digest is enough."""

    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=PREFIX_LENGTH)
    digest = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def note_use(self, now: datetime) -> None:
        """Record that the key was used, to the minute: at most one write per minute, not one per request."""
        if self.last_used_at is None or now - self.last_used_at > LAST_USED_STEP:
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


def key_digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
