"""The letter about an order that came to nothing: to whoever ordered and to the owners, and struck off when it went."""

from smtplib import SMTPRecipientsRefused

import pytest

from billing.models import Payment
from buyers.models import Membership, Role
from leads.jobs.outbox import AGAIN_AFTER
from marketplace.models import OrderAwaitingPayment
from marketplace.orders.mail import send_due
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def untold(market):
    terms = {"buyer": market.buyer, "purpose": "order", "amount_cents": 500, "created_at": market.now}
    return OrderAwaitingPayment.objects.create(
        buyer=market.buyer,
        payment=Payment.objects.create(status="open", **terms),
        idempotency_key="k",
        token="",
        quantity=1,
        quoted_cents=500,
        status="failed",
        created_at=market.now,
        expires_at=market.now,
        ended_at=market.now,
        tell_at=market.now,
    )


@pytest.fixture
def refusing(market, monkeypatch):
    """A mail server that knows nothing of the first owner; what went to others."""
    sent = []

    def send(subject, text, sender, to):
        if to == [market.user.email]:
            raise SMTPRecipientsRefused({})
        sent.append(to)

    monkeypatch.setattr("leads.jobs.outbox.send_mail", send)
    return sent


def test_one_bad_address_keeps_the_letter_from_nobody_else(market, untold, refusing):
    Membership.objects.create(user=make_user("last@example.com"), buyer=market.buyer, role=Role.OWNER)

    assert (send_due(market.now), send_due(market.now + AGAIN_AFTER)) == (1, 0)
    assert refusing == [["last@example.com"]]


def test_a_letter_that_nobody_got_is_sent_again_later(market, untold, refusing):
    assert send_due(market.now) == 0

    untold.refresh_from_db()
    assert (untold.tell_at, refusing) == (market.now + AGAIN_AFTER, [])
