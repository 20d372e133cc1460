"""Card payments in the admin: each payment with its consequences, and the actions staff may take on it."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from billing.ledger import balance_cents, charge_order
from billing.models import Dispute, Payment, Refund, StripeEvent, Transaction
from billing.payments import disputes
from billing.stripe import gateway
from tests.billing.with_stripe import books, hand_over, paid, receive, submitted, told
from tests.factories import make_buyer, make_user
from tests.refusal import everything

pytestmark = pytest.mark.django_db


def person(*codenames, email=None, **more):
    user = make_user(email, is_staff=True, **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def desk(client):
    client.force_login(make_user("desk@example.com", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def payment(control):
    """$50 in the wallet."""
    return paid(control, make_buyer())


def act(name, row):
    return reverse(f"admin:billing_{row._meta.model_name}_{name}", args=[row.pk])


def said(response):
    return [str(message) for message in response.context["messages"]]


def form(dollars, **changes):
    return {"amount": dollars, "reason": "Paid twice", "key": str(uuid.uuid4()), **changes}


def test_a_payments_money_is_on_one_page(desk, payment):
    desk.post(act("refund", payment), form("12.50"))

    page = desk.get(act("change", payment)).content.decode()

    refund = Refund.objects.get()
    told_of = "$50.00", "$1.75", "$12.50", payment.stripe_charge_id, refund.stripe_id, "Paid twice", "Stripe fee"
    assert [words for words in told_of if words not in page] == []
    assert act("refund", payment) in page
    assert act("ask", payment) in page


def test_a_refund_goes_to_the_card_once(desk, payment, control):
    before = everything()
    page = desk.get(act("refund", payment)).content.decode()
    assert "You can still refund $50.00 of $50.00 to" in page
    assert everything() == before
    asked = form("12.50")

    for _ in range(2):
        response = desk.post(act("refund", payment), asked, follow=True)

    refund = Refund.objects.get()
    assert said(response) == ["$12.50: refunded."]
    assert (refund.status, refund.amount_cents, refund.made_by, refund.reason) == (
        "succeeded",
        1_250,
        "desk@example.com",
        "Paid twice",
    )
    assert balance_cents(payment.buyer) == 3_750
    assert [one["amount"] for one in control.everything(kind="refund")["data"]] == [1_250]


@pytest.mark.parametrize("amount", ["50.01", "99999"])
def test_more_than_is_left_is_refused_with_a_sentence(desk, payment, amount):
    response = desk.post(act("refund", payment), form(amount), follow=True)

    assert said(response) == ["You can refund at most $50.00 of this payment."]
    assert not Refund.objects.exists()
    assert balance_cents(payment.buyer) == 5_000


@pytest.mark.parametrize("changes", [{"amount": "0"}, {"amount": "-1"}, {"reason": ""}, {"key": "x"}])
def test_a_refund_wants_an_amount_and_a_reason(desk, payment, changes):
    assert desk.post(act("refund", payment), form("1", **changes)).status_code == 200
    assert not Refund.objects.exists()


def test_an_answer_that_was_lost_is_found_by_asking(desk, control):
    payment = submitted(control, make_buyer())
    assert balance_cents(payment.buyer) == 0
    desk.get(act("ask", payment))
    assert balance_cents(payment.buyer) == 0

    response = desk.post(act("ask", payment), follow=True)

    assert said(response) == ["Paid."]
    assert balance_cents(payment.buyer) == 5_000


def test_an_event_is_acted_on_again_and_nothing_happens_twice(desk, control):
    payment = submitted(control, make_buyer())
    event = hand_over(told(control, "checkout.session.completed")[0])
    before = books()

    response = desk.post(act("again", event), follow=True)

    event.refresh_from_db()
    assert said(response) == ["Processed."]
    assert (event.status, event.attempts) == ("done", 1)
    assert books() == before
    assert balance_cents(payment.buyer) == 5_000


def test_an_event_that_was_given_up_is_acted_on(desk, control):
    payment = submitted(control, make_buyer())
    event = receive(told(control, "checkout.session.completed")[0])
    StripeEvent.objects.update(status="failed", attempts=20, acted_at=timezone.now())

    desk.post(act("again", event))

    assert balance_cents(payment.buyer) == 5_000


def test_an_events_body_is_not_shown(desk, control):
    submitted(control, make_buyer())
    event = hand_over(told(control, "checkout.session.completed")[0])

    page = desk.get(act("change", event)).content.decode()

    assert event.event_id in page
    assert "client_reference_id" not in page


# --- Disputes


def disputed(control, payment, spent=0):
    if spent:
        charge_order(buyer=payment.buyer, cents=spent, legs=[], reference="o", memo="", actor="", now=timezone.now())
    opened = control.dispute(payment=payment.stripe_payment_intent_id)
    control.lose_dispute(dispute=opened["id"])
    return disputes.enter(payment, gateway.fetch_dispute(opened["id"]), now=timezone.now())


def test_what_a_lost_dispute_left_owing_is_written_off_once(desk, control, payment):
    dispute = disputed(control, payment, spent=2_000)
    assert balance_cents(payment.buyer) == -2_000
    desk.get(act("write-off", dispute))
    assert balance_cents(payment.buyer) == -2_000

    response = desk.post(act("write-off", dispute), follow=True)

    posted = Transaction.objects.get(kind="write_off")
    assert said(response) == [f"Dispute {dispute.stripe_id} written off: $20.00."]
    assert sorted(posted.entries.values_list("account__kind", "cents")) == [("losses", -2_000), ("wallet", 2_000)]
    assert (posted.actor, posted.payment) == ("desk@example.com", payment)
    assert balance_cents(payment.buyer) == 0
    assert said(desk.post(act("write-off", dispute), follow=True)) == ["The wallet owes nothing."]


def test_a_dispute_is_written_off_once_whatever_the_wallet_owes_later(desk, control, payment):
    dispute = disputed(control, payment, spent=2_000)
    desk.post(act("write-off", dispute), follow=True)
    second = paid(control, payment.buyer, 3_000)
    charge_order(buyer=payment.buyer, cents=3_000, legs=[], reference="p", memo="", actor="", now=timezone.now())
    disputed(control, second)
    assert balance_cents(payment.buyer) == -3_000

    response = desk.post(act("write-off", dispute), follow=True)

    assert said(response) == ["This dispute was already written off."]
    assert balance_cents(payment.buyer) == -3_000


def test_a_dispute_that_may_be_won_is_not_written_off(desk, control, payment):
    opened = control.dispute(payment=payment.stripe_payment_intent_id)
    dispute = disputes.enter(payment, gateway.fetch_dispute(opened["id"]), now=timezone.now())

    assert act("write-off", dispute) not in desk.get(act("change", dispute)).content.decode()
    response = desk.post(act("write-off", dispute), follow=True)

    assert said(response) == ["You can only write off a lost dispute. This one may still be won."]
    assert not Transaction.objects.filter(kind="write_off").exists()


def test_disputes_are_listed_by_the_day_their_evidence_is_due(desk, payment):
    now = timezone.now()
    for number, days in enumerate([9, 2, 5]):
        Dispute.objects.create(
            payment=payment,
            stripe_id=f"du_{number}",
            amount_cents=1,
            status="needs_response",
            opened_at=now,
            evidence_due_at=now + timedelta(days=days),
        )

    rows = desk.get(reverse("admin:billing_dispute_changelist")).context["cl"].result_list

    assert [row.stripe_id for row in rows] == ["du_1", "du_2", "du_0"]


# --- Permissions


ACTS = [("refund", "payment"), ("ask", "payment"), ("again", "event"), ("write-off", "dispute")]


@pytest.mark.parametrize(("name", "about"), ACTS)
def test_no_act_is_for_who_may_only_look(client, control, payment, name, about):
    hand_over(told(control, "checkout.session.completed")[0])
    rows = {"payment": payment, "event": StripeEvent.objects.get(), "dispute": disputed(control, payment, spent=100)}
    client.force_login(person("view_payment", "view_stripeevent", "view_dispute", "view_refund"))
    before = everything()
    page = client.get(act("change", rows[about]))
    assert page.status_code == 200
    assert act(name, rows[about]) not in page.content.decode()

    assert client.get(act(name, rows[about])).status_code == 403
    assert client.post(act(name, rows[about]), form("1")).status_code == 403

    assert everything() == before


def test_a_refund_takes_its_own_right(client, payment):
    client.force_login(person("view_payment", "add_refund"))

    client.post(act("refund", payment), form("1"))

    assert Refund.objects.get().amount_cents == 100
    assert client.post(act("ask", payment)).status_code == 403


@pytest.mark.parametrize("model", ["payment", "refund", "dispute", "stripeevent", "customer"])
def test_every_list_is_read_only(desk, payment, model):
    before = everything()

    assert desk.get(reverse(f"admin:billing_{model}_changelist"), {"q": "x"}).status_code == 200
    assert desk.post(reverse(f"admin:billing_{model}_add")).status_code == 403
    assert {name: rows for name, rows in everything().items() if name != "buyers_user"} == {
        name: rows for name, rows in before.items() if name != "buyers_user"
    }


def test_what_is_not_there_is_not_there(desk, payment):
    nothing = Payment(pk=987_654)

    assert desk.post(act("refund", nothing), form("1")).status_code == 404
