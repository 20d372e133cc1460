"""The content of a financial document. One that doesn't add up can't be created."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Party:
    """Who bills or is billed: the legal name, then address, phone, email and license, one per line."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocumentLine:
    """One charge or credit. A unit price is only for lines where quantity × unit price is the amount."""

    text: str
    quantity: int | None
    unit_cents: int | None
    cents: int
    detail: str = ""

    def __post_init__(self) -> None:
        if self.unit_cents is None:
            return
        if self.quantity is None:
            raise ValueError(f"A line with a unit price needs a quantity: {self.text}.")
        if self.quantity * self.unit_cents != self.cents:
            raise ValueError(f"{self.quantity} × {self.unit_cents} cents is not {self.cents}: {self.text}.")


@dataclass(frozen=True)
class Document:
    """``totals`` are rows of (label, cents): the first is the sum of the lines, the last is the first plus those in
    between (a discount, an opening balance); a single row is both. ``issued_at`` is dated in its own time zone."""

    kind_title: str
    number: str
    issued_at: datetime
    operator: Party
    party: Party
    lines: Sequence[DocumentLine]
    totals: tuple[tuple[str, int], ...]
    references: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    currency: str = "USD"

    def __post_init__(self) -> None:
        if self.issued_at.tzinfo is None:
            raise ValueError("The time of issue needs a time zone.")
        if self.currency != "USD":
            raise ValueError(f"Amounts must be in dollars, not in {self.currency}.")
        if not self.lines:
            raise ValueError("A document needs at least one line.")
        if not self.totals:
            raise ValueError("A document needs a total.")
        self._check_sums()

    @property
    def total(self) -> tuple[str, int]:
        return self.totals[-1]

    def _check_sums(self) -> None:
        summed = sum(line.cents for line in self.lines)
        subtotal, *between = [cents for _, cents in self.totals[:-1] or self.totals]
        if subtotal != summed:
            raise ValueError(f"The lines add up to {summed} cents, not {subtotal}.")
        if subtotal + sum(between) != self.total[1]:
            raise ValueError(f"The rows add up to {subtotal + sum(between)} cents, not {self.total[1]}.")
