"""The percolator: the orders that want a lead are, order by order, those whose criteria accept it."""

import random
import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from buyers.standing_index import gates
from buyers.standing_index import percolator as watching
from buyers.standing_index.index import OrderIndex
from buyers.standing_index.percolator import Percolator, at_most
from leads.criteria.criteria import Criteria, filter_fields_of, read_clause
from leads.listed import ListedLead
from leads.models.vertical import add_schema_version
from leads.schema.fields import Field, FieldType, Schema
from marketplace.standing_orders import lifecycle
from tests.factories import FIELDS, make_buyer, make_market
from tests.marketplace.standing_orders.standing_cases import wants

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ZIPS = ["45402", "45403", "90210", "10001", "", "09001"]
KEYS = ["a", "b", "c", "d"]
DATES = ["2026-01-31", "2026-06-01", "2026-12-01"]
NUMBERS = [-3, 0, 1, 2.5, 10, 99]

fields = st.builds(
    Field,
    name=st.sampled_from(["one", "two", "three", "four", "five"]),
    label=st.just("A field"),
    type=st.sampled_from([kind for kind in FieldType if kind != FieldType.TEXT]),
    choices=st.just({key: key.upper() for key in KEYS}),
    filterable=st.just(True),
).map(
    lambda made: (
        made if made.type in ("choice", "choices") else Field(made.name, made.label, made.type, filterable=True)
    )
)
schemas = st.lists(fields, max_size=5, unique_by=lambda made: made.name).map(tuple).map(Schema)


def some(values, least=1):
    return st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True)


def ends(values):
    both = st.tuples(st.sampled_from(values), st.sampled_from(values)).map(sorted)
    one = st.sampled_from(values)
    return st.one_of(
        both.map(lambda pair: {"min": pair[0], "max": pair[1]}),
        one.map(lambda end: {"min": end}),
        one.map(lambda end: {"max": end}),
    )


ENVELOPE_SAID = {
    "state": some(["OH", "CA", "TX"]).map(lambda values: {"in": values}),
    "postal_code": some(["45402", "90210", "99999"]).map(lambda values: {"in": values}),
    "zip_prefix": some(["4", "454", "45402", "9"]).map(lambda values: {"in": values}),
    "near": st.sampled_from(
        [
            {"zip": "45402", "miles": 5},
            {"zip": "45402", "miles": 250},
            {"zip": "09001", "miles": 9},
            {"zip": "90210", "miles": 1},
        ]
    ),
    "age_days": ends([0, 1, 30, 31, 90]),
    "times_sold": ends([0, 1, 2]),
    "legs_left": ends([0, 1, 3]),
    "phone_type": some(["mobile", "landline"]).map(lambda values: {"in": values}),
    "source_kind": some(["own_form", "partner_form"]).map(lambda values: {"in": values}),
    "grade": some(["A", "B", "D"]).map(lambda values: {"in": values}),
    "incentive": st.booleans().map(lambda answer: {"is": answer}),
    "proof": some(["retained", "lapsed", "none"]).map(lambda values: {"in": values}),
    "channels": some(["call", "text", "email"]).map(lambda values: {"has": values}),
    "price": ends([10, 100, 220, 500]),
}


def said_of(field):
    match field.type:
        case FieldType.CHOICE | FieldType.CHOICES:
            return some(KEYS).map(lambda values: {"in": values})
        case FieldType.FLAG:
            return st.booleans().map(lambda answer: {"is": answer})
        case FieldType.DATE:
            return ends(DATES)
    return ends(NUMBERS)


def value_of(field):
    match field.type:
        case FieldType.CHOICE:
            return st.sampled_from(KEYS)
        case FieldType.CHOICES:
            return some(KEYS, least=0)
        case FieldType.FLAG:
            return st.booleans()
        case FieldType.DATE:
            return st.sampled_from(DATES)
        case FieldType.RANGE:
            return st.sampled_from([{"min": 0, "max": 10}, {"min": 2.5}, {"max": -3}, {"min": 1, "max": 1}])
    return st.sampled_from(NUMBERS)


@st.composite
def wishes(draw, schema):
    askable = filter_fields_of(schema)
    said = {**ENVELOPE_SAID, **{field.name: said_of(field) for field in schema}}
    names = draw(st.lists(st.sampled_from(sorted(said)), max_size=4, unique=True))
    clauses = [read_clause({"field": name, **draw(said[name])}, askable) for name in names]
    return Criteria("mortgage", tuple(clauses), askable)


@st.composite
def leads(draw, schema):
    attributes = {field.name: draw(value_of(field)) for field in schema if draw(st.booleans())}
    age = draw(st.sampled_from([0, 1, 30, 31, 400]))
    proof = draw(st.sampled_from(["retained", "lapsing", "lapsed", "none"]))
    channels = draw(some(["call", "text", "email"]))
    return SimpleNamespace(
        vertical=SimpleNamespace(slug="mortgage"),
        state=draw(st.sampled_from(["OH", "CA", "NY"])),
        postal_code=draw(st.sampled_from(ZIPS)),
        phone_type=draw(st.sampled_from(["mobile", "unknown"])),
        times_sold=draw(st.integers(0, 3)),
        legs_left=draw(st.integers(0, 4)),
        price_cents=draw(st.sampled_from([9, 10, 100, 219, 220, 501])),
        attributes=attributes,
        age_days=lambda now: age,
        source=SimpleNamespace(
            kind=draw(st.sampled_from(["own_form", "imported_file"])),
            grade=draw(st.sampled_from(["A", "C"])),
            incentive=draw(st.booleans()),
        ),
        consent=SimpleNamespace(text=SimpleNamespace(channels=channels), proof_state=lambda now: proof),
    )


@st.composite
def markets(draw):
    schema = draw(schemas)
    orders = draw(st.lists(wishes(schema), min_size=1, max_size=30))
    shelf = draw(st.lists(leads(schema), min_size=1, max_size=6))
    blocks = draw(st.sampled_from([1, 2, 128]))
    few = draw(st.sampled_from([0, 512]))
    return schema, orders, shelf, blocks, few


def test_an_index_answers_what_every_order_would_answer_for_itself(monkeypatch):
    answers = {True: 0, False: 0}

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(markets())
    def agree(market):
        schema, orders, shelf, blocks, few = market
        monkeypatch.setattr(gates, "BLOCKS", blocks)
        monkeypatch.setattr(gates, "FEW_VALUES", few)
        numbered = {7 * number + 3: order for number, order in enumerate(orders)}
        index = OrderIndex(numbered, filter_fields_of(schema))
        for lead in shelf:
            accepting = {pk for pk, order in numbered.items() if order.accepts(lead, NOW)}
            assert set(index.wanting(lead, NOW)) == accepting
            answers[True] += len(accepting)
            answers[False] += len(numbered) - len(accepting)

    agree()

    assert min(answers.values()) > 1_000  # both answers really occur


def test_an_index_does_not_change_what_it_hands_out():
    askable = filter_fields_of(Schema(()))
    clause = read_clause({"field": "state", "in": ["OH"]}, askable)
    index = OrderIndex({1: Criteria("mortgage", (clause,), askable), 2: Criteria("mortgage", (), askable)}, askable)
    lead = SimpleNamespace(state="CA")

    assert index.wanting(lead, NOW) == BitMap([2])
    assert index.wanting(SimpleNamespace(state="OH"), NOW) == BitMap([1, 2])
    assert index.wanting(lead, NOW) == BitMap([2])


def test_many_ends_are_found_by_blocks():
    """More distinct ends than blocks, and one end that many share."""
    dice = random.Random(4)
    askable = filter_fields_of(Schema((Field("amount", "Amount", FieldType.MONEY, filterable=True),)))
    said = [{"min": dice.choice([77, dice.randrange(2_000)])} for _ in range(1_500)]
    orders = {
        pk: Criteria("mortgage", (read_clause({"field": "amount", **one}, askable),), askable)
        for pk, one in enumerate(said, 1)
    }
    index = OrderIndex(orders, askable)

    for amount in (-1, 0, 76, 77, 78, 500, 1_999, 5_000):
        lead = SimpleNamespace(attributes={"amount": amount})
        assert set(index.wanting(lead, NOW)) == {pk for pk, one in enumerate(said, 1) if one["min"] <= amount}


@pytest.mark.parametrize(
    ("asked", "limit", "left"),
    [
        ({}, 200, {"max": 200}),
        ({"max": 150}, 200, {"max": 150}),
        ({"max": 250}, 200, {"max": 200}),
        ({"min": 100}, 200, {"min": 100, "max": 200}),
        ({"min": 201}, 200, None),
    ],
)
def test_the_limit_narrows_what_is_asked_of_the_price(asked, limit, left):
    askable = filter_fields_of(Schema(()))
    clauses = (read_clause({"field": "price", **asked}, askable),) if asked else ()

    narrowed = at_most(Criteria("mortgage", clauses, askable), limit)

    assert (narrowed and narrowed.as_json()["all"]) == (left and [{"field": "price", **left}])


# --- Kept up with the table


@pytest.fixture
def percolator():
    return Percolator()


def wanted_by(percolator, market, *, cents=220, exclusive=False, **changes):
    lead = ListedLead.of(market.lead(**changes), cents)
    percolator.refresh()
    return set(percolator.wanting(lead, market.now, exclusive=exclusive))


@pytest.mark.django_db
def test_an_order_is_known_from_its_first_refresh_until_it_is_paused_or_ended(percolator, market):
    first = wants(market, {"field": "state", "in": ["OH"]})
    assert wanted_by(percolator, market) == {first.pk}

    second = wants(market)
    assert wanted_by(percolator, market) == {first.pk, second.pk}

    lifecycle.pause(first, now=market.now)
    assert wanted_by(percolator, market) == {second.pk}

    lifecycle.resume(first, now=market.now)
    lifecycle.end(second, now=market.now)
    assert wanted_by(percolator, market) == {first.pk}


@pytest.mark.django_db
def test_an_order_is_asked_by_its_limit_and_by_whether_it_wants_leads_alone(percolator, market):
    shared, alone = wants(market, max_price_cents=220), wants(market, max_price_cents=660, exclusive=True)
    wants(market, kind="alert")

    assert wanted_by(percolator, market, cents=220) == {shared.pk}
    assert wanted_by(percolator, market, cents=221) == set()
    assert wanted_by(percolator, market, cents=660, exclusive=True) == {alone.pk}


@pytest.mark.django_db
def test_many_changes_make_the_index_anew(percolator, market, monkeypatch):
    monkeypatch.setattr(watching, "MOST_RECENT", 1)
    orders = [wants(market) for _ in range(3)]
    assert wanted_by(percolator, market) == {order.pk for order in orders}

    lifecycle.end(orders[0], now=market.now)
    assert wanted_by(percolator, market) == {order.pk for order in orders[1:]}


@pytest.mark.django_db
def test_criteria_that_can_no_longer_be_asked_want_nothing(percolator, market):
    kept, lost = wants(market), wants(market, {"field": "first_time", "is": True})
    assert wanted_by(percolator, market, attributes={"first_time": True}) == {kept.pk, lost.pk}

    add_schema_version(market.vertical, [field for field in FIELDS if field["name"] != "first_time"])
    assert wanted_by(percolator, market) == {kept.pk}


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_an_order_that_commits_late_is_not_missed():
    """Its transaction began before one that was seen already: by instants or by numbers it would be skipped."""

    market, percolator, begun, go = make_market(), Percolator(), threading.Event(), threading.Event()
    placed = []

    def slowly():
        try:
            with transaction.atomic():
                placed.append(wants(market))
                begun.set()
                assert go.wait(20)
        finally:
            connection.close()

    percolator.refresh()
    slow = threading.Thread(target=slowly)
    slow.start()
    assert begun.wait(20)

    quick = wants(market, buyer=make_buyer(None, market.vertical))
    assert wanted_by(percolator, market) == {quick.pk}
    go.set()
    slow.join(20)

    assert wanted_by(percolator, market) == {quick.pk, placed[0].pk}
