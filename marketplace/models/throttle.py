"""How often each company's programs asked, for the rate limit."""

from django.db import models


class ApiUse(models.Model):
    """One row a company, counted in the window that is running; the next window starts it anew."""

    buyer = models.OneToOneField("buyers.Buyer", on_delete=models.CASCADE, primary_key=True, related_name="api_use")
    window_started_at = models.DateTimeField()
    requests = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.requests} requests of {self.buyer_id} since {self.window_started_at:%H:%M:%S}"
