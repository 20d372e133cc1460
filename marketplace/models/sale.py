"""Sales: one leg each, sold to one buyer in an order. A sale is the only proof of that, and is never undone."""

from datetime import datetime

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.db import models
from django.db.models import Q

from leads.models import Market
from marketplace.models.order import Order


class SaleQuerySet(models.QuerySet["Sale"]):
    def of_buyer(self, buyer_id: int) -> "SaleQuerySet":
        return self.filter(buyer_id=buyer_id)

    def of_withdrawn_leads(self) -> "SaleQuerySet":
        """Sales of people who have since opted out: later files leave out their rows."""
        return self.filter(lead__withdrawn_at__isnull=False)

    def returnable(self, now: datetime) -> "SaleQuerySet":
        """Sales that can still be returned and have not been."""
        return self.filter(returnable_until__gte=now, returned=None)


class Sale(models.Model):
    """A leg sold to a buyer. ``span`` is the range of legs it takes: one, or all of them if exclusive."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="sales")
    leg = models.OneToOneField("leads.Leg", on_delete=models.PROTECT, related_name="sale")
    lead = models.ForeignKey("leads.Lead", on_delete=models.PROTECT, related_name="sales")
    request = models.ForeignKey(
        "leads.Lead",
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The first lead of the same person's request.",
    )
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.PROTECT, related_name="sales", db_index=False)
    market = models.CharField(max_length=8, choices=Market)
    span = IntegerRangeField()
    exclusive = models.BooleanField(default=False)
    price_cents = models.PositiveIntegerField()
    curve = models.ForeignKey("marketplace.PriceCurve", on_delete=models.PROTECT, related_name="sales")
    sold_at = models.DateTimeField()
    sold_before = models.PositiveSmallIntegerField(
        editable=False,
        db_default=0,
        help_text="How often the lead was sold before, by us or others. Written by a trigger.",
    )
    returnable_until = models.DateTimeField(
        null=True, help_text="The lead can be returned until then; always within the source's own window."
    )

    objects = SaleQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "buyer"], name="sale_is_once_per_lead_and_buyer"),
            models.UniqueConstraint(fields=["request", "buyer"], name="sale_is_once_per_person_and_buyer"),
            ExclusionConstraint(
                name="sale_legs_never_overlap",
                expressions=[("lead", RangeOperators.EQUAL), ("span", RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(condition=Q(price_cents__gte=1), name="sale_has_a_price"),
        ]
        triggers = [
            pgtrigger.Protect(name="sale_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="sale_is_of_a_sellable_leg",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                declare=[
                    ("leg", "leads_leg"),
                    ("lead", "leads_lead"),
                    ("resale", "boolean"),
                    ("holder", "uuid"),
                    ("window_days", "integer"),
                ],
                func="""
                    SELECT * INTO lead FROM leads_lead WHERE id = NEW.lead_id;
                    SELECT * INTO leg FROM leads_leg WHERE id = NEW.leg_id;
                    SELECT open_for_resale INTO resale FROM leads_vertical WHERE id = lead.vertical_id;
                    SELECT return_window_days INTO window_days FROM leads_source WHERE id = lead.source_id;
                    SELECT public_id INTO holder FROM marketplace_order WHERE id = NEW.order_id;
                    IF leg.lead_id <> NEW.lead_id OR leg.status <> 'sold' OR leg.market <> NEW.market
                        OR NEW.request_id <> coalesce(lead.duplicate_of_id, lead.id) OR NOT NEW.span @> leg.number::int
                        OR upper(NEW.span) > lead.legs_authorized + 1
                        OR (NEW.exclusive AND lead.times_sold > 1)
                        OR (NEW.exclusive AND NEW.span <> int4range(1, lead.legs_authorized + 1))
                        OR (NOT NEW.exclusive AND NEW.span <> int4range(leg.number, leg.number + 1)) THEN
                        RAISE EXCEPTION 'the sale does not match its leg'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_agrees_with_its_leg';
                    END IF;
                    IF lead.withdrawn_at IS NOT NULL OR (NEW.market = 'aged' AND NOT resale) THEN
                        RAISE EXCEPTION 'this lead is not for sale'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_is_of_a_sellable_lead';
                    END IF;
                    IF leg.held_until > NEW.sold_at AND leg.held_for <> holder THEN
                        RAISE EXCEPTION 'this leg is held for another order'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_respects_holds';
                    END IF;
                    IF NEW.returnable_until >= NEW.sold_at + make_interval(days => window_days) THEN
                        RAISE EXCEPTION 'the buyer''s return window must end before ours'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'sale_window_is_within_the_sources';
                    END IF;
                    NEW.sold_before := lead.times_sold - 1;  -- its own leg is counted
                    RETURN NEW;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["order", "id"], name="sale_by_order"),
            models.Index(fields=["buyer", "id"], name="sale_by_buyer"),
            models.Index(fields=["sold_at"], name="sale_by_instant"),
        ]

    def __str__(self) -> str:
        return f"sale of leg {self.leg_id}"
