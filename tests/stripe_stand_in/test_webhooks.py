"""Events reach the merchant signed, at least once, and as unreliably as the control port was told."""

import pytest
import stripe

from stripe_stand_in import Refused, StandIn
from tests.stripe_stand_in.conftest import SECRET, client_of


def customer_named(stripe_, name):
    return stripe_.customers.create({"name": name})


def names(merchant):
    return [event.data.object.name for event in merchant.events]


def test_event_is_what_the_api_says_it_is(stripe_, control, merchant):
    made = stripe_.customers.create({"name": "Ann"}, {"idempotency_key": "k1"})
    control.wait_for_webhooks()

    (event,) = merchant.events
    listed = stripe_.events.list({"types": ["customer.created", "customer.updated"]}).data
    (narrowed,) = stripe_.events.list({"type": "customer.created", "created": {"gte": made.created}}).data

    assert (event.data.object.id, event.api_version, event.livemode) == (made.id, stripe.api_version, False)
    assert (event.request.id, event.request.idempotency_key) == (made.last_response.request_id, "k1")
    assert [found.id for found in listed] == [event.id] == [narrowed.id]
    assert (event.pending_webhooks, stripe_.events.retrieve(event.id).pending_webhooks) == (1, 0)
    assert stripe_.events.list({"types": ["payout.paid"]}).data == []


def test_event_is_sent_again_until_it_is_taken(stripe_, control, merchant):
    merchant.down_for = 2

    customer_named(stripe_, "Ann")
    control.wait_for_webhooks()

    assert names(merchant) == ["Ann"]
    first, second, third = merchant.seen
    assert 0.09 < second - first < 0.5
    assert 0.19 < third - second < 1


def test_held_events_come_in_another_order_when_released(stripe_, control, merchant):
    control.hold_webhooks()
    for name in "ABCDEFGH":
        customer_named(stripe_, name)
    assert control.state()["webhooks"] == {"due": 0, "held": 8, "done": 0, "dropped": 0}
    assert merchant.events == []

    control.release_webhooks(seed=1)
    control.wait_for_webhooks()

    assert sorted(names(merchant)) == list("ABCDEFGH") != names(merchant)


def test_events_are_doubled_or_lost_on_demand(stripe_, control, merchant):
    control.set_webhooks(copies=3)
    customer_named(stripe_, "thrice")
    control.set_webhooks(drop=1)
    customer_named(stripe_, "never")
    customer_named(stripe_, "once")
    control.wait_for_webhooks()

    assert names(merchant) == ["thrice"] * 3 + ["once"]
    assert len({event.id for event in merchant.events}) == 2
    assert len(stripe_.events.list().data) == 3


def test_late_events_come_late(stripe_, control, merchant):
    control.set_webhooks(delay=0.2)
    customer_named(stripe_, "late")
    assert control.state()["webhooks"]["due"] == 1
    assert merchant.events == []

    control.wait_for_webhooks()

    assert names(merchant) == ["late"]


def test_forged_and_stale_signatures_are_refused_by_the_sdk(stripe_, control, merchant):
    customer_named(stripe_, "Ann")
    control.wait_for_webhooks()
    (event,) = merchant.events

    assert control.deliver(event=event.id, secret="whsec_forged")["status"] == 400
    assert control.deliver(event=event.id, seconds_off=-600)["status"] == 400
    assert len(merchant.events) == 1
    assert [reason.split(" ")[0] for reason in merchant.refused] == ["No", "Timestamp"]

    assert control.deliver(event=event.id)["status"] == 200
    assert [event.id for event in merchant.events] == [event.id] * 2


def test_rotation_signs_with_both_secrets(stripe_, control, merchant):
    control.add_secret(secret="whsec_new")
    customer_named(stripe_, "old and new")
    control.wait_for_webhooks()
    merchant.secrets = ["whsec_new"]
    customer_named(stripe_, "still both")
    control.wait_for_webhooks()

    control.retire_oldest_secret()
    customer_named(stripe_, "new only")
    control.wait_for_webhooks()

    assert names(merchant) == ["old and new", "still both", "new only"]
    assert merchant.refused == []
    with pytest.raises(Refused, match="only secret"):
        control.retire_oldest_secret()


def test_undelivered_events_survive_a_restart(merchant, tmp_path):
    kept = {
        "state": str(tmp_path / "state"),
        "webhook_url": merchant.url,
        "webhook_secret": SECRET,
        "first_retry": 0.05,
    }
    with StandIn(**kept) as before:
        before.control.hold_webhooks()
        made = customer_named(client_of(before.url).v1, "Ann")
        before.control.release_webhooks()
        before.control.wait_for_webhooks()
        merchant.down_for = 1_000
        ahead = before.control.advance(seconds=3_600)["now"]
        customer_named(client_of(before.url).v1, "Bob")
    merchant.down_for = 0

    with StandIn(**kept) as after:
        after.control.wait_for_webhooks()
        assert client_of(after.url).v1.customers.retrieve(made.id).name == "Ann"
        assert 0 <= after.control.state()["now"] - ahead < 60

    assert names(merchant) == ["Ann", "Bob"]
