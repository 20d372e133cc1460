"""The third reading of criteria: what the inventory finds in memory is what the database answers."""

import random
import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from leads.criteria.criteria import read_criteria
from leads.listed import ListedLead
from leads.models import Lead, Leg, LegStatus
from leads.models.vertical import add_schema_version
from marketplace.inventory import live, picking
from marketplace.inventory.facets import counts_of
from marketplace.inventory.numbers import numbers_of
from marketplace.inventory.pages import best, lots
from marketplace.inventory.query import Sort, StockQuery, sorted_by
from marketplace.inventory.result import StockResult
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from marketplace.orders.sales import Hold, Offer, hold_legs, lock_leads
from marketplace.prices.pricing import frozen, priced
from tests.factories import digest_of, make_buyer, make_leads, make_user
from tests.leads.criteria.test_criteria import ASKED, random_leads, vertical_named, wishes, with_proof
from tests.marketplace.inventory.own_customers import bring

pytestmark = pytest.mark.django_db
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def look_at(market, clauses=(), buyer=None, **terms):
    criteria = read_criteria({"vertical": market.vertical.slug, "all": list(clauses)}, vertical_named)
    return StockQuery(market.vertical, criteria, frozen(market.curve), market.now, buyer, **terms)


def in_memory(query):
    with live.result_of(query) as result:
        return set(result.stock.ids.at(numbers_of(result.matching)).tolist())


def in_database(query):
    return set(query.matches().values_list("pk", flat=True))


def stocked(market, quantity=60):
    """Some of it in the stock from the beginning, some listed since, some changed since."""
    with_proof(random_leads(market, quantity), market)
    in_memory(look_at(market))
    with_proof(random_leads(market, quantity // 2), market)
    dice = random.Random(3)
    for leg in dice.sample(list(Leg.objects.filter(status="open", market="aged")), quantity // 2):
        Leg.objects.filter(pk=leg.pk).update(status=LegStatus.SOLD, ended_at=market.now)
    Lead.objects.filter(pk__in=Lead.objects.order_by("pk")[:3]).update(withdrawn_at=market.now)
    return dice


def test_memory_and_database_agree_on_every_criteria(market):
    stocked(market)
    answers = {True: 0, False: 0}
    shelf = in_database(look_at(market))

    @OFTEN
    @given(wishes)
    def agree(clauses):
        query = look_at(market, clauses)
        found = in_memory(query)
        assert found == in_database(query), clauses
        answers[True] += len(found)
        answers[False] += len(shelf) - len(found)

    agree()

    assert min(answers.values()) > 500  # both answers really occur


@pytest.mark.parametrize("exclusive", [False, True])
def test_they_agree_on_what_a_buyer_may_see(market, exclusive):
    dice = stocked(market)
    leads = dice.sample(list(Lead.objects.for_sale()), 30)
    for lead in leads[:10]:
        buy(market, lead)
    bring(market.buyer, *(digest_of(lead) for lead in leads[10:15]))
    in_memory(look_at(market, buyer=market.buyer))
    bring(market.buyer, *(digest_of(lead, "email") for lead in leads[15:20]))
    hold_for_somebody(market, leads[20:])

    @OFTEN
    @given(wishes)
    def agree(clauses):
        query = look_at(market, clauses, market.buyer, exclusive=exclusive)
        assert in_memory(query) == in_database(query), clauses

    agree()

    seen = in_memory(look_at(market, buyer=market.buyer))
    assert len(in_memory(look_at(market))) >= len(seen) + 10
    assert not seen & {lead.pk for lead in leads[:20]}
    assert len(seen) > 10


def hold_for_somebody(market, leads):
    """A leg of each, which is the last one of some."""
    hold = Hold(uuid.uuid4(), timezone.now())
    offers = [Offer(lead.pk, lead.pk, 1, 1) for lead in leads]
    with transaction.atomic():
        lock_leads([lead.pk for lead in leads], hold)
        hold_legs(offers, hold, until=hold.now + timedelta(minutes=5), exclusive=False)


def buy(market, lead):
    token = token_of(quote(NamedLeads((lead.public_id,)), buyer=market.buyer, now=market.now))
    place_order(OrderAttempt(market.buyer, None, token, f"for {lead.pk}", False, market.now))


def fields_of(types):
    """A schema with a field of each of these types."""
    made = {
        "choice": {"choices": {"a": "A", "b": "B", "c": "C"}},
        "choices": {"choices": {f"k{number}": f"K{number}" for number in range(70)}},
    }
    return [
        {"name": f"f{number}", "label": f"F{number}", "type": kind, "filterable": True, **made.get(kind, {})}
        for number, kind in enumerate(types)
    ]


AMOUNTS = [0, 1, 1.1, 2.5, 16_777_217, 99_999.99, 123_456.789, -3, 10**9]
DAYS = ["1999-12-31", "2000-01-01", "2026-02-28", "2031-12-31"]
VALUES = {
    "choice": lambda dice: dice.choice("abc"),
    "choices": lambda dice: [f"k{number}" for number in sorted(dice.sample(range(70), dice.randint(0, 5)))],
    "number": lambda dice: dice.choice(AMOUNTS),
    "money": lambda dice: int(dice.choice(AMOUNTS)),
    "flag": lambda dice: dice.choice([True, False]),
    "date": lambda dice: dice.choice(DAYS),
    "range": lambda dice: dice.choice([{"min": 1}, {"max": 5}, {"min": 2, "max": 9.5}, {"min": -4, "max": -4}]),
}


def asked_of(kind):
    amounts = st.sampled_from(AMOUNTS)
    ends = st.sampled_from(DAYS) if kind == "date" else amounts
    match kind:
        case "choice":
            return st.sampled_from([["a"], ["b", "c"]]).map(lambda some: {"in": some})
        case "choices":
            return st.lists(st.integers(0, 69), min_size=1, max_size=4, unique=True).map(
                lambda some: {"in": [f"k{number}" for number in some]}
            )
        case "flag":
            return st.booleans().map(lambda answer: {"is": answer})
    both = st.tuples(ends, ends).map(sorted).map(lambda pair: {"min": pair[0], "max": pair[1]})
    return st.one_of(both, ends.map(lambda end: {"min": end}), ends.map(lambda end: {"max": end}))


@pytest.mark.parametrize("seed", range(6))
def test_the_three_readings_agree_on_random_schemas(market, seed):
    dice = random.Random(seed)
    types = dice.choices(sorted(VALUES), k=4)
    add_schema_version(market.vertical, fields_of(types))
    for _ in range(40):
        answers = {f"f{number}": VALUES[kind](dice) for number, kind in enumerate(types) if dice.random() < 0.8}
        make_leads(market, 1, attributes=answers, age=timedelta(days=dice.randint(0, 500)))
        if dice.random() < 0.1:
            in_memory(look_at(market))
    shelf = priced(Lead.objects.all(), frozen(market.curve), now=market.now)
    leads = [ListedLead.of(lead, lead.price_cents) for lead in shelf]
    clause = st.integers(0, len(types) - 1).flatmap(
        lambda number: asked_of(types[number]).map(lambda said: {"field": f"f{number}", **said})
    )

    @settings(OFTEN, max_examples=60)
    @given(st.lists(clause, max_size=3, unique_by=lambda one: one["field"]))
    def agree(clauses):
        query = look_at(market, clauses)
        accepted = {lead.id for lead in leads if query.criteria.accepts(lead, market.now)}
        assert in_memory(query) == in_database(query) == accepted, clauses

    agree()


@pytest.mark.parametrize("sortable", [0, 3, picking.SORTABLE])
@pytest.mark.parametrize("sort", list(Sort))
def test_the_best_are_the_databases_best_in_the_same_order(market, monkeypatch, sort, sortable):
    monkeypatch.setattr(picking, "SORTABLE", sortable)  # a large stock is searched before it is sorted
    stocked(market)
    make_leads(market, 9, age=timedelta(days=33))  # of one instant
    for clauses in ([], [{"field": "state", "in": ["OH", "CA"]}], [{"field": "age_days", "min": 8}]):
        query = look_at(market, clauses)
        expected = list(sorted_by(query.matches(), sort).values_list("pk", flat=True))

        assert best(query, sort, 1000) == expected
        assert best(query, sort, 7) == expected[:7]


def test_the_lots_of_a_quote_are_those_of_the_database(market):
    stocked(market)
    query = look_at(market, quantity=600)
    rows = list(sorted_by(query.matches(), Sort.NEWEST).values_list("price_cents", "captured_at")[:40])

    found = lots(query, Sort.NEWEST, 40)

    assert [(lot.cents, lot.quantity, lot.newest_at, lot.oldest_at) for lot in found] == [
        (cents, len(instants), max(instants), min(instants))
        for cents in sorted({cents for cents, _ in rows}, reverse=True)
        for instants in [[at for price, at in rows if price == cents]]
    ]


def test_a_median_and_bars_are_those_of_the_leads(market):
    stocked(market)
    query = look_at(market, [{"field": "state", "in": ["OH", "TX"]}])
    leads = list(query.matches())
    ages = sorted(lead.age_days(market.now) for lead in leads)

    with live.result_of(query) as result:
        counts = counts_of(result)

    assert counts.median_age_days == ages[(len(ages) - 1) // 2]
    histogram = counts.histograms["loan_amount"]
    step = (histogram.high - histogram.low) / len(histogram.bars)
    for number, quantity in enumerate(histogram.bars):
        low, last = histogram.low + number * step, number + 1 == len(histogram.bars)
        amounts = [lead.attributes["loan_amount"] for lead in leads if "loan_amount" in lead.attributes]
        assert quantity == sum(low <= amount and (last or amount < low + step) for amount in amounts)


def test_every_field_is_asked(market):
    assert set(ASKED) == set(look_at(market).criteria.filter_fields)


def test_a_regraded_source_changes_every_price_at_once(market):
    market.leads(6, age=timedelta(days=10))
    query = look_at(market, [{"field": "grade", "in": ["A"]}])
    assert in_memory(query) == set()

    market.source.grade = "A"
    market.source.save(update_fields=["grade"])

    assert len(in_memory(query)) == 6
    assert in_memory(query) == in_database(query)
    with live.result_of(query) as result:
        cents = result.prices.cents_of(numbers_of(result.matching)).tolist()
    assert cents == list(query.matches().values_list("price_cents", flat=True))


def test_what_another_buyer_has_is_no_matter_of_this_one(market):
    lead, _ = market.leads(2)
    buy(market, lead)
    stranger = make_buyer(make_user(), market.vertical)

    assert len(in_memory(look_at(market, buyer=stranger))) == 2
    assert len(in_memory(look_at(market, buyer=market.buyer))) == 1


def test_what_is_sold_is_recounted_and_nothing_else_of_it_is_read(market, monkeypatch):
    leads = [market.lead(legs_authorized=2) for _ in range(4)]
    query = look_at(market, [{"field": "times_sold", "min": 1}])
    assert in_memory(query) == set()
    monkeypatch.setattr(live, "gather", None)  # would be called

    buy(market, leads[0])

    assert in_memory(query) == {leads[0].pk}
    Leg.objects.filter(lead=leads[0], status="open").update(status=LegStatus.SOLD, ended_at=market.now)
    assert in_memory(query) == set()
    assert in_memory(look_at(market)) == {lead.pk for lead in leads[1:]}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_counting_by_what_is_absent_counts_the_same(market, share):
    stocked(market, 120)
    dice = random.Random(share)
    with live.result_of(look_at(market)) as result:
        chosen = BitMap(number for number in range(len(result.stock)) if dice.random() < share)
        some = BitMap(dice.sample(range(len(result.stock)), 40))

        counted = StockResult(result.stock, result.query, result.everything - chosen).counter("state")(some)

    assert counted == len(some & chosen & result.stock.shelf)
