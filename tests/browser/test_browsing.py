"""Browsing leads by mouse, by keyboard, by the back button, and what the browser stores of it."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from leads.models import Contact
from tests.browser.conftest import log_in
from tests.marketplace.exports.export_cases import buy_people, person

pytestmark = pytest.mark.browser

# A focus ring is an outline, on the element or the label around it; a band of the plot has a stroke instead.
FOCUSED = """() => {
    const element = document.activeElement, drawn = element.querySelector(":scope > .hit");
    const outlined = [element, element.closest("label")].filter(Boolean).map((one) => getComputedStyle(one))
        .some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
    const ring = outlined || (drawn !== null && getComputedStyle(drawn).stroke !== "none");
    return {id: element.id, name: element.getAttribute("name"), text: element.textContent.trim(), ring,
            seen: element.checkVisibility()};
}"""
# htmx stores the URL of the current page; it must never store the page itself.
KEPT = "() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
NOTED = ["htmx-current-path-for-history"]


@pytest.fixture
def shelf(market):
    """Twelve leads in Ohio who want to refinance, 40 days old; eight in Texas who want to buy, 100 days old."""
    market.leads(12)
    market.leads(
        8, age=timedelta(days=100), state="TX", postal_code="77002", attributes={"purpose": "purchase", "rate": 5}
    )
    return market


def matching(page: Page):
    return page.locator("#results .figures [data-lead] dd")


def share(page: Page, choice: str):
    return page.locator(f"#facet-{choice.split('-')[0]} label:has(#{choice}) data")


def test_a_filter_changes_list_counts_and_address_and_keeps_the_focus(shelf, new_page):
    page = new_page()
    page.goto("/mortgage/")
    expect(matching(page)).to_have_text("20")
    expect(share(page, "purpose-purchase")).to_have_text("8")

    page.locator("#state-OH").check()

    expect(matching(page)).to_have_text("12")
    expect(share(page, "purpose-purchase")).to_have_text("0")
    expect(share(page, "state-TX")).to_have_text("8")  # each facet is counted without its own filter
    expect(page.locator(".leads tbody tr")).to_have_count(12)
    expect(page).to_have_url(re.compile(r"[?&]state=OH\b"))
    assert page.evaluate("document.activeElement.id") == "state-OH"


def test_the_back_button_shows_the_list_of_before(shelf, new_page):
    page = new_page()
    page.goto("/mortgage/")
    page.locator("#state-OH").check()
    expect(matching(page)).to_have_text("12")
    page.get_by_role("link", name="Cheapest").click()
    expect(page.get_by_text("cheapest first")).to_be_visible()

    page.go_back()

    expect(page).to_have_url(re.compile(r"^(?!.*sort=).*state=OH"))
    expect(matching(page)).to_have_text("12")
    expect(page.locator("#state-OH")).to_be_checked()

    page.go_back()

    expect(page).to_have_url(re.compile(r"/mortgage/$"))
    expect(matching(page)).to_have_text("20")
    expect(page.locator("#state-OH")).not_to_be_checked()
    assert page.evaluate(KEPT) == NOTED


def test_the_browser_forgets_the_people_at_the_logout(market, new_page):
    order = buy_people(market, [person(first_name="Marguerite")])
    page = new_page()
    log_in(page, market.user.email)
    page.goto(f"/orders/{order.public_id}/leads/")
    phone = Contact.objects.get().open(str(Contact.objects.get().lead.public_id)).phone
    expect(page.get_by_text("Marguerite")).to_be_visible()
    expect(page.get_by_text(phone)).to_be_visible()

    page.locator("summary", has_text=str(market.buyer)).click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("/")
    page.go_back()
    page.wait_for_load_state()

    shown = page.content()
    assert "Marguerite" not in shown and phone not in shown
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.evaluate(KEPT) == NOTED


def test_everything_is_reached_by_keyboard_and_seen_to_be(shelf, new_page, be):
    page = new_page()
    be(page, shelf.user)
    page.goto("/mortgage/")
    page.keyboard.press("Tab")
    skip = page.evaluate(FOCUSED)
    page.keyboard.press("Enter")
    assert (skip["text"], skip["ring"]) == ("Skip to main content", True)
    assert page.evaluate("document.activeElement.id") == "main"

    stops = []
    while not stops or not re.match(r"Buy \d", stops[-1]["text"]):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        assert len(stops) < 200

    assert [stop for stop in stops if not (stop["ring"] and stop["seen"])] == []
    names = [stop["name"] for stop in stops]
    assert names.index("state") < names.index("lead") < names.index("quantity")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Review and pay")).to_be_visible()
