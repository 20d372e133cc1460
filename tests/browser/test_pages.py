"""Every page: no accessibility problem that axe finds, light or dark, and no sideways scrolling at any width."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.utils import timezone
from playwright.sync_api import Page

from buyers.companies.membership import invite
from buyers.models import Buyer, Role, User
from leads.aging import sweep
from leads.models import ImportRun, Lead, Source, Vertical
from marketplace.models import Order
from marketplace.ops.demo.market import make_market
from tests.browser.conftest import PHONE, WIDE, log_in
from tests.factories import Market, make_text, make_user
from tests.leads.intake.importing.files import as_csv, row, uploaded, worked

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# With "preload" axe would write styles into the page, which the policy refuses.
EVERYTHING = {"runOnly": TAGS, "resultTypes": ["violations"], "preload": False}
# Dark mode changes colors and nothing else.
COLOURS = {**EVERYTHING, "runOnly": ["color-contrast", "link-in-text-block"]}
# Django's own admin: fields in a table's rows are labeled by their column heading only, the halves of a date by text
# beside them, and a table that is too wide scrolls without being focusable.
DJANGOS_OWN = ("label", "label-title-only", "select-name", "empty-table-header", "scrollable-region-focusable")
WIDTHS = (320, 390, 820, 1440)
SCROLLS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Demo:
    """The demo market, and a few objects its pages show."""

    passwords: dict[str, str]
    order: Order
    lead: Lead
    personal_loan: Vertical

    def log_in(self, page: Page, email: str) -> None:
        log_in(page, email, self.passwords[email])


@pytest.fixture
def demo(transactional_db, settings, tmp_path) -> Demo:
    settings.VAR_DIR = tmp_path
    logins = make_market(lambda line: None, leads=200)
    lead = Lead.objects.filter(vertical__slug="mortgage", legs_left__gt=0, withdrawn_at=None).earliest("pk")
    order = Order.objects.filter(buyer__legal_name__startswith="Tamarack").latest("filled")
    loans = Vertical.objects.get(slug="personal-loan")
    return Demo({login["email"]: login["password"] for login in logins}, order, lead, loans)


def barriers(page: Page, options: dict, ignored: tuple[str, ...]) -> Iterator[str]:
    for found in page.evaluate("options => axe.run(options)", options)["violations"]:
        if found["id"] not in ignored:
            yield f"{found['id']}: {found['nodes'][0]['html'][:200]}"


def defects(page: Page, ignored: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what is wrong with the page as it is now, at every width and in both color schemes."""
    page.evaluate(AXE_SCRIPT)
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        for scheme, options in (("light", EVERYTHING), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme)
            yield from (f"{size['width']} {scheme}, {found}" for found in barriers(page, options, ignored))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if over := page.evaluate(SCROLLS):
            yield f"{width}, scrolls sideways by {over}"


def defects_of(page: Page, paths: Iterable[str], ignored: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path in paths:
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="light")
        page.goto(path)
        found += [f"{path} {defect}" for defect in defects(page, ignored)]
    return found


def test_the_public_pages(demo, new_page, guard):
    refused = {"/nowhere/at/all/", "/solar/"}
    guard.expected |= refused
    page = new_page()

    assert (
        defects_of(
            page,
            [
                "/",
                "/mortgage/?state=CA&state=TX&age_max=400&max_price=1&sort=newest",
                "/mortgage/?zip_prefix=999",
                "/medicare/",
                "/solar/?colour=blue",
                "/nowhere/at/all/",
                "/accounts/login/",
                "/accounts/signup/",
                "/accounts/password/reset/",
                "/accounts/password/reset/done/",
                "/api/v1/docs/",
            ],
        )
        == []
    )


def test_the_buyers_pages(demo, new_page):
    page = new_page()
    demo.log_in(page, "dana@tamarack.example")
    order = f"/orders/{demo.order.public_id}/"

    assert (
        defects_of(
            page,
            [
                "/mortgage/",
                f"/leads/{demo.lead.public_id}/",
                "/mortgage/checkout/?quantity=10&buy_sort=newest&max_price=&by=order",
                f"/mortgage/checkout/?by=pick&lead={demo.lead.public_id}",
                "/orders/",
                order,
                f"{order}receipt/",
                f"{order}leads/",
            ],
        )
        == []
    )


def test_the_checkout_without_money_or_approval(demo, new_page):
    page = new_page()
    demo.log_in(page, "pat@kestrel.example")

    terms = "checkout/?quantity=2&buy_sort=newest&max_price=&by=order"
    assert defects_of(page, [f"/auto-insurance/{terms}", f"/life-insurance/{terms}", "/orders/", "/company/"]) == []


def test_the_pages_of_company_and_account(demo, new_page, be):
    tamarack = Buyer.objects.get(legal_name__startswith="Tamarack")
    invite(buyer=tamarack, email="kim@tamarack.example", role=Role.BUYER, now=timezone.now())
    page, newcomer = new_page(), new_page()
    demo.log_in(page, "dana@tamarack.example")
    be(newcomer, make_user("robin@newcomer.example"))

    assert defects_of(newcomer, ["/company/register/"]) == []
    assert (
        defects_of(
            page,
            [
                "/company/",
                "/company/edit/",
                "/company/members/",
                "/company/keys/",
                "/accounts/email/",
                "/accounts/password/change/",
                "/accounts/2fa/",
                "/accounts/2fa/totp/activate/",
                "/accounts/2fa/webauthn/add/",
                "/accounts/logout/",
            ],
        )
        == []
    )


@pytest.fixture
def runs(demo) -> dict[str, ImportRun]:
    """An import in each status that a page shows, and a sweep."""
    source = Source.objects.earliest("pk")
    make_text(source, version="spring")
    admin = User.objects.get(email="admin@remainder.example")
    market = Market(demo.personal_loan, source, source.consent_texts.latest("pk"), None, None, admin)
    rows = [row(1, ConsentText="spring"), row(2, ConsentText="spring", SubmittedAt="n/a"), row(3, ConsentText="none")]
    file = as_csv(rows)
    done, checked = worked(uploaded(market, file)), worked(uploaded(market, file), ImportRun.Status.CHECKING)
    sweep.sweep()
    return {"new": uploaded(market, file), "checked": checked, "done": done}


def test_the_operators_pages(demo, runs, new_page):
    page = new_page()
    demo.log_in(page, "admin@remainder.example")

    paths = ["/operator/imports/", "/operator/imports/new/", "/operator/aging/"]
    paths += [f"/operator/imports/{run.public_id}/" for run in runs.values()]
    assert defects_of(page, paths) == []


def test_the_admins_pages(demo, new_page):
    page = new_page()
    demo.log_in(page, "admin@remainder.example")

    assert (
        defects_of(
            page,
            [
                "/admin/",
                "/admin/leads/lead/",
                f"/admin/leads/lead/{demo.lead.pk}/change/",
                f"/admin/leads/vertical/{demo.personal_loan.pk}/change/",
                f"/admin/buyers/buyer/{demo.order.buyer_id}/change/",
                "/admin/marketplace/order/",
                "/admin/billing/account/credit/",
            ],
            DJANGOS_OWN,
        )
        == []
    )
