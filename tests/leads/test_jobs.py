"""What background jobs stand on: a lease that is taken once, an outbox, and a key that makes a repeat harmless."""

from datetime import timedelta

import pytest

from leads.jobs import lease, outbox
from leads.jobs.once import KeyTaken, made_before
from leads.models import ImportRun
from marketplace.models import BackgroundOrder
from tests.cast import background_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(market):
    made = [background_order(market, market.buyer, market.user) for _ in range(3)]
    BackgroundOrder.objects.update(status="working", leased_until=market.now)
    return list(BackgroundOrder.objects.filter(pk__in=[one.pk for one in made]).order_by("pk"))


def still_due(now):
    return BackgroundOrder.objects.filter(leased_until__lte=now).order_by("pk")


def test_what_was_taken_is_nobody_elses_until_the_lease_ends(market, due):
    until = market.now + timedelta(minutes=1)

    assert lease.take(still_due(market.now), "leased_until", until, most=2) == due[:2]
    assert lease.take(still_due(market.now), "leased_until", until, most=2) == due[2:]
    assert lease.take(still_due(market.now), "leased_until", until, most=2) == []
    assert lease.take(still_due(until), "leased_until", until + timedelta(minutes=1), most=9) == due


def test_a_row_that_moved_on_is_not_taken(market, due):
    one, until = due[0], market.now + timedelta(minutes=1)

    assert lease.take_one(one, "leased_until", until, tries=1)
    assert not lease.take_one(one, "leased_until", until + timedelta(minutes=1), tries=2)
    assert BackgroundOrder.objects.values_list("leased_until", "tries").get(pk=one.pk) == (until, 1)


def test_only_rows_that_are_still_ours_are_struck_off(market, due):
    sent = outbox.take(still_due(market.now), market.now, column="leased_until")
    later = market.now + timedelta(hours=1)
    BackgroundOrder.objects.filter(pk=due[0].pk).update(leased_until=later)

    assert outbox.strike_off(sent, market.now, column="leased_until", status="waiting") == 2
    assert outbox.strike_off([], market.now) == 0
    left = BackgroundOrder.objects.order_by("pk").values_list("status", "leased_until")
    assert list(left) == [("working", later), ("waiting", None), ("waiting", None)]


def test_a_job_that_failed_too_often_is_not_resumed(market):
    run = ImportRun.objects.create(
        source=market.source, vertical=market.vertical, file_name="a.csv", file_sha256="0" * 64, file_bytes=1
    )

    resumed = [lease.resume(ImportRun.objects.all(), run, market.now) for _ in range(lease.MOST_RESUMPTIONS + 1)]

    assert resumed == [True] * lease.MOST_RESUMPTIONS + [False]


def test_a_key_stands_for_one_request(market, due):
    BackgroundOrder.objects.filter(pk=due[0].pk).update(idempotency_key="k", fingerprint="f")

    assert made_before(BackgroundOrder.objects.all(), "k", "f") == due[0]
    assert made_before(BackgroundOrder.objects.all(), "other", "f") is None
    with pytest.raises(KeyTaken):
        made_before(BackgroundOrder.objects.all(), "k", "another request")
