"""Aging: each unsold leg once, never early, never one that is being sold."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from leads.aging import sweep as sweeping
from leads.aging.sweep import due_now, move_due, purge_expired, retire, sweep
from leads.models import Contact, Lead, Leg, SweepRun, Vertical
from leads.people.sealing import SealBroken
from tests.factories import make_market, make_person, make_vertical

MINUTE = timedelta(minutes=1)


def realtime(market, minutes, **changes):
    """A lead that is so many minutes old, caught while it was young: its legs are in the real-time market."""
    asked = timezone.now() - minutes * MINUTE
    market.now = asked
    lead = market.lead(captured_at=asked, **changes)
    assert lead.legs_realtime
    return lead


@pytest.mark.django_db
def test_a_leg_ages_when_its_window_has_passed(market):
    due, young = realtime(market, 15.1), realtime(market, 14)

    assert due_now() == 1
    run = sweep()

    assert (run.moved, run.closed, run.retired) == (4, 0, 0)
    assert set(due.legs.values_list("market", flat=True)) == {"aged"}
    assert set(young.legs.values_list("market", "aged_at")) == {("realtime", None)}
    due.refresh_from_db()
    assert (due.legs_realtime, due.legs_left) == (0, 4)


@pytest.mark.django_db
def test_a_second_sweep_moves_nothing(market):
    lead = realtime(market, 20)
    sweep()
    first = list(lead.legs.values_list("aged_at", flat=True))

    assert sweep().moved == 0
    assert list(lead.legs.values_list("aged_at", flat=True)) == first


@pytest.mark.django_db
def test_legs_that_were_sold_elsewhere_do_not_move(market):
    lead = realtime(market, 20, legs_sold_elsewhere=2)

    assert sweep().moved == 2
    assert list(lead.legs.filter(status="closed").values_list("market", flat=True)) == ["realtime"] * 2


@pytest.mark.django_db
def test_a_vertical_that_is_closed_for_resale_ages_nothing(market):
    make_vertical("medicare", open_for_resale=False)
    closed = make_market("medicare")
    lead = realtime(closed, 20)

    run = sweep()

    assert (run.moved, run.closed) == (0, 4)
    assert set(lead.legs.values_list("status", "closed_reason")) == {("closed", "not_for_resale")}


@pytest.mark.django_db
def test_a_vertical_that_closes_for_resale_takes_its_stock_off_the_shelf(market):
    lead = market.lead()
    market.vertical.open_for_resale = False
    market.vertical.save(update_fields=["open_for_resale"])

    assert sweep().closed == 4
    assert set(lead.legs.values_list("status", "closed_reason")) == {("closed", "not_for_resale")}


@pytest.mark.django_db
def test_past_its_shelf_life_a_lead_is_retired(market):
    old, new = market.lead(age=timedelta(days=731)), market.lead(age=timedelta(days=729))

    assert retire(market.vertical) == 4
    assert set(old.legs.values_list("status", "closed_reason")) == {("closed", "expired")}
    assert set(new.legs.values_list("status", flat=True)) == {"open"}


@pytest.mark.django_db
def test_past_retention_the_contact_is_erased_and_the_evidence_kept(market):
    person = replace(make_person(), second_phone="+19372988888")
    old, new = market.lead(age=timedelta(days=1096), person=person), market.lead(age=timedelta(days=1094))
    sweep()

    assert purge_expired() == 1

    contact = Contact.objects.get(lead=old)
    assert (contact.sealed, old.digests.count(), new.digests.count()) == (None, 0, 2)
    with pytest.raises(SealBroken):
        contact.open(str(old.public_id))
    assert Lead.objects.get(pk=old.pk).consent.sealed_machine
    assert Contact.objects.get(lead=new).open(str(new.public_id)).phone


@pytest.mark.django_db
@pytest.mark.parametrize("count", ["legs_left", "legs_realtime"])
def test_a_contact_is_not_erased_while_a_leg_of_its_lead_is_open(market, count):
    market.vertical.window_minutes = 60 * 24 * 2000 if count == "legs_realtime" else 15
    market.vertical.save(update_fields=["window_minutes"])
    lead = market.lead(age=timedelta(days=1096))
    assert getattr(lead, count) == 4

    assert purge_expired() == 0

    assert Contact.objects.get(lead=lead).open(str(lead.public_id)).phone


@pytest.mark.django_db
def test_what_goes_wrong_in_one_vertical_does_not_keep_the_others_waiting(market, monkeypatch, caplog):
    make_vertical("solar", position=1)
    lead = realtime(market, 20)
    move = sweeping.move_due

    def failing(vertical, *, batch):
        if vertical.slug == "solar":
            raise ZeroDivisionError("937-200-0001")
        return move(vertical, batch=batch)

    monkeypatch.setattr(sweeping, "move_due", failing)
    run = sweep()

    run.refresh_from_db()
    assert (run.moved, run.problem) == (4, "ZeroDivisionError in solar")
    assert run.finished_at is not None
    assert set(lead.legs.values_list("market", flat=True)) == {"aged"}
    assert [record.getMessage() for record in caplog.records if record.name == "leads.aging.sweep"] == [
        "the sweep failed in solar"
    ]


@pytest.mark.django_db
def test_sweeps_are_forgotten_after_thirty_days():
    now = timezone.now()
    SweepRun.objects.create(started_at=now - timedelta(days=30, seconds=1))
    kept = SweepRun.objects.create(started_at=now - timedelta(days=29, hours=23))

    assert purge_expired() == 0

    assert list(SweepRun.objects.all()) == [kept]


@pytest.mark.django_db
def test_many_legs_move_in_bounded_batches(market):
    for _ in range(7):
        realtime(market, 20)

    assert move_due(market.vertical, batch=3) == 28


@pytest.mark.django_db
def test_the_database_clock_decides_not_ours(market, monkeypatch):
    realtime(market, 10)
    monkeypatch.setattr(timezone, "now", lambda: timezone.datetime(2099, 1, 1, tzinfo=timezone.get_default_timezone()))

    assert move_due(market.vertical) == 0


@pytest.mark.django_db(transaction=True)
def test_a_sweep_that_is_killed_in_a_batch_leaves_whole_batches():
    market = make_market()
    for _ in range(6):
        realtime(market, 20)

    class Killed(Exception):
        pass

    with pytest.raises(Killed), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leads_leg SET market = 'aged', aged_at = now() WHERE lead_id IN (SELECT id FROM leads_lead LIMIT 3)"
        )
        raise Killed

    assert Leg.objects.filter(market="aged").count() == 0
    assert sum(move_due(vertical, batch=2) for vertical in Vertical.objects.all()) == 24
    assert set(Lead.objects.values_list("legs_realtime", "legs_left")) == {(0, 4)}
