"""What PostgreSQL refuses, whatever code asks: every named constraint and trigger of the marketplace app."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.utils import timezone

from billing.models import Payment
from leads.models import Leg
from leads.people.privacy import withdraw_lead
from marketplace.models import (
    BackgroundOrder,
    Download,
    Export,
    InventorySnapshot,
    Order,
    OrderAwaitingPayment,
    PriceCurve,
    PriceTier,
    Sale,
    VolumeStep,
)
from tests.factories import make_buyer, make_curve, make_market, make_person
from tests.marketplace.returns.test_constraints import ATTEMPTS as OF_RETURNS
from tests.marketplace.standing_orders.test_constraints import ATTEMPTS as OF_STANDING
from tests.marketplace.standing_orders.test_constraints import OF_THE_TERMS
from tests.refusal import promised_names, refused_by, settle

pytestmark = pytest.mark.django_db

ATTEMPTS = {}


class Shop:
    """A lead with four aged legs, the first sold, and a curve that takes effect tomorrow."""

    def __init__(self, market):
        self.market = market
        self.person = make_person()
        self.lead = market.lead(person=self.person)
        self.order = self.make_order(market.buyer)
        self.sale = self.make_sale(self.lead, 1)
        self.other = make_buyer()
        self.draft = make_curve(market.vertical, effective_at=timezone.now() + timedelta(days=1))
        settle()
        self._make_curve_long_ago()

    def _make_curve_long_ago(self):
        """Steps can still be written in the transaction that creates a curve; that transaction is over."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            PriceCurve.objects.filter(pk=self.market.curve.pk).update(created_at=timezone.now() - timedelta(days=9))
            cursor.execute("SET LOCAL session_replication_role = origin")

    def make_order(self, buyer, **changes):
        values = {
            "idempotency_key": f"key {Order.objects.count()}",
            "fingerprint": "f",
            "request": {},
            "quantity": 10,
            "quoted_cents": 1000,
            "quoted_at": self.market.now,
            "placed_at": self.market.now,
            **changes,
        }
        return Order.objects.create(buyer=buyer, **values)

    def make_sale(self, lead, number, *, claimed=True, **changes):
        leg = lead.legs.get(number=number)
        if claimed:
            Leg.objects.filter(pk=leg.pk, status="open").update(status="sold", ended_at=self.market.now)
        buyer = changes.get("buyer", self.market.buyer)
        values = {
            "order": self.order,
            "buyer": buyer,
            "leg": leg,
            "lead": lead,
            "request_id": lead.duplicate_of_id or lead.pk,
            "market": "aged",
            "span": NumericRange(number, number + 1),
            "price_cents": 220,
            "curve": self.market.curve,
            "sold_at": self.market.now,
            **changes,
        }
        return Sale.objects.create(**values)


@pytest.fixture
def shop(market):
    return Shop(market)


def attempt(name):
    def register(function):
        ATTEMPTS.setdefault(name, []).append(function)
        return function

    return register


def rows(model, row):
    return model.objects.filter(pk=row.pk)


# Sales
@attempt("sale_is_once_per_lead_and_buyer")
def lead_twice_to_one_buyer(shop):
    shop.make_sale(shop.lead, 2)


@attempt("sale_is_once_per_person_and_buyer")
def person_twice_to_one_buyer(shop):
    again = shop.market.lead(person=shop.person, age=timedelta(days=39))
    assert again.duplicate_of_id == shop.lead.pk
    shop.make_sale(again, 1)


@attempt("marketplace_sale_leg_id_key")
def leg_twice(shop):
    shop.make_sale(shop.lead, 1, buyer=shop.other)


@attempt("sale_legs_never_overlap")
def exclusive_after_another_sale(shop):
    lead = shop.market.lead()
    everything = NumericRange(1, 5)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        shop.make_sale(lead, 1, buyer=shop.other)
        shop.make_sale(lead, 2, span=everything, exclusive=True)


@attempt("sale_legs_never_overlap")
def ordinary_after_an_exclusive_sale(shop):
    lead = shop.market.lead()
    shop.make_sale(lead, 1, span=NumericRange(1, 5), exclusive=True)
    shop.make_sale(lead, 2, buyer=shop.other)


@attempt("sale_agrees_with_its_leg")
def exclusive_of_a_lead_sold_before(shop):
    shop.make_sale(shop.lead, 2, buyer=shop.other, span=NumericRange(1, 5), exclusive=True)


@attempt("sale_agrees_with_its_leg")
def exclusive_of_some_legs(shop):
    shop.make_sale(shop.market.lead(), 1, span=NumericRange(1, 4), exclusive=True)


@attempt("sale_agrees_with_its_leg")
def ordinary_of_two_legs(shop):
    shop.make_sale(shop.market.lead(), 1, span=NumericRange(1, 3))


@attempt("sale_agrees_with_its_leg")
def leg_that_is_not_sold(shop):
    shop.make_sale(shop.market.lead(), 1, claimed=False)


@attempt("sale_agrees_with_its_leg")
def leg_of_another_lead(shop):
    leg = shop.market.lead().legs.get(number=1)
    Leg.objects.filter(pk=leg.pk).update(status="sold")
    shop.make_sale(shop.market.lead(), 1, leg=leg)


@attempt("sale_agrees_with_its_leg")
def leg_of_the_other_market(shop):
    shop.make_sale(shop.market.lead(), 1, market="realtime")


@attempt("sale_agrees_with_its_leg")
def span_of_another_leg(shop):
    shop.make_sale(shop.market.lead(), 1, span=NumericRange(2, 3))


@attempt("sale_agrees_with_its_leg")
def request_of_another_person(shop):
    shop.make_sale(shop.market.lead(), 1, request_id=shop.lead.pk)


@attempt("sale_is_of_a_sellable_lead")
def lead_that_was_stopped(shop):
    lead = shop.market.lead()
    Leg.objects.filter(lead=lead, number=1).update(status="sold")
    withdraw_lead(lead, shop.market.now)
    shop.make_sale(lead, 1)


@attempt("sale_is_of_a_sellable_lead")
def vertical_closed_for_resale(shop):
    lead = shop.market.lead()
    shop.market.vertical.open_for_resale = False
    shop.market.vertical.save()
    shop.make_sale(lead, 1)


@attempt("sale_has_a_price")
def sale_for_nothing(shop):
    shop.make_sale(shop.market.lead(), 1, price_cents=0)


@attempt("sale_is_immutable")
def sale_repriced(shop):
    rows(Sale, shop.sale).update(price_cents=1)


@attempt("sale_is_immutable")
def sale_undone(shop):
    rows(Sale, shop.sale).delete()


# Orders and files
@attempt("order_key_is_used_once")
def order_key_twice(shop):
    shop.make_order(shop.market.buyer, idempotency_key=shop.order.idempotency_key)


@attempt("order_never_costs_more_than_quoted")
def order_over_its_quote(shop):
    rows(Order, shop.order).update(total_cents=1001)


@attempt("order_never_fills_more_than_asked")
def order_over_its_quantity(shop):
    rows(Order, shop.order).update(filled=11)


def make_export(shop, **changes):
    return Export.objects.create(order=shop.order, preset="plain", columns=["phone"], **changes)


@attempt("export_is_one_per_shape")
def export_twice(shop):
    make_export(shop)
    make_export(shop)


@attempt("export_part_from_1")
def export_part_zero(shop):
    make_export(shop, part=0)


@attempt("export_ready_has_its_digest")
def export_ready_without_digest(shop):
    make_export(shop, status="ready")


@attempt("download_is_immutable")
def download_reassigned(shop):
    Download.objects.create(order=shop.order, user=shop.market.user, preset="plain", format="csv", rows=1)
    Download.objects.update(user=None)


@attempt("download_is_immutable")
def download_forgotten(shop):
    Download.objects.create(order=shop.order, user=shop.market.user, preset="plain", format="csv", rows=1)
    Download.objects.all().delete()


# Curves
@attempt("curve_version_is_unique")
def curve_version_twice(shop):
    PriceCurve.objects.create(vertical=shop.market.vertical, version=1, effective_at=timezone.now())


@attempt("curve_takes_effect_alone")
def curves_at_one_instant(shop):
    PriceCurve.objects.create(vertical=shop.market.vertical, version=9, effective_at=shop.draft.effective_at)


@attempt("curve_floor_is_at_least_a_cent")
def curve_down_to_nothing(shop):
    rows(PriceCurve, shop.draft).update(floor_cents=0)


@attempt("curve_better_grades_cost_no_less")
def curve_that_likes_bad_sources(shop):
    rows(PriceCurve, shop.draft).update(grade_d=Decimal("0.9"))


@attempt("curve_multipliers_make_sense")
def curve_cheaper_exclusive(shop):
    rows(PriceCurve, shop.draft).update(exclusive=Decimal("0.9"))


@attempt("curve_in_force_is_fixed")
def curve_in_force_edited(shop):
    rows(PriceCurve, shop.market.curve).update(floor_cents=1)


@attempt("curve_in_force_is_fixed")
def draft_put_in_the_past(shop):
    rows(PriceCurve, shop.draft).update(effective_at=timezone.now() - timedelta(days=1))


@attempt("curve_is_never_deleted")
def draft_deleted(shop):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM marketplace_pricecurve WHERE id = %s", [shop.draft.pk])


@attempt("tier_in_force_is_fixed")
def tier_in_force_cheaper(shop):
    shop.market.curve.tiers.filter(from_day=0).update(cents=501)


@attempt("tier_in_force_is_fixed")
def tier_in_force_dropped(shop):
    shop.market.curve.tiers.filter(from_day=0).delete()


@attempt("tiers_only_fall")
def tier_that_rises(shop):
    PriceTier.objects.create(curve=shop.draft, from_day=500, cents=36)


@attempt("tiers_only_fall")
def tier_raised(shop):
    shop.draft.tiers.filter(from_day=8).update(cents=501)


@attempt("tier_day_is_unique")
def tier_twice(shop):
    PriceTier.objects.create(curve=shop.draft, from_day=0, cents=500)


@attempt("tier_is_at_least_a_cent")
def tier_for_nothing(shop):
    PriceTier.objects.create(curve=shop.draft, from_day=900, cents=0)


@attempt("volume_in_force_is_fixed")
def volume_in_force_changed(shop):
    shop.market.curve.volume_steps.update(multiplier=Decimal("0.5"))


@attempt("volume_quantity_is_unique")
def volume_twice(shop):
    VolumeStep.objects.create(curve=shop.draft, from_quantity=500, multiplier=Decimal("0.9"))


@attempt("volume_starts_at_two")
def volume_of_one(shop):
    VolumeStep.objects.create(curve=shop.draft, from_quantity=1, multiplier=Decimal("0.9"))


@attempt("volume_is_a_discount")
def volume_that_costs_more(shop):
    VolumeStep.objects.create(curve=shop.draft, from_quantity=900, multiplier=Decimal("1.1"))


def pending_order(shop, **changes):
    """An order awaiting a payment of $5."""
    now = shop.market.now
    buyer = changes.pop("buyer", shop.other)
    payment = Payment.objects.create(buyer=buyer, purpose="order", amount_cents=500, status="open", created_at=now)
    values = {
        "idempotency_key": "k",
        "token": "",
        "quantity": 1,
        "quoted_cents": 500,
        "created_at": now,
        "expires_at": now,
    }
    return OrderAwaitingPayment.objects.create(buyer=buyer, payment=payment, **{**values, **changes})


@attempt("pending_order_key_is_used_once")
def pending_order_under_a_used_key(shop):
    pending_order(shop)
    pending_order(shop)


@attempt("pending_order_ends_once")
def pending_order_completed_without_an_order(shop):
    rows(OrderAwaitingPayment, pending_order(shop)).update(status="completed", ended_at=shop.market.now)


@attempt("pending_order_ends_once")
def pending_order_released_with_an_order(shop):
    rows(OrderAwaitingPayment, pending_order(shop)).update(
        status="released", ended_at=shop.market.now, order=shop.order
    )


@attempt("pending_order_ends_once")
def pending_order_waiting_and_ended(shop):
    rows(OrderAwaitingPayment, pending_order(shop)).update(ended_at=shop.market.now)


@attempt("pending_order_stays_ended")
def pending_order_that_waits_again(shop):
    pending = pending_order(shop)
    rows(OrderAwaitingPayment, pending).update(status="released", ended_at=shop.market.now)
    rows(OrderAwaitingPayment, pending).update(status="waiting", ended_at=None)


@attempt("pending_order_is_never_deleted")
def pending_order_deleted(shop):
    rows(OrderAwaitingPayment, pending_order(shop)).delete()


# Large orders on their way
def placing(shop, key="key", **changes):
    values = {"buyer": shop.market.buyer, "token": "", "total": 6_000, "asked_at": shop.market.now, **changes}
    return BackgroundOrder.objects.create(idempotency_key=key, **values)


@attempt("placing_key_is_used_once")
def placing_twice_under_one_key(shop):
    placing(shop)
    placing(shop)


@attempt("placing_ends_with_an_order_or_a_reason")
def placing_done_without_an_order(shop):
    rows(BackgroundOrder, placing(shop)).update(status="done", ended_at=shop.market.now)


@attempt("placing_ends_with_an_order_or_a_reason")
def placing_refused_without_a_reason(shop):
    rows(BackgroundOrder, placing(shop)).update(status="refused", ended_at=shop.market.now)


@attempt("placing_ends_with_an_order_or_a_reason")
def placing_refused_with_an_order(shop):
    changes = {"status": "refused", "ended_at": shop.market.now, "problem": "No.", "order": shop.order}
    rows(BackgroundOrder, placing(shop)).update(**changes)


@attempt("placing_ends_with_an_order_or_a_reason")
def placing_in_work_without_a_lease(shop):
    rows(BackgroundOrder, placing(shop)).update(status="working")


@attempt("placing_stays_ended")
def placing_that_waits_again(shop):
    one = placing(shop)
    rows(BackgroundOrder, one).update(status="refused", ended_at=shop.market.now, problem="No.")
    rows(BackgroundOrder, one).update(status="waiting", ended_at=None, problem="")


@attempt("placing_is_never_deleted")
def placing_deleted(shop):
    rows(BackgroundOrder, placing(shop)).delete()


def snapshot(shop, **changes):
    now = shop.market.now
    values = {"name": uuid.uuid4().hex, "cursor": "1:1:", "started_at": now, "told_at": now, **changes}
    return InventorySnapshot.objects.create(**values)


@attempt("snapshot_one_is_built_at_once")
def two_snapshots_in_work(shop):
    snapshot(shop)
    snapshot(shop)


@attempt("snapshot_ready_has_its_digest")
def snapshot_ready_without_a_digest(shop):
    snapshot(shop, status="ready", built_at=shop.market.now)


@attempt("snapshot_tells_after_it_started")
def snapshot_told_before_it_began(shop):
    snapshot(shop, told_at=shop.market.now - timedelta(seconds=1))


@attempt("marketplace_inventorysnapshot_name_key")
def two_snapshots_of_one_name(shop):
    snapshot(shop, name="x", status="failed")
    snapshot(shop, name="x")


@attempt("sale_window_is_within_the_sources")
def sale_returnable_longer_than_the_source_allows(shop):
    days = timedelta(days=shop.market.source.return_window_days)
    shop.make_sale(shop.lead, 2, buyer=shop.other, returnable_until=shop.market.now + days)


@attempt("sale_respects_holds")
def sale_of_a_leg_held_for_another(shop):
    later = shop.market.now + timedelta(minutes=5)
    held = {"status": "held", "held_until": later, "held_for": uuid.uuid4()}
    Leg.objects.filter(pk=shop.lead.legs.get(number=2).pk).update(**held)
    Leg.objects.filter(pk=shop.lead.legs.get(number=2).pk).update(status="sold")
    shop.make_sale(shop.lead, 2, buyer=shop.other, claimed=False)


@pytest.mark.parametrize(
    ("name", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ATTEMPTS.items() for act in acts]
)
def test_the_database_refuses(shop, name, act):
    with refused_by(name):
        act(shop)


# Names that triggers raise under, or that Django gave, and the trigger that raises under other names only.
OTHER_NAMES = {
    "sale_window_is_within_the_sources",
    "sale_respects_holds",
    "marketplace_sale_leg_id_key",
    "marketplace_inventorysnapshot_name_key",
    "marketplace_return_sale_id_key",
    "sale_agrees_with_its_leg",
    "sale_is_of_a_sellable_lead",
}


def test_every_named_constraint_and_trigger_is_tried():
    tried = {*ATTEMPTS, *OF_RETURNS, *OF_STANDING} - OTHER_NAMES - OF_THE_TERMS
    assert promised_names("marketplace") - {"sale_is_of_a_sellable_leg", "standing_fill_keeps_the_terms"} == tried


def test_what_is_allowed_passes(shop):
    shop.make_sale(shop.lead, 2, buyer=shop.other)
    shop.make_sale(shop.market.lead(), 1, buyer=shop.other, span=NumericRange(1, 5), exclusive=True)
    shop.draft.tiers.filter(from_day=0).update(cents=600)
    rows(PriceCurve, shop.draft).update(note="Dearer on the first days")
    make_curve(make_market("solar").vertical)
    settle()
