"""The outcome of checking a standing order: stored as a code with facts, shown to the buyer as a sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from billing.money import dollars
from buyers.models import StandingOrder
from marketplace.inventory.small_counts import masked_text

SOON, HOURLY, DAILY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CAPS = {"hourly_cap": "hourly", "daily_cap": "daily", "weekly_cap": "weekly"}


@dataclass(frozen=True)
class FillOutcome:
    """``due_at`` is the earliest time another check may come out differently; None: not until the order changes."""

    code: str
    due_at: datetime | None
    facts: dict[str, Any] = field(default_factory=dict)


def sentence_of(order: StandingOrder, now: datetime) -> str:
    """The order's current status as a sentence for its buyer."""
    if order.ended_at:
        return "Ended."
    if order.paused_at:
        return "Paused. Nothing is bought until you resume." if order.buys else "Paused. No alerts until you resume."
    said = _SAID.get(order.outcome)
    return said(order.facts, now) if said else "Waiting for its first check, within a minute."


def _out_of_reach(facts: dict[str, Any], now: datetime) -> str:
    if not facts["matching"]:
        return "No leads match right now."
    # Never "1 lead matches": that would tell one from "<5".
    matching = masked_text(facts["matching"])
    cheapest, most = dollars(facts["cheapest_cents"]), dollars(facts["max_price_cents"])
    said = f"{matching} leads match. The cheapest costs {cheapest}; your max price is {most}."
    if facts["reaches_at"] is None:
        return f"{said} At today's prices, none will drop that low."
    return f"{said} The first drops to your price {_when(facts['reaches_at'], now)}."


def _bought(facts: dict[str, Any], now: datetime) -> str:
    return f"Bought {_leads(facts['leads'])} for {dollars(facts['cents'])}."


def _leads(number: int) -> str:
    return f"{number:,} lead{'' if number == 1 else 's'}"


def _wallet(facts: dict[str, Any], now: datetime) -> str:
    balance, needed = dollars(facts["balance_cents"]), dollars(facts["needed_cents"])
    return f"Your wallet has {balance}; the cheapest lead in your price range costs {needed}. Top up to keep buying."


def _budget(facts: dict[str, Any], now: datetime) -> str:
    left, needed = dollars(facts["left_cents"]), dollars(facts["needed_cents"])
    return f"The budget has {left} left; the cheapest lead in your price range costs {needed}."


def _cap(name: str) -> Callable[[dict[str, Any], datetime], str]:
    def said(facts: dict[str, Any], now: datetime) -> str:
        return f"Reached its {CAPS[name]} cap of {_leads(facts['cap'])}. Buying resumes {_when(facts['until'], now)}."

    return said


_SAID: dict[str, Callable[[dict[str, Any], datetime], str]] = {
    "bought": _bought,
    "out_of_reach": _out_of_reach,
    "taken": lambda facts, now: "Other buyers got the leads in your price range first. We check again within minutes.",
    "hours": lambda facts, now: f"Outside its buying hours. Buying resumes {_when(facts['until'], now)}.",
    "complete": lambda facts, now: f"Complete. Bought all {_leads(facts['cap'])} you asked for.",
    "wallet": _wallet,
    "budget": _budget,
    **{name: _cap(name) for name in CAPS},
    "not_approved": lambda facts, now: "Your company is not approved to buy these leads.",
    "closed": lambda facts, now: "These leads are not open for resale right now.",
    "no_price": lambda facts, now: "These leads have no prices yet.",
    "unreadable": lambda facts, now: "These filters are no longer available. End this order and place a new one.",
    "not_ready": lambda facts, now: "Inventory is loading. We check again within minutes.",
    "failed": lambda facts, now: "Something went wrong on our side. Nothing was bought, and we will try again.",
    "told": lambda facts, now: _told(facts),
}


def _told(facts: dict[str, Any]) -> str:
    fresh = facts["fresh"]
    if not fresh:
        return "No new leads since the last alert."
    more = " or more" if facts["more"] else ""
    return f"{masked_text(fresh)}{more} new leads in the last alert."


def _when(instant: str, now: datetime) -> str:
    left = datetime.fromisoformat(instant) - now
    for unit, length in (("day", DAILY), ("hour", HOURLY), ("minute", SOON)):
        if left >= length:
            number = round(left / length)
            return f"in {number:,} {unit}{'' if number == 1 else 's'}"
    return "within a minute"
