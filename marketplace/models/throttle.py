"""Counts of each company's API requests, for the rate limit."""

from django.db import models


class ApiUse(models.Model):
    """One row per company, counting requests in the current window; the next window restarts the count."""

    buyer = models.OneToOneField("buyers.Buyer", on_delete=models.CASCADE, primary_key=True, related_name="api_use")
    window_started_at = models.DateTimeField()
    requests = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.requests} requests of {self.buyer_id} since {self.window_started_at:%H:%M:%S}"
