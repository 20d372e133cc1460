"""Races for a credit, with real connections: paid once, whoever decides and however often it is requested."""

from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from billing.ledger import balance_cents
from billing.models import Earning, Transaction
from marketplace.audit import violations
from marketplace.models import Return, ReturnPolicy
from marketplace.returns import decisions
from marketplace.returns.claims import ReturnRefused, ask
from marketplace.returns.decisions import DecisionRefused, credit, refuse, take_back
from tests.factories import make_market
from tests.marketplace.returns.return_cases import CENTS, asker, buy, claim, clerk, hand_back, lead_of
from tests.races.test_selling import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def test_ten_people_who_credit_one_return_pay_it_once():
    market = make_market()
    returned = hand_back(market, lead_of(buy(market)))
    people = [clerk() for _ in range(10)]

    answers = together(
        *(lambda one=one: credit(returned, by=one, finding="It is dead.", now=market.now) for one in people)
    )

    assert sum(isinstance(answer, Return) for answer in answers) == 1
    assert sum(isinstance(answer, DecisionRefused) for answer in answers) == 9
    assert balance_cents(market.buyer) == 100_000
    assert Transaction.objects.filter(kind="return").count() == 1
    assert sum(Earning.objects.values_list("cents", flat=True)) == 0
    assert violations() == []


def test_credit_refusal_and_taking_back_at_once_have_one_winner():
    market = make_market()
    ReturnPolicy.objects.update(most_percent=100)
    for _ in range(5):
        returned = hand_back(market, lead_of(buy(market)))
        before, one, other = balance_cents(market.buyer), clerk(), clerk()
        acts = [
            lambda: credit(returned, by=one, finding="Dead.", now=market.now),  # noqa: B023
            lambda: refuse(returned, by=other, finding="Rings.", now=market.now),  # noqa: B023
            lambda: take_back(returned, actor="me", now=market.now),  # noqa: B023
        ]

        answers = together(*acts)

        assert sum(isinstance(answer, DecisionRefused) for answer in answers) == 2
        returned.refresh_from_db()
        moved = balance_cents(market.buyer) - before
        assert moved == (CENTS if returned.status == "credited" else 0)
    assert violations() == []


def test_one_lead_handed_back_by_ten_at_once_is_one_return():
    market = make_market()
    lead = lead_of(buy(market))

    answers = together(*[lambda: ask(claim(lead), asker(market))] * 10)

    assert sum(isinstance(answer, Return) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, ReturnRefused)} == {"returned_before"}
    assert Return.objects.count() == 1


def test_the_limit_of_an_order_holds_when_ten_ask_at_once():
    market = make_market()
    order = buy(market, 10)
    leads = [lead_of(order, place) for place in range(10)]

    answers = together(*(lambda lead=lead: ask(claim(lead), asker(market)) for lead in leads))

    assert sum(isinstance(answer, Return) for answer in answers) == 2
    assert {answer.code for answer in answers if isinstance(answer, ReturnRefused)} == {"limit_reached"}


@contextmanager
def unguarded(one):
    with transaction.atomic():
        yield Return.objects.select_related("buyer", "sale__order", "sale__lead", "reason").get(pk=one.pk)


def test_without_the_guards_one_return_is_paid_many_times(monkeypatch):
    """The control run: with the lock, the unique reference and the triggers off, the race pays more than once."""
    market = make_market()
    returned = hand_back(market, lead_of(buy(market)))
    people = [clerk() for _ in range(5)]
    monkeypatch.setattr(decisions, "_waiting", unguarded)
    run(
        "ALTER TABLE billing_transaction DROP CONSTRAINT transaction_happens_once",
        "ALTER TABLE billing_earning DROP CONSTRAINT earning_is_once_per_leg_and_kind",
        "ALTER TABLE marketplace_return DISABLE TRIGGER USER",
    )
    try:
        together(*(lambda one=one: credit(returned, by=one, finding="Dead.", now=market.now) for one in people))

        assert balance_cents(market.buyer) > 100_000
        assert Transaction.objects.filter(kind="return").count() > 1
    finally:
        run(
            "SET session_replication_role = replica",
            "DELETE FROM marketplace_return",
            "DELETE FROM billing_entry",
            "DELETE FROM billing_earning",
            "DELETE FROM billing_transaction",
            "SET session_replication_role = origin",
            "ALTER TABLE billing_transaction ADD CONSTRAINT transaction_happens_once UNIQUE (kind, reference)",
            "ALTER TABLE billing_earning ADD CONSTRAINT earning_is_once_per_leg_and_kind UNIQUE (leg_id, kind)",
            "ALTER TABLE marketplace_return ENABLE TRIGGER USER",
        )


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
