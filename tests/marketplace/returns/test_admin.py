"""The operator's pages of returns: a queue, rates to judge by, and nothing for staff who may not decide."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.ledger import balance_cents
from buyers.models import Membership, Role
from leads.people.privacy import erase_contact
from marketplace.models import Return
from marketplace.returns.decisions import DecisionRefused, appeal, credit, refuse, take_back
from marketplace.returns.rates import (
    abuse_of_buyer,
    faults_of_source,
    rates_of_buyer,
    rates_of_source,
    reasons_of_buyer,
)
from tests.factories import digest_of
from tests.marketplace.returns.return_cases import CENTS, buy, clerk, generous, hand_back, lead_of, suppress_at

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
WORDS = "Pat Example’s line is dead"


def allowed(*codes):
    staff = clerk()
    staff.user_permissions.set(Permission.objects.filter(codename__in=codes))
    assert staff.user_permissions.count() == len(codes)
    return staff


@pytest.fixture
def decider(client):
    staff = allowed("decide_returns")
    client.force_login(staff, backend=BACKEND)
    return staff


@pytest.fixture
def returned(market):
    return hand_back(market, lead_of(buy(market)), words=WORDS)


def page(returned, name="change"):
    return f"/admin/marketplace/return/{returned.pk}/{name}/"


def decided(client, returned, decision="credit", finding="We called; it is dead."):
    return client.post(page(returned, "decide"), {"decision": decision, "finding": finding})


def test_the_queue_lists_what_waits_and_leads_to_it(client, decider, market, returned):
    generous(market)
    refuse(hand_back(market, lead_of(buy(market)), "made-up"), by=clerk(), finding="No.", now=market.now)

    waiting = client.get("/admin/marketplace/return/?queue=waiting")

    assert [one.pk for one in waiting.context["cl"].queryset] == [returned.pk]
    assert client.get("/admin/marketplace/return/?queue=overdue").context["cl"].queryset.count() == 0
    assert client.get("/admin/marketplace/return/?queue=appeals").context["cl"].queryset.count() == 0
    assert client.get("/admin/marketplace/return/").context["cl"].queryset.count() == 2


def test_a_return_is_decided_on_its_page(client, decider, market, returned):
    answer = decided(client, returned)

    assert answer.url == "/admin/marketplace/return/?queue=waiting"
    returned.refresh_from_db()
    assert (returned.status, returned.decided_by, returned.finding) == ("credited", decider, "We called; it is dead.")
    assert balance_cents(market.buyer) == 100_000


def test_a_decision_without_a_finding_decides_nothing(client, decider, market, returned):
    answer = decided(client, returned, finding=" ")

    assert answer.status_code == 200
    assert Return.objects.get().status == "asked"


def test_what_was_said_is_opened_for_who_decides_and_for_nobody_else(client, decider, returned):
    assert WORDS in client.get(page(returned, "decide")).content.decode()
    assert WORDS not in client.get(page(returned)).content.decode()

    client.force_login(allowed("view_return"), backend=BACKEND)
    assert client.get(page(returned)).status_code == 200
    assert client.get(page(returned, "decide")).status_code == 403
    assert decided(client, returned).status_code == 403
    assert Return.objects.get().status == "asked"


def test_what_was_said_about_somebody_erased_is_opened_for_nobody(client, decider, market, returned):
    erase_contact(returned.sale.lead, market.now)

    assert WORDS not in client.get(page(returned, "decide")).content.decode()


def test_staff_without_the_right_reach_no_return(client, returned):
    client.force_login(clerk(), backend=BACKEND)

    for address in ("/admin/marketplace/return/", page(returned), page(returned, "decide")):
        assert client.get(address).status_code == 403


def test_nobody_decides_for_a_company_of_his_own(market, returned):
    insider = clerk()
    Membership.objects.create(user=insider, buyer=market.buyer, role=Role.VIEWER)

    with pytest.raises(DecisionRefused, match="member of this company"):
        credit(returned, by=insider, finding="Sure.", now=market.now)
    assert Return.objects.get().status == "asked"


def test_an_appeal_is_not_for_who_decided_first(client, decider, market, returned):
    decided(client, returned, "refuse")
    returned.refresh_from_db()
    appeal(returned, actor="me", words="But", now=returned.decided_at)

    answer = decided(client, returned)

    assert "someone else" in answer.content.decode()
    assert Return.objects.get().status == "appealed"


def test_a_decided_return_shows_no_form(client, decider, returned):
    decided(client, returned)

    shown = client.get(page(returned, "decide")).content.decode()
    assert "This return has been decided." in shown
    assert 'name="decision"' not in shown


def test_the_pages_of_a_return_its_buyer_and_its_source_show_rates(client, market, returned):
    client.force_login(clerk(is_superuser=True), backend=BACKEND)
    rate = "1 of 1 returned: 0 credited (0%), 0 refused, 1 in review"

    for address in (
        page(returned),
        f"/admin/buyers/buyer/{market.buyer.pk}/change/",
        f"/admin/leads/source/{market.source.pk}/change/",
    ):
        assert rate in client.get(address).content.decode(), address
    assert client.get("/admin/leads/source/add/").status_code == 200


def test_the_lists_cost_the_same_for_one_return_and_for_ten(client, decider, market):
    generous(market)
    order = buy(market, 10)
    hand_back(market, lead_of(order, 0))
    client.get("/admin/marketplace/return/")
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/marketplace/return/")
    for place in range(1, 10):
        hand_back(market, lead_of(order, place))
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/marketplace/return/")

    assert len(many) == len(few)


def test_terms_and_reasons_are_edited_but_not_moved_or_deleted(client, market):
    client.force_login(clerk(is_superuser=True), backend=BACKEND)
    policy, reason = market.vertical.return_policy, market.vertical.return_reasons.first()

    terms = {"window_days": 4, "most_percent": 10, "decide_days": 2, "appeal_days": 3}
    client.post(f"/admin/marketplace/returnpolicy/{policy.pk}/change/", terms)
    fields = {
        **{"code": "moved", "label": "Not what I asked for", "explanation": "x", "decided_by": "person"},
        **{"consequence": "leg", "position": 3},
    }
    client.post(f"/admin/marketplace/returnreason/{reason.pk}/change/", fields)

    policy.refresh_from_db()
    before, _ = reason.code, reason.refresh_from_db()
    assert (policy.window_days, policy.most_percent) == (4, 10)
    assert (reason.label, reason.code, reason.is_active) == ("Not what I asked for", before, False)
    assert client.get(f"/admin/marketplace/returnreason/{reason.pk}/delete/").status_code == 403
    assert list(policy.events.order_by("pgh_id").values_list("window_days", flat=True)) == [7, 4]


# --- Rates


def test_rates_count_by_the_day_of_the_sale_and_sum_up(market):
    generous(market)
    order, staff = buy(market, 6), clerk()
    asked = [hand_back(market, lead_of(order, place)) for place in range(4)]
    credit(asked[0], by=staff, finding="Dead.", now=market.now)
    refuse(asked[1], by=staff, finding="Rings.", now=market.now)
    take_back(asked[2], actor="me", now=market.now)
    suppress_at(digest_of(lead_of(order, 4)), market.now)
    hand_back(market, lead_of(order, 4), "stopped-before")

    rates = rates_of_buyer(market.buyer, market.now)

    assert [(rate.days, rate.sold) for rate in rates] == [(30, 6), (90, 6)]
    month = rates[0]
    assert (month.asked, month.credited, month.refused, month.waiting, month.automatic) == (4, 2, 1, 1, 1)
    assert (month.asked_share, month.decided_by_people) == ("67%", 2)
    assert month.in_words == "4 of 6 returned: 2 credited (33%), 1 refused, 1 in review"
    assert rates_of_source(market.source, market.now) == rates
    assert [one.in_words for one in reasons_of_buyer(market.buyer, market.now)] == [
        "Phone number does not work: 3 returned, 1 credited, 1 refused",
        "Opted out before I bought: 1 returned, 1 credited, 0 refused",
    ]


def test_a_sale_leaves_the_rate_after_its_days(market):
    hand_back(market, lead_of(buy(market)))

    def sold(later):
        return [rate.sold for rate in rates_of_buyer(market.buyer, market.now + later)]

    assert sold(timedelta(days=30) - timedelta(microseconds=1)) == [1, 1]
    assert sold(timedelta(days=30)) == [0, 1]
    assert sold(timedelta(days=90)) == [0, 0]
    assert rates_of_buyer(market.buyer, market.now + timedelta(days=90))[0].in_words == "nothing sold"


@pytest.mark.parametrize(("refusals", "credits", "said"), [(4, 0, 0), (5, 0, 1), (3, 3, 1), (2, 3, 0)])
def test_who_is_refused_again_and_again_is_shown(market, refusals, credits, said):
    generous(market)
    order, staff = buy(market, 6), clerk()
    for place in range(refusals + credits):
        verb = refuse if place < refusals else credit
        verb(hand_back(market, lead_of(order, place)), by=staff, finding="So.", now=market.now)

    assert len(abuse_of_buyer(market.buyer, market.now)) == said


@pytest.mark.parametrize(("asked", "said"), [(5, 0), (6, 1)])
def test_who_hands_back_more_than_a_quarter_is_shown(market, asked, said):
    generous(market)
    order = buy(market, 20)
    for place in range(asked):
        hand_back(market, lead_of(order, place))

    sentences = abuse_of_buyer(market.buyer, market.now)
    assert sentences == [f"{asked * 5}% of 20 leads were returned in 90 days"][:said]


@pytest.mark.parametrize(("credits", "said"), [(3, 0), (4, 1)])
def test_a_source_whose_leads_come_back_is_shown(market, credits, said):
    generous(market)
    order, staff = buy(market, 20), clerk()
    for place in range(credits):
        credit(hand_back(market, lead_of(order, place)), by=staff, finding="Dead.", now=market.now)

    assert faults_of_source(market.source, market.now) == ["20% of 20 leads were credited in 90 days"][:said]
    assert balance_cents(market.buyer) == 100_000 - (20 - credits) * CENTS
