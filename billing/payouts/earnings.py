"""When the earnings of sources become due: pending while a buyer may return the lead or a return is undecided."""

from collections.abc import Collection
from datetime import UTC, datetime

from billing.models import Earning

# Later than any payout: earnings with an open return are not paid, however long the decision takes.
WHILE_WAITING = datetime(2999, 1, 1, tzinfo=UTC)


def hold_earnings(leg_ids: Collection[int], *, until: datetime) -> int:
    """Make the unpaid earnings of these legs due at ``until``, and not before. Those already in a payout stay there.

    Return how many earnings moved.
    """
    return Earning.objects.unpaid().filter(leg__in=leg_ids, kind=Earning.Kind.EARNED).update(held_until=until)


def hold_earning(leg_id: int, until: datetime) -> bool:
    """The same for one leg. Return whether there was an unpaid earning."""
    return bool(hold_earnings([leg_id], until=until))
