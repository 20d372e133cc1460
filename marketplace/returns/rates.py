"""Return rates: how many of the leads sold recently came back, with what result; always with the sample size."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from buyers.models import Buyer
from leads.models import Source
from marketplace.models import Return, Sale
from marketplace.models.sale import SaleQuerySet

SPANS = (timedelta(days=30), timedelta(days=90))
# Below these numbers a rate means nothing.
FEWEST_DECIDED, FEWEST_SOLD = 5, 20
REFUSED_SHARE, ASKED_SHARE, CREDITED_SHARE = 0.5, 0.25, 0.15
Status = Return.Status
_REFUSED = [Status.REFUSED, Status.REFUSED_FINALLY, Status.APPEALED]


@dataclass(frozen=True)
class Rate:
    """How many of ``sold`` leads were returned. An appealed claim counts as refused until it is credited."""

    days: int
    sold: int
    asked: int
    credited: int
    refused: int
    automatic: int

    @property
    def waiting(self) -> int:
        return self.asked - self.credited - self.refused

    @property
    def decided_by_people(self) -> int:
        return self.credited + self.refused - self.automatic

    def share(self, part: int) -> float:
        return part / self.sold if self.sold else 0.0

    @property
    def asked_share(self) -> str:
        return _percent(self.share(self.asked))

    @property
    def in_words(self) -> str:
        if not self.sold:
            return "nothing sold"
        said = f"{self.credited:,} credited ({_percent(self.share(self.credited))}), {self.refused:,} refused"
        return f"{self.asked:,} of {self.sold:,} returned: {said}, {self.waiting:,} in review"


@dataclass(frozen=True)
class ReasonRate:
    reason: str
    asked: int
    credited: int
    refused: int

    @property
    def in_words(self) -> str:
        return f"{self.reason}: {self.asked:,} returned, {self.credited:,} credited, {self.refused:,} refused"


def rates_of_buyer(buyer: Buyer, now: datetime) -> list[Rate]:
    """Return the rates for leads sold in the last 30 and 90 days."""
    return [_rate(Sale.objects.of_buyer(buyer.pk), span, now) for span in SPANS]


def rates_of_source(source: Source, now: datetime) -> list[Rate]:
    return [_rate(Sale.objects.filter(lead__source=source), span, now) for span in SPANS]


def reasons_of_buyer(buyer: Buyer, now: datetime) -> list[ReasonRate]:
    """Return the reasons given over the longer span, most frequent first."""
    return _reasons(Sale.objects.of_buyer(buyer.pk), now)


def reasons_of_source(source: Source, now: datetime) -> list[ReasonRate]:
    return _reasons(Sale.objects.filter(lead__source=source), now)


def abuse_of_buyer(buyer: Buyer, now: datetime) -> list[str]:
    """Return warnings for our team before it decides; none for most buyers."""
    return list(_abuse(rates_of_buyer(buyer, now)[-1]))


def faults_of_source(source: Source, now: datetime) -> list[str]:
    return list(_faults(rates_of_source(source, now)[-1]))


def _abuse(rate: Rate) -> Iterator[str]:
    if rate.decided_by_people >= FEWEST_DECIDED and rate.refused / rate.decided_by_people >= REFUSED_SHARE:
        share = _percent(rate.refused / rate.decided_by_people)
        refused = f"{rate.refused:,} of {rate.decided_by_people:,} returns"
        yield f"Our team refused {refused} ({share}) in {rate.days} days"
    if rate.sold >= FEWEST_SOLD and rate.share(rate.asked) > ASKED_SHARE:
        yield f"{_percent(rate.share(rate.asked))} of {rate.sold:,} leads were returned in {rate.days} days"


def _faults(rate: Rate) -> Iterator[str]:
    if rate.sold >= FEWEST_SOLD and rate.share(rate.credited) > CREDITED_SHARE:
        yield f"{_percent(rate.share(rate.credited))} of {rate.sold:,} leads were credited in {rate.days} days"


def _rate(sales: SaleQuerySet, span: timedelta, now: datetime) -> Rate:
    counted = sales.filter(sold_at__gt=now - span).aggregate(sold=Count("pk"), **_COUNTS)
    return Rate(span.days, **counted)


def _reasons(sales: SaleQuerySet, now: datetime) -> list[ReasonRate]:
    returned = sales.filter(sold_at__gt=now - SPANS[-1]).exclude(returned=None).exclude(_TAKEN_BACK)
    rows = returned.order_by().values_list("returned__reason__label").annotate(**_BY_REASON)
    return sorted((ReasonRate(*row) for row in rows), key=lambda rate: (-rate.asked, rate.reason))


def _percent(share: float) -> str:
    return f"{share:.0%}"


_TAKEN_BACK = Q(returned__status=Status.TAKEN_BACK)
_BY_REASON = {
    "asked": Count("returned", filter=~_TAKEN_BACK),
    "credited": Count("returned", filter=Q(returned__status=Status.CREDITED)),
    "refused": Count("returned", filter=Q(returned__status__in=_REFUSED)),
}
_COUNTS = {
    **_BY_REASON,
    "automatic": Count("returned", filter=Q(returned__status=Status.CREDITED, returned__automatic=True)),
}
