"""The buyer's pages: returns without scripts, by selection or file; only their own, and no words for viewers."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pypdf import PdfReader

from billing.ledger import balance_cents
from buyers.models import Buyer, Membership, Role
from leads.models import Contact
from leads.people.privacy import erase_contact
from marketplace.models import Return, ReturnPolicy
from marketplace.returns.decisions import credit, refuse
from tests.factories import digest_of, make_buyer, make_market, make_user
from tests.marketplace.returns.return_cases import (
    CENTS,
    buy,
    claim,
    clerk,
    generous,
    hand_back,
    hand_back_all,
    lead_of,
    standing,
    suppress_at,
)

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
WORDS = "Pat’s line is <dead>"


def member(market, role):
    user = make_user()
    Membership.objects.create(user=user, buyer=market.buyer, role=role)
    return user


@pytest.fixture
def browser(client, market):
    client.force_login(market.user, backend=BACKEND)
    return client


@pytest.fixture
def order(market):
    return buy(market, 5)


def text(response):
    return " ".join(response.content.decode().split())


def asked(browser, order, *leads, reason="disconnected", words=WORDS, query=""):
    said = {"lead": [str(lead.public_id) for lead in leads], "reason": reason, "words": words}
    return browser.post(f"/returns/claim/{order.public_id}/{query}", said)


# --- Asking on the order's page


def test_the_page_offers_what_can_go_back_with_people_and_reasons(browser, market, order):
    hand_back(market, lead_of(order, 0))

    shown = browser.get(f"/returns/claim/{order.public_id}/")

    assert [row.sale.lead for row in shown.context["rows"]] == [lead_of(order, place) for place in range(1, 5)]
    person = Contact.objects.get(lead=lead_of(order, 1)).open(str(lead_of(order, 1).public_id))
    for said in (person.full_name, person.phone, "Phone number does not work", "do not count", "No shared language"):
        assert said in text(shown)
    assert "A refused return frees its place for another lead or for an appeal, whichever comes first." in text(shown)
    assert "Does not own the property" not in text(shown)
    assert "checked" not in text(shown).replace("checked automatically", "")


def test_one_lead_named_in_the_address_is_ticked_alone(browser, order):
    shown = browser.get(f"/returns/claim/{order.public_id}/?lead={lead_of(order, 2).public_id}")

    assert [(row.sale.lead, row.ticked) for row in shown.context["rows"]] == [(lead_of(order, 2), True)]
    assert [row.sale for row in browser.get(f"/returns/claim/{order.public_id}/?lead=x").context["rows"]]


def test_what_is_ticked_is_handed_back_and_the_next_page_says_what_came_of_it(browser, market, order):
    suppress_at(digest_of(lead_of(order, 1)), market.now)
    asked(browser, order, lead_of(order, 1), reason="stopped-before", words="")

    answer = asked(browser, order, lead_of(order, 0), lead_of(order, 1), lead_of(order, 2))

    assert answer.url == "/returns/"
    said = text(browser.get(answer.url))
    assert "1 lead in review. You will get a decision by" in said
    assert f"Not returned: lead {lead_of(order, 1).short_id}. This lead was already returned." in said
    assert f"Not returned: lead {lead_of(order, 2).short_id}. You can return up to 1 of this order" in said
    assert Return.objects.count() == 2


def test_a_credit_at_once_is_said_with_its_sum(browser, market, order):
    suppress_at(digest_of(lead_of(order)), market.now)

    answer = asked(browser, order, lead_of(order), reason="stopped-before", words="")

    assert "1 lead credited: $2.20 is back in your wallet." in text(browser.get(answer.url))
    assert balance_cents(market.buyer) == 100_000 - 4 * CENTS


@pytest.mark.parametrize(
    ("ticked", "reason", "words", "said"),
    [
        (0, "disconnected", WORDS, "Select the leads to return."),
        (1, "", WORDS, "Choose a reason."),
        (1, "not-owner", WORDS, "not one of the available choices"),
        (1, "disconnected", " ", "Describe what happened."),
        (1, "outside-criteria", WORDS, "selected one by one"),
    ],
)
def test_a_form_that_cannot_be_taken_comes_back_as_it_was(browser, market, order, ticked, reason, words, said):
    before = standing(market)

    answer = asked(browser, order, *[lead_of(order, 1)][:ticked], reason=reason, words=words)

    assert answer.status_code == 422
    assert said in text(answer)
    assert standing(market) == before
    assert [row.ticked for row in answer.context["rows"]] == [False, bool(ticked), False, False, False]


def test_a_lead_of_another_order_is_not_taken_here(browser, market, order):
    other = lead_of(buy(market))

    assert asked(browser, order, other).status_code == 422
    assert Return.objects.count() == 0


def test_an_order_of_two_kinds_is_asked_about_kind_by_kind(browser, market):
    solar = make_market("solar")
    market.buyer.approvals.create(vertical=solar.vertical, status="granted", decided_at=timezone.now())
    leads = [market.lead(), solar.lead()]
    order = buy(market, leads=leads)
    kinds = sorted((lead.vertical for lead in leads), key=lambda one: one.slug)

    for kind, lead in zip(kinds, sorted(leads, key=lambda one: one.vertical.slug), strict=True):
        shown = browser.get(f"/returns/claim/{order.public_id}/?vertical={kind.slug}")
        assert [row.sale.lead for row in shown.context["rows"]] == [lead]
        assert asked(browser, order, lead, query=f"?vertical={kind.slug}").status_code == 302
    assert Return.objects.count() == 2


def test_nothing_left_and_sold_for_good_are_said_so(browser, market, order):
    assert "No leads to return" not in text(browser.get(f"/returns/claim/{order.public_id}/"))
    ReturnPolicy.objects.update(window_days=0)
    for_good = buy(market)

    assert "These leads cannot be returned." in text(browser.get(f"/returns/claim/{for_good.public_id}/"))


def test_viewers_may_look_and_not_ask(client, market, order):
    returned = hand_back(market, lead_of(order), words=WORDS)
    client.force_login(member(market, Role.VIEWER), backend=BACKEND)

    shown = text(client.get(f"/returns/{returned.public_id}/"))
    assert "This text is encrypted because it may name the person." in shown
    assert "Pat" not in shown
    assert "Withdraw return" not in shown
    assert client.get(f"/returns/claim/{order.public_id}/").status_code == 404
    assert client.get("/returns/").status_code == 200


def test_a_closed_company_hands_back_without_seeing_people(browser, market, order):
    person = Contact.objects.get(lead=lead_of(order)).open(str(lead_of(order).public_id))
    Buyer.objects.filter(pk=market.buyer.pk).update(closed_at=market.now)

    shown = text(browser.get(f"/returns/claim/{order.public_id}/"))

    assert person.phone not in shown and person.last_name not in shown
    assert asked(browser, order, lead_of(order)).status_code == 302


def test_another_companys_order_and_return_are_not_there(client, market, order):
    returned = hand_back(market, lead_of(order))
    stranger = make_user()
    make_buyer(stranger, market.vertical)
    client.force_login(stranger, backend=BACKEND)
    before = standing(market)

    assert client.get(f"/returns/claim/{order.public_id}/").status_code == 404
    assert asked(client, order, lead_of(order, 1)).status_code == 404
    for verb in ("", "credit-note/"):
        assert client.get(f"/returns/{returned.public_id}/{verb}").status_code == 404
    for verb in ("appeal/", "take-back/"):
        assert client.post(f"/returns/{returned.public_id}/{verb}").status_code == 404
    assert text(client.get("/returns/")).count(returned.number) == 0
    assert standing(market) == before


# --- One return


def test_a_return_shows_its_history_and_escapes_what_was_said(browser, market, order):
    returned = hand_back(market, lead_of(order), words=WORDS)

    shown = text(browser.get(f"/returns/{returned.public_id}/"))

    assert "Pat’s line is &lt;dead&gt;" in shown
    assert "Withdraw return" in shown
    assert "The lead stays in your order’s record" in shown


def test_what_was_said_about_somebody_erased_is_not_shown(browser, market, order):
    returned = hand_back(market, lead_of(order), words=WORDS)
    erase_contact(lead_of(order), market.now)

    shown = text(browser.get(f"/returns/{returned.public_id}/"))

    assert "Pat" not in shown
    assert "This text was deleted when the person was erased." in shown


def test_a_return_is_taken_back_once(browser, market, order):
    returned = hand_back(market, lead_of(order))
    address = f"/returns/{returned.public_id}/take-back/"

    assert browser.post(address).url == f"/returns/{returned.public_id}/"
    assert "Return withdrawn. You keep the lead" in text(browser.get(f"/returns/{returned.public_id}/"))
    browser.post(address)
    assert "no longer in review: withdrawn by the buyer" in text(browser.get(f"/returns/{returned.public_id}/"))
    assert returned.steps.count() == 2


def test_a_refusal_is_appealed_on_its_page(browser, market, order):
    returned = refuse(hand_back(market, lead_of(order)), by=clerk(), finding="It rings.", now=market.now)
    page = f"/returns/{returned.public_id}/"

    assert "<b>Refused</b> by our team" in text(browser.get(page))
    assert returned.decided_by.email not in text(browser.get(page))
    empty = browser.post(f"{page}appeal/", {"words": " "})
    assert (empty.status_code, "Describe what we missed" in text(empty)) == (422, True)
    assert "Send appeal" in text(browser.get(page))
    assert browser.post(f"{page}appeal/", {"words": "It rings at a stranger’s."}).url == page

    shown = text(browser.get(page))
    assert "Appeal sent. Someone else will review it this time." in shown
    assert "It rings at a stranger’s." in shown
    assert "Send appeal" not in shown


def test_a_refusal_whose_place_went_to_another_lead_is_not_appealed(browser, market, order):
    returned = refuse(hand_back(market, lead_of(order)), by=clerk(), finding="It rings.", now=market.now)
    page = f"/returns/{returned.public_id}/"
    assert "If you return another lead from this order first, it may use up the place this appeal needs." in text(
        browser.get(page)
    )
    hand_back(market, lead_of(order, 1))
    before = standing(market)

    shown, answer = text(browser.get(page)), browser.post(f"{page}appeal/", {"words": "It rings at a stranger’s."})

    assert "Another lead took this return’s place in the order’s limit." in shown
    assert "Send appeal" not in shown
    assert answer.status_code == 422
    assert "This decision is final" not in shown
    assert standing(market) == before


def test_a_credited_return_has_its_credit_note_on_paper(browser, market, order):
    returned = hand_back(market, lead_of(order))
    page = f"/returns/{returned.public_id}/"
    assert "Credit note" not in text(browser.get(page))
    assert browser.get(f"{page}credit-note/").url == page
    assert "The credit note is available once the return is credited." in text(browser.get(page))
    credit(returned, by=clerk(), finding="It is dead.", now=market.now)

    assert f'href="{page}credit-note/"' in text(browser.get(page))
    paper = browser.get(f"{page}credit-note/")
    assert (paper.status_code, paper["Content-Type"]) == (200, "application/pdf")
    assert paper["Content-Disposition"] == f'inline; filename="credit-note-{returned.number}.pdf"'
    said = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(paper.content)).pages)
    for words in ("Credit note", returned.number, "$2.20", market.buyer.legal_name, "Harrow & Pine Lead Exchange LLC"):
        assert words in said


# --- The list


@pytest.mark.parametrize(
    ("state", "found"), [("", 3), ("waiting", 1), ("refused", 1), ("credited", 1), ("taken-back", 0), ("nonsense", 3)]
)
def test_the_list_is_narrowed_by_how_they_stand(browser, market, state, found):
    generous(market)
    order = buy(market, 3)
    suppress_at(digest_of(lead_of(order, 0)), market.now)
    hand_back(market, lead_of(order, 0), "stopped-before")
    refuse(hand_back(market, lead_of(order, 1)), by=clerk(), finding="It rings.", now=market.now)
    hand_back(market, lead_of(order, 2))

    shown = browser.get(f"/returns/?status={state}")

    assert len(shown.context["page"].object_list) == found
    if not found:
        assert "No returns with this status" in text(shown)


def test_a_company_that_handed_nothing_back_is_told_how(browser):
    shown = text(browser.get("/returns/"))

    assert "No returns yet" in shown
    assert "See your orders" in shown


@pytest.mark.parametrize("page", ["/returns/", "/returns/claim/{order}/"])
def test_a_page_costs_the_same_for_one_lead_and_for_ten(browser, market, page):
    generous(market)
    few, many = buy(market, 1), buy(market, 11)

    def cost(order):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page.format(order=order.public_id)).status_code == 200
        return len(queries)

    cost(few)
    hand_back(market, lead_of(many))
    first = cost(few)
    hand_back_all(market, [claim(lead_of(many, place)) for place in range(1, 8)])
    assert cost(many) == first


def test_the_orders_page_leads_here(browser, order):
    assert f'href="/returns/claim/{order.public_id}/"' in text(browser.get(f"/orders/{order.public_id}/"))
    leads = text(browser.get(f"/orders/{order.public_id}/leads/"))
    assert f'href="/returns/claim/{order.public_id}/?vertical=mortgage&amp;lead={lead_of(order).public_id}"' in leads
