"""Webhooks from Stripe: fully verified, stored as they arrived, once; anything else leaves no trace."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError

from billing.models import StripeEvent
from billing.stripe import webhooks
from billing.stripe.webhooks import BadWebhook
from stripe_stand_in.webhooks import signature
from tests.billing.with_stripe import SECRET, raw, receive, together
from tests.refusal import refused_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe_settings")]
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "payout.paid",
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "created": 1_790_000_000,
    "data": {"object": {"id": "po_1", "object": "payout"}},
}
MOST = 256 * 1024


def padded(length):
    bare = json.dumps({**EVENT, "pad": ""})
    return json.dumps({**EVENT, "pad": "x" * (length - len(bare))}).encode()


def sign(body, now, secret=SECRET, off=timedelta()):
    return signature([secret], body, int((now + off).timestamp()))


def refused(body, header, now):
    with pytest.raises(BadWebhook):
        webhooks.receive(body, header, now=now)
    assert not StripeEvent.objects.exists()


def test_an_event_is_kept_as_it_came(now):
    event = receive(EVENT, now)

    assert (event.event_id, event.type, event.livemode, event.status) == ("evt_1", "payout.paid", False, "received")
    assert (event.api_version, event.happened_at.timestamp()) == ("2026-10-28.endive", 1_790_000_000)
    assert (event.received_at, event.try_at, event.attempts, event.body) == (now, now, 0, EVENT)


def test_an_event_that_comes_again_is_the_one_that_was_kept(now):
    first = receive(EVENT, now)

    again = receive({**EVENT, "type": "payout.failed"}, now + timedelta(days=3))

    assert (again, again.type, again.received_at) == (first, "payout.paid", now)
    assert StripeEvent.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_an_event_that_comes_eight_times_at_once_is_kept_once(now):
    answers = together(*[lambda: receive(EVENT, now).event_id] * 8)

    assert answers == ["evt_1"] * 8
    assert StripeEvent.objects.count() == 1


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_clock_may_be_off_by_five_minutes(now, seconds):
    now = now.replace(microsecond=0)
    body, _ = raw(EVENT)

    assert webhooks.receive(body, sign(body, now, off=timedelta(seconds=seconds)), now=now).event_id == "evt_1"


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400, 10 * 365 * 86_400])
def test_what_was_signed_at_another_time_is_refused_past_and_future(now, seconds):
    now = now.replace(microsecond=0)
    body, _ = raw(EVENT)

    refused(body, sign(body, now, off=timedelta(seconds=seconds)), now)


def test_while_a_secret_is_replaced_both_are_taken(settings, now):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", SECRET]
    for number, secrets in enumerate([[SECRET], ["whsec_new"], ["whsec_new", SECRET], ["whsec_strange", SECRET]]):
        body, header = raw({**EVENT, "id": f"evt_{number}"}, secrets=secrets)
        webhooks.receive(body, header, now=now)

    assert StripeEvent.objects.count() == 4


def test_a_secret_that_was_replaced_is_taken_no_more(settings, now):
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new"]

    refused(*raw(EVENT), now)


@pytest.mark.parametrize("secrets", [[], [""], ["  "]])
def test_without_a_secret_nothing_is_taken(settings, now, secrets):
    settings.STRIPE_WEBHOOK_SECRETS = secrets
    body, _ = raw(EVENT)

    refused(body, sign(body, now, secret="".join(secrets)), now)


def test_a_body_that_was_changed_is_refused(now):
    body, header = raw(EVENT)

    refused(body.replace(b"po_1", b"po_2"), header, now)
    refused(body + b" ", header, now)


def headers(body, now):
    good, stamp = sign(body, now), int(now.timestamp())
    mark = good.split("v1=")[1]
    yield from ("", " ", "junk", ",,,", "=", "t=", "v1=", f"t={stamp}", f"v1={mark}", f"t={stamp},v1=", "t=x,v1=y")
    yield from (f"t={stamp},v0={mark}", f"t={stamp},v1={mark[:-1]}", f"t={stamp} ,v1 ={mark}", f"T={stamp},V1={mark}")
    yield from (
        f"t={stamp}.0,v1={mark}",
        f"t=-{stamp},v1={mark}",
        f"t={'9' * 5000},v1={mark}",
        f"t={'9' * 30},v1={mark}",
    )
    yield from (f"t={stamp},v1=é{mark[1:]}", f"t={stamp},v1=\x00", f"t={stamp + 1},v1={mark}", "t=nan,v1=nan", "\ud800")
    yield from (f"t={stamp - 9},t={stamp},v1={mark}", f"t={stamp},v1={sign(body, now, 'whsec_other').split('v1=')[1]}")


def test_no_other_signature_is_taken(now):
    body, _ = raw(EVENT)
    for header in headers(body, now):
        refused(body, header, now)


def test_the_right_one_among_wrong_marks_is_taken(now):
    body, header = raw(EVENT)

    assert webhooks.receive(body, header.replace(",", ",v1=wrong,v0=old,"), now=now).event_id == "evt_1"


def test_a_body_of_256_kb_is_taken_and_one_byte_more_is_not(now):
    for length in (MOST + 1, 300 * 1024):
        body = padded(length)
        assert len(body) == length
        refused(body, sign(body, now), now)

    assert webhooks.receive(padded(MOST), sign(padded(MOST), now), now=now).event_id == "evt_1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        b"null",
        b"[]",
        b'"evt_1"',
        b"{}",
        b"\xff\xfe",
        b"\x00",
        b"[" * 100_000,
        json.dumps({**EVENT, "id": 1}).encode(),
        json.dumps({**EVENT, "id": "x" * 65}).encode(),
        json.dumps({**EVENT, "id": "evt\u0000"}).encode(),
        json.dumps({**EVENT, "type": None}).encode(),
        json.dumps({**EVENT, "type": "x" * 81}).encode(),
        json.dumps({**EVENT, "livemode": "no"}).encode(),
        json.dumps({**EVENT, "livemode": 0}).encode(),
        json.dumps({**EVENT, "created": "now"}).encode(),
        json.dumps({**EVENT, "created": True}).encode(),
        json.dumps({**EVENT, "created": 10**20}).encode(),
        json.dumps({**EVENT, "created": 1e9}).encode(),
        json.dumps({**EVENT, "api_version": 7}).encode(),
        json.dumps({**EVENT, "data": []}).encode(),
        json.dumps({**EVENT, "data": {"object": None}}).encode(),
        json.dumps({**EVENT, "more": "\u0000"}).encode(),
        json.dumps({**EVENT, "more": "\ud800"}).encode(),
        json.dumps({**EVENT, "more": float("nan")}).encode(),
        json.dumps({name: value for name, value in EVENT.items() if name != "data"}).encode(),
    ],
)
def test_signed_junk_is_refused(now, body):
    stamp = int(now.timestamp())
    header = signature([SECRET], body, stamp)

    refused(body, header, now)


@pytest.mark.parametrize(("key", "livemode"), [("sk_test_1", True), ("sk_live_1", False), ("", False), ("", True)])
def test_an_event_of_another_environment_is_refused(settings, now, key, livemode):
    settings.STRIPE_SECRET_KEY = key

    refused(*raw({**EVENT, "livemode": livemode}), now)


def test_a_live_key_takes_live_events(settings, now):
    settings.STRIPE_SECRET_KEY = "sk_live_1"

    assert receive({**EVENT, "livemode": True}, now).livemode is True


# What PostgreSQL refuses, bypassing the verbs
ATTEMPTS = {}


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


@attempt("stripe_event_is_as_it_came")
def another_body(event):
    StripeEvent.objects.update(body={})


@attempt("stripe_event_is_as_it_came")
def another_type(event):
    StripeEvent.objects.update(type="payout.failed")


@attempt("stripe_event_is_as_it_came")
def another_id(event):
    StripeEvent.objects.update(event_id="evt_2")


@attempt("stripe_event_is_as_it_came")
def another_world(event):
    StripeEvent.objects.update(livemode=True)


@attempt("stripe_event_is_as_it_came")
def another_instant(event):
    StripeEvent.objects.update(happened_at=event.received_at)


@attempt("stripe_event_is_never_deleted")
def deleted(event):
    event.delete()


@attempt("stripe_event_acted_has_its_instant")
def done_at_no_instant(event):
    StripeEvent.objects.update(status="done")


@attempt("stripe_event_acted_has_its_instant")
def waiting_since_it_was_done(event):
    StripeEvent.objects.update(acted_at=event.received_at)


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(now, name, act):
    event = receive(EVENT, now)

    with refused_by(name):
        act(event)


def test_an_event_id_is_kept_once_by_the_database(now):
    receive(EVENT, now)

    with pytest.raises(IntegrityError, match="event_id"):
        StripeEvent.objects.create(
            event_id="evt_1", type="x", livemode=False, happened_at=now, received_at=now, try_at=now, body={}
        )
