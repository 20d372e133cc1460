"""What the PDFs say: a receipt for a payment by card, and an account's statement."""

from datetime import date, datetime

from django.conf import settings

from billing.documents import Document, DocumentLine, Party
from billing.models import Payment, Refund
from billing.statements import Period, Statement, StatementRow, rows_of
from buyers.models import Buyer

MOST_LINES = 5000
PAID_FOR = {
    Payment.Purpose.TOP_UP: "Top-up of the prepaid wallet",
    Payment.Purpose.ORDER: "Top-up of the prepaid wallet for an order",
    Payment.Purpose.AUTOMATIC: "Automatic top-up of the prepaid wallet",
}


class DocumentRefused(Exception):
    """There is no such document; the message says why."""


def operator_party() -> Party:
    """Who runs this market, by the legal name."""
    operator = settings.OPERATOR
    return Party(operator["name"], tuple(operator[name] for name in ("street", "city", "phone", "email")))


def buyer_party(buyer: Buyer) -> Party:
    licence = (f"Licence {buyer.licence}",) if buyer.licence else ()
    place = f"{buyer.city}, {buyer.state} {buyer.postal_code}"
    return Party(buyer.legal_name, (buyer.street, place, buyer.phone, *licence))


def receipt_of(payment: Payment) -> Document:
    """What was paid, and what of it went back. Raises DocumentRefused while nothing is paid."""
    if payment.status != Payment.Status.PAID or payment.ended_at is None:
        raise DocumentRefused("There is a receipt once the payment is paid.")
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
        totals=(("Left after refunds" if refunds else "Paid by card", left),),
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
    on_its_way = "" if refund.status == Refund.Status.SUCCEEDED else ", on its way"
    return DocumentLine(
        f"Refund {refund.number} to the card",
        None,
        None,
        -refund.amount_cents,
        f"{_day(refund.created_at)}{on_its_way}",
    )


def _notes(payment: Payment) -> tuple[str, ...]:
    notes = ["Prepaid money buys leads from the wallet; each order has an invoice of its own."]
    if payment.disputes.undecided().exists():
        notes.append("The cardholder's bank disputes this payment; it is not decided yet.")
    return tuple(notes)


def statement_document(statement: Statement, *, party: Party, now: datetime) -> Document:
    """The statement's rows, oldest first. Raises DocumentRefused for none of them, and for more than fit."""
    if statement.entries[: MOST_LINES + 1].count() > MOST_LINES:
        raise DocumentRefused(
            f"A statement on paper has at most {MOST_LINES:,} lines. Choose a shorter period, or take the CSV file."
        )
    rows = list(rows_of(statement))
    if not rows:
        raise DocumentRefused("Nothing moved in this period, so there is no statement of it.")
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
            ("Moved in this period", moved),
            ("Balance before", statement.opening_cents),
            ("Balance after", statement.opening_cents + moved),
        ),
        references=(("From", _day(first)), ("To", _day(last))),
        notes=("Instants are UTC. What came in is positive, what went out negative.",),
    )


def _line(row: StatementRow) -> DocumentLine:
    note = f" · {row.note}" if row.note else ""
    return DocumentLine(row.what, None, None, row.cents, f"{_day(row.at)}, {row.at:%H:%M}{note}")


def _reach(period: Period, rows: list[StatementRow]) -> tuple[date, date]:
    """The days it speaks of: where the period is open, those of its rows."""
    return period.first or rows[-1].at.date(), period.last or rows[0].at.date()


def _day(at: date) -> str:
    return f"{at:%B} {at.day}, {at.year}"
