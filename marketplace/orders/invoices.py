"""Printed documents of an order: its invoice, and a credit note for each returned lead."""

from datetime import datetime

from billing.documents import Document, DocumentLine
from billing.documents.receipts import DocumentRefused, buyer_party, operator_party
from marketplace.models import Order, Return
from marketplace.orders.receipts import ReceiptLine, lines_of, titles_of

INSTANT = "%B %-d, %Y, %H:%M UTC"
NOTHING = DocumentLine("No leads", None, None, 0)  # checkout refuses an empty order, but the database would allow one


def invoice_of(order: Order) -> Document:
    """Return the order as it was sold and paid; leads returned later are on separate credit notes."""
    ((_, title),) = titles_of([order])
    return Document(
        kind_title="Invoice",
        number=order.number,
        issued_at=order.placed_at,
        operator=operator_party(),
        party=buyer_party(order.buyer),
        lines=[_printed(line) for line in lines_of(order)] or [NOTHING],
        totals=(("Paid from the prepaid wallet", order.total_cents),),
        references=(
            ("Order", str(order.public_id)),
            ("Requested", title),
            ("Placed", _said(order.placed_at)),
            ("Placed by", str(order.placed_by or "An API key")),
        ),
        notes=("Paid in full. The leads are for the buyer's own use and may not be resold.",),
    )


def _printed(line: ReceiptLine) -> DocumentLine:
    alone = ", exclusive" if line.exclusive else ""
    return DocumentLine(f"{line.vertical} leads{alone}", line.quantity, line.unit_cents, line.amount_cents)


def credit_note_of(returned: Return) -> Document:
    """Return the credit note for one returned lead. Raises DocumentRefused if it has not been credited."""
    if returned.transaction is None:
        raise DocumentRefused("The credit note is available once the return is credited.")
    sale, at = returned.sale, returned.transaction.posted_at
    return Document(
        kind_title="Credit note",
        number=returned.number,
        issued_at=at,
        operator=operator_party(),
        party=buyer_party(returned.buyer),
        lines=[
            DocumentLine(
                f"Returned lead {sale.lead.short_id}, {sale.lead.vertical.name}", 1, returned.cents, returned.cents
            )
        ],
        totals=(("Credited to the prepaid wallet", returned.cents),),
        references=(
            ("Return", str(returned.public_id)),
            ("Invoice", sale.order.number),
            ("Reason", returned.reason.label),
            ("Credited", _said(at)),
        ),
    )


def _said(at: datetime) -> str:
    return at.strftime(INSTANT)
