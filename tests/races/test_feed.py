"""The change feed with real transactions: no commit is missed, in whatever order they end."""

import random
import threading
import uuid
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F
from django.utils import timezone

from leads.models import Change, FeedMark, Lead, Leg
from leads.people.privacy import withdraw_lead
from marketplace.inventory import feed, live
from marketplace.inventory.feed import Cursor, FeedLost, changes_since, here
from marketplace.inventory.live import Inventory
from marketplace.inventory.numbers import numbers_of
from marketplace.orders.sales import Hold, Offer, hold_legs, lock_leads, release_legs
from tests.factories import make_market
from tests.marketplace.inventory.test_readings import in_database, look_at

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
PROGRAMS = 1000


@contextmanager
def writers(number):
    with ExitStack() as stack:
        yield [stack.enter_context(closing(connections.create_connection("default"))) for _ in range(number)]


def begin(writer):
    writer.set_autocommit(False)


def tell(writer, *leads):
    with writer.cursor() as cursor:
        cursor.execute("INSERT INTO leads_change (leads) VALUES (%s)", [list(leads)])


def end(writer, commit=True):
    (writer.commit if commit else writer.rollback)()
    writer.set_autocommit(True)


def test_what_commits_later_than_what_came_after_it_is_not_missed():
    start = here()
    with writers(2) as (first, second):
        for writer, lead in ((first, 1), (second, 2)):
            begin(writer)
            tell(writer, lead)
        end(second)
        seen = changes_since(start)
        end(first)

    assert seen.leads == {2}
    assert changes_since(seen.cursor).leads == {1}
    assert not changes_since(changes_since(seen.cursor).cursor)


def test_a_reader_that_went_by_numbers_would_miss_it():
    """The control: the same order of events, read by the rows' own numbers."""
    with writers(2) as (first, second):
        for writer, lead in ((first, 1), (second, 2)):
            begin(writer)
            tell(writer, lead)
        end(second)
        newest = Change.objects.latest("pk").pk
        end(first)

    assert not Change.objects.filter(pk__gt=newest).exists()
    assert Change.objects.count() == 2


def test_a_cursor_taken_inside_a_transaction_does_not_hide_what_that_one_writes_later():
    with writers(1) as (other,), transaction.atomic():
        tell(connection, 1)
        begin(other)
        tell(other, 2)
        end(other)
        cursor = changes_since(here()).cursor
        tell(connection, 3)

    assert 3 in changes_since(cursor).leads


def test_a_thousand_random_interleavings_miss_nothing_through_crashes_and_restarts():
    """Four writers begin, write, commit or roll back in random order; the reader reads and saves its cursor now and
    then, and after a crash continues from the saved one."""
    with writers(4) as several:
        for seed in range(PROGRAMS):
            interleave(random.Random(seed), several, first=seed * 1000)


def interleave(dice, several, first):
    lead = iter(range(first, first + 1000))
    open_ones, committed, undone = {}, set(), set()
    kept, kept_seen = here(), set()
    cursor, seen = kept, set()
    for _ in range(dice.randint(6, 24)):
        writer = dice.choice(several)
        step = dice.random()
        if step < 0.45:
            if writer not in open_ones:
                begin(writer)
                open_ones[writer] = set()
            told = next(lead)
            tell(writer, told)
            open_ones[writer].add(told)
        elif step < 0.65 and writer in open_ones:
            commit = dice.random() < 0.8
            end(writer, commit)
            (committed if commit else undone).update(open_ones.pop(writer))
        elif step < 0.85:
            changes = changes_since(cursor)
            cursor, seen = changes.cursor, seen | changes.leads
            assert not changes_since(kept).leads - committed
        elif step < 0.95:
            kept, kept_seen = cursor, set(seen)
        else:
            cursor, seen = kept, set(kept_seen)
        assert seen <= committed
    for writer in list(open_ones):
        end(writer)
        committed |= open_ones.pop(writer)
    seen |= changes_since(cursor).leads
    assert seen == committed
    assert not seen & undone


def hours_pass():
    FeedMark.objects.update(at=F("at") - feed.KEPT - timedelta(seconds=1))


def test_old_changes_are_forgotten_and_who_slept_so_long_begins_anew():
    slept = here()
    tell(connection, 1)
    assert feed.forget_old() == 0
    tell(connection, 2)
    awake = here()
    hours_pass()
    FeedMark.objects.update(ended=F("reached"))  # other tests' transactions on this server may run still
    tell(connection, 3)

    assert feed.forget_old() == 1

    with pytest.raises(FeedLost):
        changes_since(slept)
    assert changes_since(awake).leads == {3}
    assert Change.objects.count() == 2
    assert feed.forget_old() == 0


def test_what_a_long_transaction_wrote_is_kept_for_hours_after_its_end():
    with writers(1) as (long_one,):
        begin(long_one)
        tell(long_one, 1)
        tell(connection, 2)
        reader = here()
        feed.forget_old()
        hours_pass()
        feed.forget_old()
        end(long_one)
        hours_pass()
        feed.forget_old()

        assert changes_since(reader).leads == {1}


def test_a_cursor_of_another_database_is_refused():
    later = int(here().text.split(":")[1]) + 1_000_000

    with pytest.raises(FeedLost):
        changes_since(Cursor(f"{later}:{later}:"))


# Stocks that follow it


def seen_by(inventory, query):
    with inventory.result_of(query) as result:
        return set(result.stock.ids.at(numbers_of(result.matching)).tolist())


def test_an_undone_transaction_leaves_no_trace_in_memory():
    market = make_market()
    lead, other = market.leads(2)
    query, inventory = look_at(market), Inventory()
    seen_by(inventory, query)

    with transaction.atomic():
        withdraw_lead(lead, market.now)
        market.lead()
        assert len(seen_by(inventory, query)) == 2
        assert lead.pk not in seen_by(inventory, query)
        transaction.set_rollback(True)

    assert seen_by(inventory, query) == {lead.pk, other.pk}


def test_a_change_is_not_lost_when_reading_it_fails(monkeypatch):
    market = make_market()
    market.leads(3)
    query, inventory = look_at(market, [{"field": "grade", "in": ["D"]}]), Inventory()
    seen_by(inventory, query)
    type(market.source).objects.filter(pk=market.source.pk).update(grade="D")

    def cut(*_):
        raise OperationalError("the connection was cut")

    with monkeypatch.context() as broken:
        broken.setattr(live, "read_traits", cut)
        with pytest.raises(OperationalError):
            seen_by(inventory, query)

    assert len(seen_by(inventory, query)) == 3


def test_a_correction_that_follows_a_change_of_ones_own_is_taken_in():
    market = make_market()
    lead = market.lead()
    inventory = Inventory()
    seen_by(inventory, look_at(market))

    with transaction.atomic():
        Leg.objects.filter(lead=lead, number=1).update(status="sold", ended_at=market.now)
        seen_by(inventory, look_at(market))
    Lead.objects.filter(pk=lead.pk).update(state="TX")

    assert seen_by(inventory, look_at(market, [{"field": "state", "in": ["TX"]}])) == {lead.pk}
    assert seen_by(inventory, look_at(market, [{"field": "state", "in": ["OH"]}])) == set()


def test_a_withdrawn_lead_is_gone_from_the_very_next_answer_of_every_process():
    market = make_market()
    leads = market.leads(6)
    query, hosts = look_at(market), [Inventory(), Inventory()]
    for host in hosts:
        assert len(seen_by(host, query)) == 6

    for lead in leads:
        withdraw_lead(lead, timezone.now())
        assert [lead.pk in seen_by(host, query) for host in hosts] == [False, False]


def test_a_hold_hides_a_lead_while_it_lasts_and_no_longer():
    market = make_market()
    lead = market.lead(legs_authorized=1)
    inventory = Inventory()
    now = timezone.now()
    hold = Hold(uuid.uuid4(), now)
    seen_by(inventory, look_at(market))

    with transaction.atomic():
        lock_leads([lead.pk], hold)
        hold_legs([Offer(lead.pk, lead.pk, 1, 1)], hold, until=now + timedelta(minutes=5), exclusive=False)

    market.now = now
    assert seen_by(inventory, look_at(market)) == set()
    market.now = now + timedelta(minutes=5, seconds=1)
    assert seen_by(inventory, look_at(market)) == {lead.pk}
    with transaction.atomic():
        release_legs(hold.holder)
    market.now = now
    assert seen_by(inventory, look_at(market)) == {lead.pk}


def test_processes_agree_with_the_database_after_many_at_once_changed_it():
    """Writers sell legs, withdraw, list and regrade while two processes answer queries all the time."""
    market = make_market()
    market.leads(60)
    query, hosts = look_at(market), [Inventory(), Inventory()]
    over = threading.Event()
    faults = []

    def guarded(act):
        def run():
            try:
                act()
            except Exception as error:
                faults.append(error)
            finally:
                connections.close_all()

        return threading.Thread(target=run)

    def write(seed):
        dice = random.Random(seed)
        for _ in range(40):
            change(dice, market)

    def answer(host):
        while not over.is_set():
            seen_by(host, query)

    readers = [guarded(lambda host=host: answer(host)) for host in hosts]
    changers = [guarded(lambda seed=seed: write(seed)) for seed in range(4)]
    for thread in [*readers, *changers]:
        thread.start()
    for thread in changers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()

    assert [repr(fault) for fault in faults] == []
    expected = in_database(query)
    assert [seen_by(host, query) for host in hosts] == [expected, expected]
    for lead in Lead.objects.for_sale().select_related("source"):
        for host in hosts:
            with host.result_of(query) as result:
                place = result.stock.where([lead.pk])[0]
                choices = result.stock.choices
                assert place in choices["times_sold"].sets[str(lead.times_sold)]
                assert place in choices["legs_left"].sets[str(lead.legs_left)]
                assert place in choices["grade"].sets[lead.source.grade]


def change(dice, market):
    step = dice.random()
    if step < 0.55:
        lead = Lead.objects.for_sale().order_by("?").first()
        with transaction.atomic():
            lock_leads([lead.pk], Hold(uuid.uuid4(), timezone.now()))
            free = Leg.objects.filter(lead=lead, status="open", market="aged")[:1]
            Leg.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(
                status="sold", ended_at=timezone.now()
            )
    elif step < 0.7:
        withdraw_lead(Lead.objects.for_sale().order_by("?").first(), timezone.now())
    elif step < 0.9:
        market.leads(dice.randint(1, 3))
    else:
        type(market.source).objects.filter(pk=market.source.pk).update(grade=dice.choice("ABC"))


def test_more_changes_than_an_answer_may_wait_for_come_with_the_next_ones(monkeypatch):
    monkeypatch.setattr(live, "MOST_AT_ONCE", 4)
    market = make_market()
    market.lead()
    query, inventory = look_at(market), Inventory()
    seen_by(inventory, query)
    market.leads(10)

    assert [len(seen_by(inventory, query)) for _ in range(4)] == [5, 9, 11, 11]
