"""The sweep of due legs, compared with one bare UPDATE of as many; and whether the stock's size affects it."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection

from benchmarks.figures import Figure, Goal, alternating, seconds, settle
from benchmarks.stock import Lot, Market, empty, fill
from leads.aging.sweep import due_now, move_due

ROUNDS = 3
MOST = 285_000  # leads: a million legs
_BARE = """
    UPDATE leads_leg SET market = 'aged', aged_at = now()
    WHERE lead_id BETWEEN %s AND %s AND status = 'open' AND market = 'realtime'
"""


class Sweeping:
    """Measured twice, with a tenth of the stock and with all of it; the number of due legs is the same."""

    def __init__(self, market: Market, leads: int) -> None:
        self.market = market
        self.vertical = market.vertical("auto-insurance")
        self.due = min(MOST, max(500, leads // 20))
        self.lots: list[Lot] = []
        self.legs = 0

    def once(self) -> tuple[float, float]:
        """Return our seconds and the floor's; the stock is unchanged afterwards."""
        taken = alternating(ROUNDS, self._ours, self._bare)
        while self.lots:
            empty(self.lots.pop())
        settle()
        return taken

    def _fill(self) -> Lot:
        """Create twins for each measurement with the same statement, because a leg ages only once."""
        hour = timedelta(hours=1)
        lot = fill(self.market, self.vertical, self.due, youngest=hour, span=hour, realtime=True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) leads_lead, leads_leg")
            cursor.execute("CHECKPOINT")
        self.lots.append(lot)
        return lot

    def _ours(self) -> float:
        self._fill()
        moved: list[int] = []
        taken = seconds(lambda: moved.append(move_due(self.vertical)))
        assert not due_now()
        self.legs = moved[0]
        return taken

    def _bare(self) -> float:
        lot = self._fill()
        with connection.cursor() as cursor:
            return seconds(lambda: cursor.execute(_BARE, [lot.first, lot.last]))


def figures(sweeping: Sweeping, small: tuple[float, float] | None, full: tuple[float, float]) -> Iterator[Figure]:
    """``small`` is None on a kept stock."""
    taken, least = full
    yield Figure(f"sweep {sweeping.legs:,} due legs", taken, "s", least, Goal("ratio", at_most=1.5))
    if small is None:
        return
    name = "sweep, in bare UPDATEs, with all of the stock and with a tenth"
    yield Figure(name, taken / least, "×", small[0] / small[1], Goal("ratio", at_most=1.5))
