"""The rate limit holds for requests side by side, and for nobody else's."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.db.models import F

from marketplace.api import throttling
from marketplace.api.throttling import BuyerThrottle
from marketplace.models import ApiUse
from tests.factories import make_market
from tests.marketplace.api.conftest import caller_for


@pytest.fixture
def five_a_day(monkeypatch):
    monkeypatch.setattr(BuyerThrottle, "rate", "5/day", raising=False)


@pytest.mark.django_db
def test_the_sixth_of_five_waits(api, other, five_a_day):
    answers = [api.get("wallet/") for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    said = answers[5].json()
    assert (said["code"], said["fields"]) == ("throttled", {})
    assert 1 <= int(answers[5].headers["Retry-After"]) <= 86_400
    assert other.get("wallet/").status_code == 200


@pytest.mark.django_db
def test_each_answer_says_how_much_is_left(api, stranger, five_a_day):
    answers = [
        api.get("wallet/"),
        api.get("orders/x/"),
        api.post("quotes/", b"["),
        *(api.get("wallet/") for _ in "abc"),
    ]

    assert [answer.headers["RateLimit-Limit"] for answer in answers] == ["5"] * 6
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert answers[-1].headers["RateLimit-Reset"] == answers[-1].headers["Retry-After"]
    assert "RateLimit-Limit" not in stranger.get("wallet/").headers


@pytest.mark.django_db
def test_another_key_or_address_of_the_company_is_no_way_around(api, five_a_day):
    for number in range(5):
        api.client.get("/api/v1/wallet/", headers={"X-Forwarded-For": f"192.0.2.{number}"})

    assert caller_for(api.buyer).get("wallet/").status_code == 429


@pytest.mark.django_db
def test_refused_requests_count_and_change_nothing(api, five_a_day):
    for _ in range(5):
        api.post("quotes/", b"[")

    assert api.quote(leads=["x"]).status_code == 429


@pytest.mark.django_db
def test_a_new_window_starts_anew(api, five_a_day):
    for _ in range(6):
        api.get("wallet/")
    ApiUse.objects.update(window_started_at=F("window_started_at") - timedelta(days=1))

    assert api.get("wallet/").status_code == 200
    assert ApiUse.objects.get().requests == 1


@pytest.mark.django_db
def test_a_request_that_waited_past_the_window_s_end_counts_in_the_new_one(api, five_a_day):
    api.get("wallet/")
    ApiUse.objects.update(window_started_at=F("window_started_at") + timedelta(days=1), requests=5)

    assert api.get("wallet/").status_code == 429
    assert ApiUse.objects.get().requests == 6


@pytest.mark.django_db
def test_the_settings_say_how_many_a_minute(settings):
    assert settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] == {"buyer": "600/min"}
    assert BuyerThrottle().parse_rate(BuyerThrottle().rate) == (600, 60)


def status_of(caller):
    try:
        return caller.get("wallet/").status_code
    finally:
        connections.close_all()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_forty_requests_at_once_exactly_five_pass(five_a_day):
    caller = caller_for(make_market().buyer)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: status_of(caller), range(40)))

    assert (statuses.count(200), statuses.count(429)) == (5, 35)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_count_that_is_read_before_it_is_written_lets_more_pass(five_a_day, monkeypatch):
    """The guard off: reading, then writing, as counters in a cache do."""
    caller = caller_for(make_market().buyer)
    for _ in range(4):
        caller.get("wallet/")
    both_have_read = Barrier(2)

    def read_then_write(buyer_id, seconds):
        used = ApiUse.objects.get(buyer_id=buyer_id).requests
        both_have_read.wait(timeout=10)
        ApiUse.objects.filter(buyer_id=buyer_id).update(requests=used + 1)
        return used + 1, 1.0

    monkeypatch.setattr(throttling, "count_use", read_then_write)
    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(lambda _: status_of(caller), range(2)))

    assert statuses == [200, 200]
