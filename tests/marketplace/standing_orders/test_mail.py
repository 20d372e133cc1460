"""Saved searches: one alert a day about new leads, to whoever saved them, and none without new leads."""

from datetime import timedelta
from smtplib import SMTPException

import pytest
from django.core import mail

from buyers.models import Membership, StandingOrder, User
from leads.jobs.outbox import AGAIN_AFTER
from leads.people.privacy import withdraw_lead
from marketplace.standing_orders import lifecycle
from marketplace.standing_orders import mail as letters
from tests.factories import make_user
from tests.marketplace.standing_orders.standing_cases import later, wants

pytestmark = pytest.mark.django_db

OHIO = {"field": "state", "in": ["OH"]}


@pytest.fixture
def search(market):
    """Saved and checked once; two leads were for sale by then."""
    market.leads(2, age=timedelta(days=40))
    saved = wants(market, OHIO, kind="alert", name="Ohio <all>")
    told(market.now)
    assert mail.outbox == []
    return saved


def told(now):
    StandingOrder.objects.live().telling().update(due_at=now)
    letters.send_due(now)


def morning(market):
    return later(market, days=1)


def listed(market, number, **changes):
    """Leads that go on sale half a day later."""
    market.now += timedelta(hours=12)
    made = market.leads(number, age=timedelta(days=40), **changes)
    market.now -= timedelta(hours=12)
    return made


def test_what_was_listed_since_is_told_once(market, search):
    listed(market, 6)
    told(morning(market))
    told(morning(market) + timedelta(days=1))

    (letter,) = mail.outbox
    assert letter.to == [market.user.email]
    assert letter.subject == "Remainder: new leads for Ohio <all>"
    assert "Ohio <all> (Mortgage): 6 leads\n" in letter.body
    assert "/mortgage/?state=OH&sort=newest" in letter.body
    assert "/standing-orders/" in letter.body
    assert StandingOrder.objects.get().facts == {"fresh": 0, "more": False}


def test_small_numbers_are_not_told(market, search):
    listed(market, 1)
    told(morning(market))

    assert "Mortgage): <5 leads\n" in mail.outbox[0].body


def test_no_news_is_no_letter(market, search):
    listed(market, 3, state="TX")
    told(morning(market))

    assert mail.outbox == []
    assert StandingOrder.objects.get().told_at == morning(market)


def test_what_left_the_shelf_is_not_told(market, search):
    (lead,) = listed(market, 1)
    withdraw_lead(lead, now=later(market, hours=13))
    told(morning(market))

    assert mail.outbox == []


def test_what_grew_old_enough_is_news(market):
    market.leads(5, age=timedelta(days=29, hours=12))
    wants(market, {"field": "age_days", "min": 30}, kind="alert")
    told(market.now)
    told(morning(market))

    assert ": 5 leads\n" in mail.outbox[0].body


def test_what_came_down_in_price_is_news(market):
    market.leads(5, age=timedelta(days=30, hours=12))
    wants(market, {"field": "price", "max": 220}, kind="alert")
    told(market.now)
    told(morning(market))

    assert ": 5 leads\n" in mail.outbox[0].body


def test_more_than_can_be_counted_is_told_as_such(market, search, monkeypatch):
    monkeypatch.setattr(letters, "MOST", 5)
    listed(market, 8)
    told(morning(market))

    assert ": 5 or more leads\n" in mail.outbox[0].body


def test_one_letter_tells_of_all_that_a_person_saved(market, search):
    wants(market, kind="alert", name="Everything")
    colleague = make_user()
    Membership.objects.create(user=colleague, buyer=market.buyer, role="buyer")
    StandingOrder.objects.filter(pk=wants(market, kind="alert", name="Theirs").pk).update(placed_by=colleague)
    told(market.now)
    listed(market, 5)
    told(morning(market))

    assert sorted(letter.to for letter in mail.outbox) == sorted([[market.user.email], [colleague.email]])
    (mine,) = [letter for letter in mail.outbox if letter.to == [market.user.email]]
    assert "Ohio <all>" in mine.body
    assert "Everything" in mine.body
    assert mine.subject == "Remainder: new leads for 2 saved searches"


def test_who_left_the_company_is_told_nothing_and_the_owners_are(market, search):
    gone = make_user()
    StandingOrder.objects.update(placed_by=gone)
    assert User.objects.get(pk=gone.pk).is_active
    listed(market, 5)
    told(morning(market))

    assert [letter.to for letter in mail.outbox] == [[market.user.email]]


def test_a_paused_search_is_silent_and_does_not_tell_of_it_later(market, search):
    lifecycle.pause(search, now=market.now)
    listed(market, 5)
    letters.send_due(morning(market))
    assert mail.outbox == []

    lifecycle.resume(search, now=morning(market))
    letters.send_due(morning(market) + timedelta(minutes=1))
    assert mail.outbox == []


def test_a_letter_that_could_not_be_sent_is_sent_later(market, search, monkeypatch):
    listed(market, 5)

    def down(*args):
        raise SMTPException("down")

    with monkeypatch.context() as patch:
        patch.setattr("leads.jobs.outbox.send_mail", down)
        told(morning(market))
    assert StandingOrder.objects.get().told_at == market.now

    letters.send_due(morning(market) + AGAIN_AFTER)
    assert ": 5 leads\n" in mail.outbox[0].body


def test_the_next_letter_is_in_the_morning(market, search):
    at = StandingOrder.objects.get().due_at

    assert (at.hour, at.minute) == (12, 0)
    assert timedelta(0) < at - market.now <= timedelta(days=1)
