"""How many leads a standing order may buy now, and for how much. ``models/standing_fill.py`` enforces the caps too."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.ledger import balance_cents
from buyers.models import StandingOrder

WINDOWS = {"hourly_cap": timedelta(hours=1), "daily_cap": timedelta(hours=24), "weekly_cap": timedelta(days=7)}


@dataclass(frozen=True)
class Room:
    """How many more leads the caps allow; None if there is no cap. At 0, ``cap`` names the cap that is used up and
    ``until`` when it frees up again; None for the total cap."""

    leads: int | None
    cap: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Money:
    """How much may be spent now, in cents, and what limits it."""

    cents: int
    bound: str


def room_of(order: StandingOrder, now: datetime) -> Room:
    """Return the smallest room its caps leave."""
    rooms = list(_rooms(order, now))
    return min(rooms, key=_least_first, default=Room(None))


def _least_first(room: Room) -> tuple[int, float]:
    """Sort key: the least room first; among caps that are used up, the one that lasts longest."""
    return room.leads or 0, -(room.until.timestamp() if room.until else float("inf"))


def _rooms(order: StandingOrder, now: datetime) -> Iterator[Room]:
    if order.total_cap is not None:
        yield Room(order.total_cap - order.filled, "total_cap")
    capped = [name for name in WINDOWS if getattr(order, name) is not None]
    if capped:
        recent = order.fills.filter(filled_at__gt=now - max(WINDOWS[name] for name in capped)).order_by("filled_at")
        fills = list(recent.values_list("filled_at", "leads"))
        for name in capped:
            yield _window_room(name, getattr(order, name), fills, now)


def _window_room(name: str, cap: int, fills: list[tuple[datetime, int]], now: datetime) -> Room:
    within = [(at, leads) for at, leads in fills if at > now - WINDOWS[name]]
    used = sum(leads for _, leads in within)
    if used < cap:
        return Room(cap - used, name)
    for at, leads in within:
        used -= leads
        if used < cap:
            return Room(0, name, at + WINDOWS[name])
    raise AssertionError("a cap is at least one lead")


def money_of(order: StandingOrder) -> Money:
    """Return what is left of its budget or of its company's wallet, whichever is less."""
    wallet = Money(max(0, balance_cents(order.buyer)), "wallet")
    if order.budget_cents is None:
        return wallet
    return min(Money(order.budget_cents - order.spent_cents, "budget"), wallet, key=lambda money: money.cents)
