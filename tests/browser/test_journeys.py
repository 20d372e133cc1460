"""From a file to leads for sale, and from a visitor to a purchased file: only through the pages, as people would."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from leads.models import Contact, Lead
from marketplace.models import Order, Sale
from tests.browser.conftest import PHONE, log_in
from tests.factories import PASSWORD, make_user
from tests.leads.intake.importing.files import as_csv, row

pytestmark = pytest.mark.browser

BUYER = "robin@newcomer.example"
ADMIN = "desk@example.com"


@pytest.fixture
def admin(db):
    return make_user(ADMIN, is_staff=True, is_superuser=True)


@pytest.fixture
def shelf(market):
    """Twelve leads in Ohio at $2.20, eight in Texas at $1.00."""
    market.leads(12)
    market.leads(8, age=timedelta(days=100), state="TX", postal_code="77002", attributes={"purpose": "purchase"})
    return market


def matching(page: Page):
    return page.locator("#results .figures [data-lead] dd")


def downloaded(page: Page, link) -> list[list[str]]:
    with page.expect_download() as download:
        link.click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def people_of(order: Order) -> set[tuple[str, str]]:
    sold = Sale.objects.filter(order=order).values_list("lead_id", flat=True)
    opened = [one.open(str(one.lead.public_id)) for one in Contact.objects.filter(lead__in=sold).select_related("lead")]
    return {(person.phone.removeprefix("+1"), person.email) for person in opened}


def buy_five_by_order(page: Page) -> None:
    page.get_by_label("Quantity").fill("5")
    page.locator("#quote").get_by_role("button", name=re.compile("^Buy")).click()
    expect(page.get_by_role("heading", name="5 leads", exact=True)).to_be_visible()
    page.get_by_role("button", name="Buy 5 leads for $11.00").click()
    expect(page.get_by_text("5 leads are yours.")).to_be_visible()


def buy_two_by_ticking(page: Page) -> None:
    for box in page.get_by_role("checkbox", name=re.compile("^Select ")).all()[:2]:
        box.check()
    page.get_by_role("button", name=re.compile("^Buy .*selected")).click()
    expect(page.get_by_role("heading", name="2 leads", exact=True)).to_be_visible()
    page.get_by_role("button", name="Buy 2 leads for $4.40").click()
    expect(page.get_by_text("2 leads are yours.")).to_be_visible()


def check_file(page: Page, order: Order) -> None:
    """Check that the file holds the people of the order, all of them and nobody else."""
    heading, *rows = downloaded(page, page.get_by_role("link", name=re.compile("^Download .*csv")))
    phone, email = heading.index("phone"), heading.index("email")
    assert len(rows) == order.filled
    assert {(one[phone], one[email]) for one in rows} == people_of(order)


def test_a_file_is_imported_through_the_page(market, admin, worker, new_page):
    at = (timezone.now() - timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = [row(number, SubmittedAt=at) for number in range(1, 6)]
    rows[1]["Purpose"], rows[2]["SubmittedAt"] = "boat", "n/a"
    rows = [{("Wish" if name == "Purpose" else name): value for name, value in one.items()} for one in rows]
    page = new_page()
    log_in(page, ADMIN)

    page.get_by_role("link", name="Operator").click()
    page.get_by_role("link", name="Import a file").click()
    page.get_by_label("Source").select_option(label=str(market.source))
    page.get_by_label("Vertical").select_option(label="Mortgage")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "requests.csv", "mimeType": "text/csv", "buffer": as_csv(rows)}
    )
    page.get_by_role("button", name="Upload and map columns").click()
    expect(page.get_by_label("Wish")).to_have_value("")
    page.get_by_label("Wish").select_option(label="Wants")
    page.get_by_role("button", name="Try a dry run of 5 rows").click()
    expect(page.get_by_role("heading", name="Dry run finished")).to_be_visible()
    assert Lead.objects.count() == 0
    page.get_by_role("button", name="Import 5 rows").click()
    expect(page.get_by_role("link", name="Leads from this file")).to_be_visible()

    figures = page.locator(".figures dd").all_inner_texts()
    assert figures == ["5", "3", "1", "1", "0"]
    heading, *problems = downloaded(page, page.get_by_role("link", name="Download all as CSV"))
    assert [(one[0], one[1]) for one in problems] == [("2", "flagged"), ("3", "refused")]

    page.get_by_role("link", name="Aging").click()
    page.get_by_role("button", name="Run the sweep now").click()
    expect(page.get_by_text("Sweep started")).to_be_visible()
    page.goto("/mortgage/")
    expect(matching(page)).to_have_text("<5")
    expect(page.locator(".leads tbody tr")).to_have_count(4)


def sign_up_a_company(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Email").fill(BUYER)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url(lambda url: "signup" not in url)
    page.goto("/company/register/")
    for label, value in {
        "Legal name": "Newcomer Lending LLC",
        "Trade": "Mortgage broker",
        "Street": "3 Main Street",
        "City": "Dayton",
        "ZIP code": "45402",
        "Phone": "(937) 555-0177",
    }.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("State").select_option(label="Ohio")
    page.get_by_label("Mortgage").check()
    page.get_by_role("button", name="Register company").click()
    expect(page.get_by_text("Requested on")).to_be_visible()


def approve_and_credit(desk: Page) -> None:
    desk.goto("/admin/buyers/buyer/?queue=waiting")
    desk.get_by_role("link", name="Newcomer Lending LLC").click()
    desk.locator("#id_approvals-0-status").select_option(label="Approved")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_text("was changed successfully")).to_be_visible()
    desk.goto("/admin/billing/account/credit/")
    desk.get_by_label("Buyer").select_option(label="Newcomer Lending LLC")
    desk.get_by_label("Dollars").fill("50")
    desk.get_by_label("Reference").fill("wire 1")
    desk.get_by_label("Memo").fill("Paid by wire")
    desk.get_by_role("button", name="Credit").click()
    expect(desk.get_by_text("$50.00 credited to Newcomer Lending LLC.")).to_be_visible()


def test_a_newcomer_is_approved_credited_and_buys(shelf, admin, new_page):
    page, desk = new_page(), new_page()
    sign_up_a_company(page)
    log_in(desk, ADMIN)
    approve_and_credit(desk)

    page.goto("/mortgage/")
    page.locator("#state-OH").check()
    expect(matching(page)).to_have_text("12")
    page.locator(".leads tbody a").first.click()
    expect(page.get_by_role("heading", name="Where it came from")).to_be_visible()
    expect(page.get_by_role("heading", name="Hidden until you buy")).to_be_visible()
    page.go_back()
    buy_five_by_order(page)
    first = Order.objects.get()
    check_file(page, first)
    page.goto("/mortgage/?state=OH")
    expect(matching(page)).to_have_text("7")  # leads a company owns are not offered to it again
    buy_two_by_ticking(page)
    check_file(page, Order.objects.exclude(pk=first.pk).get())
    expect(page.get_by_text("Wallet $34.60")).to_be_visible()
    page.get_by_role("link", name="See the leads").click()
    expect(page.locator(".people tbody tr")).to_have_count(2)


@pytest.mark.parametrize(
    "device", [{"java_script_enabled": False}, {"viewport": PHONE, "has_touch": True}], ids=["without scripts", "phone"]
)
def test_a_company_filters_and_buys(device, shelf, new_page):
    scripts, narrow = device.get("java_script_enabled", True), "viewport" in device
    page = new_page(**device)
    log_in(page, shelf.user.email)

    page.goto("/mortgage/")
    if narrow:
        expect(page.locator("#state-OH")).to_be_hidden()
        page.get_by_role("button", name="Filters").click()
    page.locator("#state-OH").check()
    if narrow:
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#state-OH")).to_be_hidden()
    if not scripts:
        page.get_by_role("button", name="Show matching leads").click()
    expect(matching(page)).to_have_text("12")
    address = page.url
    assert "state=OH" in address
    buy_five_by_order(page)
    first = Order.objects.get()
    check_file(page, first)
    page.goto(address)
    buy_two_by_ticking(page)
    check_file(page, Order.objects.exclude(pk=first.pk).get())
