"""Automatic checks: what our own record, as it was at the sale, says about a lead that a buyer returns.

A confirmed claim is credited at once. Any other goes to a person, with the finding noted: our record may be wrong, and
buyers know their own customers. Only if nothing but our record can decide (an order of selected leads has no filters;
the list of opt-outs is ours alone) is the claim refused before it is recorded.
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
    """Whether our record confirms the claim, with a sentence for the buyer and our team."""

    holds: bool
    sentence: str
    judgeable: bool = True


def find(sale: Sale, decided_by: str) -> Finding | None:
    """Return what our record says, or None if only a person can know."""
    query = _LOOKS.get(DecidedBy(decided_by))
    return query(sale) if query else None


def _outside(sale: Sale) -> Finding:
    """Check the lead as it was against the order's own criteria: matching at the quote or at the sale is enough."""
    order_request = sale.order.request
    if "leads" in order_request:
        return Finding(False, "The leads of this order were selected one by one, not by filters.", judgeable=False)
    try:
        wanted = read_criteria(
            {"vertical": order_request["vertical"], "all": order_request["criteria"]}, _vertical_named
        )
    except CriteriaError:
        return Finding(False, "This order used filters that are no longer available.")
    lead = lead_as_sold(sale)
    missed = [list(_missed(wanted, lead, instant)) for instant in (sale.order.quoted_at, sale.sold_at)]
    if all(missed):
        return Finding(
            True, f"The order asked for: {'; '.join(missed[-1][:CLAUSES_TOLD])}. This lead does not match."[:300]
        )
    return Finding(False, "According to our records, this lead matches every filter of the order.")


def _missed(wanted: Criteria, lead: ListedLead, instant: datetime) -> Iterator[str]:
    """Yield the criteria that the lead does not match, in words."""
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
    """Return the source with the traits that criteria use as they were then, according to its history."""
    then = source.events.filter(pgh_created_at__lte=instant).order_by("-pgh_id").first()  # type: ignore[attr-defined]
    if then is None:
        return source
    found = copy.copy(source)
    found.grade, found.kind, found.incentive = then.grade, then.kind, then.incentive
    return found


def _duplicate(sale: Sale) -> Finding:
    """Check whether the buyer had the person, by any phone or email address: bought within the vertical's window, or on
    a list of own customers in force at the sale. A later list proves nothing: it may have been made from this lead."""
    if not sale.lead.digests.exists():
        return Finding(False, "The person's contact was erased, so we can no longer compare.")
    traces = traces_of({}, [sale.lead_id])
    if before := _bought_before(sale, traces):
        return Finding(
            True, f"You bought the same person as lead {before.lead.short_id} in order {before.order.number}."
        )
    known = OwnCustomer.objects.of_buyer(sale.buyer_id).known_as(traces.digests)
    if own := known.in_force_at(sale.sold_at).select_related("list").first():
        return Finding(True, f"The person was on your list of own customers from {own.list.done_at:%B %-d, %Y}.")
    return Finding(False, "You did not have this person before, from us or on one of your lists.")


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
        return Finding(True, "The person had already opted out when you bought this lead.")
    if _suppressions_of(sale).filter(created_at__lte=sale.sold_at).exists():
        return Finding(True, "The person was already on a suppression list when you bought this lead.")
    return Finding(False, "According to our records, the person had not opted out before the sale.", judgeable=False)


def _suppressions_of(sale: Sale) -> QuerySet[Suppression]:
    """Return the person's suppressions. A digest counts only under its own kind, phone or email."""
    theirs = sale.lead.digests
    kinds = [Q(kind=kind, digest__in=theirs.filter(kind=kind).values("digest")) for kind in DigestKind]
    return Suppression.objects.filter(reduce(or_, kinds))


_LOOKS: dict[DecidedBy, Callable[[Sale], Finding]] = {
    DecidedBy.OUTSIDE: _outside,
    DecidedBy.DUPLICATE: _duplicate,
    DecidedBy.SUPPRESSED: _suppressed,
}
