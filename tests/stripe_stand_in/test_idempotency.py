"""One key, one effect, one answer, even an error: stored in the same commit as the effect, forgotten after a day."""

import sqlite3
import threading
from contextlib import closing

import pytest
import stripe

from stripe_stand_in import StandIn
from tests.stripe_stand_in.conftest import client_of

ASKED = {"email": "buyer@example.com", "metadata": {"buyer": "7"}}
KEY = {"idempotency_key": "customer-7"}


def customers(control):
    return [customer["id"] for customer in control.everything(kind="customer")["data"]]


def test_same_key_gives_the_same_answer_and_says_so(stripe_, control):
    first = stripe_.customers.create(ASKED, KEY)
    second = stripe_.customers.create(ASKED, KEY)

    assert first.to_dict() == second.to_dict()
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert customers(control) == [first.id]


def test_same_key_for_something_else_is_refused(stripe_, control):
    first = stripe_.customers.create(ASKED, KEY)

    for act in (
        lambda: stripe_.customers.create({**ASKED, "email": "other@example.com"}, KEY),
        lambda: stripe_.customers.update(first.id, ASKED, KEY),
    ):
        with pytest.raises(stripe.IdempotencyError):
            act()

    assert customers(control) == [first.id]
    assert stripe_.customers.retrieve(first.id).email == "buyer@example.com"


def test_server_error_is_remembered_and_its_effect_may_have_happened(stripe_, control):
    control.mishap(kind="fail_after", path="POST /v1/customers")

    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            stripe_.customers.create(ASKED, KEY)
        assert failure.value.http_status == 500

    assert failure.value.headers["Idempotent-Replayed"] == "true"
    assert len(customers(control)) == 1


def test_server_error_before_acting_is_remembered_too(stripe_, control):
    control.mishap(kind="fail_before", path="POST /v1/customers")

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            stripe_.customers.create(ASKED, KEY)

    assert customers(control) == []
    assert stripe_.customers.create(ASKED, {"idempotency_key": "another"}).email == "buyer@example.com"


def test_decline_is_remembered(pay, stripe_):
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            stripe_.payment_intents.create(
                {"amount": 700, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}, KEY
            )

    assert declined.value.headers["Idempotent-Replayed"] == "true"
    assert len(stripe_.charges.list().data) == 1


def test_request_that_was_never_understood_leaves_the_key_free(stripe_, control):
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        stripe_.customers.create({**ASKED, "favourite_colour": "green"}, KEY)

    assert stripe_.customers.create(ASKED, KEY).id in customers(control)


def test_lost_answer_is_found_again_by_the_sdks_own_retry(stand_in, control):
    control.mishap(kind="lose_answer", path="POST /v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        client_of(stand_in.url).v1.customers.create(ASKED, KEY)
    control.mishap(kind="lose_answer", path="POST /v1/customers")

    found = client_of(stand_in.url, retries=2).v1.customers.create(ASKED, KEY)

    assert customers(control) == [found.id]


def test_same_key_at_the_same_time_is_told_to_come_again(stand_in, control):
    control.mishap(kind="slow", path="POST /v1/customers", seconds=0.4)
    answers = []

    def create():
        try:
            answers.append(client_of(stand_in.url).v1.customers.create(ASKED, KEY).id)
        except stripe.StripeError as error:
            answers.append((error.http_status, error.code or error.error.code))

    both = [threading.Thread(target=create) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    (made,) = customers(control)
    assert sorted(answers, key=str) == sorted([made, (409, "idempotency_key_in_use")], key=str)
    assert client_of(stand_in.url).v1.customers.create(ASKED, KEY).id == made


def test_many_threads_with_their_own_keys_each_get_one(stand_in, control):
    def create(number):
        client = client_of(stand_in.url, retries=3).v1
        for _ in range(3):
            client.customers.create({"email": f"{number}@example.com"}, {"idempotency_key": f"k{number}"})

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    emails = [customer["email"] for customer in control.everything(kind="customer")["data"]]
    assert sorted(emails) == [f"{number}@example.com" for number in range(8)]


def test_effect_without_its_remembered_answer_is_no_effect(tmp_path):
    state = tmp_path / "state"
    with StandIn(state=str(state)) as stand_in, closing(sqlite3.connect(state, isolation_level=None)) as saboteur:
        stripe_ = client_of(stand_in.url).v1
        saboteur.execute("CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(stripe.APIConnectionError):
            stripe_.customers.create(ASKED, KEY)
        assert customers(stand_in.control) == []

        saboteur.execute("DROP TRIGGER full")
        assert [stripe_.customers.create(ASKED, KEY).id] == customers(stand_in.control)


def test_key_is_forgotten_after_a_day(stripe_, control):
    first = stripe_.customers.create(ASKED, KEY)
    control.advance(seconds=24 * 60 * 60 - 60)
    assert stripe_.customers.create(ASKED, KEY).id == first.id

    control.advance(seconds=61)

    assert stripe_.customers.create(ASKED, KEY).id != first.id
    assert len(customers(control)) == 2
