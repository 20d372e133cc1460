"""Selling: the only place where a leg becomes sold and a Sale is made.

Guarantee: a leg is sold once, a person is sold to a buyer once, an exclusive lead to nobody else; by constraints. The
locks here make the refusals polite: leads are locked in id order after the buyer's own wallet, so no two orders wait
for each other, and what is read under the lock is what is sold.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from leads.models import ClosedReason, Leg, LegState, Market
from marketplace.holdings import Holdings
from marketplace.models import Order


@dataclass(frozen=True)
class Offer:
    """One lead at one price, as a candidate for an order."""

    lead_id: int
    request_id: int
    price_cents: int
    curve_id: int


@dataclass(frozen=True)
class Standing:
    """How a lead stands once it is locked."""

    legs_authorized: int
    legs_aged: int
    times_sold: int
    withdrawn: bool

    def sellable(self, *, exclusive: bool) -> bool:
        return not self.withdrawn and self.legs_aged > 0 and not (exclusive and self.times_sold)


def lock_leads(lead_ids: Collection[int]) -> dict[int, Standing]:
    """Lock the leads, in id order, until the transaction ends; answers how each stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id, legs_authorized, legs_aged, times_sold, withdrawn_at IS NOT NULL FROM leads_lead
            WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
            """,
            [list(lead_ids)],
        )
        return {number: Standing(*standing) for number, *standing in cursor.fetchall()}


class Slots:
    """The places of a quote, by price: each lead sold takes the cheapest free place that is not under its price, so
    that no lead is charged more than a line of the quote and the sum never exceeds it."""

    def __init__(self, places: dict[int, int]) -> None:
        self._prices = sorted(places)
        self._free = dict(places)

    def take(self, price_cents: int) -> bool:
        """Whether there was a place."""
        for price in self._prices[bisect_left(self._prices, price_cents) :]:
            if self._free[price]:
                self._free[price] -= 1
                return True
        return False


def choose(
    offers: Iterable[Offer], standing: dict[int, Standing], holdings: Holdings, slots: Slots, *, exclusive: bool
) -> list[Offer]:
    """The best offers that can be sold now: one a person, each in a place of the quote."""
    chosen: list[Offer] = []
    for offer in offers:
        lead = standing.get(offer.lead_id)
        if lead is None or not lead.sellable(exclusive=exclusive) or holdings.has(offer.lead_id):
            continue
        if slots.take(offer.price_cents):
            holdings.take(offer.lead_id)
            chosen.append(offer)
    return chosen


def sell(
    offers: list[Offer], standing: dict[int, Standing], *, order: Order, exclusive: bool, now: datetime
) -> list[int]:
    """Sell one leg of each offered lead to the order's buyer. The leads are locked (see ``lock_leads``).

    Answers the legs' keys. One statement claims the legs, one writes the sales, whatever the number.
    """
    claimed = _claim_legs([offer.lead_id for offer in offers], now)
    if exclusive:
        _close_the_rest(list(claimed), now)
    by_lead = {offer.lead_id: offer for offer in offers}
    _insert_sales(
        [
            (leg, lead, by_lead[lead], (1, standing[lead].legs_authorized + 1) if exclusive else (number, number + 1))
            for lead, (leg, number) in claimed.items()
        ],
        order=order,
        exclusive=exclusive,
        now=now,
    )
    return [leg for leg, _ in claimed.values()]


def _claim_legs(lead_ids: list[int], now: datetime) -> dict[int, tuple[int, int]]:
    """The lowest open aged leg of each lead becomes sold: lead to (leg, number)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE leads_leg SET state = 'sold', ended_at = %s
            WHERE state = 'open' AND id IN (
                SELECT DISTINCT ON (lead_id) id FROM leads_leg
                WHERE lead_id = ANY(%s) AND state = 'open' AND market = 'aged'
                ORDER BY lead_id, number
            )
            RETURNING lead_id, id, number
            """,
            [now, lead_ids],
        )
        return {lead: (leg, number) for lead, leg, number in cursor.fetchall()}


def _close_the_rest(lead_ids: list[int], now: datetime) -> None:
    Leg.objects.filter(lead__in=lead_ids, state=LegState.OPEN).update(
        state=LegState.CLOSED, closed_reason=ClosedReason.EXCLUSIVE, ended_at=now
    )


def _insert_sales(
    rows: list[tuple[int, int, Offer, tuple[int, int]]], *, order: Order, exclusive: bool, now: datetime
) -> None:
    """One INSERT fed by arrays: ten thousand sales in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO marketplace_sale
                (order_id, buyer_id, market, exclusive, sold_at,
                 leg_id, lead_id, request_id, price_cents, curve_id, span)
            SELECT %s, %s, %s, %s, %s, leg, lead, request, price, curve, int4range(low, high)
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::int[], %s::int[])
                AS sold (leg, lead, request, price, curve, low, high)
            ORDER BY lead
            """,
            [
                order.pk,
                order.buyer_id,
                Market.AGED,
                exclusive,
                now,
                [leg for leg, _, _, _ in rows],
                [lead for _, lead, _, _ in rows],
                [offer.request_id for _, _, offer, _ in rows],
                [offer.price_cents for _, _, offer, _ in rows],
                [offer.curve_id for _, _, offer, _ in rows],
                [low for _, _, _, (low, _) in rows],
                [high for _, _, _, (_, high) in rows],
            ],
        )
