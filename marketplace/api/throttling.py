"""The rate limit, counted by PostgreSQL in one statement so that parallel requests cannot slip past it."""

import math

from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from buyers.models import ApiKey

# The database's clock: web processes may disagree about the time. A statement that had to wait for another's row may
# find a window newer than its own, and counts in that one.
COUNT = """
    INSERT INTO marketplace_apiuse AS used (buyer_id, window_started_at, requests)
    VALUES (%(buyer)s, to_timestamp(floor(extract(epoch FROM statement_timestamp()) / %(seconds)s) * %(seconds)s), 1)
    ON CONFLICT (buyer_id) DO UPDATE SET
        requests = CASE WHEN used.window_started_at < excluded.window_started_at THEN 1 ELSE used.requests + 1 END,
        window_started_at = greatest(used.window_started_at, excluded.window_started_at)
    RETURNING requests, extract(epoch FROM window_started_at - statement_timestamp())::float + %(seconds)s
"""


class BuyerThrottle(SimpleRateThrottle):
    """Limits the requests of one company in a window, over all its keys. Without a key there is only the 401 anyway."""

    scope = "buyer"

    def allow_request(self, request: Request, view: object) -> bool:
        most, seconds = self.parse_rate(self.rate)
        if not isinstance(request.auth, ApiKey) or not most or not seconds:
            return True
        used, self.seconds_left = count_use(request.auth.buyer_id, seconds)
        request.rate_limit = {  # type: ignore[attr-defined]
            "RateLimit-Limit": str(most),
            "RateLimit-Remaining": str(max(0, most - used)),
            "RateLimit-Reset": str(math.ceil(self.wait())),
        }
        return used <= most

    def wait(self) -> float:
        """Seconds until the next window."""
        return max(1.0, self.seconds_left)


def count_use(buyer_id: int, seconds: int) -> tuple[int, float]:
    """Count one request. Return how many there were in this window, and how many seconds of it are left."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"buyer": buyer_id, "seconds": seconds})
        used, left = cursor.fetchone()
    return used, left
