"""Criteria: two readings that never differ, and everything that cannot be asked refused."""

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.criteria.clauses import CriteriaError, Is
from leads.criteria.criteria import filter_fields_of, read_criteria
from leads.criteria.filter_fields import filter_field_of
from leads.listed import ListedLead
from leads.models import Lead, Vertical
from leads.schema.fields import Field, FieldType
from leads.schema.names import LOOKUPS
from marketplace.prices.pricing import frozen, priced
from tests.factories import FIELDS, Market, make_leads, make_market, make_source, make_text

ZIPS = ["45402", "45403", "90210", "10001", ""]
STATES = ["OH", "CA", "TX"]


def vertical_named(slug):
    return Vertical.objects.filter(slug=slug).first()


def random_leads(market: Market, quantity: int) -> list[Lead]:
    """Leads that differ in everything a criteria can ask for, unanswered questions and odd corners included."""
    dice = random.Random(7)
    markets = []
    for grade, kind, incentive in [
        ("A", "own_form", False),
        ("B", "partner_form", False),
        ("D", "imported_file", True),
    ]:
        source = make_source(grade=grade, kind=kind, incentive=incentive)
        for version, channels in [("v1", ("call",)), ("v2", ("call", "text", "email"))]:
            text = make_text(source, version=version, channels=channels)
            markets.append(Market(market.vertical, source, text, market.curve, market.buyer, market.user, market.now))
    made = []
    for _ in range(quantity):
        legs = dice.randint(1, 5)
        made += make_leads(
            dice.choice(markets),
            1,
            age=timedelta(days=dice.choice([0, 1, 7, 8, 30, 31, 90, 366, 700]), seconds=dice.choice([0, 1, 86_399])),
            state=dice.choice(STATES),
            postal_code=dice.choice(ZIPS),
            phone_type=dice.choice(["mobile", "unknown"]),
            legs_authorized=legs,
            legs_sold_elsewhere=dice.randint(0, legs),
            attributes=random_attributes(dice),
        )
    return made


def random_attributes(dice: random.Random) -> dict:
    answers = {
        "purpose": dice.choice(["refinance", "purchase", "home_equity"]),
        "loan_amount": dice.choice([0, 99_999, 100_000, 250_000]),
        "features": dice.sample(["va", "fha", "jumbo"], dice.randint(0, 3)),
        "first_time": dice.choice([True, False]),
        "rate": dice.choice([3, 3.5, 7.25]),
        "property_value": dice.choice([{"min": 100_000, "max": 150_000}, {"min": 200_000}, {"max": 90_000}]),
        "needed_by": dice.choice(["2026-01-31", "2026-12-01"]),
    }
    return {name: value for name, value in answers.items() if dice.random() < 0.8}


def spans(*ends):
    some = st.sampled_from(ends)
    both = st.tuples(some, some).map(sorted).map(lambda pair: {"min": pair[0], "max": pair[1]})
    return st.one_of(both, some.map(lambda end: {"min": end}), some.map(lambda end: {"max": end}))


def one_of(*values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(lambda some: {"in": some})


ASKED = {
    "state": one_of(*STATES),
    "postal_code": one_of("45402", "90210", "99999"),
    "zip_prefix": one_of("4", "454", "45402", "9", "0"),
    "near": st.sampled_from([{"zip": "45402", "miles": 5}, {"zip": "90210", "miles": 250}]),
    "age_days": spans(0, 1, 7, 8, 30, 31, 90, 366),
    "times_sold": spans(0, 1, 2, 5),
    "legs_left": spans(0, 1, 3),
    "phone_type": one_of("mobile", "landline", "unknown"),
    "source_kind": one_of("own_form", "partner_form", "imported_file"),
    "grade": one_of("A", "B", "C", "D"),
    "incentive": st.booleans().map(lambda answer: {"is": answer}),
    "proof": one_of("retained", "lapsing", "lapsed", "none"),
    "channels": st.lists(st.sampled_from(["call", "text", "email"]), min_size=1, unique=True).map(
        lambda some: {"has": some}
    ),
    "price": spans(10, 35, 100, 220, 500, 600),
    "purpose": one_of("refinance", "purchase"),
    "loan_amount": spans(0, 99_999, 100_000, 250_001),
    "features": one_of("va", "fha", "jumbo"),
    "first_time": st.booleans().map(lambda answer: {"is": answer}),
    "rate": spans(3, 3.5, 7),
    "property_value": spans(90_000, 120_000, 150_000, 199_999),
    "needed_by": spans("2026-01-31", "2026-06-01", "2026-12-01"),
}
wishes = st.lists(st.sampled_from(sorted(ASKED)), max_size=4, unique=True).flatmap(
    lambda names: st.tuples(*(ASKED[name].map(lambda said, name=name: {"field": name, **said}) for name in names))
)


@pytest.mark.django_db
def test_every_field_that_can_be_asked_is_in_the_property_test(market):
    assert set(ASKED) == set(filter_fields_of(market.vertical.schema))


@pytest.mark.django_db
def test_the_database_and_the_single_lead_agree_on_ten_thousand_pairs(market):
    with_proof(random_leads(market, 50), market)
    curve = frozen(market.curve)
    shelf = priced(Lead.objects.all(), curve, now=market.now)
    leads = [ListedLead.of(lead, lead.price_cents) for lead in shelf]
    answers = {True: 0, False: 0}

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(wishes)
    def agree(clauses):
        criteria = read_criteria({"vertical": "mortgage", "all": list(clauses)}, vertical_named)
        found = set(shelf.filter(criteria.as_q(market.now)).values_list("pk", flat=True))
        accepted = {lead.id for lead in leads if criteria.accepts(lead, market.now)}
        assert found == accepted, clauses
        answers[True] += len(found)
        answers[False] += len(leads) - len(found)

    agree()

    assert sum(answers.values()) >= 10_000
    assert min(answers.values()) > 500  # both answers really occur


def with_proof(leads, market):
    """Certificates kept until days around today, so that each state of proof occurs."""
    from django.db import connection

    today = market.now.date()
    days = [-1, 0, 1, 90, 91, None]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for position, lead in enumerate(leads):
            kept = days[position % len(days)]
            until = None if kept is None else today + timedelta(days=kept)
            cursor.execute("UPDATE leads_consent SET retained_until = %s WHERE lead_id = %s", [until, lead.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("clause", "field"),
    [
        ({"field": "email", "in": ["a@example.com"]}, "email"),
        ({"field": "phone", "in": ["9375550100"]}, "phone"),
        ({"field": "last_name", "in": ["Wagner"]}, "last_name"),
        ({"field": "contact__phone_digest", "in": ["x"]}, "contact__phone_digest"),
        ({"field": "diagnosis", "in": ["a"]}, "diagnosis"),
        ({"field": "remark", "in": ["x"]}, "remark"),
        ({"field": "attributes", "in": ["x"]}, "attributes"),
        ({"field": "state", "in": ["XX"]}, "state"),
        ({"field": "state", "in": []}, "state"),
        ({"field": "state", "in": "OH"}, "state"),
        ({"field": "state", "in": [5]}, "state"),
        ({"field": "state", "min": 5}, "state"),
        ({"field": "state"}, "state"),
        ({"field": "age_days", "min": -1}, "age_days"),
        ({"field": "age_days", "min": 3.5}, "age_days"),
        ({"field": "age_days", "min": 9, "max": 3}, "age_days"),
        ({"field": "age_days", "min": float("nan")}, "age_days"),
        ({"field": "age_days", "min": True}, "age_days"),
        ({"field": "age_days", "min": "30"}, "age_days"),
        ({"field": "loan_amount", "min": 10**30}, "loan_amount"),
        ({"field": "loan_amount", "min": -5}, "loan_amount"),
        ({"field": "incentive", "is": "no"}, "incentive"),
        ({"field": "near", "zip": "00000", "miles": 5}, "near"),
        ({"field": "near", "zip": "45402", "miles": 10_000}, "near"),
        ({"field": "near", "zip": "٤٥٤٠٢", "miles": 5}, "near"),
        ({"field": "needed_by", "min": "soon"}, "needed_by"),
        ({"field": "needed_by", "min": 5}, "needed_by"),
        ({"field": "needed_by", "min": "20261122"}, "needed_by"),
        ({"field": "needed_by", "max": "2026-W47-7"}, "needed_by"),
        ({"field": "state", "in": ["OH"], "is": True}, "state"),
        ({"field": ["state"], "in": ["OH"]}, "['state']"),
        ("state", "None"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(market, clause, field):
    with pytest.raises(CriteriaError) as refusal:
        read_criteria({"vertical": "mortgage", "all": [clause]}, vertical_named)

    assert refusal.value.field == field


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order_request", [None, [], {"vertical": "nothing"}, {"vertical": "mortgage", "all": {}}, {"any": []}]
)
def test_what_is_no_criteria_is_refused(market, order_request):
    with pytest.raises(CriteriaError):
        read_criteria(order_request, vertical_named)


@pytest.mark.django_db
def test_a_field_is_asked_once(market):
    twice = [{"field": "state", "in": ["OH"]}, {"field": "state", "in": ["CA"]}]

    with pytest.raises(CriteriaError):
        read_criteria({"vertical": "mortgage", "all": twice}, vertical_named)


@pytest.mark.django_db
def test_the_json_form_comes_back_the_same(market):
    order_request = {
        "vertical": "mortgage",
        "all": [{"field": name, **said} for name, said in (("state", {"in": ["OH"]}), ("rate", {"max": 3.5}))],
    }

    assert read_criteria(order_request, vertical_named).as_json() == order_request


@pytest.mark.django_db
def test_criteria_never_cross_verticals(market):
    market.lead()
    other = make_market("solar")

    assert not Lead.objects.filter(read_criteria({"vertical": "solar"}, vertical_named).as_q(other.now)).exists()
    assert [field["name"] for field in FIELDS if field.get("sensitive")] == ["diagnosis"]


@pytest.mark.django_db
def test_choices_keep_the_order_in_which_they_were_given(market):
    market.vertical = Vertical.objects.get(pk=market.vertical.pk)

    assert list(market.vertical.schema.by_name["purpose"].choices) == ["refinance", "purchase", "home_equity"]


@pytest.mark.django_db
def test_a_flag_is_read_as_a_flag_whatever_it_is_called(market):
    names = sorted(LOOKUPS)
    yes = market.lead(attributes=dict.fromkeys(names, True))
    market.lead(attributes=dict.fromkeys(names, False))

    for name in names:
        filter_field = filter_field_of(Field(name, name, FieldType.FLAG, filterable=True))
        assert list(Lead.objects.filter(filter_field.as_q(Is(name, True), market.now))) == [yes], name
