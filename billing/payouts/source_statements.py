"""What a source earned and what was paid: in total, by month and leg by leg; as a page, a CSV and a PDF.

These rows and the ledger always agree on what is owed: the same transactions write both.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.documents import Document, DocumentLine, Party
from billing.documents.receipts import operator_party
from billing.models import Earning, Payout
from leads.cells import cell_text
from leads.models import Source

PAGE = 100
COLUMNS = (
    "At, UTC",
    "Lead",
    "Leg",
    "Description",
    "Price, USD",
    "Share, %",
    "Amount, USD",
    "Pending until, UTC",
    "Payout",
)
PAID = Q(payout__status=Payout.Status.PAID)
UNPAID = Q(payout=None)


@dataclass(frozen=True)
class Totals:
    """``charged_back_cents`` is negative. Earned plus charged back is pending, due, on its way or paid."""

    earned_cents: int
    charged_back_cents: int
    balance_cents: int
    due_cents: int
    on_its_way_cents: int
    paid_cents: int

    @property
    def owed_cents(self) -> int:
        return self.balance_cents + self.due_cents + self.on_its_way_cents


@dataclass(frozen=True)
class Month:
    first: datetime
    earned_cents: int
    charged_back_cents: int
    legs: int

    @property
    def cents(self) -> int:
        return self.earned_cents + self.charged_back_cents


@dataclass(frozen=True)
class SourceStatementPage:
    """Newest first. ``older`` is the last row's ID if more follow."""

    rows: list[Earning]
    older: int | None


def totals_of(source: Source, now: datetime) -> Totals:
    return Totals(
        **source.earnings.aggregate(
            earned_cents=_sum(Q(kind=Earning.Kind.EARNED)),
            charged_back_cents=_sum(Q(kind=Earning.Kind.CHARGED_BACK)),
            balance_cents=_sum(UNPAID & Q(held_until__gt=now)),
            due_cents=_sum(UNPAID & Q(held_until__lte=now)),
            on_its_way_cents=_sum(~UNPAID & ~PAID),
            paid_cents=_sum(PAID),
        )
    )


def months_of(source: Source) -> list[Month]:
    """Return totals by the UTC month in which it was earned or charged back, newest first."""
    return _months(source.earnings.all())


def _months(earnings: QuerySet[Earning]) -> list[Month]:
    rows = earnings.annotate(first=TruncMonth("at")).values("first").order_by("-first")
    sums = rows.annotate(
        earned_cents=_sum(Q(kind=Earning.Kind.EARNED)),
        charged_back_cents=_sum(Q(kind=Earning.Kind.CHARGED_BACK)),
        legs=Count("id", filter=Q(kind=Earning.Kind.EARNED)),
    )
    return [Month(**row) for row in sums]


def page_of(source: Source, before: int | None = None) -> SourceStatementPage:
    """Paged by row ID, not by number, so that the last page is as fast as the first."""
    rows = _told(source.earnings.order_by("-id"))
    found = list((rows.filter(id__lt=before) if before else rows)[: PAGE + 1])
    return SourceStatementPage(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)


def as_csv(source: Source) -> Iterator[str]:
    """Yield the CSV, one line per leg, oldest first."""
    writer: Any = csv.writer(_Echo(), lineterminator="\r\n")
    yield writer.writerow(COLUMNS)
    for one in _told(source.earnings.order_by("id")).iterator(2000):
        yield writer.writerow(
            [
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                str(one.leg.lead.public_id)[:8],
                one.leg.number,
                cell_text(one.get_kind_display()),
                _decimal(one.price_cents),
                one.percent,
                _decimal(one.cents),
                f"{one.held_until:%Y-%m-%d %H:%M:%S}",
                one.payout.number if one.payout else "",
            ]
        )


def statement_document(source: Source, now: datetime) -> Document | None:
    """Return all months as a document, down to what is owed. None for a source that never earned anything."""
    months, totals = months_of(source), totals_of(source, now)
    if not months:
        return None
    return Document(
        kind_title="Payout statement",
        number=f"{source.slug[:20]} {now:%Y-%m-%d}",
        issued_at=now,
        operator=operator_party(),
        party=_party(source),
        lines=[line for month in reversed(months) for line in _lines(month)],
        totals=(
            ("Earned, less charge-backs", totals.earned_cents + totals.charged_back_cents),
            ("Paid out", -totals.paid_cents),
            ("Owed", totals.owed_cents),
        ),
        notes=("Shares of leads that a buyer may still return are pending until the return window closes.",),
    )


def payout_document(payout: Payout) -> Document | None:
    """Return one payout as a document, by month. None if it has no earnings, such as a failed or canceled one."""
    months = _months(payout.earnings.all())
    if not months:
        return None
    return Document(
        kind_title="Payout statement",
        number=payout.number,
        issued_at=payout.paid_at or payout.run.created_at,
        operator=operator_party(),
        party=_party(payout.source),
        lines=[line for month in reversed(months) for line in _lines(month)],
        totals=(("Paid" if payout.paid_at else "To be paid", payout.cents),),
        references=(
            ("Paid by", payout.get_method_display()),
            ("Cutoff", f"{payout.run.cutoff_at:%Y-%m-%d %H:%M} UTC"),
        ),
    )


def _lines(month: Month) -> Iterator[DocumentLine]:
    when = f"{month.first:%B %Y}"
    if month.earned_cents:
        yield DocumentLine(f"Leads sold, {when}", month.legs, None, month.earned_cents)
    if month.charged_back_cents:
        yield DocumentLine(f"Charged back, {when}", None, None, month.charged_back_cents)


def _sum(which: Q) -> Coalesce:
    return Coalesce(Sum("cents", filter=which), 0)


def _told(earnings: QuerySet[Earning]) -> QuerySet[Earning]:
    return earnings.select_related("leg__lead", "payout")


def _party(source: Source) -> Party:
    return Party(source.legal_name, (source.address, source.phone))


class _Echo:
    """A file for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def _decimal(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
