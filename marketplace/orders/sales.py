"""Sales: the only place that marks a leg sold and creates a Sale, or holds legs for an order.

Guarantee, by database constraints: a leg is sold once, a person is sold to a buyer once, an exclusive lead to nobody
else, and a held leg only to its holder. The locks here make the refusals polite: after the buyer's own wallet, leads
are locked without waiting, or else in id order, so no two orders wait for each other, and what was read is sold.
"""

import uuid
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import TypeAlias

from django.db import connection, transaction

from billing.ledger import SoldLeg
from leads.arrays import key_array
from leads.models import ClosedReason, Lead, Leg, LegStatus, Market
from leads.models.lead import FOR_SALE
from marketplace.models import Order
from marketplace.orders.ownership import OwnedPeople

BATCH = 5_000
Progress: TypeAlias = Callable[[int], None]
"""Called with how many leads of an order are sold so far."""


def unheard(sold: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Offer:
    """A lead at a price, as a candidate for an order. ``behind``: it sorts after all leads that the quote counted, so
    it is only used because one of those is gone."""

    lead_id: int
    request_id: int
    price_cents: int
    curve_id: int
    behind: bool = False


@dataclass(frozen=True)
class LeadAvailability:
    """A locked lead's availability: ``legs_free`` are unsold aged legs that nobody else holds."""

    legs_authorized: int
    legs_free: int
    legs_held: int
    times_sold: int
    withdrawn: bool

    def sellable(self, *, exclusive: bool) -> bool:
        alone = not self.times_sold and not self.legs_held
        return not self.withdrawn and self.legs_free > 0 and (alone or not exclusive)


@dataclass(frozen=True)
class Hold:
    """The order that a sale or hold is for, and the time. Legs held for the same order count as free to it."""

    holder: uuid.UUID
    now: datetime


def lock_free(lead_ids: Sequence[int], most: int) -> list[int]:
    """Lock the first ``most`` of these leads, best first, that nobody has locked and that have unsold legs; return
    them. This never waits, so the order of the locks does not matter."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT lead.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (id, place)
            JOIN leads_lead AS lead ON lead.id = wanted.id
            WHERE {FOR_SALE}
            ORDER BY wanted.place LIMIT %s FOR NO KEY UPDATE OF lead SKIP LOCKED
            """,  # noqa: S608  (a constant)
            [key_array(lead_ids), most],
        )
        return [lead for (lead,) in cursor.fetchall()]


def lock_leads(lead_ids: Collection[int], hold: Hold) -> dict[int, LeadAvailability]:
    """Lock the leads in id order until the transaction ends; return each one's availability for this holder."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, legs_authorized, legs_left, times_sold, withdrawn_at IS NOT NULL FROM leads_lead
            WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
            """,
            [key_array(lead_ids)],
        )
        locked = cursor.fetchall()
    held = _held_by_others(lead_ids, hold)
    return {
        number: LeadAvailability(authorized, aged - held.get(number, 0), held.get(number, 0), times_sold, withdrawn)
        for number, authorized, aged, times_sold, withdrawn in locked
    }


def _held_by_others(lead_ids: Collection[int], hold: Hold) -> dict[int, int]:
    """Return how many legs of each lead somebody else is paying for right now, by lead id."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT lead_id, count(*) FROM leads_leg
            WHERE lead_id = ANY(%s::bigint[]) AND status = 'held' AND held_until > %s AND held_for <> %s
            GROUP BY lead_id
            """,
            [key_array(lead_ids), hold.now, hold.holder],
        )
        return dict(cursor.fetchall())


class Slots:
    """A quote's slots by price: each lead sold takes the cheapest free slot at or above its price, so that no lead
    costs more than a line of the quote and the total never exceeds it."""

    def __init__(self, places: dict[int, int]) -> None:
        self._prices = sorted(places)
        self._free = dict(places)

    @property
    def dearest_free(self) -> int:
        """The highest price of a free slot, in cents; 0 if none is free."""
        return max((price for price, free in self._free.items() if free), default=0)

    def take(self, price_cents: int) -> bool:
        """Take a slot for a lead at this price; return whether one was free."""
        for price in self._prices[bisect_left(self._prices, price_cents) :]:
            if self._free[price]:
                self._free[price] -= 1
                return True
        return False


def choose(
    offers: Iterable[Offer],
    standing: dict[int, LeadAvailability],
    owned_people: OwnedPeople,
    slots: Slots,
    *,
    exclusive: bool,
) -> list[Offer]:
    """Return the best offers that can be sold now: one per person, each in a slot of the quote."""
    chosen: list[Offer] = []
    for offer in offers:
        lead = standing.get(offer.lead_id)
        if lead is None or not lead.sellable(exclusive=exclusive) or owned_people.has(offer.lead_id):
            continue
        if slots.take(offer.price_cents):
            owned_people.take(offer.lead_id)
            chosen.append(offer)
    return chosen


def sell(
    offers: list[Offer],
    standing: dict[int, LeadAvailability],
    *,
    order: Order,
    exclusive: bool,
    now: datetime,
    told: Progress = unheard,
) -> list[SoldLeg]:
    """Sell one leg of each offered lead to the order's buyer. The leads must be locked (see ``lock_leads``).

    Works in batches by id; ``told`` is called after each with how many are sold. The order may still be rolled back.
    """
    sold: list[SoldLeg] = []
    by_id = sorted(offers, key=attrgetter("lead_id"))
    for start in range(0, len(by_id), BATCH):
        sold += _sell_batch(by_id[start : start + BATCH], standing, order=order, exclusive=exclusive, now=now)
        told(len(sold))
    return sold


def _sell_batch(
    offers: list[Offer], standing: dict[int, LeadAvailability], *, order: Order, exclusive: bool, now: datetime
) -> list[SoldLeg]:
    """Sell one batch: one statement claims the legs, one writes the sales."""
    claimed = _claim_legs([offer.lead_id for offer in offers], Hold(order.public_id, now))
    if exclusive:
        _close_the_rest(list(claimed), now)
    by_lead = {offer.lead_id: offer for offer in offers}
    return _insert_sales(
        [
            (leg, lead, by_lead[lead], (1, standing[lead].legs_authorized + 1) if exclusive else (number, number + 1))
            for lead, (leg, number) in claimed.items()
        ],
        order=order,
        exclusive=exclusive,
        now=now,
    )


def hold_legs(offers: list[Offer], hold: Hold, *, until: datetime, exclusive: bool) -> int:
    """Hold one leg of each offered lead, or all its legs for an exclusive order. The leads must be locked.

    Returns how many legs are held.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH free AS MATERIALIZED ({_FREE if exclusive else _LOWEST_FREE})"  # noqa: S608
            " UPDATE leads_leg AS leg SET status = 'held', held_until = %(until)s, held_for = %(holder)s"
            " FROM free WHERE leg.id = free.id",
            {
                "until": until,
                "holder": hold.holder,
                "now": hold.now,
                "leads": key_array(offer.lead_id for offer in offers),
            },
        )
        return cursor.rowcount


def release_legs(holder: uuid.UUID) -> int:
    """Release the legs held for this order. Return how many.

    The leads are locked first, in id order as an order does, so that the two cannot deadlock.
    """
    held = Leg.objects.filter(status=LegStatus.HELD, held_for=holder)
    list(Lead.objects.filter(pk__in=held.values("lead")).order_by("pk").select_for_update(no_key=True).values("pk"))
    return held.update(**_FREED)


@transaction.atomic
def release_expired(*, now: datetime) -> int:
    """Mark expired holds as open. The legs were free already, since readers compare the time. Legs that are being sold
    right now are skipped: that sale ends the hold."""
    over = Leg.objects.holds_expired(now=now).order_by("pk").select_for_update(no_key=True, skip_locked=True)
    return Leg.objects.filter(pk__in=list(over.values_list("pk", flat=True)[:BATCH])).update(**_FREED)


_FREED = {"status": LegStatus.OPEN, "held_until": None, "held_for": None}
_FREE = """
    SELECT id FROM leads_leg WHERE lead_id = ANY(%(leads)s::bigint[]) AND market = 'aged'
        AND (status = 'open' OR (status = 'held' AND (held_until <= %(now)s OR held_for = %(holder)s)))
"""
# A leg held for this very order comes first: it was promised.
_LOWEST_FREE = (
    f"SELECT DISTINCT ON (lead_id) id FROM ({_FREE.replace('SELECT id', 'SELECT *')}) AS free"  # noqa: S608
    " ORDER BY lead_id, (status = 'held' AND held_for = %(holder)s) DESC, number"
)


def _claim_legs(lead_ids: list[int], hold: Hold) -> dict[int, tuple[int, int]]:
    """Mark the lowest free aged leg of each lead as sold; return (leg id, number) by lead id."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH lowest AS MATERIALIZED ({_LOWEST_FREE})"  # noqa: S608
            " UPDATE leads_leg AS leg SET status = 'sold', ended_at = %(now)s FROM lowest WHERE leg.id = lowest.id"
            " RETURNING leg.lead_id, leg.id, leg.number",
            {"now": hold.now, "holder": hold.holder, "leads": key_array(lead_ids)},
        )
        return {lead: (leg, number) for lead, leg, number in cursor.fetchall()}


def _close_the_rest(lead_ids: list[int], now: datetime) -> None:
    Leg.objects.filter(lead__in=lead_ids, status__in=[LegStatus.OPEN, LegStatus.HELD]).update(
        status=LegStatus.CLOSED, closed_reason=ClosedReason.EXCLUSIVE, ended_at=now
    )


def _insert_sales(
    rows: list[tuple[int, int, Offer, tuple[int, int]]], *, order: Order, exclusive: bool, now: datetime
) -> list[SoldLeg]:
    """Write the sales with one INSERT fed by arrays: ten thousand in one statement. The buyer's return window ends at
    least a day before ours with the source; a vertical without a return policy has no window."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO marketplace_sale
                (order_id, buyer_id, market, exclusive, sold_at,
                 leg_id, lead_id, request_id, price_cents, curve_id, span, returnable_until)
            SELECT %(order)s, %(buyer)s, %(market)s, %(exclusive)s, %(now)s,
                leg, lead.id, request, price, curve, int4range(low, high),
                CASE WHEN least(policy.window_days, source.return_window_days - 1) > 0 AND policy.id IS NOT NULL
                    THEN %(now)s + make_interval(days => least(policy.window_days, source.return_window_days - 1)) END
            FROM unnest(%(legs)s::bigint[], %(leads)s::bigint[], %(requests)s::bigint[], %(prices)s::int[],
                %(curves)s::bigint[], %(lows)s::int[], %(highs)s::int[])
                AS sold (leg, lead_id, request, price, curve, low, high)
            JOIN leads_lead AS lead ON lead.id = sold.lead_id
            JOIN leads_source AS source ON source.id = lead.source_id
            LEFT JOIN marketplace_returnpolicy AS policy ON policy.vertical_id = lead.vertical_id
            ORDER BY lead.id
            RETURNING leg_id, price_cents, coalesce(returnable_until, sold_at)
            """,
            {
                "order": order.pk,
                "buyer": order.buyer_id,
                "market": Market.AGED,
                "exclusive": exclusive,
                "now": now,
                "legs": key_array(leg for leg, _, _, _ in rows),
                "leads": key_array(lead for _, lead, _, _ in rows),
                "requests": key_array(offer.request_id for _, _, offer, _ in rows),
                "prices": key_array(offer.price_cents for _, _, offer, _ in rows),
                "curves": key_array(offer.curve_id for _, _, offer, _ in rows),
                "lows": key_array(low for _, _, _, (low, _) in rows),
                "highs": key_array(high for _, _, _, (_, high) in rows),
            },
        )
        return [SoldLeg(*row) for row in cursor.fetchall()]
