"""The books are right to the cent, whatever happens at Stripe and in whatever order we hear of it.

Random programs against a small model, over real HTTP; and one long story whose events come in random order, some twice,
some never. ``PROGRAMS=1000 SHUFFLES=10000`` runs the full numbers; the default is a fraction, to keep the run within a
minute.
"""

import json
import os
import random
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.ledger import NotEnoughMoney, charge_order, give_back
from billing.models import Payment, Refund, StripeEvent
from billing.payments import stripe_events, top_ups
from billing.payments.refunds import RefundRefused, refund_to_card
from billing.stripe import gateway
from stripe_stand_in.client import Refused
from tests.billing.with_stripe import DEBIT, books, hand_over, opened, receive, submitted, told
from tests.factories import make_buyer
from tests.refusal import settle as settle_constraints

pytestmark = pytest.mark.django_db
PROGRAMS = int(os.environ.get("PROGRAMS", "40"))
SHUFFLES = int(os.environ.get("SHUFFLES", "100"))
OVER_HTTP = max(SHUFFLES // 20, 10)
OURS = ("checkout.", "payment_intent.", "charge.", "refund.", "payout.")


# --- Random programs against a model
@dataclass
class Paid:
    cents: int
    back: int = 0
    claimed: int = 0
    dispute: str = ""  # "", "open", "won" or "lost"


@dataclass
class Model:
    """What the books must be."""

    sums: dict[str, int] = field(default_factory=dict)
    payments: list[Paid] = field(default_factory=list)

    def move(self, **cents):
        assert sum(cents.values()) == 0
        for kind, moved in cents.items():
            self.sums[kind] = self.sums.get(kind, 0) + moved

    @property
    def books(self):
        return {kind: total for kind, total in self.sums.items() if total}

    @property
    def wallet(self):
        return self.sums.get("wallet", 0)

    def top_up(self, cents):
        fee = (cents * 29 + 500) // 1000 + 30
        self.payments.append(Paid(cents))
        self.move(wallet=cents, stripe=fee - cents, fees=-fee)

    def buy(self, cents):
        if self.wallet >= cents:
            self.move(wallet=-cents, sales=cents)

    def bring_back(self, cents):
        self.move(wallet=cents, returns=-cents)

    def refund(self, paid, cents, *, at_desk):
        most = paid.cents - paid.back
        if at_desk:
            most = min(most - paid.claimed, self.wallet)
        if paid.dispute or not cents <= most:
            return
        paid.back += cents
        self.move(wallet=-cents, stripe=cents)

    def refund_fails(self, paid, cents):
        paid.back -= cents
        self.move(wallet=cents, stripe=-cents)

    def dispute(self, paid):
        if not paid.dispute and paid.cents > paid.back:
            paid.dispute, paid.claimed = "open", paid.cents - paid.back
            self.move(wallet=-paid.claimed, stripe=paid.claimed + 1500, fees=-1500)

    def decide(self, paid, end):
        if paid.dispute != "open":
            return
        paid.dispute = end
        if end == "won":
            self.move(wallet=paid.claimed, stripe=-paid.claimed)
            paid.claimed = 0

    def pay_out(self, cents):
        if -self.sums.get("stripe", 0) >= cents:
            self.move(stripe=cents, bank=-cents)


class World:
    """The same actions, at Stripe's stand-in and by our own verbs."""

    def __init__(self, stand_in, seed):
        self.stand_in, self.control = stand_in, stand_in.control
        self.random = random.Random(seed)
        self.buyer = make_buyer()
        self.payments, self.bought = [], 0
        for table in ("resources", "answers", "reminders", "deliveries"):
            stand_in._store.run(f"DELETE FROM {table}")
        self.heard = 0

    def _newest(self):
        return self.stand_in._store.run("SELECT coalesce(max(seq), 0) FROM resources")[0][0]

    def hear(self):
        """Deliver everything Stripe has sent since, in any order, each event twice."""
        rows = self.stand_in._store.run(
            "SELECT body FROM resources WHERE kind = 'event' AND seq > ? ORDER BY seq", self.heard
        )
        self.heard = self._newest()
        news = [json.loads(body) for (body,) in rows]
        news = [event for event in news if event["type"].startswith(OURS)]
        news += [event | {"id": event["id"] + "_again"} for event in news]
        self.random.shuffle(news)
        for event in news:
            assert hand_over(event).status in ("done", "ignored")
        settle_constraints()

    def top_up(self, cents):
        self.payments.append(submitted(self.control, self.buyer, cents))

    def buy(self, cents):
        self.bought += 1
        values = {"legs": [], "reference": f"order {self.bought}", "memo": "", "actor": "", "now": timezone.now()}
        try:
            charge_order(buyer=self.buyer, cents=cents, **values)
        except NotEnoughMoney:
            return

    def bring_back(self, cents):
        self.bought += 1
        values = {"charge_source": True, "memo": "", "actor": "", "now": timezone.now(), "leg_id": 0}
        give_back(buyer=self.buyer, cents=cents, reference=f"return {self.bought}", **values)

    def refund_at_desk(self, which, cents):
        payment = Payment.objects.get(pk=self.payments[which].pk)
        try:
            refund_to_card(payment=payment, amount_cents=cents, reason="", actor="desk", now=timezone.now())
        except RefundRefused:
            return

    def at_stripe(self, verb, **arguments):
        try:
            getattr(self.control, verb)(**arguments)
        except Refused:
            return

    def intent(self, which):
        payment = Payment.objects.get(pk=self.payments[which].pk)
        return payment.stripe_payment_intent_id or top_ups.settle(payment, now=timezone.now()).stripe_payment_intent_id

    def dispute_of(self, which):
        intent = self.intent(which)
        return next((one["id"] for one in self.stand_in._store.everything("dispute", payment_intent=intent)), "")

    def last_refund(self, which):
        found = self.stand_in._store.everything("refund", payment_intent=self.intent(which), status="succeeded")
        return (found[0]["id"], found[0]["amount"]) if found else None


def perform(world, model, step):
    """Perform one step in both. Actions that depend on our own wallet happen once we know everything."""
    name, which, cents = step
    if name in ("buy", "bring_back", "refund_at_desk"):
        world.hear()
    if name == "top_up":
        world.top_up(cents + 1000)
        model.top_up(cents + 1000)
        return
    if name in ("buy", "bring_back"):
        getattr(world, name)(cents)
        getattr(model, name)(cents)
        return
    if name == "pay_out":
        world.at_stripe("pay_out", amount=cents)
        model.pay_out(cents)
        return
    if model.payments:
        which %= len(model.payments)
        of_a_payment(world, model, name, which, cents)


def of_a_payment(world, model, name, which, cents):
    paid = model.payments[which]
    if name == "refund_at_desk":
        world.refund_at_desk(which, cents)
        model.refund(paid, cents, at_desk=True)
    elif name == "refund_in_dashboard":
        world.at_stripe("refund", payment=world.intent(which), amount=cents)
        model.refund(paid, cents, at_desk=False)
    elif name == "refund_fails" and (found := world.last_refund(which)):
        world.at_stripe("fail_refund", refund=found[0])
        model.refund_fails(paid, found[1])
    elif name == "dispute":
        world.at_stripe("dispute", payment=world.intent(which))
        model.dispute(paid)
    elif name in ("win_dispute", "lose_dispute"):
        world.at_stripe(name, dispute=world.dispute_of(which))
        model.decide(paid, "won" if name == "win_dispute" else "lost")


STEPS = (
    ["top_up"] * 3
    + ["buy"] * 3
    + ["refund_at_desk", "refund_in_dashboard", "dispute", "pay_out", "hear"]
    + ["bring_back", "refund_fails", "win_dispute", "lose_dispute"]
)
PROGRAM = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5), st.integers(1, 9000)), min_size=3, max_size=8)


@settings(
    max_examples=PROGRAMS, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(program=PROGRAM, seed=st.integers(0, 2**32))
def test_any_program_leaves_the_books_of_the_model(stand_in, program, seed):
    with transaction.atomic():
        world, model = World(stand_in, seed), Model()
        for step in program:
            if step[0] == "hear":
                world.hear()
                assert books() == model.books
            else:
                perform(world, model, step)
        world.hear()
        assert books() == model.books
        assert not Refund.objects.filter(status="created").exists()
        transaction.set_rollback(True)


# --- One story in any order
@pytest.fixture
def story(stand_in):
    """Seven payments and two payouts with every possible outcome. None of it has been heard of here yet."""
    control = stand_in.control
    names = {}
    for name in ("plain", "refunded", "refund failed", "won", "lost", "both"):
        payment = submitted(control, make_buyer(), 10_000)
        names[name] = control.everything(kind="checkout.session")["data"][0]["payment_intent"]
        assert payment.status == "open"
    debit = submitted(control, make_buyer(), 10_000, card=DEBIT)
    control.settle(payment=control.everything(kind="checkout.session")["data"][0]["payment_intent"])
    control.expire(session=opened(debit.buyer).stripe_session_id)
    control.refund(payment=names["refunded"], amount=2500)
    control.refund(payment=names["refunded"], amount=1500)
    control.fail_refund(refund=control.refund(payment=names["refund failed"])["id"])
    control.win_dispute(dispute=control.dispute(payment=names["won"])["id"])
    control.lose_dispute(dispute=control.dispute(payment=names["lost"])["id"])
    control.refund(payment=names["both"], amount=4000)
    control.dispute(payment=names["both"])
    control.pay_out(amount=5000)
    control.fail_payout(payout=control.pay_out(amount=7000)["id"])
    return [event for event in told(control) if event["type"].startswith(OURS)]


CREDIT = {"wallet": 10_000, "stripe": -9680, "fees": -320}
LOST = {"stripe": 1500, "fees": -1500}


def intent_of(event):
    thing = event["data"]["object"]
    return thing["id"] if thing["object"] == "payment_intent" else thing.get("payment_intent")


def subject_of(event):
    return intent_of(event) or event["data"]["object"]["id"]


def expected(story):
    """Return what must be in the books once these were heard of: everything Stripe has about what they name."""
    sums = {}

    def add(moves, sign=1):
        for kind, cents in moves.items():
            sums[kind] = sums.get(kind, 0) + sign * cents

    things = {(event["data"]["object"]["object"], event["data"]["object"]["id"]) for event in story}
    concerned = [
        event for event in story if event["type"] not in ("payment_intent.created", "checkout.session.expired")
    ]
    for intent in {intent_of(event) for event in concerned} - {None}:
        if Payment.objects.filter(stripe_payment_intent_id=intent, status="paid").exists():
            add(CREDIT)
    refunding = ("refund.", "charge.refunded")
    for intent in {intent_of(event) for event in concerned if event["type"].startswith(refunding)}:
        for refund in gateway.refunds_of(intent):
            if not refund.has_failed:
                add({"wallet": -refund.cents, "stripe": refund.cents})
    for _, name in {thing for thing in things if thing[0] == "dispute"}:
        found = gateway.fetch_dispute(name)
        add(LOST)
        if found.status != "won":
            add({"wallet": -found.cents, "stripe": found.cents})
    for _, name in {thing for thing in things if thing[0] == "payout"}:
        if not gateway.fetch_payout(name).has_failed:
            add({"stripe": 5000, "bank": -5000})
    return {kind: total for kind, total in sums.items() if total}


def heard(story, seed):
    """Deliver the events of one or two of them, or some of those, in random order, some up to three times."""
    dice = random.Random(seed)
    subjects = dice.sample(sorted({subject_of(event) for event in story}), dice.choice([1, 1, 2]))
    about = [event for event in story if subject_of(event) in subjects]
    part = dice.sample(about, dice.randint(1, len(about)))
    deliveries = [event for event in part for _ in range(dice.choice([1, 1, 1, 2, 3]))]
    dice.shuffle(deliveries)
    for event in deliveries:
        if dice.random() < 0.2:
            receive(event)  # stored, and acted on when it comes again or with the last ones
        else:
            hand_over(event)
    for kept in StripeEvent.objects.filter(status="received"):
        assert stripe_events.act(kept, now=timezone.now()).status in ("done", "ignored")
    settle_constraints()
    return part


@pytest.fixture
def recorded(story, monkeypatch):
    """The gateway's answers about the end of the story, as given over HTTP; nothing is asked any more."""
    names = {"fetch_checkout": set(), "fetch_payment_intent": set(), "fetch_dispute": set(), "fetch_payout": set()}
    by_object = {
        "checkout.session": "fetch_checkout",
        "payment_intent": "fetch_payment_intent",
        "dispute": "fetch_dispute",
        "payout": "fetch_payout",
    }
    for event in story:
        thing = event["data"]["object"]
        if verb := by_object.get(thing["object"]):
            names[verb].add(thing["id"])
    intents = names["fetch_payment_intent"]
    for verb, ids in names.items():
        answers = {one: getattr(gateway, verb)(one) for one in ids}
        monkeypatch.setattr(gateway, verb, answers.__getitem__)
    refunds = {one: gateway.refunds_of(one) for one in intents}
    monkeypatch.setattr(gateway, "refunds_of", refunds.__getitem__)
    monkeypatch.setattr(gateway, "_client", lambda: 1 / 0)
    return story


def test_a_story_heard_in_any_order_leaves_the_same_books(recorded):
    for seed in range(SHUFFLES):
        with transaction.atomic():
            part = heard(recorded, seed)
            assert books() == expected(part), f"seed {seed}"
            transaction.set_rollback(True)


def test_a_story_heard_over_http_leaves_the_same_books(story):
    for seed in range(OVER_HTTP):
        with transaction.atomic():
            part = heard(story, 1_000_000 + seed)
            assert books() == expected(part), f"seed {seed}"
            transaction.set_rollback(True)


def test_the_whole_story_is_worth_what_it_should_be(story):
    """By hand: seven credits, 4,000 and 4,000 refunded, 10,000 lost and 6,000 claimed, one payout of 5,000."""
    for event in story:
        hand_over(event)

    assert (
        books()
        == expected(story)
        == {
            "wallet": 70_000 - 4_000 - 4_000 - 10_000 - 6_000,
            "stripe": -(7 * 9_680) + 8_000 + 16_000 + 3 * 1_500 + 5_000,
            "fees": -(7 * 320) - 3 * 1_500,
            "bank": -5_000,
        }
    )
