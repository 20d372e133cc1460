"""Standing orders in a browser: from leads for sale to a fill, without scripts, light or dark, desktop or phone."""

from datetime import timedelta

import pytest

from buyers.models import StandingOrder
from marketplace.standing_orders import fill
from tests.browser.test_returns import looked_at
from tests.factories import make_market
from tests.marketplace.standing_orders.standing_cases import wants

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=[True, False], ids=["with scripts", "without"])
def desk(request, new_page, be):
    market = make_market()
    market.leads(7, age=timedelta(days=40))
    market.leads(6, age=timedelta(days=20), state="TX")
    page = new_page(java_script_enabled=request.param)
    be(page, market.user)
    return market, page, request.param


def test_an_order_is_placed_from_the_shelf_filled_and_ended(desk):
    market, page, scripted = desk

    def seen(name):
        if scripted:
            looked_at(page, f"standing-{name}")

    page.goto("/standing-orders/")
    seen("empty")
    page.goto("/mortgage/?state=OH")
    page.get_by_role("link", name="Buy when the price drops").click()
    seen("new")
    page.get_by_label("Max price per lead").fill("2.20")
    page.get_by_label("Max leads in total").fill("6")
    page.get_by_role("button", name="Preview what it would buy").click()
    seen("said")
    page.get_by_role("button", name="Place standing order").click()
    page.get_by_text("Standing order placed.").wait_for()
    order = StandingOrder.objects.get()
    assert (order.max_price_cents, order.total_cap, order.criteria) == (220, 6, [{"field": "state", "in": ["OH"]}])

    assert fill.look_at(order.pk, market.now + timedelta(minutes=1))
    page.reload()
    page.get_by_text("6 leads for $13.20", exact=True).wait_for()
    seen("filled")

    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    page.get_by_role("button", name="End order").click()
    page.get_by_text("Ended. You keep everything it bought.").wait_for()
    assert StandingOrder.objects.get().ended_at is not None


def test_a_search_is_saved_by_keyboard_alone_and_counted(desk):
    market, page, scripted = desk
    wants(market, name="Cheap ones", max_price_cents=100)
    page.goto("/mortgage/?state=TX")
    link = page.get_by_role("link", name="Save this search")
    link.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save search").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Search saved.").wait_for()

    page.goto("/standing-orders/")
    assert page.get_by_role("row", name="Mortgage, Texas").get_by_role("cell", name="6", exact=True).is_visible()
    if scripted:
        looked_at(page, "standing-list")
    page.goto("/orders/")
    page.get_by_text("1 standing order, 1 saved search").wait_for()
    if scripted:
        looked_at(page, "standing-orders-page")
