"""The till: how many, which first, at most how much; and what that would come to."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from leads.criteria.criteria import Criteria
from marketplace.inventory.facets import Counts
from marketplace.inventory.query import Look, Ranking
from marketplace.orders.quotes import Quote, quote
from marketplace.orders.request import DEAREST_CENTS, MOST_LEADS, Selection

# What the address of a shop page may hold beside filters: how the list goes on, and the inputs of the buy bar.
BESIDES = {"order", "after", "by", "quantity", "first", "limit", "exclusive", "lead"}
USUAL_QUANTITY = 250
LONGEST_AMOUNT = 16


@dataclass(frozen=True)
class Till:
    """What stands in the till's inputs, and the quote for it where a company asks."""

    quantity: int
    ranking: Ranking
    limit_cents: int | None
    exclusive: bool
    quoted: Quote | None = None
    problem: str = ""

    @property
    def limit_text(self) -> str:
        return f"{self.limit_cents / 100:.2f}" if self.limit_cents else ""

    @property
    def span_days(self) -> tuple[int, int] | None:
        """The youngest and the oldest of what would be bought, in days."""
        if not self.quoted or not self.quoted.lines:
            return None
        lines = self.quoted.lines
        return min(line.youngest_days for line in lines), max(line.oldest_days for line in lines)


def till_of(data: QueryDict, look: Look, counts: Counts | None = None) -> Till:
    """The till for these parameters; without a quantity, the usual one or as many as there are."""
    usual = min(USUAL_QUANTITY, counts.matching or 1) if counts else USUAL_QUANTITY
    till = read_till(data, usual)
    if till.problem or look.buyer is None:
        return till
    quoted = quote(wish_of(till, look.criteria), buyer=look.buyer, now=timezone.now())
    return Till(till.quantity, till.ranking, till.limit_cents, till.exclusive, quoted)


def wish_of(till: Till, criteria: Criteria) -> Selection:
    return Selection(criteria, till.quantity, till.ranking, till.limit_cents, till.exclusive)


def read_till(data: QueryDict, usual: int = USUAL_QUANTITY) -> Till:
    """The till's inputs; ``problem`` is a sentence when one of them makes no sense."""
    quantity, limit, problem = usual, None, ""
    said: dict[str, Any] = {name: data.get(name, "").strip() for name in ("quantity", "limit", "first")}
    if said["quantity"]:
        number = said["quantity"].replace(",", "")
        quantity = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0
        if not 1 <= quantity <= MOST_LEADS:
            quantity, problem = usual, f"The quantity is a whole number from 1 to {MOST_LEADS:,}."
    if said["limit"]:
        limit = _cents(said["limit"])
        if limit is None:
            problem = "The limit is an amount in dollars, as in 1.65."
    try:
        ranking = Ranking(said["first"] or Ranking.NEWEST)
    except ValueError:
        ranking, problem = Ranking.NEWEST, "First come the newest, the oldest or the cheapest."
    return Till(quantity, ranking, limit, data.get("exclusive") == "true", problem=problem)


def _cents(text: str) -> int | None:
    if len(text) > LONGEST_AMOUNT:
        return None
    try:
        cents = Decimal(text.removeprefix("$").replace(",", "")) * 100
    except ArithmeticError:
        return None
    return (
        int(cents) if cents.is_finite() and cents == cents.to_integral_value() and 1 <= cents <= DEAREST_CENTS else None
    )
