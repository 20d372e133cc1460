"""Answers about the shelf: what one look counts, and the leads of one page."""

import uuid
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from leads.models import Lead
from leads.models.lead import LeadQuerySet
from marketplace.inventory.shelf import Look, Ranking, ranked
from marketplace.pricing import priced

PAGE = 50
LARGEST_PAGE = 100
SMALL = 5


@dataclass(frozen=True)
class Page:
    """Leads in their order, and the ``after`` that asks for those behind them; None on the last page."""

    leads: list[Lead]
    next_after: str | None


class NoSuchPage(ValueError):
    """``after`` names no lead and no page of this list."""


def masked(quantity: int) -> int | str:
    """A count as the public may see it: small groups are not countable (promise P19)."""
    return f"<{SMALL}" if 0 < quantity < SMALL else quantity


def page(look: Look, ranking: Ranking, *, after: str = "", size: int = PAGE) -> Page:
    """The leads behind ``after`` (a lead's public id), by keyset: a deep page costs what the first one does."""
    leads = ranked(look.matches(), ranking)
    if after:
        leads = leads.filter(behind(ranking, _lead_named(look, after)))
    found = list(with_label(leads)[: size + 1])
    more = len(found) > size
    return Page(found[:size], str(found[size - 1].public_id) if more else None)


def even_sample(look: Look, *, matching: int, page_number: int = 0, size: int = PAGE) -> Page:
    """Every n-th lead from newest to oldest, so that a buyer sees what he would get. Page k starts k further on."""
    step = max(1, ceil(matching / size))
    if not 0 <= page_number < step:
        raise NoSuchPage("This list has no such page.")
    numbered = look.matches().annotate(
        position=Window(RowNumber(), order_by=[F("captured_at").desc(), F("id").desc()]) - 1
    )
    chosen = numbered.annotate(remainder=F("position") % step).filter(remainder=page_number).order_by("position")
    following = page_number + 1
    return Page(list(with_label(chosen)[:size]), str(following) if following < step else None)


def with_label(leads: LeadQuerySet) -> LeadQuerySet:
    """Loads what a lead's row shows: its source and its consent with the wording's terms."""
    return leads.select_related("vertical", "source", "consent__text")


def _lead_named(look: Look, after: str) -> Lead:
    """The last lead of the page before, also when it was sold since: its place in the order is still known."""
    leads = priced(Lead.objects.in_vertical(look.vertical), look.curve, now=look.now)
    try:
        return leads.get(public_id=uuid.UUID(after))
    except (ValueError, Lead.DoesNotExist) as error:
        raise NoSuchPage("This list has no such page.") from error


def behind(ranking: Ranking, last: Any) -> Q:
    """The condition for leads that come after ``last`` (annotated with ``price_cents``) in this order."""
    older = Q(captured_at__lt=last.captured_at) | Q(captured_at=last.captured_at, id__lt=last.pk)
    match ranking:
        case Ranking.NEWEST:
            return older
        case Ranking.OLDEST:
            return Q(captured_at__gt=last.captured_at) | Q(captured_at=last.captured_at, id__gt=last.pk)
        case Ranking.CHEAPEST:
            return Q(price_cents__gt=last.price_cents) | (Q(price_cents=last.price_cents) & older)
