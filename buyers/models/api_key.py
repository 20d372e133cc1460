"""Keys for programs: shown once, kept as a digest."""

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

PREFIX_LENGTH = 8  # "rem_" and four characters: enough to tell keys apart, useless for guessing one
LAST_USED_STEP = timedelta(minutes=1)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def unrevoked(self) -> "ApiKeyQuerySet":
        return self.filter(revoked_at=None)

    def live(self) -> "ApiKeyQuerySet":
        """Keys that open the door: not revoked, of a company that is not closed."""
        return self.unrevoked().filter(buyer__closed_at=None)

    def matching(self, key: str) -> "ApiKeyQuerySet":
        return self.filter(digest=key_digest(key))


class ApiKey(models.Model):
    """A program's key to one company, with the rights of a buyer. It has 256 random bits, so a plain digest does."""

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
        """Remember that the key was used, to the minute: one write a minute, not one a request."""
        if self.last_used_at is None or now - self.last_used_at > LAST_USED_STEP:
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


def key_digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
