"""When a source's earnings are paid: held while somebody may still hand the lead back, or has and waits."""

from collections.abc import Collection
from datetime import UTC, datetime

from billing.models import Earning

# Later than any payout: what is under dispute is not paid, however long the desk takes.
WHILE_WAITING = datetime(2999, 1, 1, tzinfo=UTC)


def hold_earnings(leg_ids: Collection[int], *, until: datetime) -> int:
    """What these legs earned is paid from then on, and not before. What a payout took already stays with it.

    Answers how many earnings that moved.
    """
    return Earning.objects.unpaid().filter(leg__in=leg_ids, kind=Earning.Kind.EARNED).update(held_until=until)


def hold_earning(leg_id: int, until: datetime) -> bool:
    """The same for one leg. Answers whether there was an unpaid earning to hold."""
    return bool(hold_earnings([leg_id], until=until))
