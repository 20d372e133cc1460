"""Large orders: taken in at once, placed once by whatever worker lives, with nothing charged when there is no order."""

import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from billing.ledger import balance_cents
from buyers.models import Approval
from leads.criteria.criteria import Criteria
from leads.models import Leg
from marketplace.audit import violations
from marketplace.inventory.startup import NotReady
from marketplace.models import BackgroundOrder, Order, Sale
from marketplace.orders import background, sales
from marketplace.orders.background import TakenOver, TooManyBackgroundOrders, ask_for, is_large, work_on
from marketplace.orders.checkout import KeyReused, NotApproved, OrderAttempt, place_order
from marketplace.orders.quotes import QuoteExpired, quote, token_of
from marketplace.orders.request import Selection
from marketplace.orders.tasks import place_background_orders
from tests.factories import digest_of, make_market
from tests.marketplace.api.conftest import caller_for
from tests.marketplace.inventory.own_customers import bring
from tests.marketplace.returns.return_cases import another

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Four leads are a large order here, and two of them a batch."""
    monkeypatch.setattr(background, "LARGE", 3)
    monkeypatch.setattr(sales, "BATCH", 2)


def attempt(market, quantity=5, *, key="k1", buyer=None, allow_partial=False, at=None):
    buyer = buyer or market.buyer
    order_request = Selection(Criteria.anything(market.vertical), quantity)
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    user = market.user if buyer == market.buyer else None
    return OrderAttempt(buyer, user, token, key, allow_partial, at or market.now)


def asked(market, quantity=5, **changes):
    market.leads(quantity)
    return ask_for(attempt(market, quantity, **changes))


def at(instant):
    return lambda: instant


def work(one, instant=None):
    work_on(one.pk, clock=at(instant) if instant else timezone.now)
    one.refresh_from_db()
    return one


def nothing_moved(market, buyer=None, cents=100_000):
    assert balance_cents(buyer or market.buyer) == cents
    assert not Sale.objects.exists()
    assert not Order.objects.exists()
    assert not Leg.objects.filter(status="sold").exists()


# --- Taking it in


def test_only_more_leads_than_a_request_waits_for_are_large(market):
    market.leads(4)

    assert not is_large(attempt(market, 3))
    assert is_large(attempt(market, 4))
    assert not is_large(OrderAttempt(market.buyer, None, "no token", "k", False, market.now))


def test_taking_an_order_in_sells_nothing_yet(market):
    one = asked(market)

    assert (one.status, one.total, one.done, one.tries) == ("waiting", 5, 0, 0)
    nothing_moved(market)


def test_the_same_key_is_the_same_background_order_and_for_another_quote_refused(market):
    market.leads(5)
    mine = attempt(market)

    assert ask_for(mine).pk == ask_for(mine).pk
    with pytest.raises(KeyReused):
        ask_for(attempt(market, 4))

    assert BackgroundOrder.objects.count() == 1


def test_an_expired_quote_is_not_taken_in(market):
    market.leads(5)

    with pytest.raises(QuoteExpired):
        ask_for(attempt(market, at=market.now + timedelta(minutes=10)))

    assert not BackgroundOrder.objects.exists()


def test_a_company_without_approval_is_refused_at_once(market):
    market.leads(5)
    mine = attempt(market)
    Approval.objects.update(status="refused")

    with pytest.raises(NotApproved):
        ask_for(mine)

    assert not BackgroundOrder.objects.exists()


def test_a_company_has_three_under_way_at_most(market):
    market.leads(5)
    for key in "abc":
        ask_for(attempt(market, key=key))

    with pytest.raises(TooManyBackgroundOrders):
        ask_for(attempt(market, key="d"))

    assert BackgroundOrder.objects.count() == 3


# --- Placing it


def test_a_worker_places_the_order_once(market):
    one = work(asked(market))

    order = Order.objects.get()
    assert (one.status, one.order, one.done, one.tries) == ("done", order, 5, 1)
    assert (order.filled, order.total_cents, order.placed_by) == (5, 5 * 220, market.user)
    assert balance_cents(market.buyer) == 100_000 - 5 * 220
    work(one)
    assert Order.objects.get() == order
    assert balance_cents(market.buyer) == 100_000 - 5 * 220


def test_a_quote_that_ran_out_in_the_queue_is_still_good(market):
    one = work(asked(market), market.now + timedelta(minutes=55))

    assert (one.status, one.order.filled) == ("done", 5)
    assert one.order.placed_at == market.now + timedelta(minutes=55)


def test_a_refusal_ends_it_with_the_reason_and_nothing_charged(market):
    one = asked(market)
    Leg.objects.filter(lead=market.leads(1)[0]).update(status="closed", closed_reason="withdrawn")
    Leg.objects.filter(lead__in=Leg.objects.values("lead")[:1]).update(status="closed", closed_reason="withdrawn")

    one = work(one)

    assert (one.status, one.code, one.order) == ("refused", "not_all_there", None)
    assert one.problem == "Only 4 of 5 leads are left at the quoted price. Nothing was charged."
    nothing_moved(market)


def test_a_part_is_placed_when_a_part_was_asked_for(market):
    one = asked(market, allow_partial=True)
    Leg.objects.filter(lead__in=Leg.objects.values("lead")[:1]).update(status="closed", closed_reason="withdrawn")

    one = work(one)

    assert (one.status, one.done, one.order.status, one.order.filled) == ("done", 4, "partial", 4)


def test_an_empty_wallet_is_said_and_nothing_charged(market):
    poor = another(market)  # $100
    market.leads(46)
    one = ask_for(attempt(market, 46, buyer=poor))

    one = work(one)

    assert (one.status, one.code) == ("refused", "not_enough_money")
    nothing_moved(market, poor, 10_000)


def test_an_approval_that_was_taken_meanwhile_ends_it(market):
    one = asked(market)
    Approval.objects.update(status="refused")

    one = work(one)

    assert (one.status, one.code) == ("refused", "not_approved")
    nothing_moved(market)


def test_an_own_customer_who_came_while_it_waited_is_not_sold(market):
    one = asked(market, allow_partial=True)
    theirs = Leg.objects.first().lead
    bring(market.buyer, digest_of(theirs))

    work(one)

    assert Sale.objects.count() == 4
    assert not Sale.objects.filter(lead=theirs).exists()


def test_an_order_of_the_same_key_is_the_background_orders_order(market):
    market.leads(5)
    mine = attempt(market)
    one = ask_for(mine)
    order = place_order(mine)

    one = work(one)

    assert (one.status, one.order) == ("done", order)
    assert Sale.objects.count() == 5


# --- Workers that die, double, or come late


def test_nobody_takes_a_background_order_while_its_lease_runs_and_somebody_does_afterwards(market):
    one = asked(market)
    BackgroundOrder.objects.filter(pk=one.pk).update(
        status="working", tries=1, leased_until=market.now + timedelta(minutes=2), done=3
    )

    assert work(one, market.now + timedelta(minutes=2, seconds=-1)).status == "working"
    nothing_moved(market)

    one = work(one, market.now + timedelta(minutes=2))
    assert (one.status, one.tries, one.done) == ("done", 2, 5)


def test_a_worker_that_was_overtaken_keeps_nothing(market, monkeypatch):
    """The first worker stalls past its lease in the middle of its order; another one claims it meanwhile."""
    one = asked(market)
    place, claimed = background.place, []

    def slow(*args, **named):
        order = place(*args, **named)
        if not claimed:
            claimed.append(background._claim(one.pk, market.now + timedelta(hours=1)))
        return order

    monkeypatch.setattr(background, "place", slow)
    # The claim is made inside the first one's transaction here and goes with it, so it is told apart by its number.
    mine = background._claim(one.pk, market.now)
    with pytest.raises(TakenOver):
        background._place(mine, at(market.now), sales.unheard)

    nothing_moved(market)
    assert claimed[0].tries == 2


def test_a_worker_of_an_older_try_cannot_refuse_it(market):
    one = asked(market)
    old = background._claim(one.pk, market.now)
    new = background._claim(one.pk, market.now + timedelta(hours=1))

    background._refuse(old, "failed", "No.", market.now)

    one.refresh_from_db()
    assert (one.status, one.tries, new.tries) == ("working", 2, 2)


def test_a_background_order_that_fails_again_and_again_is_given_up(market, monkeypatch):
    one = asked(market)

    def broken(*args, **named):
        raise RuntimeError

    monkeypatch.setattr(background, "place", broken)
    instant = market.now
    for _ in range(background.MOST_TRIES):
        with pytest.raises(RuntimeError):
            work(one, instant)
        instant += timedelta(minutes=3)
    one = work(one, instant)

    assert (one.status, one.code, one.problem) == ("refused", "failed", background.FAILED)
    nothing_moved(market)


def test_a_shelf_that_is_still_being_counted_fails_no_order(market, monkeypatch):
    one = asked(market)

    def counting(*args, **named):
        raise NotReady(40)

    monkeypatch.setattr(background, "place", counting)
    for _ in range(background.MOST_TRIES + 2):
        one = work(one, market.now)
        assert (one.status, one.tries, one.leased_until) == ("waiting", 0, None)
    nothing_moved(market)
    monkeypatch.undo()

    assert work(one).status == "done"


def test_the_orders_of_one_company_take_turns(market):
    market.leads(10)
    first, second = (ask_for(attempt(market, key=key)) for key in "ab")
    rival = another(market)
    third = ask_for(attempt(market, 4, buyer=rival))
    BackgroundOrder.objects.filter(pk=first.pk).update(
        status="working", tries=1, leased_until=market.now + timedelta(minutes=2)
    )

    assert work(second, market.now).status == "waiting"
    assert work(third, market.now).status == "done"
    assert work(second, market.now + timedelta(minutes=3)).status == "done"


def test_what_no_message_told_of_is_found_by_the_sweep(market, monkeypatch):
    market.leads(5)
    waiting, lost, at_work = (ask_for(attempt(market, key=key)) for key in "abc")
    BackgroundOrder.objects.filter(pk=lost.pk).update(
        status="working", leased_until=timezone.now() - timedelta(seconds=1)
    )
    BackgroundOrder.objects.filter(pk=at_work.pk).update(
        status="working", leased_until=timezone.now() + timedelta(minutes=1)
    )
    told = []
    monkeypatch.setattr("marketplace.orders.tasks.place_background_order.delay", told.append)

    place_background_orders()

    assert told == [waiting.pk, lost.pk]


# --- Pages


@pytest.fixture
def client(market, client):
    client.force_login(market.user, backend=BACKEND)
    return client


def pay(client, mine, **more):
    said = {"quote": mine.token, "idempotency_key": mine.key, "partial": "false", **more}
    return client.post("/checkout/", said)


def test_a_large_order_by_the_page_shows_its_progress_and_ends_at_the_order(
    market, client, django_capture_on_commit_callbacks
):
    market.leads(5)

    with django_capture_on_commit_callbacks() as told:
        response = pay(client, attempt(market))
    one = BackgroundOrder.objects.get()
    assert (response.status_code, response.url) == (302, f"/orders/background/{one.public_id}/")
    assert len(told) == 1
    page = client.get(response.url)
    assert b'<noscript><meta http-equiv="refresh" content="3"></noscript>' in page.content
    assert b'hx-trigger="every 1s"' in page.content
    assert b"We are buying 5 leads" in client.get("/orders/").content
    BackgroundOrder.objects.filter(pk=one.pk).update(done=2)
    part = client.get(response.url, headers={"HX-Request": "true"})
    assert b"2 of 5" in part.content
    assert b"<html" not in part.content
    BackgroundOrder.objects.filter(pk=one.pk).update(done=0)

    work(one)

    assert client.get(response.url, headers={"HX-Request": "true"})["HX-Redirect"] == response.url
    ended = client.get(response.url)
    assert ended.url == f"/orders/{Order.objects.get().public_id}/"
    assert b"5 leads are yours." in client.get(ended.url).content
    assert b"being bought" not in client.get("/orders/").content


def test_a_refused_one_ends_at_the_checkout_with_the_reason_and_todays_prices(market, client):
    market.leads(5)
    response = pay(client, attempt(market))
    Leg.objects.filter(lead__in=Leg.objects.values("lead")[:1]).update(status="closed", closed_reason="withdrawn")
    work(BackgroundOrder.objects.get())

    ended = client.get(response.url)

    assert ended.url == "/mortgage/checkout/?quantity=5&buy_sort=newest"
    page = client.get(ended.url).content.decode()
    assert "Only 4 of 5 leads are left at the quoted price. Nothing was charged." in page
    assert "Buy 4 leads" in page
    nothing_moved(market)


def test_sending_the_form_twice_is_one_background_order(market, client):
    market.leads(5)
    mine = attempt(market)

    assert pay(client, mine).url == pay(client, mine).url

    assert BackgroundOrder.objects.count() == 1


def test_an_expired_quote_comes_back_with_a_new_one(market, client):
    market.leads(5)
    old = market.now - timedelta(minutes=11)
    token = token_of(quote(Selection(Criteria.anything(market.vertical), 5), buyer=market.buyer, now=old))

    response = pay(client, OrderAttempt(market.buyer, market.user, token, "k", False, market.now))

    assert response.status_code == 409
    assert not BackgroundOrder.objects.exists()


# --- The API


def test_the_api_takes_a_large_order_in_and_tells_where_to_look(market):
    market.leads(5)
    api = caller_for(market.buyer)
    token = api.quote(vertical="mortgage", quantity=5).json()["token"]

    taken = api.order(token)
    one = BackgroundOrder.objects.get()
    assert taken.status_code == 202
    assert taken["Location"] == f"http://testserver/api/v1/orders/background/{one.public_id}/"
    assert taken["Retry-After"] == "2"
    assert taken.json() == {
        "id": str(one.public_id),
        "status": "waiting",
        "done": 0,
        "total": 5,
        "order": None,
        "code": "",
        "message": "",
    }
    assert api.order(token).json() == taken.json()

    work(one)

    order = Order.objects.get()
    looked = api.get(f"orders/background/{one.public_id}/")
    assert (looked.status_code, looked.json()["status"], looked.json()["order"]) == (200, "done", str(order.public_id))
    assert "Retry-After" not in looked
    again = api.order(token)
    assert (again.status_code, again["Idempotent-Replayed"], again.json()["id"]) == (200, "true", str(order.public_id))
    assert Sale.objects.count() == 5


def test_the_api_tells_why_there_is_no_order(market):
    market.leads(5)
    api = caller_for(market.buyer)
    token = api.quote(vertical="mortgage", quantity=5).json()["token"]
    where = api.order(token)["Location"].partition("/api/v1/")[2]
    Leg.objects.update(status="closed", closed_reason="withdrawn")

    work(BackgroundOrder.objects.get())

    said = api.get(where).json()
    assert (said["status"], said["code"], said["order"]) == ("refused", "not_all_there", None)
    assert api.order(token).json() == said
    nothing_moved(market)


def test_the_apis_refusals_are_those_of_any_order(market):
    market.leads(5)
    api = caller_for(market.buyer)
    token = api.quote(vertical="mortgage", quantity=5).json()["token"]
    api.order(token)

    assert api.order(token, allow_partial=True).status_code == 422
    for key in ("k2", "k3"):
        assert api.order(token, key).status_code == 202
    full = api.order(token, "k4")

    assert (full.status_code, full.json()["code"], full["Retry-After"]) == (409, "too_many_under_way", "2")


def test_anothers_background_order_is_none(market):
    one = asked(market)

    answer = caller_for(another(market)).get(f"orders/background/{one.public_id}/")

    assert (answer.status_code, json.loads(answer.content)["code"]) == (404, "not_found")


# --- With real connections: what is seen meanwhile, and two at once


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_order_is_not(monkeypatch):
    market = make_market()
    one = asked(market)
    seen = []
    insert = sales._insert_sales

    def looking(*args, **named):
        with background.connection_aside() as other, other.cursor() as cursor:
            cursor.execute("SELECT status, done FROM marketplace_backgroundorder")
            seen.extend(cursor.fetchall())
            cursor.execute("SELECT count(*) FROM marketplace_sale")
            seen.extend(cursor.fetchall())
        return insert(*args, **named)

    monkeypatch.setattr(sales, "_insert_sales", looking)

    one = work(one)

    assert seen == [("working", 0), (0,), ("working", 2), (0,), ("working", 4), (0,)]
    assert (one.status, one.done, Sale.objects.count()) == ("done", 5, 5)
    assert violations() == []


@pytest.mark.django_db(transaction=True)
def test_progress_keeps_the_lease_running():
    market = make_market()
    one = asked(market)
    mine = background._claim(one.pk, market.now)

    with background.connection_aside() as aside:
        background._progress_of(mine, aside, at(market.now + timedelta(minutes=1)))(2)

    one.refresh_from_db()
    assert (one.done, one.leased_until) == (2, market.now + timedelta(minutes=3))
    assert_only_we_are_connected()


def assert_only_we_are_connected():
    """A server process ends a moment after the connection that it served."""
    until = time.monotonic() + 10
    while others_connected():
        assert time.monotonic() < until
        time.sleep(0.01)


def others_connected():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]
