"""What the database itself refuses to write about returns, past every form and function."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection

from billing.ledger import give_back
from marketplace.models import Return, ReturnPolicy, ReturnReason, ReturnStep, Sale
from marketplace.returns.decisions import appeal, refuse, take_back
from tests.factories import make_buyer, make_market, make_source
from tests.marketplace.returns.return_cases import another, buy, clerk, generous, hand_back, lead_of, reason_of
from tests.refusal import promised_names, refused_by

pytestmark = pytest.mark.django_db

ATTEMPTS = {}


def attempt(name):
    def add(act):
        ATTEMPTS.setdefault(name, []).append(act)
        return act

    return add


@pytest.fixture
def desk(market):
    """Four sales of one order: one not returned, one in review, one refused, one withdrawn."""
    generous(market)
    order, staff = buy(market, 4), clerk()
    asked, refused, taken = (hand_back(market, lead_of(order, place)) for place in (1, 2, 3))
    refuse(refused, by=staff, finding="It rings.", now=market.now)
    take_back(taken, actor="me", now=market.now)
    return SimpleNamespace(
        market=market,
        sale=order.sales.get(lead=lead_of(order, 0)),
        asked=asked,
        refused=refused,
        taken=taken,
        staff=staff,
        second=clerk(),
    )


def new_return(desk, **changes):
    values = {
        "sale": desk.sale,
        "buyer": desk.market.buyer,
        "source": desk.market.source,
        "reason": reason_of(desk.market, "disconnected"),
        "cents": desk.sale.price_cents,
        "asked_at": desk.market.now,
        **changes,
    }
    return Return.objects.create(**values)


def change(returned, **changes):
    Return.objects.filter(pk=returned.pk).update(**changes)


def paid(desk, returned, **changes):
    values = {
        "buyer": desk.market.buyer,
        "leg_id": returned.sale.leg_id,
        "cents": returned.cents,
        "charge_source": True,
        "reference": str(returned.public_id),
        "memo": "",
        "actor": "test",
        "now": desk.market.now,
        **changes,
    }
    return give_back(**values)


# Terms and reasons
@attempt("return_policy_at_most_all")
def policy_over_all(desk):
    ReturnPolicy.objects.update(most_percent=101)


@attempt("return_reason_is_one_per_code")
def reason_twice(desk):
    reason = reason_of(desk.market, "disconnected")
    ReturnReason.objects.create(vertical=reason.vertical, code=reason.code, label="Again", explanation="")


# A return and its sale
@attempt("marketplace_return_sale_id_key")
def handed_back_twice(desk):
    new_return(desk, sale=desk.asked.sale)


@attempt("return_agrees_with_its_sale")
def for_somebody_else(desk):
    new_return(desk, buyer=another(desk.market))


@attempt("return_agrees_with_its_sale")
def from_another_source(desk):
    new_return(desk, source=make_source())


@attempt("return_agrees_with_its_sale")
def for_more_than_was_paid(desk):
    new_return(desk, cents=desk.sale.price_cents + 1)


@attempt("return_agrees_with_its_sale")
def for_less_than_was_paid(desk):
    new_return(desk, cents=desk.sale.price_cents - 1)


@attempt("return_agrees_with_its_sale")
def for_a_reason_of_another_vertical(desk):
    new_return(desk, reason=reason_of(make_market("solar"), "disconnected"))


@attempt("return_agrees_with_its_sale")
def too_late(desk):
    new_return(desk, asked_at=desk.sale.returnable_until + timedelta(microseconds=1))


@attempt("return_agrees_with_its_sale")
def before_the_sale(desk):
    new_return(desk, asked_at=desk.sale.sold_at - timedelta(microseconds=1))


@attempt("return_agrees_with_its_sale")
def of_what_is_sold_for_good(desk):
    ReturnPolicy.objects.update(window_days=0)
    new_return(desk, sale=buy(desk.market).sales.get())


@attempt("return_agrees_with_its_sale")
def decided_from_the_start(desk):
    new_return(desk, status="taken_back", decided_at=desk.market.now)


# What is decided
@attempt("return_steps_are_allowed")
def of_another_sale(desk):
    change(desk.asked, sale=desk.sale)


@attempt("return_steps_are_allowed")
def of_another_amount(desk):
    change(desk.asked, cents=1)


@attempt("return_steps_are_allowed")
def of_another_reason(desk):
    change(desk.asked, reason=reason_of(desk.market, "made-up"))


@attempt("return_steps_are_allowed")
def of_another_day(desk):
    change(desk.asked, asked_at=desk.market.now - timedelta(days=1))


@attempt("return_steps_are_allowed")
def taken_back_and_asked_again(desk):
    change(desk.taken, status="asked", decided_at=None)


@attempt("return_steps_are_allowed")
def taken_back_and_found_otherwise(desk):
    change(desk.taken, finding="Nothing")


@attempt("return_steps_are_allowed")
def refused_and_asked_again(desk):
    change(desk.refused, status="asked", decided_at=None)


@attempt("return_steps_are_allowed")
def refused_and_credited_without_an_appeal(desk):
    change(desk.refused, status="credited", transaction=paid(desk, desk.refused))


@attempt("return_steps_are_allowed")
def refused_finally_at_once(desk):
    change(desk.asked, status="refused_finally", decided_at=desk.market.now, decided_by=desk.staff)


@attempt("return_steps_are_allowed")
def refused_by_somebody_else_after_all(desk):
    change(desk.refused, decided_by=desk.second)


@attempt("return_steps_are_allowed")
def appealed_and_credited_by_nobody(desk):
    appeal(desk.refused, actor="me", words="But", now=desk.market.now)
    change(desk.refused, status="credited", transaction=paid(desk, desk.refused), decided_at=desk.market.now)


@attempt("return_is_never_deleted")
def deleted(desk):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM marketplace_return WHERE id = %s", [desk.asked.pk])


@attempt("return_decided_has_its_instant")
def refused_at_no_time(desk):
    change(desk.asked, status="refused", decided_by=desk.staff)


@attempt("return_is_refused_by_a_person")
def refused_by_nobody(desk):
    change(desk.asked, status="refused", decided_at=desk.market.now)


@attempt("return_is_refused_finally_by_a_second")
def refused_finally_by_nobody(desk):
    appeal(desk.refused, actor="me", words="But", now=desk.market.now)
    change(desk.refused, status="refused_finally")


@attempt("return_appeal_is_decided_by_another")
def refused_twice_by_one(desk):
    appeal(desk.refused, actor="me", words="But", now=desk.market.now)
    change(desk.refused, status="refused_finally", decided_again_by=desk.staff)


@attempt("return_appeal_is_decided_by_another")
def decided_again_but_never_before(desk):
    change(desk.asked, decided_again_by=desk.staff)


# Its money
@attempt("return_credited_has_its_money")
def money_for_what_is_not_credited(desk):
    change(desk.asked, transaction=paid(desk, desk.asked))


@attempt("return_is_credited_by_its_own_money")
def credited_without_money(desk):
    change(desk.asked, status="credited", decided_at=desk.market.now)


@attempt("return_is_credited_by_its_own_money")
def credited_by_an_orders_money(desk):
    order = desk.market.buyer.wallet.entries.first().transaction
    change(desk.asked, status="credited", decided_at=desk.market.now, transaction=order)


@attempt("return_is_credited_by_its_own_money")
def credited_by_another_returns_money(desk):
    other = paid(desk, desk.asked, reference=str(desk.taken.public_id))
    change(desk.asked, status="credited", decided_at=desk.market.now, transaction=other)


@attempt("return_is_credited_by_its_own_money")
def credited_with_more(desk):
    more = paid(desk, desk.asked, cents=desk.asked.cents + 1)
    change(desk.asked, status="credited", decided_at=desk.market.now, transaction=more)


@attempt("return_is_credited_by_its_own_money")
def credited_to_somebody_else(desk):
    theirs = paid(desk, desk.asked, buyer=make_buyer())
    change(desk.asked, status="credited", decided_at=desk.market.now, transaction=theirs)


# Its history
@attempt("return_step_is_never_deleted")
def step_deleted(desk):
    ReturnStep.objects.all().delete()


@attempt("return_step_is_immutable")
def step_by_somebody_else(desk):
    desk.asked.steps.update(actor="nobody")


@attempt("return_step_is_immutable")
def words_put_into_a_mouth(desk):
    desk.taken.steps.filter(kind="taken_back").update(sealed_words=b"x")


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(desk, name, act):
    with refused_by(name):
        act(desk)


def test_every_name_about_returns_is_tried():
    promised = {name for name in promised_names("marketplace") if name.startswith("return_")}

    assert promised == set(ATTEMPTS) - {"marketplace_return_sale_id_key"}


def test_the_permitted_steps_pass(desk):
    """The control: the same return, made and credited as it should be."""
    returned = new_return(desk)
    change(returned, status="credited", decided_at=desk.market.now, transaction=paid(desk, returned))
    change(returned, tell_at=desk.market.now)

    assert Return.objects.credited().get() == returned
    assert Sale.objects.returnable(desk.market.now).count() == 0
