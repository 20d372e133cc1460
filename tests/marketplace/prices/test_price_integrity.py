"""One price from the card to Stripe: the same cents are shown, quoted, ordered, booked, printed and charged (P12).

Curves, ages, grades and volumes are drawn at random; the rule is worked out here a second time, in whole numbers.
"""

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.documents.receipts import receipt_of
from billing.ledger import Posting, balance_cents, house_account, post, wallet_of
from billing.models import Account, Earning, Entry, Transaction
from billing.payments.top_ups import open_page
from leads.intake.capture import capture_leads
from leads.models import ConsentText, Lead, Source
from marketplace.models import Order, PriceCurve, PriceTier, VolumeStep
from marketplace.orders.awaiting_payment import hold_order, look_again
from marketplace.orders.checkout import OrderAttempt
from marketplace.orders.invoices import invoice_of
from marketplace.orders.receipts import lines_of
from tests.billing.conftest import control, stand_in, stripe_settings  # noqa: F401
from tests.factories import Market, make_capture, make_market, make_source, make_text
from tests.marketplace.api.conftest import Caller, caller_for
from tests.refusal import settle as check_constraints

HERE = "http://testserver/there/"
GRADES = "ABCD"
DAY = timedelta(days=1)


@st.composite
def curves(draw):
    """Prices that only fall, multipliers in thousandths that fall with the grade, and two volume discounts."""
    pairs = st.lists(st.integers(1, 1_000), min_size=2, max_size=2)
    days = sorted(draw(st.sets(st.integers(0, 200), min_size=1, max_size=5)))
    cents = sorted(draw(st.lists(st.integers(1, 3_000), min_size=len(days), max_size=len(days))), reverse=True)
    return {
        "tiers": list(zip(days, cents, strict=True)),
        "floor": draw(st.integers(1, 60)),
        "grades": sorted(draw(st.lists(st.integers(1, 3_000), min_size=4, max_size=4)), reverse=True),
        "exclusive": draw(st.integers(1_000, 6_000)),
        "volume": list(zip((2, 4), sorted(draw(pairs), reverse=True), strict=True)),
    }


@st.composite
def shops(draw):
    """A curve, leads as (age in days, grade), how many are wanted and how."""
    leads = draw(st.lists(st.tuples(st.integers(1, 250), st.sampled_from(GRADES)), min_size=1, max_size=6))
    return {
        "curve": draw(curves()),
        "leads": leads,
        "quantity": draw(st.integers(1, len(leads))),
        "exclusive": draw(st.booleans()),
        "percent": draw(st.integers(0, 100)),
    }


def half_up(number, divisor):
    return (2 * number + divisor) // (2 * divisor)


def worked_out(curve, age, grade, *, exclusive=False, quantity=1):
    """Tier × grade × exclusivity × volume, rounded once, half up, never under the floor; in whole numbers."""
    tier = [cents for day, cents in curve["tiers"] if day <= age] or [curve["tiers"][0][1]]
    volume = [share for start, share in curve["volume"] if start <= quantity] or [1_000]
    alone = curve["exclusive"] if exclusive else 1_000
    thousandths = tier[-1] * curve["grades"][GRADES.index(grade)] * alone * volume[-1]
    return max(curve["floor"], half_up(thousandths, 1_000**3))


@dataclass(frozen=True)
class Street:
    market: Market
    sources: dict[str, Source]
    texts: dict[str, ConsentText]
    api: Caller


@pytest.fixture
def street(db):
    """A market with a source of each grade, nothing on the shelf and no money."""
    market = make_market()
    moves = {wallet_of(market.buyer): -100_000, house_account(Account.Kind.BANK): 100_000}
    post(Posting(Transaction.Kind.CREDIT, "taken out", market.now), moves)
    sources = {grade: make_source(grade=grade) for grade in GRADES}
    texts = {grade: make_text(source) for grade, source in sources.items()}
    return Street(market, sources, texts, caller_for(market.buyer))


def stock(street, shop):
    """Put it on the shelf under a new curve; answers each lead's id with its age and grade."""
    market, sources, texts = street.market, street.sources, street.texts
    thousandths = {
        f"grade_{grade.lower()}": share for grade, share in zip(GRADES, shop["curve"]["grades"], strict=True)
    }
    with transaction.atomic():
        made = PriceCurve.objects.create(
            vertical=market.vertical,
            version=2,
            effective_at=market.now - DAY,
            floor_cents=shop["curve"]["floor"],
            exclusive=Decimal(shop["curve"]["exclusive"]).scaleb(-3),
            **{name: Decimal(share).scaleb(-3) for name, share in thousandths.items()},
        )
        PriceTier.objects.bulk_create(
            PriceTier(curve=made, from_day=day, cents=cents) for day, cents in shop["curve"]["tiers"]
        )
        VolumeStep.objects.bulk_create(
            VolumeStep(curve=made, from_quantity=start, multiplier=Decimal(share).scaleb(-3))
            for start, share in shop["curve"]["volume"]
        )
    Source.objects.update(payout_percent=shop["percent"])
    captures = [
        make_capture(market, source=sources[grade], text=texts[grade], age=age * DAY + timedelta(hours=1))
        for age, grade in shop["leads"]
    ]
    captured = [one.lead_id for one in capture_leads(captures, now=market.now)]
    names = Lead.objects.in_bulk(captured)
    return {str(names[lead].public_id): kind for lead, kind in zip(captured, shop["leads"], strict=True)}


@pytest.mark.usefixtures("stand_in")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shop=shops())
def test_the_same_cents_from_the_card_to_stripe(street, control, shop):  # noqa: F811
    with transaction.atomic():
        try:
            sold_at_one_price(street, control, shop)
        finally:
            transaction.set_rollback(True)


def sold_at_one_price(street, control, shop):  # noqa: F811
    market, curve, api = street.market, shop["curve"], street.api
    shelf = stock(street, shop)

    cards = {row["id"]: row["price_cents"] for row in api.get("listings/", "vertical=mortgage").json()["results"]}
    assert cards == {lead: worked_out(curve, *kind) for lead, kind in shelf.items()}
    lead, cents = next(iter(cards.items()))
    assert api.get(f"listings/{lead}/").json()["price_cents"] == cents

    order_request = {"leads": list(shelf)[: shop["quantity"]], "exclusive": shop["exclusive"]}
    terms = {"exclusive": shop["exclusive"], "quantity": shop["quantity"]}
    due = {lead: worked_out(curve, *shelf[lead], **terms) for lead in order_request["leads"]}
    total = sum(due.values())
    quoted = api.quote(**order_request).json()
    assert {line["lead"]: line["unit_cents"] for line in quoted["lines"]} == due
    assert quoted["total_cents"] == sum(line["amount_cents"] for line in quoted["lines"]) == total

    order, charged = paid_by_card(control, market, quoted)
    assert charged == max(total, 50)
    assert balance_cents(market.buyer) == charged - total

    assert order.total_cents == order.quoted_cents == total
    assert {str(sale.lead.public_id): sale.price_cents for sale in order.sales.select_related("lead")} == due
    assert sum(line.amount_cents for line in lines_of(order)) == total
    booked = dict(
        Entry.objects.filter(transaction__kind="order")
        .values_list("account__kind", "cents")
        .exclude(account__kind="payable")
    )
    shares = sum(half_up(cents * shop["percent"], 100) for cents in due.values())
    assert (booked["wallet"], booked["sales"], booked.get("shares", 0)) == (-total, total, -shares)
    assert sum(Earning.objects.values_list("cents", flat=True)) == shares

    invoice = invoice_of(order)
    assert sum(line.cents for line in invoice.lines) == invoice.totals[0][1] == total
    assert all(line.quantity * line.unit_cents == line.cents for line in invoice.lines)
    told = api.get(f"orders/{order.public_id}/").json()
    assert told["total_cents"] == sum(line["amount_cents"] for line in told["lines"]) == total
    assert prices_in_file(api, order) == sorted(due.values())
    check_constraints()


def paid_by_card(control, market, quoted):  # noqa: F811
    """An order from an empty wallet: the card pays all of it. Answers it with what Stripe took."""
    now = timezone.now()
    waiting = hold_order(OrderAttempt(market.buyer, None, quoted["token"], "key", False, now))
    page = open_page(waiting.payment, success_url=HERE, cancel_url=HERE, now=now)
    control.submit(session=page.stripe_session_id, card="pm_card_visa")
    ended = look_again(waiting, now=now)
    assert ended.status == "completed", ended.reason
    (intent,) = (
        one
        for one in control.everything(kind="payment_intent")["data"]
        if one["id"] == ended.payment.stripe_payment_intent_id
    )
    assert receipt_of(ended.payment).totals[0][1] == intent["amount_received"]
    return Order.objects.get(pk=ended.order_id), intent["amount_received"]


def prices_in_file(api, order):
    answer = api.get(f"orders/{order.public_id}/file.csv", "preset=own&columns=price")
    text = b"".join(answer.streaming_content).decode()
    return sorted(int(Decimal(dollars) * 100) for (dollars,) in list(csv.reader(io.StringIO(text)))[1:])
