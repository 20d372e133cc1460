"""The content of the PDFs: a receipt for a card payment, and an account statement."""

from datetime import date, datetime

from django.conf import settings

from billing.documents import Document, DocumentLine, Party
from billing.models import Payment, Refund
from billing.statements import Period, Statement, StatementRow, rows_of
from buyers.models import Buyer

MOST_LINES = 5000
PAID_FOR = {
    Payment.Purpose.TOP_UP: "Prepaid wallet top-up",
    Payment.Purpose.ORDER: "Prepaid wallet top-up for an order",
    Payment.Purpose.AUTOMATIC: "Automatic prepaid wallet top-up",
}


class DocumentRefused(Exception):
    """There is no such document; the message says why."""


def operator_party() -> Party:
    """Return the operator of this market, by its legal name."""
    operator = settings.OPERATOR
    return Party(operator["name"], tuple(operator[name] for name in ("street", "city", "phone", "email")))


def buyer_party(buyer: Buyer) -> Party:
    number = (f"License {buyer.license}",) if buyer.license else ()
    place = f"{buyer.city}, {buyer.state} {buyer.postal_code}"
    return Party(buyer.legal_name, (buyer.street, place, buyer.phone, *number))


def receipt_of(payment: Payment) -> Document:
    """Return the receipt: what was paid and what was refunded. Raises DocumentRefused until it is paid."""
    if payment.status != Payment.Status.PAID or payment.ended_at is None:
        raise DocumentRefused("There is no receipt until the payment is paid.")
    refunds = list(payment.refunds.standing().order_by("created_at", "id"))
    lines = [_paid(payment), *map(_refunded, refunds)]
    left = sum(line.cents for line in lines)
    return Document(
        kind_title="Receipt",
        number=payment.number,
        issued_at=max([payment.ended_at, *(refund.created_at for refund in refunds)]),
        operator=operator_party(),
        party=buyer_party(payment.buyer),
        lines=lines,
        totals=(("Total after refunds" if refunds else "Paid by card", left),),
        references=(
            ("Payment", str(payment.public_id)),
            ("Card", payment.card or "Not known"),
            ("Paid", f"{_day(payment.ended_at)}, {payment.ended_at:%H:%M} UTC"),
        ),
        notes=_notes(payment),
    )


def _paid(payment: Payment) -> DocumentLine:
    return DocumentLine(PAID_FOR[Payment.Purpose(payment.purpose)], None, None, payment.amount_cents)


def _refunded(refund: Refund) -> DocumentLine:
    on_its_way = "" if refund.status == Refund.Status.SUCCEEDED else ", processing"
    return DocumentLine(
        f"Refund {refund.number} to the card",
        None,
        None,
        -refund.amount_cents,
        f"{_day(refund.created_at)}{on_its_way}",
    )


def _notes(payment: Payment) -> tuple[str, ...]:
    notes = ["This payment adds prepaid funds to the wallet. Each order has its own invoice."]
    if payment.disputes.undecided().exists():
        notes.append("The cardholder's bank has disputed this payment. The dispute is still open.")
    return tuple(notes)


def statement_document(statement: Statement, *, party: Party, now: datetime) -> Document:
    """Return the statement's rows as a document, oldest first. Raises DocumentRefused for no rows or too many."""
    if statement.entries[: MOST_LINES + 1].count() > MOST_LINES:
        raise DocumentRefused(
            f"A PDF statement can have at most {MOST_LINES:,} lines. Choose a shorter period, or download the CSV."
        )
    rows = list(rows_of(statement))
    if not rows:
        raise DocumentRefused("There was no activity in this period, so there is no statement for it.")
    first, last = _reach(statement.period, rows)
    moved = sum(row.cents for row in rows)
    return Document(
        kind_title="Statement",
        number=f"{first:%Y%m%d}-{last:%Y%m%d}",
        issued_at=now,
        operator=operator_party(),
        party=party,
        lines=[_line(row) for row in reversed(rows)],
        totals=(
            ("Net change", moved),
            ("Opening balance", statement.opening_cents),
            ("Closing balance", statement.opening_cents + moved),
        ),
        references=(("From", _day(first)), ("To", _day(last))),
        notes=("Times are in UTC. Money in is positive, money out is negative.",),
    )


def _line(row: StatementRow) -> DocumentLine:
    note = f" · {row.note}" if row.note else ""
    return DocumentLine(row.what, None, None, row.cents, f"{_day(row.at)}, {row.at:%H:%M}{note}")


def _reach(period: Period, rows: list[StatementRow]) -> tuple[date, date]:
    """Return the days the statement covers; where the period is open, those of its rows."""
    return period.first or rows[-1].at.date(), period.last or rows[0].at.date()


def _day(at: date) -> str:
    return f"{at:%B} {at.day}, {at.year}"
