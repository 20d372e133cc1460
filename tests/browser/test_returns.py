"""Returns in a browser: by selection, by file, decided by staff; accessible, light or dark, desktop or phone."""

import csv
import os

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.utils import timezone

from marketplace.models import Return
from marketplace.returns.decisions import refuse
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_pages import COLOURS, EVERYTHING, SCROLLS, barriers
from tests.factories import digest_of, make_market
from tests.marketplace.returns.return_cases import buy, clerk, generous, hand_back, lead_of, suppress_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PICTURES = os.environ.get("PICTURES", "")


def looked_at(page, name):
    """Check for barriers in light and dark and for sideways scroll; take a screenshot if PICTURES is set."""
    for size, viewport in (("wide", WIDE), ("phone", PHONE)):
        page.set_viewport_size(viewport)
        for scheme, options in (("light", EVERYTHING), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme)
            page.evaluate(AXE_SCRIPT)
            assert list(barriers(page, options, ())) == [], (name, size, scheme)
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{size}-{scheme}.png", full_page=True)
        assert page.evaluate(SCROLLS) == 0, (name, size)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


@pytest.fixture
def desk(new_page, be):
    market = make_market()
    generous(market, 40)
    page = new_page(java_script_enabled=True)
    be(page, market.user)
    return market, page


def test_leads_are_handed_back_by_tick_and_each_page_can_be_used_by_anybody(desk):
    market, page = desk
    order = buy(market, 10)
    suppress_at(digest_of(lead_of(order, 9)), market.now)
    page.goto("/returns/")
    looked_at(page, "empty")

    page.goto(f"/orders/{order.public_id}/")
    page.get_by_role("link", name="Return leads").click()
    looked_at(page, "ask")
    for place in (0, 1):
        page.get_by_role("checkbox").nth(place).check()
    page.get_by_label("Phone number does not work").check()
    page.get_by_label("What happened").fill("Out of service since March 3.")
    page.get_by_role("button", name="Return selected leads").click()
    page.get_by_text("2 leads in review.").wait_for()

    page.goto(f"/orders/{order.public_id}/leads/")
    page.get_by_role("link", name="Return lead").last.click()
    page.get_by_label("Opted out before I bought").check()
    page.get_by_role("button", name="Return selected leads").click()
    page.get_by_text("1 lead credited: $2.20 is back in your wallet.").wait_for()
    refuse(Return.objects.waiting().last(), by=clerk(), finding="It rings, and the person answers.", now=timezone.now())
    page.goto("/returns/")
    looked_at(page, "list")

    page.get_by_role("link", name=Return.objects.refused().get().number).click()
    looked_at(page, "refused")
    page.get_by_label("What we missed").fill("The one who answers is not the person.")
    page.get_by_role("button", name="Send appeal").click()
    page.get_by_text("Someone else will review it this time.").wait_for()
    page.get_by_role("button", name="Withdraw return").click()
    page.get_by_text("Return withdrawn. You keep the lead").wait_for()

    assert sorted(Return.objects.values_list("status", flat=True)) == ["asked", "credited", "taken_back"]


def test_a_file_is_looked_at_before_it_is_sent(desk, tmp_path):
    market, page = desk
    order = buy(market, 4)
    suppress_at(digest_of(lead_of(order, 1)), market.now)
    file = tmp_path / "back.csv"
    with file.open("w") as out:
        dead = (lead_of(order, 0).public_id, "disconnected", "Dead line")
        stopped = (lead_of(order, 1).public_id, "stopped-before", "")
        csv.writer(out).writerows([("lead", "reason", "words"), dead, stopped, ("nothing", "disconnected", "")])

    page.goto("/returns/file/")
    looked_at(page, "upload")
    page.get_by_label("CSV or Excel file").set_input_files(file)
    page.get_by_role("button", name="Preview returns").click()
    page.get_by_role("heading", name="Preview your returns").wait_for()
    looked_at(page, "preview")
    assert Return.objects.count() == 0
    page.get_by_role("button", name="Return 2 leads").click()
    page.get_by_role("heading", name="Leads returned").wait_for()

    assert sorted(Return.objects.values_list("status", flat=True)) == ["asked", "credited"]


def test_everything_works_without_scripts(new_page, be):
    market = make_market()
    order = buy(market, 2)
    page = new_page(java_script_enabled=False, viewport=PHONE)
    be(page, market.user)

    page.goto(f"/returns/claim/{order.public_id}/")
    page.get_by_role("checkbox").first.check()
    page.get_by_label("Fake person").check()
    page.get_by_label("What happened").fill("Called Mickey.")
    page.get_by_role("button", name="Return selected leads").click()
    page.get_by_text("1 lead in review.").wait_for()

    assert Return.objects.get().reason.code == "made-up"


def test_the_desk_decides_on_one_page(new_page, be):
    market = make_market()
    returned = hand_back(market, lead_of(buy(market)))
    page = new_page()
    be(page, clerk(is_superuser=True))

    page.goto("/admin/marketplace/return/?queue=waiting")
    page.get_by_role("link", name=returned.number).click()
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/desk-return.png", full_page=True)
    page.get_by_role("link", name="Decide").click()
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/desk-decide.png", full_page=True)
    page.get_by_label("Credit", exact=True).check()
    page.get_by_label("Finding").fill("We called; it is out of service.")
    page.get_by_role("button", name="Save decision").click()
    page.get_by_text("credited.").wait_for()
    page.goto(f"/admin/leads/source/{market.source.pk}/change/")
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/desk-source.png", full_page=True)

    assert Return.objects.get().status == "credited"
