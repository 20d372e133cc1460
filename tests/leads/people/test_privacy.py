"""A stop reaches every open leg, a suppression every lead of the person, an erasure the person and nothing else."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from leads.intake.capture import CaptureOutcome, capture_lead
from leads.models import Consent, Contact, Lead, Leg, Suppression
from leads.models.contact import DigestKind
from leads.people.identity import email_digest, phone_digest
from leads.people.privacy import erase_contact, suppress_address, suppress_person, withdraw_lead
from tests.factories import make_capture, make_person, make_vertical

pytestmark = pytest.mark.django_db
OWN_STOP = Suppression.Reason.OWN_STOP


def states(lead):
    return list(lead.legs.order_by("number").values_list("status", "closed_reason"))


def test_withdrawing_closes_every_open_leg_and_leaves_the_sold_one(market):
    lead = market.lead()
    sold_at = market.now - timedelta(days=1)
    lead.legs.filter(number=1).update(status="sold", ended_at=sold_at)

    withdraw_lead(lead, market.now)

    assert states(lead) == [("sold", "")] + [("closed", "withdrawn")] * 3
    assert (lead.withdrawn_at, lead.legs_left, lead.times_sold) == (market.now, 0, 1)
    assert set(lead.legs.filter(status="closed").values_list("ended_at", flat=True)) == {market.now}


def test_withdrawing_twice_keeps_the_first_instant(market):
    lead = market.lead()
    withdraw_lead(lead, market.now)

    withdraw_lead(lead, market.now + timedelta(days=1))

    assert lead.withdrawn_at == market.now
    assert set(lead.legs.values_list("ended_at", flat=True)) == {market.now}


def test_a_stop_that_waited_for_a_sale_counts_from_that_sale(market):
    lead = market.lead()
    sold_at = market.now + timedelta(seconds=3)
    lead.legs.filter(number=1).update(status="sold", ended_at=sold_at)

    withdraw_lead(lead, market.now)

    assert lead.withdrawn_at == sold_at


def test_another_lead_is_left_alone(market):
    lead, other = market.leads(2)

    withdraw_lead(lead, market.now)

    other.refresh_from_db()
    assert (other.withdrawn_at, other.legs_left) == (None, 4)


def test_suppressing_stops_every_lead_of_the_person_by_phone_or_email(market):
    person = make_person(50_001)
    by_phone = market.lead(person=make_person_like(person, email="other@example.com"))
    by_email = market.lead(person=make_person_like(person, phone="+19372099999"))
    solar = make_capture(market, vertical=make_vertical("solar"), person=person)
    solar = capture_lead(
        make_capture(market, vertical=solar.vertical, schema=solar.vertical.newest_schema, person=person),
        now=market.now,
    )
    stranger = market.lead()

    stopped = suppress_address(phone=person.phone, email=person.email, reason=OWN_STOP, now=market.now)

    assert stopped == 3
    assert set(Lead.objects.withdrawn().values_list("pk", flat=True)) == {by_phone.pk, by_email.pk, solar.lead_id}
    assert not Leg.objects.filter(lead__in=Lead.objects.withdrawn(), status="open").exists()
    stranger.refresh_from_db()
    assert stranger.legs_left == 4


def test_a_stop_by_one_identifier_stops_everything_linked_to_it(market):
    person = make_person(50_005)
    by_phone = market.lead(person=make_person_like(person, email=""))
    by_both = market.lead(person=person, age=timedelta(days=39))
    stranger = market.lead()

    assert suppress_address(email=person.email, reason=OWN_STOP, now=market.now) == 2

    assert set(Lead.objects.withdrawn().values_list("pk", flat=True)) == {by_phone.pk, by_both.pk}
    assert not Leg.objects.filter(lead__in=[by_phone, by_both], status="open").exists()
    stranger.refresh_from_db()
    assert stranger.legs_left == 4
    assert suppressed() == {
        ("phone", phone_digest(person.phone), "own_stop"),
        ("email", email_digest(person.email), "own_stop"),
    }
    again = capture_lead(
        make_capture(market, person=make_person_like(person, email=""), age=timedelta(1)), now=market.now
    )
    assert (again.outcome, again.lead_id) == (CaptureOutcome.SUPPRESSED, None)


@pytest.mark.parametrize("first", [{"email": "pat50006@example.com"}, {"phone": "+19372966666"}])
def test_a_stop_follows_second_phones_from_lead_to_lead(market, first):
    person = make_person(50_006)
    other, third = "+19372977777", "+19372966666"
    chain = [
        make_person_like(person, second_phone=other),
        make_person_like(make_person(), phone=other, email="", second_phone=third),
        make_person_like(make_person(), phone=third, email=""),
    ]
    leads = [market.lead(person=one, age=timedelta(days=days)) for one, days in zip(chain, (40, 80, 120), strict=True)]
    assert [lead.duplicate_of for lead in leads] == [None, None, None]

    assert suppress_address(**first, reason=OWN_STOP, now=market.now) == 3

    assert set(Lead.objects.withdrawn()) == set(leads)
    assert {digest for kind, digest, _ in suppressed() if kind == "phone"} == {
        phone_digest(phone) for phone in (person.phone, other, third)
    }


@pytest.mark.parametrize("known", ["original", "repeat"])
def test_a_stop_follows_a_request_whose_contact_was_erased(market, known):
    """Without a digest in common: that one repeats the other is all that is left to know them by."""
    person, again = make_person(50_007), make_person(50_008)
    original = market.lead(person=person)
    repeat = market.lead(person=make_person_like(again, email=person.email), age=timedelta(days=39))
    forgotten = repeat if known == "original" else original
    Contact.objects.filter(lead=forgotten).update(sealed=None, erased_at=market.now)

    phone = person.phone if known == "original" else again.phone
    assert suppress_address(phone=phone, reason=OWN_STOP, now=market.now) == 2

    assert set(Lead.objects.withdrawn()) == {original, repeat}


def test_a_stop_reaches_the_digests_of_a_request_that_only_an_erased_one_tied_to_it(market):
    person, again = make_person(50_009), make_person(50_010)
    original = market.lead(person=make_person_like(person, email=""))
    between = market.lead(person=person, age=timedelta(days=39))
    repeat = market.lead(person=make_person_like(again, email=person.email), age=timedelta(days=38))
    assert (between.duplicate_of, repeat.duplicate_of) == (original, original)
    erase_contact(between, market.now)

    assert suppress_address(phone=again.phone, reason=OWN_STOP, now=market.now) == 2

    assert ("phone", phone_digest(person.phone), "own_stop") in suppressed()


def suppressed():
    return {
        (kind, bytes(digest), reason)
        for kind, digest, reason in Suppression.objects.values_list("kind", "digest", "reason")
    }


def make_person_like(person, **changes):
    return replace(person, **changes)


def test_suppressing_twice_adds_nothing_and_each_reason_stands_for_itself(market):
    digest = phone_digest("+19372012345")
    for reason in (OWN_STOP, OWN_STOP, Suppression.Reason.STATE_LIST):
        suppress_person({digest: DigestKind.PHONE}, reason=reason, now=market.now)

    assert sorted(Suppression.objects.values_list("kind", "reason")) == [("phone", "drop"), ("phone", "own_stop")]


def test_a_suppressed_person_does_not_come_back_in(market):
    person = make_person(50_002)
    suppress_address(email=person.email, reason=OWN_STOP, now=market.now)

    captured = capture_lead(make_capture(market, person=person), now=market.now)

    assert captured.outcome == CaptureOutcome.SUPPRESSED
    assert not Lead.objects.exists()


def test_suppressing_nobody_stops_nobody(market):
    lead = market.lead()
    erase_contact(market.lead(), market.now)

    assert suppress_person({}, reason=OWN_STOP, now=market.now) == 0

    lead.refresh_from_db()
    assert (lead.withdrawn_at, lead.legs_left) == (None, 4)
    assert not Suppression.objects.exists()


def test_erasing_removes_the_person_and_keeps_the_evidence(market):
    lead = market.lead(person=make_person_like(make_person(), second_phone="+19372988888"))
    evidence = Consent.objects.values().get(lead=lead)

    erase_contact(lead, market.now)
    erase_contact(lead, market.now + timedelta(days=1))

    contact = Contact.objects.get(lead=lead)
    assert (contact.sealed, lead.digests.count(), contact.erased_at) == (None, 0, market.now)
    assert (lead.withdrawn_at, lead.legs_left) == (market.now, 0)
    assert Consent.objects.values().get(lead=lead) == evidence


def test_erasing_leaves_the_suppression_behind(market):
    person = make_person(50_003)
    lead = market.lead(person=person)
    suppress_address(phone=person.phone, email=person.email, reason=OWN_STOP, now=market.now)

    erase_contact(lead, market.now)

    digests = {bytes(digest) for digest in Suppression.objects.values_list("digest", flat=True)}
    assert digests == {phone_digest(person.phone), email_digest(person.email)}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_suppression_waits_for_the_capture_that_has_not_seen_it(market):
    """The capture holds its turn while the suppression begins: either the lead is refused, or it is stopped."""
    person = make_person(50_004)
    begun, stopped = threading.Event(), []

    def stop():
        begun.set()
        stopped.append(suppress_address(phone=person.phone, reason=OWN_STOP, now=timezone.now()))
        connection.close()

    thread = threading.Thread(target=stop)
    with transaction.atomic():
        captured = capture_lead(make_capture(market, person=person), now=market.now)
        thread.start()
        begun.wait(5)
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(10)

    lead = Lead.objects.get(pk=captured.lead_id)
    assert stopped == [1]
    assert lead.withdrawn_at is not None
    assert lead.legs_left == 0
