"""Decisions: once by our team, once more by someone else; the money, the earning and the lead follow by rule."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail

from billing.ledger import balance_cents
from billing.models import Account, Earning
from billing.payouts.earnings import WHILE_WAITING
from buyers.models import Membership, Role
from leads.jobs.outbox import AGAIN_AFTER
from leads.models import Leg
from marketplace.audit import violations
from marketplace.models import Return, ReturnReason
from marketplace.returns.claims import Claim, ask
from marketplace.returns.decisions import DecisionRefused, appeal, credit, refuse, take_back
from marketplace.returns.mail import send_due
from tests.factories import digest_of, make_user
from tests.marketplace.returns.return_cases import (
    CENTS,
    another,
    asker,
    buy,
    clerk,
    earning_of,
    generous,
    hand_back,
    lead_of,
    reason_of,
    standing,
    suppress_at,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SHARE = CENTS // 2


@pytest.fixture
def lead(market):
    return lead_of(buy(market))


@pytest.fixture
def returned(market, lead):
    return hand_back(market, lead)


@pytest.fixture
def staff(db):
    return clerk()


def not_decided(market, act):
    before = standing(market)
    with pytest.raises(DecisionRefused) as refusal:
        act()
    assert standing(market) == before
    return str(refusal.value)


def refused(returned, market, *, finding="It rings when we call.", later=timedelta()):
    return refuse(returned, by=clerk(), finding=finding, now=market.now + later)


# --- Credit


def test_a_credit_pays_the_price_back_and_charges_the_source(market, lead, returned, staff):
    decided = credit(returned, by=staff, finding=" We heard the recording. ", now=market.now + DAY)

    assert (decided.status, decided.finding, decided.decided_by) == ("credited", "We heard the recording.", staff)
    assert (decided.decided_at, decided.automatic) == (market.now + DAY, False)
    assert balance_cents(market.buyer) == 100_000
    cents = {entry.account.kind: entry.cents for entry in decided.transaction.entries.select_related("account")}
    assert cents == {"wallet": CENTS, "returns": -CENTS, "payable": -SHARE, "shares": SHARE}
    earned, charged = Earning.objects.order_by("id")
    assert (earned.cents, charged.cents) == (SHARE, -SHARE)
    assert earned.held_until == charged.held_until == market.now + DAY
    assert [step.kind for step in decided.steps.all()] == ["asked", "credited"]
    assert violations() == []


def test_a_reason_that_spares_the_source_leaves_it_its_share(market, lead, staff):
    ReturnReason.objects.filter(code="language").update(charges_source=False)

    credit(hand_back(market, lead, "language"), by=staff, finding="Only Tagalog.", now=market.now + DAY)

    assert balance_cents(market.buyer) == 100_000
    (earned,) = Earning.objects.all()
    assert (earned.cents, earned.held_until) == (SHARE, market.now + 7 * DAY)
    assert -Account.objects.get(kind="returns").entries.get().cents == CENTS


@pytest.mark.parametrize(
    ("consequence", "open_legs", "closed", "stopped"),
    [("leg", 3, set(), False), ("lead", 0, {"faulty"}, False), ("stop", 0, {"withdrawn"}, True)],
)
def test_what_becomes_of_the_lead_is_the_reasons_rule(market, lead, staff, consequence, open_legs, closed, stopped):
    ReturnReason.objects.filter(code="disconnected").update(consequence=consequence)
    returned = hand_back(market, lead)

    credit(returned, by=staff, finding="It is so.", now=market.now + DAY)

    lead.refresh_from_db()
    assert (lead.legs_left, lead.withdrawn_at is not None) == (open_legs, stopped)
    assert set(lead.legs.filter(status="closed").values_list("closed_reason", flat=True)) == closed
    assert lead.legs.get(pk=returned.sale.leg_id).status == "sold"
    assert violations() == []


def test_a_leg_that_somebody_is_paying_for_is_closed_with_a_faulty_lead(market, lead, returned, staff):
    held = lead.legs.filter(status="open").first()
    Leg.objects.filter(pk=held.pk).update(
        status="held", held_until=market.now + DAY, held_for="00000000-0000-0000-0000-000000000001"
    )

    credit(returned, by=staff, finding="It is so.", now=market.now)

    held.refresh_from_db()
    assert (held.status, held.closed_reason) == ("closed", "faulty")


def test_what_is_credited_is_decided_for_good(market, returned, staff):
    credit(returned, by=staff, finding="So it is.", now=market.now)

    again = {"by": clerk(), "finding": "x", "now": market.now}
    assert "no longer in review" in not_decided(market, lambda: credit(returned, **again))
    assert "no longer in review" in not_decided(market, lambda: refuse(returned, **again))
    assert "no longer in review" in not_decided(market, lambda: take_back(returned, actor="me", now=market.now))
    assert "Only a refused return" in not_decided(
        market, lambda: appeal(returned, actor="me", words="x", now=market.now)
    )


def test_a_credit_after_the_payout_is_taken_from_the_next_one(market, lead, returned, staff):
    """The earning cannot be paid while its return waits; if someone paid it manually, the chargeback still holds."""
    Earning.objects.update(held_until=market.now)
    assert Earning.objects.due(market.now).total_cents() == SHARE

    credit(returned, by=staff, finding="So it is.", now=market.now + DAY)

    assert Earning.objects.due(market.now + DAY).total_cents() == 0


# --- Refusal, appeal, taking back


def test_a_refusal_moves_no_money_and_holds_the_earning_as_long_as_an_appeal_may_come(market, lead, returned):
    decided = refused(returned, market, later=4 * DAY)

    assert (decided.status, decided.appeal_until) == ("refused", market.now + 9 * DAY)
    assert earning_of(lead).held_until == market.now + 9 * DAY
    assert balance_cents(market.buyer) == 100_000 - CENTS


def test_an_early_refusal_holds_the_earning_to_the_end_of_the_window_at_least(market, lead, returned):
    refused(returned, market)

    assert earning_of(lead).held_until == market.now + 7 * DAY


def test_a_decision_wants_a_finding_that_fits(market, returned, staff):
    for finding in ("", "  ", "x" * 301):
        for act in (credit, refuse):
            assert "Explain the decision" in not_decided(
                market, lambda act=act, finding=finding: act(returned, by=staff, finding=finding, now=market.now)
            )


def test_an_appeal_is_decided_by_somebody_else_and_is_the_last_word(market, lead, returned, staff):
    refuse(returned, by=staff, finding="It rings.", now=market.now)
    asked_again = appeal(returned, actor="me", words="It rings at a stranger's.", now=market.now + 5 * DAY)
    assert (asked_again.status, asked_again.answer_by) == ("appealed", market.now + 8 * DAY)
    assert earning_of(lead).held_until == WHILE_WAITING

    for act in (credit, refuse):
        assert "someone else" in not_decided(
            market, lambda act=act: act(returned, by=staff, finding="Still.", now=market.now + 5 * DAY)
        )
    second = clerk()
    decided = refuse(returned, by=second, finding="It is the person.", now=market.now + 6 * DAY)

    assert (decided.status, decided.decided_by, decided.decided_again_by) == ("refused_finally", staff, second)
    assert earning_of(lead).held_until == market.now + 7 * DAY
    assert "Only a refused return" in not_decided(
        market, lambda: appeal(returned, actor="me", words="x", now=market.now)
    )
    assert [step.kind for step in decided.steps.all()] == ["asked", "refused", "appealed", "refused"]
    assert decided.steps.get(kind="appealed").words == "It rings at a stranger's."


def test_an_appeal_can_win(market, lead, returned, staff):
    refuse(returned, by=staff, finding="It rings.", now=market.now)
    appeal(returned, actor="me", words="Listen to it.", now=market.now)

    credit(returned, by=clerk(), finding="We were wrong.", now=market.now + DAY)

    assert balance_cents(market.buyer) == 100_000


def test_an_appeal_comes_in_time_and_says_something(market, returned, staff):
    decided = refuse(returned, by=staff, finding="It rings.", now=market.now)
    late = decided.appeal_until + timedelta(microseconds=1)

    assert "time" in not_decided(market, lambda: appeal(returned, actor="me", words="But", now=late))
    for words in ("", " \n", "x" * 2_001):
        assert "Describe what we missed" in not_decided(
            market, lambda words=words: appeal(returned, actor="me", words=words, now=market.now)
        )
    assert appeal(returned, actor="me", words="But", now=decided.appeal_until).status == "appealed"


def test_appeals_do_not_pass_the_limit(market):
    """The place a refusal frees goes to the first claim, and is free again once that claim is gone."""
    generous(market, 50)
    order = buy(market, 4)
    early = [refused(hand_back(market, lead_of(order, place)), market) for place in (0, 1)]
    late = [hand_back(market, lead_of(order, place)) for place in (2, 3)]

    for one in early:
        said = not_decided(market, lambda one=one: appeal(one, actor="me", words="But", now=market.now))
        assert said == (
            "You can return up to 2 of this order's 4 leads for reasons that our team decides."
            " The place of this lead went to another lead."
        )

    take_back(late[0], actor="me", now=market.now)
    assert appeal(early[1], actor="me", words="But", now=market.now).status == "appealed"
    assert "another lead" in not_decided(market, lambda: appeal(early[0], actor="me", words="But", now=market.now))
    assert Return.objects.counting().count() == 2


@pytest.mark.parametrize("appealed", [False, True])
def test_taking_back_ends_it_and_the_source_is_paid_as_if_nothing_had_been(market, lead, returned, staff, appealed):
    if appealed:
        refuse(returned, by=staff, finding="It rings.", now=market.now)
        appeal(returned, actor="me", words="But", now=market.now)

    taken = take_back(returned, actor="me", now=market.now + DAY)

    assert (taken.status, taken.decided_at, taken.tell_at is None) == ("taken_back", market.now + DAY, not appealed)
    assert earning_of(lead).held_until == market.now + 7 * DAY
    assert balance_cents(market.buyer) == 100_000 - CENTS


# --- What stands in the queue


def test_the_queue_holds_what_waits_and_says_what_is_late(market, staff):
    generous(market)
    order = buy(market, 3)
    waiting, decided, appealed = (hand_back(market, lead_of(order, place)) for place in range(3))
    credit(decided, by=staff, finding="So.", now=market.now)
    refuse(appealed, by=staff, finding="No.", now=market.now)
    appeal(appealed, actor="me", words="But", now=market.now + DAY)

    assert set(Return.objects.waiting()) == {waiting, appealed}
    assert set(Return.objects.overdue(market.now + 3 * DAY)) == {waiting}
    assert set(Return.objects.overdue(market.now + 3 * DAY - timedelta(microseconds=1))) == set()


# --- Letters


def test_decisions_are_told_once_in_one_letter_a_person(market, staff):
    generous(market)
    order = buy(market, 2)
    credited, turned_down = (hand_back(market, lead_of(order, place)) for place in (0, 1))
    credit(credited, by=staff, finding="We heard it.", now=market.now)
    refuse(turned_down, by=staff, finding="It rings.", now=market.now)

    assert send_due(market.now) == 2
    assert send_due(market.now + DAY) == 0

    (letter,) = mail.outbox
    assert (letter.subject, letter.to) == ("Remainder: 2 returns decided", [market.user.email])
    for said in (lead_of(order, 0).short_id, "$2.20", "We heard it.", "It rings.", "/returns/"):
        assert said in letter.body
    assert "&amp;" not in letter.body


def test_a_letter_that_could_not_be_sent_is_sent_later_and_holds_up_no_other(market, staff, monkeypatch):
    other = another(market)
    first = hand_back(market, lead_of(buy(market)))
    theirs = ask(Claim(lead_of(buy(market, buyer=other)).public_id, "made-up", "Mickey"), asker(market, buyer=other))
    for one in (first, theirs):
        refuse(one, by=staff, finding="No.", now=market.now)
    sent = []

    def failing(subject, text, sender, to):
        if to == [market.user.email] and not sent.count("down"):
            sent.append("down")
            raise ConnectionRefusedError
        sent.append(to[0])

    monkeypatch.setattr("leads.jobs.outbox.send_mail", failing)

    assert send_due(market.now) == 1
    assert send_due(market.now + AGAIN_AFTER - timedelta(microseconds=1)) == 0
    assert send_due(market.now + AGAIN_AFTER) == 1
    assert sent == ["down", other.memberships.get().user.email, market.user.email]
    assert not Return.objects.filter(tell_at__isnull=False).exists()


def test_one_bad_address_keeps_the_letter_from_nobody_else(market, returned, staff, monkeypatch):
    refuse(returned, by=staff, finding="No.", now=market.now)
    Membership.objects.create(user=make_user("last@example.com"), buyer=market.buyer, role=Role.OWNER)
    sent = []

    def refusing(subject, text, sender, to):
        if to == [market.user.email]:
            raise SMTPRecipientsRefused({})
        sent.append(to)

    monkeypatch.setattr("leads.jobs.outbox.send_mail", refusing)

    assert (send_due(market.now), send_due(market.now + AGAIN_AFTER)) == (1, 0)
    assert sent == [["last@example.com"]]


def test_a_worker_that_dies_after_taking_leaves_the_letter_to_the_next(market, returned, staff, monkeypatch):
    refuse(returned, by=staff, finding="No.", now=market.now)
    monkeypatch.setattr("marketplace.returns.mail._write", lambda group: (_ for _ in ()).throw(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        send_due(market.now)
    monkeypatch.undo()

    assert send_due(market.now + AGAIN_AFTER) == 1
    assert len(mail.outbox) == 1


def test_what_the_machine_credited_was_seen_at_once_and_needs_no_letter(market):
    lead = lead_of(buy(market))
    suppress_at(digest_of(lead), market.now)
    hand_back(market, lead, "stopped-before")

    assert send_due(market.now + DAY) == 0
    assert mail.outbox == []


def test_a_reason_put_aside_still_decides_what_was_asked_under_it(market, returned, staff):
    reason = reason_of(market, "disconnected")
    ReturnReason.objects.filter(pk=reason.pk).update(is_active=False)

    assert credit(returned, by=staff, finding="So.", now=market.now).status == "credited"
    assert make_user() != staff
