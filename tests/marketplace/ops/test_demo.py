import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import Count, Q
from django.test import override_settings
from django.utils import timezone

from billing.ledger import balance_cents
from billing.models import Payee, PayoutRun
from buyers.models import ApiKey, Buyer, StandingOrder, User
from leads.models import ClosedReason, Contact, Lead, LeadKind, Leg, LegStatus, Market, Source
from leads.people.identity import is_fictional, normal_email, normal_phone
from leads.places import state_of
from marketplace.audit import violations
from marketplace.models import Order, Return, Sale
from marketplace.ops.demo.market import make_market

LEADS = 400


@dataclass
class Made:
    logins: list
    lines: list
    file: Path


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    """One market for all tests in this module, each of which is rolled back; the market is rolled back at the end."""
    var_dir, lines = tmp_path_factory.mktemp("var"), []
    with django_db_blocker.unblock(), override_settings(VAR_DIR=var_dir, PAYOUT_LEAST_CENTS=100), transaction.atomic():
        logins = make_market(lines.append, leads=LEADS)
        yield Made(logins, lines, var_dir / "demo.json")
        transaction.set_rollback(True)


@pytest.fixture
def logins(made, db):
    made.file.write_text(json.dumps({"url": "http://localhost", "accounts": made.logins}))
    return made.logins


def counts():
    return [model.objects.count() for model in (Lead, Leg, Contact, Source, User, Buyer, ApiKey, Order, Sale)]


def test_as_many_leads_as_asked_for_and_progress_is_reported(made, logins):
    assert Lead.objects.count() == LEADS
    assert made.lines == ["400 of 400 leads", "7 orders, 4 returns"]


def test_leads_are_of_ten_verticals_and_eight_sources_of_every_grade(logins):
    assert Lead.objects.values("vertical").distinct().count() == 10
    assert Source.objects.count() == 8
    assert set(Source.objects.values_list("grade", flat=True)) == {"A", "B", "C", "D"}
    assert list(Source.objects.filter(incentive=True).values_list("grade", flat=True)) == ["D"]
    assert Source.objects.filter(site_masked=True).count() == 1


def test_nobody_real_can_be_reached(logins):
    people = [contact.open(str(contact.lead.public_id)) for contact in Contact.objects.select_related("lead")]

    assert [person.phone for person in people if person.phone and not is_fictional(person.phone)] == []
    assert [person.phone for person in people if person.phone and normal_phone(person.phone) != person.phone] == []
    assert [person.email for person in people if not re.search(r"@example\.(com|org)$", person.email)] == []
    assert [person.email for person in people if normal_email(person.email) != person.email] == []


def test_zip_and_state_agree(logins):
    assert [lead for lead in Lead.objects.all() if state_of(lead.postal_code) != lead.state] == []


def test_answers_are_what_the_schema_allows(logins):
    for lead in Lead.objects.select_related("schema"):
        fields = lead.schema.parsed.by_name
        for name, value in lead.attributes.items():
            item = fields[name]
            chosen = value if isinstance(value, list) else [value] if item.choices else []
            numbers = value.values() if isinstance(value, dict) else [value] if item.minimum is not None else []

            assert set(chosen) <= set(item.choices)
            assert all(item.minimum <= number <= item.maximum for number in numbers)


def test_what_was_sold_elsewhere_counts_as_sold(logins):
    elsewhere = Count("legs", filter=Q(legs__closed_reason=ClosedReason.SOLD_ELSEWHERE))
    by_us = Count("legs", filter=Q(legs__status=LegStatus.SOLD))
    rows = Lead.objects.annotate(elsewhere=elsewhere, by_us=by_us)

    assert [lead for lead in rows if lead.times_sold != lead.elsewhere + lead.by_us] == []
    assert rows.filter(elsewhere__gt=0).exists()


def test_medicare_never_reaches_the_aged_market(logins):
    medicare = Leg.objects.filter(lead__vertical__slug="medicare")

    assert medicare.count() == Lead.objects.filter(vertical__slug="medicare").count()
    assert not medicare.filter(market=Market.AGED).exists()


def test_some_legs_are_realtime_still_and_none_of_them_is_overdue(logins):
    realtime = Lead.objects.filter(legs_realtime__gt=0).select_related("vertical")

    assert 0 < realtime.count() < LEADS // 10
    assert [lead for lead in realtime if lead.captured_at + lead.vertical.window < lead.received_at] == []


def test_some_people_asked_twice_and_callers_left_no_certificate(logins):
    assert Lead.objects.filter(duplicate_of__isnull=False).exists()
    assert not Lead.objects.filter(kind=LeadKind.CALL).exclude(consent__trustedform_url="").exists()
    assert Lead.objects.filter(consent__retained_until__lt=timezone.now().date()).exists()


def test_everybody_can_log_in_and_keys_open_their_company(logins):
    assert [login["role"] for login in logins] == ["admin", "buyer", "buyer", "buyer, no money", "viewer"]
    for login in logins:
        user = User.objects.get(email=login["email"])
        assert user.check_password(login["password"])
        assert EmailAddress.objects.filter(user=user, email=user.email, verified=True, primary=True).exists()
        if login["api_key"]:
            assert ApiKey.objects.live().matching(login["api_key"]).get().buyer == user.membership.buyer
    assert [login["email"] for login in logins if not login["api_key"]] == [
        "admin@remainder.example",
        "lee@tamarack.example",
    ]


def test_two_companies_have_money_and_one_has_none(logins):
    def paid_in(buyer):
        back = sum(one.cents for one in buyer.returns.credited())
        return balance_cents(buyer) + sum(order.total_cents for order in buyer.orders.all()) - back

    buyers = Buyer.objects.order_by("pk")
    assert [paid_in(buyer) for buyer in buyers] == [500_000, 150_000, 0]
    assert [balance_cents(buyer) > 0 for buyer in buyers] == [True, True, False]


def test_leads_came_back_and_every_kind_of_answer_was_given(logins):
    assert sorted(Return.objects.values_list("status", flat=True)) == ["asked", "asked", "credited", "refused"]


def test_a_payout_run_waits_for_two_people(logins):
    run = PayoutRun.objects.get()
    assert (run.status, run.payouts.exists(), Payee.objects.count()) == ("draft", True, Source.objects.count())


def test_a_company_waits_for_a_price_and_for_news(logins):
    placed = StandingOrder.objects.order_by("pk")

    assert [(order.kind, order.max_price_cents, order.filled) for order in placed] == [
        ("buy", 80, 0),
        ("alert", None, 0),
    ]
    assert all(order.due_at for order in placed)


def test_the_demo_breaks_no_promise(logins):
    assert violations() == []


def test_the_first_company_bought_in_the_past_what_was_there_then(logins):
    sales = Sale.objects.select_related("order", "lead")

    assert Order.objects.filter(buyer__legal_name="Tamarack Home Lending LLC").count() == 5
    assert [sale for sale in sales if sale.sold_at <= sale.lead.received_at] == []


def test_a_second_call_changes_nothing_and_answers_the_same(logins):
    before = counts()

    again = make_market(lambda line: None, leads=LEADS)

    assert again == logins
    assert counts() == before


def test_when_the_file_is_gone_everybody_gets_new_logins(logins, made):
    made.file.unlink()
    lines = []

    renewed = make_market(lines.append, leads=LEADS)

    assert lines == ["the demo market already exists, but its logins were missing: everyone has a new password and key"]
    assert [login["email"] for login in renewed] == [login["email"] for login in logins]
    for old, new in zip(logins, renewed, strict=True):
        user = User.objects.get(email=old["email"])
        assert (user.check_password(old["password"]), user.check_password(new["password"])) == (False, True)
        assert not old["api_key"] or not ApiKey.objects.live().matching(old["api_key"]).exists()
    assert Lead.objects.count() == LEADS


def test_production_has_no_demo_market(logins, settings):
    settings.PRODUCTION = True
    before = counts()

    with pytest.raises(CommandError, match="Do not run it in production"):
        make_market(lambda line: None, leads=LEADS)

    assert counts() == before
