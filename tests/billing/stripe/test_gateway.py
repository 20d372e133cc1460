"""The gateway to Stripe: imported in one place, our own types, errors sorted, nobody's data given away."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from billing.models import Customer
from billing.payments import top_ups
from billing.stripe import gateway
from billing.stripe.gateway import GatewayOff, GatewayRefused, GatewayUnavailable
from tests.billing.with_stripe import DECLINED, VISA, asked, open_page, opened, paid
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def importers_of_stripe():
    root = Path(settings.BASE_DIR)
    for app in ("leads", "buyers", "billing", "marketplace"):
        for path in (root / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                if any(name.split(".")[0] == "stripe" for name in names):
                    yield path.relative_to(root).as_posix()


def test_only_the_gateway_imports_stripe():
    assert set(importers_of_stripe()) == {"billing/stripe/gateway.py"}


def test_without_a_key_nothing_is_asked(settings):
    settings.STRIPE_SECRET_KEY = ""

    assert not gateway.is_on()
    with pytest.raises(GatewayOff, match="We don't take cards here"):
        gateway.fetch_payout("po_1")


@pytest.mark.parametrize(
    ("key", "live"), [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True)]
)
def test_a_key_says_which_world_it_is_of(settings, key, live):
    settings.STRIPE_SECRET_KEY = key

    assert gateway.is_live() is live


def test_what_does_not_exist_is_refused(stand_in):
    with pytest.raises(GatewayRefused) as refusal:
        gateway.fetch_payment_intent("pi_none")

    assert refusal.value.code == "resource_missing"


def test_nobody_listening_leaves_it_open(stripe_settings):
    stripe_settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    with pytest.raises(GatewayUnavailable):
        gateway.fetch_payout("po_1")


@pytest.mark.parametrize("kind", ["fail_before", "fail_after"])
def test_an_error_of_stripes_own_leaves_it_open(control, kind):
    control.mishap(kind=kind, path="POST /v1/customers", times=1)

    with pytest.raises(GatewayUnavailable):
        gateway.create_customer(reference="1", key="once")


def test_a_key_that_was_used_for_other_words_leaves_it_open(stand_in):
    first = gateway.create_customer(reference="1", key="once")

    with pytest.raises(GatewayUnavailable):
        gateway.create_customer(reference="2", key="once")
    assert gateway.create_customer(reference="1", key="once") == first


def test_a_wrong_key_leaves_it_open(stand_in, stripe_settings):
    stripe_settings.STRIPE_SECRET_KEY = "sk_wrong"

    with pytest.raises(GatewayUnavailable):
        gateway.create_customer(reference="1", key="once")


def test_a_lost_answer_is_asked_for_once_more_by_itself(control):
    control.mishap(kind="lose_answer", path="POST /v1/customers", times=1)

    made = gateway.create_customer(reference="1", key="once")

    assert [one["id"] for one in control.everything(kind="customer")["data"]] == [made]


def test_a_declined_card_is_refused_in_words_for_its_holder(control, payer, now):
    customer = top_ups.customer_of(payer, now=now)

    with pytest.raises(GatewayRefused) as refusal:
        gateway.charge_saved_card(reference="1", customer_id=customer.stripe_id, payment_method_id=DECLINED, cents=5000)

    assert (refusal.value.code, refusal.value.message) == ("card_declined", "Your card was declined.")
    assert gateway.fetch_payment_intent(refusal.value.intent_id).status == "requires_payment_method"


@pytest.mark.parametrize("keep_card", [True, False])
def test_a_card_is_kept_only_with_the_buyers_consent(control, payer, keep_card):
    payment = paid(control, payer, keep_card=keep_card)

    intent = control.everything(kind="payment_intent")["data"][0]
    customer = Customer.objects.get(buyer=payer)
    assert intent["setup_future_usage"] == ("off_session" if keep_card else None)
    assert customer.card == ("Visa ending 4242" if keep_card else "")
    assert payment.card == "Visa ending 4242"


def test_a_kept_card_has_the_month_in_which_it_ends(control, payer):
    paid(control, payer, keep_card=True)

    customer = Customer.objects.get(buyer=payer)
    assert (customer.card_brand, customer.card_last4) == ("visa", "4242")
    assert customer.card_expires.isoformat() == "2035-01-01"


def test_stripe_is_told_nothing_of_people_but_our_ids(control, payer):
    user = make_user("secret@example.com")
    payment = open_page(
        top_ups.ask_payment(
            buyer=payer,
            user=user,
            purpose="top_up",
            amount_cents=5000,
            keep_card=True,
            key="k",
            now=payer.created_at,
        )
    )
    control.submit(session=payment.stripe_session_id, card=VISA)

    everything = {kind: control.everything(kind=kind)["data"] for kind in ("customer", "payment_intent")}
    assert [one["metadata"] for one in everything["customer"]] == [{"buyer": str(payer.public_id)}]
    assert [one["metadata"] for one in everything["payment_intent"]] == [{"payment": str(payment.public_id)}]
    said = str([everything, control.everything(kind="checkout.session")["data"]])
    for secret in (user.email, payer.legal_name, payer.phone, payer.street):
        assert secret not in said


def test_a_page_says_what_it_is_for_and_how_much(control, payer, now):
    payment = opened(payer, 12_345, now=now)

    session = control.everything(kind="checkout.session")["data"][0]
    assert (session["mode"], session["amount_total"], session["currency"]) == ("payment", 12_345, "usd")
    assert session["client_reference_id"] == str(payment.public_id)
    assert session["expires_at"] == int(payment.expires_at.timestamp())


def test_movements_are_the_lines_of_a_span(control, payer, now):
    payment = paid(control, payer, 10_000)

    found = list(gateway.movements(now - timedelta(minutes=1), now + timedelta(minutes=5)))
    assert [(one.category, one.cents, one.fee_cents, one.net_cents, one.currency) for one in found] == [
        ("charge", 10_000, 320, 9_680, "USD")
    ]
    assert (found[0].source_id, found[0].payment_intent_id) == (
        payment.stripe_charge_id,
        payment.stripe_payment_intent_id,
    )
    assert found[0].customer_id == Customer.objects.get(buyer=payer).stripe_id
    assert list(gateway.movements(now - timedelta(days=2), now - timedelta(days=1))) == []


def test_every_page_of_movements_is_read(control, payer, now):
    payment = paid(control, payer, 100_000)
    for _ in range(120):
        control.refund(payment=payment.stripe_payment_intent_id, amount=1)

    found = list(gateway.movements(now - timedelta(minutes=1), now + timedelta(minutes=5)))

    assert sorted(one.cents for one in found) == [-1] * 120 + [100_000]
    assert len(gateway.refunds_of(payment.stripe_payment_intent_id)) == 120


def test_a_transfer_is_made_once_and_found_again(control, payer, now):
    paid(control, payer, 50_000)
    account = control.open_account()["id"]

    first = gateway.transfer(reference="payout-1", account_id=account, cents=1234)
    again = gateway.transfer(reference="payout-1", account_id=account, cents=1234)

    assert first == again == gateway.find_transfer(reference="payout-1")
    assert (first.cents, first.reversed_cents, first.account_id, first.reference) == (1234, 0, account, "payout-1")
    assert first.movement.net_cents == -1234
    assert gateway.find_transfer(reference="payout-2") is None
    assert len(control.everything(kind="transfer")["data"]) == 1


def test_a_card_is_forgotten_at_stripe_and_safely_twice(control, payer):
    paid(control, payer, keep_card=True)
    kept = Customer.objects.get(buyer=payer).payment_method_id

    gateway.detach_card(kept)
    gateway.detach_card(kept)

    assert control.everything(kind="payment_method")["data"][0]["customer"] is None


def test_a_second_customer_is_never_made_for_a_buyer(control, payer, now):
    asked(payer)

    first = top_ups.customer_of(payer, now=now)

    assert top_ups.customer_of(payer, now=now + timedelta(days=2)) == first
    assert len(control.everything(kind="customer")["data"]) == 1
