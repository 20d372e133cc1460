import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from leads.intake.capture import CaptureOutcome, CaptureRefused, capture_lead, capture_leads, foresee_leads
from leads.intake.dedupe import Memory
from leads.models import ClosedReason, Consent, Contact, Lead, LeadKind, Leg, Market, Suppression
from leads.models.contact import ContactDigest, Person
from leads.people.identity import phone_digest
from tests.factories import make_capture, make_market, make_person, make_source, make_text, make_vertical


def outcomes(captured):
    return [one.outcome for one in captured]


def test_a_request_becomes_a_lead_with_person_consent_and_legs(market):
    captured = capture_lead(make_capture(market, legs_authorized=4, legs_sold_elsewhere=1), now=market.now)

    lead = Lead.objects.get(pk=captured.lead_id)
    assert captured.outcome == CaptureOutcome.TAKEN
    assert (lead.times_sold, lead.legs_left, lead.legs_realtime) == (1, 3, 0)
    assert list(lead.legs.values_list("number", "status", "closed_reason")) == [
        (1, "closed", ClosedReason.SOLD_ELSEWHERE),
        (2, "open", ""),
        (3, "open", ""),
        (4, "open", ""),
    ]
    assert lead.contact.open(str(lead.public_id)).city == "Dayton"
    assert lead.consent.text == market.text


def test_inside_the_window_legs_are_real_time_and_at_its_end_they_are_aged(market):
    young = capture_lead(make_capture(market, age=market.vertical.window - timedelta(seconds=1)), now=market.now)
    old = capture_lead(make_capture(market, age=market.vertical.window), now=market.now)

    assert set(Leg.objects.filter(lead=young.lead_id).values_list("market", "aged_at")) == {(Market.REALTIME, None)}
    assert set(Leg.objects.filter(lead=old.lead_id).values_list("market", "aged_at")) == {(Market.AGED, market.now)}


def test_where_resale_is_closed_legs_past_their_window_are_closed(market):
    market.vertical = make_vertical("medicare", open_for_resale=False)
    captured = capture_lead(make_capture(market), now=market.now)

    legs = Leg.objects.filter(lead=captured.lead_id)
    assert set(legs.values_list("status", "closed_reason")) == {("closed", ClosedReason.NOT_FOR_RESALE)}


def test_the_same_id_of_a_source_is_the_same_request(market):
    request = make_capture(market)
    first = capture_lead(request, now=market.now)
    again = capture_lead(request, now=market.now)

    assert (again.outcome, again.lead_id) == (CaptureOutcome.REPEATED, first.lead_id)
    assert Lead.objects.count() == Contact.objects.count() == Consent.objects.count() == 1


def test_the_same_person_and_instant_of_a_source_is_the_same_request_under_any_id(market):
    person, source = make_person(), make_source()
    text = make_text(source)

    answers = capture_leads([make_capture(market, person=person) for _ in range(2)], now=market.now)
    other = capture_lead(make_capture(market, person=person, source=source, text=text), now=market.now)

    assert outcomes(answers) == [CaptureOutcome.TAKEN, CaptureOutcome.REPEATED]
    assert other.outcome == CaptureOutcome.LINKED


@pytest.mark.parametrize(
    ("days", "outcome"),
    [(1, CaptureOutcome.LINKED), (30, CaptureOutcome.LINKED), (31, CaptureOutcome.TAKEN), (-30, CaptureOutcome.LINKED)],
)
def test_a_person_who_asks_again_within_the_window_is_linked(market, days, outcome):
    person = make_person()
    first = capture_lead(make_capture(market, person=person, age=timedelta(days=60)), now=market.now)
    again = capture_lead(make_capture(market, person=person, age=timedelta(days=60 - days)), now=market.now)

    assert again.outcome == outcome
    original = Lead.objects.get(pk=again.lead_id).duplicate_of_id
    assert original == (first.lead_id if outcome == CaptureOutcome.LINKED else None)


def test_a_chain_of_requests_points_at_the_first(market):
    person = make_person()
    ages = [timedelta(days=days) for days in (80, 60, 40)]
    numbers = [capture_lead(make_capture(market, person=person, age=age), now=market.now).lead_id for age in ages]

    assert list(Lead.objects.order_by("pk").values_list("duplicate_of_id", flat=True)) == [None, numbers[0], numbers[0]]


@pytest.mark.parametrize("shared", ["phone", "email"])
def test_a_phone_or_an_address_is_enough_to_know_somebody(market, shared):
    one, other = make_person(), make_person()
    other = Person(**{**vars(other), shared: getattr(one, shared)})
    answers = capture_leads(
        [make_capture(market, person=one), make_capture(market, person=other, age=timedelta(days=39))], now=market.now
    )
    assert outcomes(answers) == [CaptureOutcome.TAKEN, CaptureOutcome.LINKED]


@pytest.mark.parametrize(("known", "asked"), [("second_phone", "phone"), ("phone", "second_phone")])
def test_a_second_phone_is_enough_to_know_somebody(market, known, asked):
    one, other = make_person(), make_person()
    shared = "+19372955555"
    first = capture_lead(make_capture(market, person=replace(one, **{known: shared})), now=market.now)
    again = make_capture(market, person=replace(other, **{asked: shared}), age=timedelta(days=39))

    foreseen = foresee_leads([again], Memory(market.vertical), now=market.now)
    captured = capture_lead(again, now=market.now)

    assert foreseen == [captured.outcome] == [CaptureOutcome.LINKED]
    assert Lead.objects.get(pk=captured.lead_id).duplicate_of_id == first.lead_id
    known = ContactDigest.objects.known_as([phone_digest(shared)])
    assert set(known.values_list("lead_id", flat=True)) == {first.lead_id, captured.lead_id}


def test_a_person_whose_second_phone_is_suppressed_is_not_taken(market):
    person = replace(make_person(), second_phone="+19372955555")
    Suppression.objects.create(kind="phone", digest=phone_digest(person.second_phone), reason="own_stop")

    assert capture_lead(make_capture(market, person=person), now=market.now).outcome == CaptureOutcome.SUPPRESSED
    assert Lead.objects.count() == 0


def test_another_vertical_is_another_request(market):
    person = make_person()
    capture_lead(make_capture(market, person=person), now=market.now)
    market.vertical = make_vertical("solar")

    assert capture_lead(make_capture(market, person=person), now=market.now).outcome == CaptureOutcome.TAKEN


def test_a_suppressed_person_is_not_taken(market):
    person = make_person()
    Suppression.objects.create(kind="phone", digest=phone_digest(person.phone), reason="own_stop")

    captured = capture_lead(make_capture(market, person=person), now=market.now)

    assert (captured.outcome, captured.lead_id) == (CaptureOutcome.SUPPRESSED, None)
    assert Lead.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": LeadKind.COMPILED}, "compiled records"),
        ({"person": Person(first_name="Pat")}, "no usable phone number or email address"),
        ({"age": timedelta(minutes=-6)}, "in the future"),
        ({"legs_authorized": 6}, "allows 5 companies"),
        ({"legs_authorized": 0}, "allows 5 companies"),
        ({"legs_sold_elsewhere": 5}, "sold more times than the consent allows"),
    ],
)
def test_one_request_that_cannot_be_taken_takes_none(market, changes, reason):
    with pytest.raises(CaptureRefused, match=reason):
        capture_leads([make_capture(market), make_capture(market, **changes)], now=market.now)
    assert Lead.objects.count() == 0


def test_a_source_that_compiles_brings_no_requests(market):
    source = make_source(kind="compiled")

    with pytest.raises(CaptureRefused, match="compiles its records"):
        capture_lead(make_capture(market, source=source, text=make_text(source)), now=market.now)
    assert Lead.objects.count() == 0


def test_the_words_of_another_source_are_no_consent(market):
    with pytest.raises(CaptureRefused, match="belongs to another source"):
        capture_lead(make_capture(market, text=make_text(make_source())), now=market.now)
    assert Lead.objects.count() == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_id_of_a_source_in_two_verticals_at_once_is_one_request():
    """The first capture holds its source's turn until it commits; the second waits, and then knows the id."""
    market, solar = make_market(), make_vertical("solar")
    first = make_capture(market)
    second = make_capture(market, vertical=solar, schema=solar.newest_schema, external_id=first.external_id)
    begun, answers = threading.Event(), []

    def take():
        begun.set()
        answers.append(capture_lead(second, now=market.now))
        connection.close()

    thread = threading.Thread(target=take)
    with transaction.atomic():
        taken = capture_lead(first, now=market.now)
        thread.start()
        begun.wait(5)
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(10)

    assert [(answer.outcome, answer.lead_id) for answer in answers] == [(CaptureOutcome.REPEATED, taken.lead_id)]


def test_the_database_itself_refuses_a_leg_too_many_and_a_leg_without_consent(market):
    lead = market.lead(legs_authorized=4)
    with pytest.raises(IntegrityError, match="leg 5 of a lead that allows 4"):
        Leg.objects.create(lead=lead, number=5)


def test_foreseeing_answers_as_taking_would_and_takes_nothing(market):
    people = [make_person() for _ in range(3)]
    batches = [
        [make_capture(market, person=people[0]), make_capture(market, person=people[1])],
        [
            make_capture(market, person=people[0], age=timedelta(days=39)),
            make_capture(market, person=people[1]),
            make_capture(market, person=people[2]),
        ],
        [make_capture(market, person=people[2], age=timedelta(days=90))],
    ]

    memory = Memory(market.vertical)
    foreseen = [foresee_leads(batch, memory, now=market.now) for batch in batches]
    assert Lead.objects.count() == 0

    assert foreseen == [outcomes(capture_leads(batch, now=market.now)) for batch in batches]
    assert foreseen == [
        [CaptureOutcome.TAKEN, CaptureOutcome.TAKEN],
        [CaptureOutcome.LINKED, CaptureOutcome.REPEATED, CaptureOutcome.TAKEN],
        [CaptureOutcome.TAKEN],
    ]


def test_nothing_is_no_work(market):
    assert capture_leads([], now=market.now) == []
    assert foresee_leads([], Memory(market.vertical), now=market.now) == []


def test_the_queries_do_not_grow_with_the_batch(market, django_assert_num_queries):
    capture_lead(make_capture(market), now=market.now)
    batch = [make_capture(market) for _ in range(50)]
    with django_assert_num_queries(13):  # the savepoint's two, two locks, numbers, three lookups, five COPYs
        capture_leads(batch, now=market.now)
