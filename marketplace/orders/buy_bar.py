"""The buy bar: quantity, sort and max price, and what that would cost."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from leads.criteria.criteria import Criteria
from marketplace.inventory.facets import Counts
from marketplace.inventory.query import Sort, StockQuery
from marketplace.orders.quotes import Quote, quote
from marketplace.orders.request import HIGHEST_PRICE_CENTS, MOST_LEADS, Selection

# URL parameters of a browse page that are not filters: sorting, paging, and the buy bar's inputs.
BESIDES = {"sort", "after", "by", "quantity", "buy_sort", "max_price", "exclusive", "lead"}
USUAL_QUANTITY = 250
LONGEST_AMOUNT = 16


@dataclass(frozen=True)
class BuyBar:
    """The buy bar's inputs, and their quote if a company is logged in."""

    quantity: int
    sort: Sort
    max_price_cents: int | None
    exclusive: bool
    quoted: Quote | None = None
    problem: str = ""

    @property
    def max_price_text(self) -> str:
        return f"{self.max_price_cents / 100:.2f}" if self.max_price_cents else ""

    @property
    def span_days(self) -> tuple[int, int] | None:
        """The lowest and highest age of the quoted leads, in days."""
        if not self.quoted or not self.quoted.lines:
            return None
        lines = self.quoted.lines
        return min(line.youngest_days for line in lines), max(line.oldest_days for line in lines)


def buy_bar_of(data: QueryDict, query: StockQuery, counts: Counts | None = None) -> BuyBar:
    """Return the buy bar for these parameters; the quantity defaults to the usual one, or fewer if fewer match."""
    usual = min(USUAL_QUANTITY, counts.matching or 1) if counts else USUAL_QUANTITY
    buy_bar = read_buy_bar(data, usual)
    if buy_bar.problem or query.buyer is None:
        return buy_bar
    quoted = quote(order_request_of(buy_bar, query.criteria), buyer=query.buyer, now=timezone.now())
    return BuyBar(buy_bar.quantity, buy_bar.sort, buy_bar.max_price_cents, buy_bar.exclusive, quoted)


def order_request_of(buy_bar: BuyBar, criteria: Criteria) -> Selection:
    return Selection(criteria, buy_bar.quantity, buy_bar.sort, buy_bar.max_price_cents, buy_bar.exclusive)


def read_buy_bar(data: QueryDict, usual: int = USUAL_QUANTITY) -> BuyBar:
    """Read the buy bar's inputs; ``problem`` is a sentence if one of them is invalid."""
    quantity, limit, problem = usual, None, ""
    said: dict[str, Any] = {name: data.get(name, "").strip() for name in ("quantity", "max_price", "buy_sort")}
    if said["quantity"]:
        number = said["quantity"].replace(",", "")
        quantity = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0
        if not 1 <= quantity <= MOST_LEADS:
            quantity, problem = usual, f"Enter a quantity from 1 to {MOST_LEADS:,}."
    if said["max_price"]:
        limit = _cents(said["max_price"])
        if limit is None:
            problem = "Enter a max price in dollars, such as 1.65."
    try:
        sort = Sort(said["buy_sort"] or Sort.NEWEST)
    except ValueError:
        sort, problem = Sort.NEWEST, "Choose newest, oldest or cheapest first."
    return BuyBar(quantity, sort, limit, data.get("exclusive") == "true", problem=problem)


def _cents(text: str) -> int | None:
    if len(text) > LONGEST_AMOUNT:
        return None
    try:
        cents = Decimal(text.removeprefix("$").replace(",", "")) * 100
    except ArithmeticError:
        return None
    return (
        int(cents)
        if cents.is_finite() and cents == cents.to_integral_value() and 1 <= cents <= HIGHEST_PRICE_CENTS
        else None
    )
