"""Receipts and statements as documents: they name both companies and add up to what the ledger says."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from pypdf import PdfReader

from billing.documents import render
from billing.documents.receipts import DocumentRefused, buyer_party, operator_party, receipt_of, statement_document
from billing.ledger import Kind, Posting, credit_wallet, house_account, post, wallet_of
from billing.models import Account, Dispute, Payment, Refund
from billing.statements import Period, statement_of
from tests.factories import make_buyer

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def buyer(db):
    return make_buyer()


@pytest.fixture
def payment(buyer):
    """$250, paid."""
    with transaction.atomic():
        payment = Payment.objects.create(
            buyer=buyer,
            purpose=Payment.Purpose.TOP_UP,
            amount_cents=25_000,
            status=Payment.Status.PAID,
            card="Visa ending 4242",
            created_at=NOON,
            ended_at=NOON,
        )
        posting = Posting(Kind.TOP_UP, str(payment.public_id), NOON, payment=payment)
        post(posting, {wallet_of(buyer): 25_000, house_account(Account.Kind.STRIPE): -25_000})
    return payment


def refund(payment, cents, status=Refund.Status.SUCCEEDED):
    return Refund.objects.create(
        payment=payment, amount_cents=cents, status=status, made_by="desk", created_at=NOON + DAY
    )


def test_the_parties_are_named_by_their_legal_names(buyer, settings):
    buyer.license = "NMLS 1234"

    assert operator_party().name == settings.OPERATOR["name"]
    assert operator_party().lines == tuple(settings.OPERATOR[name] for name in ("street", "city", "phone", "email"))
    party = buyer_party(buyer)
    assert (party.name, party.lines) == (
        buyer.legal_name,
        ("2 Main Street", "Dayton, OH 45402", "(937) 555-0101", "License NMLS 1234"),
    )


def test_a_receipt_says_what_was_paid_by_which_card(payment):
    receipt = receipt_of(payment)

    assert (receipt.kind_title, receipt.number, receipt.issued_at) == ("Receipt", payment.number, NOON)
    assert [(line.text, line.cents) for line in receipt.lines] == [("Prepaid wallet top-up", 25_000)]
    assert receipt.totals == (("Paid by card", 25_000),)
    assert receipt.references == (
        ("Payment", str(payment.public_id)),
        ("Card", "Visa ending 4242"),
        ("Paid", "March 10, 2026, 12:00 UTC"),
    )


def test_a_receipt_shows_what_went_back_and_what_is_left(payment):
    first, second = refund(payment, 4000), refund(payment, 1, Refund.Status.PENDING)
    refund(payment, 999, Refund.Status.FAILED)

    receipt = receipt_of(payment)

    assert [(line.text, line.cents, line.detail) for line in receipt.lines[1:]] == [
        (f"Refund {first.number} to the card", -4000, "March 11, 2026"),
        (f"Refund {second.number} to the card", -1, "March 11, 2026, processing"),
    ]
    assert receipt.totals == (("Total after refunds", 20_999),)
    assert receipt.issued_at == NOON + DAY


def test_a_disputed_payments_receipt_says_so(payment):
    assert not any("disputed" in note for note in receipt_of(payment).notes)

    Dispute.objects.create(payment=payment, stripe_id="dp_1", amount_cents=25_000, status="x", opened_at=NOON)

    assert any("disputed" in note for note in receipt_of(payment).notes)


@pytest.mark.parametrize("status", [Payment.Status.OPEN, Payment.Status.FAILED])
def test_there_is_no_receipt_for_what_was_not_paid(buyer, status):
    ended_at = None if status in Payment.UNFINISHED else NOON
    unpaid = Payment.objects.create(
        buyer=buyer, purpose="top_up", amount_cents=100, status=status, created_at=NOON, ended_at=ended_at
    )

    with pytest.raises(DocumentRefused, match="until the payment is paid"):
        receipt_of(unpaid)


def test_a_statement_on_paper_is_read_from_the_oldest_and_closes_where_the_ledger_does(payment, buyer):
    credit_wallet(buyer=buyer, cents=1234, reference="w", memo="Wire", actor="", now=NOON + DAY)
    party, found = buyer_party(buyer), statement_of(wallet_of(buyer), Period(first=date(2026, 3, 11)))

    whole = statement_document(statement_of(wallet_of(buyer)), party=party, now=NOON)
    part = statement_document(found, party=party, now=NOON)

    assert [line.cents for line in whole.lines] == [25_000, 1234]
    assert [(line.text, line.detail) for line in part.lines] == [("Wallet credit", "March 11, 2026, 12:00 · Wire")]
    assert part.totals == (("Net change", 1234), ("Opening balance", 25_000), ("Closing balance", 26_234))
    assert (whole.number, part.number) == ("20260310-20260311", "20260311-20260311")


def test_an_empty_statement_and_one_that_is_too_long_are_refused(payment, buyer, monkeypatch):
    party = buyer_party(buyer)
    empty = statement_of(wallet_of(buyer), Period(last=date(2026, 1, 1)))
    with pytest.raises(DocumentRefused, match="no activity in this period"):
        statement_document(empty, party=party, now=NOON)

    monkeypatch.setattr("billing.documents.receipts.MOST_LINES", 0)
    with pytest.raises(DocumentRefused, match="at most 0 lines"):
        statement_document(statement_of(wallet_of(buyer)), party=party, now=NOON)


def test_the_paper_itself_says_it(payment, tmp_path):
    path = tmp_path / "receipt.pdf"
    path.write_bytes(render(receipt_of(payment)))

    said = PdfReader(path).pages[0].extract_text()

    assert all(word in said for word in (payment.number, "$250.00", "Visa ending 4242", payment.buyer.legal_name))
