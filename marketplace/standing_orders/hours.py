"""The hours when a standing order buys: days of the week and a span of hours in a time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from buyers.models import StandingOrder

WHOLE_DAY = (0, 24)


@dataclass(frozen=True)
class Hours:
    """From one full hour to a later one on the same day. In ``weekdays`` Monday is 1."""

    from_hour: int
    to_hour: int
    weekdays: frozenset[int]
    zone: ZoneInfo

    def opening(self, now: datetime) -> datetime:
        """Return ``now`` during these hours, else the time they start next."""
        here = now.astimezone(self.zone)
        for days in range(8):
            day = here.date() + timedelta(days=days)
            if day.isoweekday() not in self.weekdays:
                continue
            midnight = datetime.combine(day, time(), self.zone)
            opens, closes = (
                (midnight + timedelta(hours=hour)).astimezone(UTC) for hour in (self.from_hour, self.to_hour)
            )
            if now < closes:
                return max(now, opens)
        raise AssertionError("every weekday occurs within eight days")


def hours_of(order: StandingOrder) -> Hours:
    from_hour, to_hour = WHOLE_DAY if order.from_hour is None else (order.from_hour, order.to_hour or 24)
    return Hours(from_hour, to_hour, frozenset(order.weekdays), ZoneInfo(order.time_zone))
