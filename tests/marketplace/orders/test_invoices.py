"""Invoices and credit notes: both companies by their legal names, each line's amount, the same total as the books."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.documents import Document, DocumentLine, Party
from billing.documents.receipts import DocumentRefused
from marketplace.models import Order
from marketplace.orders.invoices import credit_note_of, invoice_of
from marketplace.orders.request import NamedLeads
from marketplace.returns.decisions import credit, refuse
from tests.factories import make_curve
from tests.marketplace.returns.return_cases import another, buy, clerk, hand_back, lead_of, placed

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 9, 12, 5, tzinfo=UTC)
OPERATOR = Party(
    "Harrow & Pine Lead Exchange LLC",
    ("410 Sycamore Street, Suite 3", "Dayton, OH 45402", "(937) 555-0142", "desk@remainder.example"),
)


@pytest.fixture
def market(market):
    """On a Monday in March; its buyer has a license."""
    market.now = NOON
    make_curve(market.vertical, effective_at=NOON - timedelta(days=500))
    market.buyer.legal_name, market.buyer.license = "Lindgren Mortgage Inc", "NMLS 1234"
    market.buyer.save(update_fields=["legal_name", "license"])
    return market


def party(market):
    return Party("Lindgren Mortgage Inc", ("2 Main Street", "Dayton, OH 45402", "(937) 555-0101", "License NMLS 1234"))


def test_an_invoice_says_who_sold_what_to_whom_at_which_price(market):
    leads = [*market.leads(2), market.lead(age=timedelta(days=100))]
    order = buy(market, leads=leads)

    assert invoice_of(order) == Document(
        kind_title="Invoice",
        number=order.number,
        issued_at=NOON,
        operator=OPERATOR,
        party=party(market),
        lines=[DocumentLine("Mortgage leads", 2, 220, 440), DocumentLine("Mortgage leads", 1, 100, 100)],
        totals=(("Paid from the prepaid wallet", 540),),
        references=(
            ("Order", str(order.public_id)),
            ("Requested", "Selected leads"),
            ("Placed", "March 9, 2026, 12:05 UTC"),
            ("Placed by", str(market.user)),
        ),
        notes=("Paid in full. The leads are for the buyer's own use and may not be resold.",),
    )


def test_an_exclusive_lead_is_billed_as_such(market):
    (lead,) = market.leads(1, legs_authorized=4)

    order = placed(market, NamedLeads((lead.public_id,), exclusive=True), market.buyer, market.user)

    assert invoice_of(order).lines == [DocumentLine("Mortgage leads, exclusive", 1, 660, 660)]
    assert invoice_of(order).references[1] == ("Requested", "Selected leads, exclusive")


def test_a_return_changes_no_invoice(market):
    order = buy(market, 2)
    before = invoice_of(order)

    credit(hand_back(market, lead_of(order)), by=clerk(), finding="It is dead.", now=NOON)

    assert invoice_of(order) == before


def test_an_order_by_a_program_and_without_leads_is_told_as_it_is(market):
    order = Order.objects.create(
        buyer=another(market),
        idempotency_key="x",
        request={"leads": [], "exclusive": True},
        quantity=1,
        quoted_cents=220,
        quoted_at=NOON,
        placed_at=NOON,
    )

    said = invoice_of(order)

    assert said.lines == [DocumentLine("No leads", None, None, 0)]
    assert said.totals == (("Paid from the prepaid wallet", 0),)
    assert said.references[1:] == (
        ("Requested", "Selected leads, exclusive"),
        ("Placed", "March 9, 2026, 12:05 UTC"),
        ("Placed by", "An API key"),
    )


def test_a_credit_note_says_which_lead_came_back_and_what_went_to_the_wallet(market):
    order = buy(market)
    lead = lead_of(order)
    asked = hand_back(market, lead)

    returned = credit(asked, by=clerk(), finding="It is dead.", now=NOON + timedelta(days=1))

    assert credit_note_of(returned) == Document(
        kind_title="Credit note",
        number=returned.number,
        issued_at=NOON + timedelta(days=1),
        operator=OPERATOR,
        party=party(market),
        lines=[DocumentLine(f"Returned lead {lead.short_id}, Mortgage", 1, 220, 220)],
        totals=(("Credited to the prepaid wallet", 220),),
        references=(
            ("Return", str(returned.public_id)),
            ("Invoice", order.number),
            ("Reason", "Phone number does not work"),
            ("Credited", "March 10, 2026, 12:05 UTC"),
        ),
    )


def test_what_is_not_credited_has_no_credit_note(market):
    returned = hand_back(market, lead_of(buy(market)))

    for standing in (returned, refuse(returned, by=clerk(), finding="It rings.", now=NOON)):
        with pytest.raises(DocumentRefused, match="once the return is credited"):
            credit_note_of(standing)
