"""Counts and pages: equal to counting by hand, and silent about small groups."""

from datetime import timedelta

import pytest

from leads.criteria.criteria import Criteria, read_criteria
from leads.listed import ListedLead
from marketplace.inventory.facets import count
from marketplace.inventory.pages import NoSuchPage, even_sample, page
from marketplace.inventory.query import Sort, StockQuery
from marketplace.inventory.small_counts import masked
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from marketplace.prices.pricing import frozen
from tests.factories import make_market
from tests.leads.criteria.test_criteria import random_leads, vertical_named, with_proof

pytestmark = pytest.mark.django_db

CLAUSES = [
    {"field": "state", "in": ["OH", "CA"]},
    {"field": "purpose", "in": ["refinance", "purchase"]},
    {"field": "age_days", "max": 366},
    {"field": "channels", "has": ["call"]},
]


def look_at(market, *clauses, buyer=None):
    criteria = read_criteria({"vertical": "mortgage", "all": list(clauses)}, vertical_named)
    return StockQuery(market.vertical, criteria, frozen(market.curve), market.now, buyer)


def test_every_facet_is_counted_without_its_own_filter(market):
    with_proof(random_leads(market, 60), market)
    query = look_at(market, *CLAUSES)
    leads = [ListedLead.of(lead, lead.price_cents) for lead in query.shelf()]

    counts = count(query)

    by_hand = {
        "state": lambda lead: [lead.state],
        "purpose": lambda lead: [lead.attributes.get("purpose")],
        "features": lambda lead: lead.attributes.get("features", []),
        "channels": lambda lead: lead.consent.text.channels,
        "grade": lambda lead: [lead.source.grade],
        "source_kind": lambda lead: [lead.source.kind],
        "proof": lambda lead: [lead.consent.proof_state(market.now)],
        "times_sold": lambda lead: [str(lead.times_sold)],
        "phone_type": lambda lead: [lead.phone_type],
    }
    for name, values_of in by_hand.items():
        expected: dict[str, int] = {}
        for lead in leads:
            if query.criteria.without(name).accepts(lead, market.now):
                for value in values_of(lead):
                    if value is not None:
                        expected[value] = expected.get(value, 0) + 1
        assert counts.choices.get(name, {}) == expected, name


def test_the_headline_figures_are_those_of_the_leads(market):
    with_proof(random_leads(market, 60), market)
    query = look_at(market, *CLAUSES)
    matching = list(query.matches().select_related("consent"))

    counts = count(query)

    assert counts.matching == len(matching) > 5
    assert counts.offered == query.shelf().count()
    assert counts.lowest_cents == min(lead.price_cents for lead in matching)
    assert counts.highest_cents == max(lead.price_cents for lead in matching)
    assert counts.never_sold == sum(lead.times_sold == 0 for lead in matching)
    assert counts.proven == sum(lead.consent.proof_state(market.now) == "retained" for lead in matching)
    assert sum(band.matching for band in counts.bands) == len(matching)
    assert sum(counts.histograms["loan_amount"].bars) == sum("loan_amount" in lead.attributes for lead in matching)


def test_an_empty_shelf_counts_nothing(market):
    counts = count(look_at(market))

    assert (counts.matching, counts.offered, counts.lowest_cents, counts.choices) == (0, 0, None, {})


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_hold_every_match_once_in_order(market, sort):
    random_leads(market, 40)
    query = look_at(market)

    seen, after = [], ""
    while after is not None:
        part = page(query, sort, after=after, size=7)
        seen += part.leads
        after = part.next_after

    assert len(seen) == len({lead.id for lead in seen}) == query.matches().count() > 7
    if sort == Sort.CHEAPEST:
        assert [lead.price_cents for lead in seen] == sorted(lead.price_cents for lead in seen)
    else:
        instants = [lead.captured_at for lead in seen]
        assert instants == sorted(instants, reverse=sort == Sort.NEWEST)


def test_an_even_sample_spans_the_whole_match_and_its_pages_hold_it_once(market):
    market.leads(23, age=timedelta(days=20))
    query = look_at(market)

    pages, number = [], "0"
    while number is not None:
        part = even_sample(query, page_number=int(number), size=5)
        pages.append([lead.id for lead in part.leads])
        number = part.next_after

    assert len(pages) == 5
    assert sorted(sum(pages, [])) == sorted(query.matches().values_list("pk", flat=True))


@pytest.mark.parametrize("after", ["nonsense", "00000000-0000-0000-0000-000000000000", "1"])
def test_a_page_that_is_none_is_refused(market, after):
    with pytest.raises(NoSuchPage):
        page(look_at(market), Sort.NEWEST, after=after)


def test_what_a_buyer_holds_is_not_offered_to_him(market):
    mine, other = market.leads(2)
    token = token_of(quote(NamedLeads((mine.public_id,)), buyer=market.buyer, now=market.now))
    place_order(OrderAttempt(market.buyer, None, token, "k", False, market.now))

    assert list(look_at(market, buyer=market.buyer).matches()) == [other]
    assert look_at(market).matches().count() == 2


def test_a_closed_vertical_has_no_shelf(market):
    closed = make_market("medicare")
    closed.vertical.open_for_resale = False
    closed.vertical.save(update_fields=["open_for_resale"])

    closed.lead()

    assert (
        not StockQuery(closed.vertical, Criteria.anything(closed.vertical), frozen(closed.curve), closed.now)
        .shelf()
        .exists()
    )


@pytest.mark.parametrize(("quantity", "shown"), [(0, 0), (1, "<5"), (4, "<5"), (5, 5), (1200, 1200)])
def test_small_groups_are_not_countable(quantity, shown):
    assert masked(quantity) == shown
