"""What is decided automatically, and what is left to our team: each both ways."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.ledger import balance_cents
from billing.models import Account, Earning
from leads.models import Lead, Source, Suppression
from leads.people.privacy import withdraw_lead
from marketplace.models import Return
from marketplace.returns.automatic_checks import find, lead_as_sold
from marketplace.returns.claims import ReturnRefused
from tests.factories import digest_of, known_as, make_person
from tests.marketplace.returns.return_cases import (
    CENTS,
    another,
    buy,
    buy_by,
    claim,
    earning_of,
    hand_back,
    hand_back_all,
    lead_of,
    standing,
    suppress_at,
)

pytestmark = pytest.mark.django_db

OHIO = {"field": "state", "in": ["OH"]}


def credited_at_once(market, lead, reason, paid=CENTS):
    before = balance_cents(market.buyer)
    returned = hand_back(market, lead, reason, words="")

    assert (returned.status, returned.automatic, returned.decided_at) == ("credited", True, market.now)
    assert balance_cents(market.buyer) == before + paid
    assert (returned.transaction.kind, returned.transaction.reference) == ("return", str(returned.public_id))
    assert [(step.kind, step.actor) for step in returned.steps.all()] == [
        ("asked", str(market.user)),
        ("credited", "our system"),
    ]
    assert returned.tell_at is None
    return returned


def left_to_people(market, lead, reason):
    before = balance_cents(market.buyer)
    returned = hand_back(market, lead, reason, words="They told me otherwise.")

    assert (returned.status, returned.automatic) == ("asked", False)
    assert balance_cents(market.buyer) == before
    assert [(step.kind, step.actor, step.words) for step in returned.steps.all()] == [
        ("asked", str(market.user), "They told me otherwise."),
        ("noted", "our system", returned.finding),
    ]
    return returned


def nothing_to_judge(market, lead, reason):
    before = standing(market)
    with pytest.raises(ReturnRefused) as refusal:
        hand_back(market, lead, reason)
    assert refusal.value.code == "nothing_to_judge"
    assert standing(market) == before
    return refusal.value.message


# --- Outside the order's criteria


def test_outside_is_credited_and_says_what_was_asked(market):
    market.leads(1)
    lead = lead_of(buy_by(market, 1, OHIO))
    Lead.objects.filter(pk=lead.pk).update(state="TX")  # corrected after the sale

    returned = credited_at_once(market, lead, "outside-criteria")

    assert returned.finding == "The order asked for: Ohio. This lead does not match."
    assert Earning.objects.get(kind="charged_back").cents == -earning_of(lead).cents


def test_inside_goes_to_people_with_the_finding_noted(market):
    market.leads(1)
    lead = lead_of(buy_by(market, 1, OHIO))

    returned = left_to_people(market, lead, "outside-criteria")

    assert returned.finding == "According to our records, this lead matches every filter of the order."


def test_an_order_picked_by_hand_has_nothing_to_be_outside_of(market):
    assert "selected one by one" in nothing_to_judge(market, lead_of(buy(market)), "outside-criteria")


@pytest.mark.parametrize(
    "clause",
    [
        {"field": "age_days", "min": 40, "max": 40},
        {"field": "times_sold", "max": 1},
        {"field": "legs_left", "min": 3},
        {"field": "grade", "in": ["B"]},
        {"field": "incentive", "is": False},
        {"field": "source_kind", "in": ["own_form"]},
    ],
    ids=lambda clause: clause["field"],
)
def test_what_changed_after_the_sale_is_no_reason(market, clause):
    """Sold again, older, its source downgraded: the lead matched the order when it was bought."""
    (lead,) = market.leads(1)
    buy(market, leads=[lead], buyer=another(market))
    order = buy_by(market, 1, clause)
    buy(market, leads=[lead], buyer=another(market))
    Source.objects.filter(pk=market.source.pk).update(grade="D", incentive=True, kind="partner_form")
    # A transaction has one instant, and a test is one transaction: the change came later than the sale.
    market.source.events.filter(grade="D").update(pgh_created_at=market.now + timedelta(seconds=1))

    assert lead_of(order) == lead
    left_to_people(market, lead, "outside-criteria")


def test_a_lead_is_looked_at_with_its_counts_as_they_were(market):
    (lead,) = market.leads(1, legs_authorized=5, legs_sold_elsewhere=1)
    buy(market, leads=[lead], buyer=another(market))
    order = buy_by(market, 1)
    buy(market, leads=[lead], buyer=another(market))

    then = lead_as_sold(order.sales.select_related("lead__source").get())

    assert (then.times_sold, then.legs_left, then.price_cents) == (2, 3, CENTS)
    lead.refresh_from_db()
    assert (lead.times_sold, lead.legs_left) == (4, 1)


def test_filters_that_are_no_longer_asked_are_left_to_people(market):
    market.leads(1)
    order = buy_by(market, 1)
    type(order).objects.filter(pk=order.pk).update(
        request={**order.request, "criteria": [{"field": "gone", "in": ["x"]}]}
    )

    returned = left_to_people(market, lead_of(order), "outside-criteria")

    assert returned.finding == "This order used filters that are no longer available."


# --- A duplicate of the buyer's own purchases


def two_orders(market, *, apart=timedelta(), **common):
    """The same buyer's two leads; what they share is written into the second one's contact afterwards."""
    first, second = market.lead(), market.lead(age=timedelta(days=40) + apart)
    orders = [buy(market, leads=[lead]) for lead in (first, second)]
    for kind in common:
        known_as(second, **{kind: [digest_of(first, kind)]})
    return first, second, orders


@pytest.mark.parametrize("kind", ["phone", "email"])
def test_a_person_bought_before_is_credited_for_the_second_purchase_only(market, kind):
    first, second, (order, _) = two_orders(market, **{kind: True})

    left_to_people(market, first, "duplicate")
    returned = credited_at_once(market, second, "duplicate")

    assert returned.finding == f"You bought the same person as lead {first.short_id} in order {order.number}."


def test_the_source_keeps_its_share_of_a_duplicate_and_is_paid_when_the_window_ends(market):
    _, second, _ = two_orders(market, email=True)

    credited_at_once(market, second, "duplicate")

    assert not Earning.objects.filter(kind="charged_back").exists()
    assert earning_of(second).held_until == market.now + timedelta(days=7)


def test_the_same_person_through_a_third_lead_is_the_same_person(market):
    first, second, _ = two_orders(market)
    bridge = market.lead()
    known_as(bridge, phone=[digest_of(first)], email=[digest_of(second, "email")])

    credited_at_once(market, second, "duplicate")


def test_another_person_is_left_to_people(market):
    _, second, _ = two_orders(market)

    said = "You did not have this person before, from us or on one of your lists."
    assert left_to_people(market, second, "duplicate").finding == said


def test_what_another_company_bought_is_no_duplicate(market):
    first, second = market.lead(), market.lead()
    buy(market, leads=[first], buyer=another(market))
    buy(market, leads=[second])
    known_as(second, phone=[digest_of(first)])

    left_to_people(market, second, "duplicate")


@pytest.mark.parametrize(("apart", "status"), [(30, "credited"), (31, "asked")])
def test_the_same_person_asking_anew_after_the_window_is_no_duplicate(market, apart, status):
    _, second, _ = two_orders(market, apart=timedelta(days=apart), phone=True)

    assert hand_back(market, second, "duplicate").status == status


# --- Stopped before the sale


@pytest.mark.parametrize("kind", ["phone", "email"])
@pytest.mark.parametrize("before", [timedelta(), timedelta(days=2)])
def test_somebody_on_a_list_before_the_sale_is_credited_and_stopped(market, kind, before):
    lead = lead_of(buy(market))
    suppress_at(digest_of(lead, kind), market.now - before, kind)

    credited_at_once(market, lead, "stopped-before")

    lead.refresh_from_db()
    assert (lead.withdrawn_at, lead.legs_left) == (market.now, 0)
    assert not Earning.objects.filter(kind="charged_back").exists()


def test_a_list_joined_after_the_sale_is_no_reason(market):
    lead = lead_of(buy(market))
    suppress_at(digest_of(lead), market.now + timedelta(microseconds=1))
    suppress_at(digest_of(lead), market.now - timedelta(days=1), "email")  # the same digest of another kind

    nothing_to_judge(market, lead, "stopped-before")


def test_a_stop_at_the_sale_counts_and_one_after_it_does_not(market):
    early, late = (lead_of(buy(market)) for _ in range(2))
    withdraw_lead(early, market.now - timedelta(minutes=5))  # it had waited for the sale
    withdraw_lead(late, market.now + timedelta(microseconds=1))

    credited_at_once(market, early, "stopped-before")
    nothing_to_judge(market, late, "stopped-before")


# --- What only people know, and lists of all kinds


def test_for_what_only_people_know_the_machine_says_nothing(market):
    (sale,) = buy(market).sales.all()

    assert find(sale, "person") is None


def test_what_the_machine_credits_uses_up_no_place_of_the_limit(market):
    order = buy(market, 3)
    for place in (0, 1):
        suppress_at(digest_of(lead_of(order, place)), market.now)

    answers = hand_back_all(
        market, [*(claim(lead_of(order, place), "stopped-before") for place in (0, 1)), claim(lead_of(order, 2))]
    )

    assert [answer.returned.status for answer in answers] == ["credited", "credited", "asked"]
    assert balance_cents(market.buyer) == 100_000 - CENTS
    returns = Account.objects.get(kind="returns")
    assert sum(returns.entries.values_list("cents", flat=True)) == -2 * CENTS


def test_a_suppression_is_still_there_and_the_person_is_in_no_finding(market):
    person = make_person()
    lead = lead_of(buy(market, person=person))
    suppress_at(digest_of(lead), market.now)

    returned = credited_at_once(market, lead, "stopped-before")

    assert person.phone not in returned.finding
    assert Suppression.objects.count() == 1
    assert Return.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(cents) FROM billing_entry")
        assert cursor.fetchone() == (0,)
