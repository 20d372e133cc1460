"""What a look at a standing order found: kept as a code with facts, said to the buyer as a sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from billing.money import dollars
from buyers.models import StandingOrder
from marketplace.inventory.masking import masked_text

SOON, HOURLY, DAILY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CAPS = {"hourly_cap": "an hour", "daily_cap": "a day", "weekly_cap": "a week"}


@dataclass(frozen=True)
class FillOutcome:
    """``due_at`` is the next instant at which another look may find something else; None: not before a change."""

    code: str
    due_at: datetime | None
    facts: dict[str, Any] = field(default_factory=dict)


def sentence_of(order: StandingOrder, now: datetime) -> str:
    """How the order stands, for its buyer."""
    if order.ended_at:
        return "Ended."
    if order.paused_at:
        return "Paused: it buys nothing." if order.buys else "Paused: no letters are sent."
    said = _SAID.get(order.outcome)
    return said(order.facts, now) if said else "Waits for its first look, within a minute."


def _out_of_reach(facts: dict[str, Any], now: datetime) -> str:
    if not facts["matching"]:
        return "Nothing on the shelf matches now."
    # Never "matches": that would tell one from "<5".
    matching = masked_text(facts["matching"])
    said = (
        f"{matching} match, cheapest {dollars(facts['cheapest_cents'])}, your limit {dollars(facts['max_price_cents'])}"
    )
    if facts["reaches_at"] is None:
        return f"{said}: at these prices none comes down to it."
    return f"{said}: first reaches it {_when(facts['reaches_at'], now)}."


def _bought(facts: dict[str, Any], now: datetime) -> str:
    leads = facts["leads"]
    return f"Bought {leads:,} lead{'' if leads == 1 else 's'} for {dollars(facts['cents'])}."


def _wallet(facts: dict[str, Any], now: datetime) -> str:
    balance, needed = dollars(facts["balance_cents"]), dollars(facts["needed_cents"])
    return f"The wallet holds {balance}, and the cheapest in reach costs {needed}. It buys again after a top-up."


def _budget(facts: dict[str, Any], now: datetime) -> str:
    left, needed = dollars(facts["left_cents"]), dollars(facts["needed_cents"])
    return f"Of its budget {left} is left, and the cheapest in reach costs {needed}."


def _cap(name: str) -> Callable[[dict[str, Any], datetime], str]:
    def said(facts: dict[str, Any], now: datetime) -> str:
        return f"It bought its {facts['cap']:,} for {CAPS[name]}; there is room again {_when(facts['until'], now)}."

    return said


_SAID: dict[str, Callable[[dict[str, Any], datetime], str]] = {
    "bought": _bought,
    "out_of_reach": _out_of_reach,
    "taken": lambda facts, now: "Others were quicker: what was in reach is taken. It looks again within minutes.",
    "hours": lambda facts, now: f"Outside its hours; it buys again {_when(facts['until'], now)}.",
    "complete": lambda facts, now: f"Complete: it bought the {facts['cap']:,} leads that you asked for.",
    "wallet": _wallet,
    "budget": _budget,
    **{name: _cap(name) for name in CAPS},
    "not_approved": lambda facts, now: "Your company is not approved to buy these leads.",
    "closed": lambda facts, now: "These leads are closed for resale.",
    "no_price": lambda facts, now: "These leads have no prices yet.",
    "unreadable": lambda facts, now: "What it asks for cannot be asked any more. End it and place a new one.",
    "not_ready": lambda facts, now: "The shelf is being read in; it looks again within minutes.",
    "failed": lambda facts, now: "Something went wrong on our side; nothing was bought, and we try again.",
    "told": lambda facts, now: _told(facts),
}


def _told(facts: dict[str, Any]) -> str:
    fresh = facts["fresh"]
    if not fresh:
        return "Nothing new since the letter before."
    more = " or more" if facts["more"] else ""
    return f"{masked_text(fresh)}{more} new in the last letter."


def _when(instant: str, now: datetime) -> str:
    left = datetime.fromisoformat(instant) - now
    for unit, length in (("day", DAILY), ("hour", HOURLY), ("minute", SOON)):
        if left >= length:
            number = round(left / length)
            return f"in {number:,} {unit}{'' if number == 1 else 's'}"
    return "within a minute"
