"""Findings: what a machine can say of a lead that is handed back, from our own record as it stood at the sale.

A finding that holds is credited at once. One that does not goes to a person, with the finding noted: a record may be
wrong, and a buyer knows his own customers. Only where there is nothing beside our record to judge by (an order picked
by hand has no criteria; our list of stops is ours alone) the claim is refused before it is one.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from buyers.models import OwnCustomer
from leads.criteria.clauses import CriteriaError
from leads.criteria.criteria import Criteria, read_criteria
from leads.listed import ListedLead
from leads.models import ClosedReason, Source, Suppression, Vertical
from leads.models.contact import DigestKind
from leads.people.same_person import Traces, traces_of
from marketplace.models import ReturnReason, Sale

CLAUSES_TOLD = 2
DecidedBy = ReturnReason.DecidedBy


@dataclass(frozen=True)
class Finding:
    """Whether the claim is right as far as a machine sees, in a sentence for the buyer and the desk."""

    holds: bool
    sentence: str
    judgeable: bool = True


def find(sale: Sale, decided_by: str) -> Finding | None:
    """What our record says; None where it says nothing, because only people can know."""
    query = _LOOKS.get(DecidedBy(decided_by))
    return query(sale) if query else None


def _outside(sale: Sale) -> Finding:
    """The order's own criteria, asked of the lead as it was: at the quote or at the sale is soon enough."""
    order_request = sale.order.request
    if "leads" in order_request:
        return Finding(False, "This order was picked by hand: it had no filters to be outside of.", judgeable=False)
    try:
        wanted = read_criteria(
            {"vertical": order_request["vertical"], "all": order_request["criteria"]}, _vertical_named
        )
    except CriteriaError:
        return Finding(False, "The filters of this order ask what is no longer asked of leads.")
    lead = lead_as_sold(sale)
    missed = [list(_missed(wanted, lead, instant)) for instant in (sale.order.quoted_at, sale.sold_at)]
    if all(missed):
        return Finding(
            True, f"The order asked for: {'; '.join(missed[-1][:CLAUSES_TOLD])}. The lead is not that."[:300]
        )
    return Finding(False, "By our record the lead meets every filter of its order.")


def _missed(wanted: Criteria, lead: ListedLead, instant: datetime) -> Iterator[str]:
    """What the criteria ask and the lead is not, in words."""
    for clause in wanted.clauses:
        filter_field = wanted.filter_fields[clause.field]
        if not clause.accepts(filter_field.value_of(lead, instant)):
            yield filter_field.in_words(clause)


def _vertical_named(slug: str) -> Vertical | None:
    return Vertical.objects.filter(slug=slug).first()


def lead_as_sold(sale: Sale) -> ListedLead:
    """Return the lead with its counts, source and price as they were when this sale was made."""
    lead = sale.lead
    listed = ListedLead.of(lead, sale.price_cents)
    elsewhere = lead.legs.filter(closed_reason=ClosedReason.SOLD_ELSEWHERE).count()
    listed.times_sold = elsewhere + lead.sales.filter(pk__lt=sale.pk).count()
    listed.legs_left = (
        lead.legs.filter(Q(ended_at=None) | Q(ended_at__gte=sale.sold_at), aged_at__lte=sale.sold_at)
        .exclude(sale__pk__lt=sale.pk)
        .count()
    )
    listed.source = _source_at(lead.source, sale.sold_at)
    return listed


def _source_at(source: Source, instant: datetime) -> Source:
    """The source with what criteria may ask of it, as its history has it."""
    then = source.events.filter(pgh_created_at__lte=instant).order_by("-pgh_id").first()  # type: ignore[attr-defined]
    if then is None:
        return source
    found = copy.copy(source)
    found.grade, found.kind, found.incentive = then.grade, then.kind, then.incentive
    return found


def _duplicate(sale: Sale) -> Finding:
    """The same person had before, through whatever phone or address: bought within the vertical's window, or on a list
    of own customers that was in force at the sale. One that came later proves nothing: it may be made of this lead."""
    if not sale.lead.digests.exists():
        return Finding(False, "The person was erased; we can no longer compare.")
    traces = traces_of({}, [sale.lead_id])
    if before := _bought_before(sale, traces):
        return Finding(
            True, f"You bought the same person as lead {before.lead.short_id} in order {before.order.number}."
        )
    known = OwnCustomer.objects.of_buyer(sale.buyer_id).known_as(traces.digests)
    if own := known.in_force_at(sale.sold_at).select_related("list").first():
        return Finding(True, f"The person was on your list of customers of {own.list.done_at:%B %-d, %Y}.")
    return Finding(False, "You did not have this person before, from us or on a list of yours.")


def _bought_before(sale: Sale, traces: Traces) -> Sale | None:
    lead = sale.lead
    earlier = Sale.objects.of_buyer(sale.buyer_id).filter(pk__lt=sale.pk, lead__in=traces.leads - {lead.pk})
    window = timedelta(days=lead.vertical.duplicate_window_days)
    for before in earlier.filter(lead__vertical=lead.vertical_id).select_related("lead", "order"):
        if abs(before.lead.captured_at - lead.captured_at) <= window:
            return before
    return None


def _suppressed(sale: Sale) -> Finding:
    stopped_at = sale.lead.withdrawn_at
    if stopped_at is not None and stopped_at <= sale.sold_at:
        return Finding(True, "The person had stopped this request when you bought it.")
    if _suppressions_of(sale).filter(created_at__lte=sale.sold_at).exists():
        return Finding(True, "The person stood on a list of people who must not be sold when you bought the lead.")
    return Finding(False, "By our record nobody had stopped this person before you bought the lead.", judgeable=False)


def _suppressions_of(sale: Sale) -> QuerySet[Suppression]:
    """A phone's by its kind: a digest under the wrong kind is nobody's."""
    theirs = sale.lead.digests
    kinds = [Q(kind=kind, digest__in=theirs.filter(kind=kind).values("digest")) for kind in DigestKind]
    return Suppression.objects.filter(reduce(or_, kinds))


_LOOKS: dict[DecidedBy, Callable[[Sale], Finding]] = {
    DecidedBy.OUTSIDE: _outside,
    DecidedBy.DUPLICATE: _duplicate,
    DecidedBy.SUPPRESSED: _suppressed,
}
