"""The pages of standing orders: from the filters of the leads for sale, previewed before placing, a company's own."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from buyers.models import Membership, StandingOrder
from marketplace.models import StandingFill
from marketplace.standing_orders import lifecycle
from tests.factories import make_buyer, make_user
from tests.marketplace.standing_orders.standing_cases import due, looked, wants

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
OHIO = {"field": "state", "in": ["OH"]}
TERMS = {
    "name": "Ohio, cheap",
    "max_price": "2.20",
    "sort": "newest",
    "weekdays": ["1", "2", "3", "4", "5", "6", "7"],
    "time_zone": "America/New_York",
}
NEW = "/standing-orders/buy/mortgage/?state=OH"


@pytest.fixture
def browser(client, market):
    client.force_login(market.user, backend=BACKEND)
    return client


def text(response):
    """Return the page's text without tags and repeated whitespace."""
    body = response.content.decode().split("<main", 1)[1]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_shelf_leads_to_both_with_its_filters(browser, market):
    market.leads(2, age=timedelta(days=40))

    page = browser.get("/mortgage/?state=OH&age_min=30&sort=newest").content.decode()

    assert 'href="/standing-orders/buy/mortgage/?state=OH&amp;age_min=30"' in page
    assert 'href="/standing-orders/save/mortgage/?state=OH&amp;age_min=30"' in page


def test_a_new_order_says_what_is_there_before_any_terms_are_said(browser, market):
    market.leads(6, age=timedelta(days=40))
    market.leads(5, age=timedelta(days=40), state="TX")

    said = text(browser.get(NEW))

    assert "leads match now, at any price 6" in said
    assert "cheapest today $2.20" in said
    assert "Place standing order" not in said


def test_said_terms_are_answered_with_what_they_would_do_and_nothing_is_placed(browser, market):
    market.leads(6, age=timedelta(days=40))  # $2.20 for nine days
    market.leads(5, age=timedelta(days=20))

    response = browser.post(NEW, {**TERMS, "total_cap": "5"})
    said = text(response)

    assert response.status_code == 200
    assert "leads match now, at any price 11" in said
    assert "of them at or under $2.20 6" in said
    assert "This order would have bought" in said
    assert "Place standing order" in said
    assert not StandingOrder.objects.exists()


def test_a_limit_not_reached_yet_is_answered_with_the_day(browser, market):
    market.leads(5, age=timedelta(days=20))
    day = timezone.now() + timedelta(days=11)

    assert f"The first lead drops to $2.20 on {day:%B} {day.day}, {day.year}" in text(browser.post(NEW, TERMS))


def test_an_order_is_placed_with_its_terms(browser, market):
    more = {"daily_cap": "25", "budget": "500", "from_hour": "9", "to_hour": "17", "weekdays": ["1", "5"]}

    response = browser.post(NEW, {**TERMS, **more, "save": "yes"})

    order = StandingOrder.objects.get()
    assert response.url == f"/standing-orders/{order.public_id}/"
    assert (order.buyer, order.placed_by, order.kind, order.criteria) == (market.buyer, market.user, "buy", [OHIO])
    assert (order.max_price_cents, order.daily_cap, order.budget_cents) == (220, 25, 50_000)
    assert (order.from_hour, order.to_hour, order.weekdays) == (9, 17, [1, 5])
    assert order.due_at == order.created_at


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_price": ""}, "Enter an amount."),
        ({"max_price": "0"}, "Enter a max price per lead from $0.01"),
        ({"daily_cap": "0"}, "Enter the daily cap as a whole number from 1"),
        ({"daily_cap": "many"}, "Enter a whole number."),
        ({"from_hour": "9"}, "Enter both hours"),
        ({"weekdays": []}, "This field is required."),
        ({"name": ""}, "This field is required."),
    ],
)
def test_terms_that_make_no_sense_come_back_with_the_reason(browser, market, change, said):
    response = browser.post(NEW, {**TERMS, **change, "save": "yes"})

    assert response.status_code == 422
    assert said in text(response)
    assert not StandingOrder.objects.exists()


def test_filters_that_make_no_sense_lead_back_to_the_shelf(browser, market):
    response = browser.get("/standing-orders/buy/mortgage/?state=XX")

    assert response.url == "/mortgage/"


def test_a_search_is_saved(browser, market):
    browser.post("/standing-orders/save/mortgage/?state=OH", {"name": "Ohio", "save": "yes"})

    search = StandingOrder.objects.get()
    assert (search.kind, search.criteria, search.max_price_cents) == ("alert", [OHIO], None)


def test_the_list_says_how_each_stands_and_counts_what_searches_match_now(browser, market):
    market.leads(5, age=timedelta(days=22))
    looked(wants(market, name="Cheap"), market.now)
    wants(market, kind="alert", name="Everything")
    wants(market, {"field": "state", "in": ["TX"]}, kind="alert", name="Texas")
    wants(market, buyer=make_buyer(None, market.vertical), name="A rival's")

    said = text(browser.get("/standing-orders/"))

    assert "5 leads match. The cheapest costs $3.50; your max price is $2.20." in said
    assert "The first drops to your price in 9 days." in said
    assert "Everything Mortgage Alerts on 5" in said
    assert "Texas Mortgage Alerts on 0" in said
    assert "rival" not in said


def test_small_groups_are_nowhere_told_apart(browser, market):
    market.leads(1, age=timedelta(days=22))
    order = looked(wants(market), market.now)
    wants(market, kind="alert")
    one = [text(browser.get(page)) for page in pages(order)] + [text(browser.post(NEW, TERMS))]

    market.leads(3, age=timedelta(days=22))
    looked(due(order, market.now), market.now)
    four = [text(browser.get(page)) for page in pages(order)] + [text(browser.post(NEW, TERMS))]

    assert one == four
    assert all("<5" in said or "&lt;5" in said for said in one)


def pages(order):
    return [
        "/standing-orders/",
        f"/standing-orders/{order.public_id}/",
        f"/standing-orders/{order.public_id}/edit/",
        NEW,
    ]


def test_an_order_shows_every_fill_with_its_order(browser, market):
    market.leads(2, age=timedelta(days=40))
    order = looked(wants(market), market.now)
    fill = StandingFill.objects.get()

    page = browser.get(f"/standing-orders/{order.public_id}/")

    assert f'href="/orders/{fill.order.public_id}/"' in page.content.decode()
    assert "2 leads for $4.40" in text(page)


def test_terms_are_changed_after_a_look(browser, market):
    order = wants(market, OHIO, daily_cap=5)
    address = f"/standing-orders/{order.public_id}/edit/"
    assert 'value="2.20"' in browser.get(address).content.decode()

    assert browser.post(address, {**TERMS, "max_price": "1.00"}).status_code == 200
    assert StandingOrder.objects.get().max_price_cents == 220

    response = browser.post(address, {**TERMS, "max_price": "1.00", "save": "yes"})
    assert response.status_code == 302
    changed = StandingOrder.objects.get()
    assert (changed.max_price_cents, changed.daily_cap, changed.criteria) == (100, None, [OHIO])


def test_a_cap_below_what_was_bought_is_refused_beside_its_field(browser, market):
    market.leads(2, age=timedelta(days=40))
    order = looked(wants(market), market.now)

    response = browser.post(f"/standing-orders/{order.public_id}/edit/", {**TERMS, "total_cap": "1", "save": "yes"})

    assert response.status_code == 422
    assert "Enter 2 or more. This order already bought that many leads." in text(response)
    assert StandingOrder.objects.get().total_cap is None


def test_an_order_is_paused_resumed_and_ended(browser, market):
    order = wants(market)
    states = []
    for verb in ("pause", "resume", "end", "resume"):
        browser.post(f"/standing-orders/{order.public_id}/{verb}/")
        order.refresh_from_db()
        states.append((order.paused_at is not None, order.ended_at is not None))

    assert states == [(True, False), (False, False), (False, True), (False, True)]
    assert "Resume" not in text(browser.get(f"/standing-orders/{order.public_id}/"))
    assert browser.get(f"/standing-orders/{order.public_id}/edit/").url == f"/standing-orders/{order.public_id}/"


def test_who_only_looks_is_shown_no_buttons(client, market):
    viewer = make_user()
    Membership.objects.create(user=viewer, buyer=market.buyer, role="viewer")
    order = wants(market)
    client.force_login(viewer, backend=BACKEND)

    assert "<form" not in client.get(f"/standing-orders/{order.public_id}/").content.decode().split("<main", 1)[1]
    assert client.post(f"/standing-orders/{order.public_id}/pause/").status_code == 404
    assert StandingOrder.objects.get().paused_at is None


def test_criteria_that_can_no_longer_be_asked_break_no_page(browser, market):
    order = wants(market)
    search = wants(market, kind="alert")
    StandingOrder.objects.update(criteria=[{"field": "gone", "in": ["x"]}])

    for address in (
        "/standing-orders/",
        f"/standing-orders/{order.public_id}/",
        f"/standing-orders/{search.public_id}/",
    ):
        assert browser.get(address).status_code == 200


def test_the_orders_page_counts_what_is_wanted(browser, market):
    wants(market)
    lifecycle.end(wants(market), now=market.now)
    wants(market, kind="alert")

    assert "1 standing order, 1 saved search" in text(browser.get("/orders/"))
