"""The shapes of what the API takes and answers, field by field; what is not named here does not leave."""

import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leads.models import Lead, Leg
from leads.schema.labels import shown_answers
from marketplace.inventory.masking import SMALL
from marketplace.models import Order
from marketplace.orders.receipts import lines_of
from marketplace.orders.request import MOST_LEADS
from marketplace.storefront.unknowns import unknowns_of

COUNT = {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "enum": [f"<{SMALL}"]}]}


@extend_schema_field(COUNT)
class CountField(serializers.Field):
    """A whole number, or “<5” for one to four."""

    def to_representation(self, value: int | str) -> int | str:
        return value


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="A sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), help_text="Sentences by the name of what is wrong."
    )


class PriceRangeSerializer(serializers.Serializer[Any]):
    lowest_cents = serializers.IntegerField(allow_null=True)
    highest_cents = serializers.IntegerField(allow_null=True)


class FieldSerializer(serializers.Serializer[Any]):
    """A question that the vertical's forms ask."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    type = serializers.CharField(help_text="choice, choices, number, money, flag, date, text or range.")
    choices = serializers.DictField(child=serializers.CharField(), help_text="Values and their labels.")
    unit = serializers.CharField()
    filterable = serializers.BooleanField(source="can_filter")
    shown_before_sale = serializers.BooleanField()


class FilterSerializer(serializers.Serializer[Any]):
    """One thing that can be asked of a lead: in a query string, and as a clause of criteria."""

    field = serializers.CharField(source="want.name", help_text="The clause's “field”.")
    label = serializers.CharField(source="want.label")  # type: ignore[assignment]
    kind = serializers.CharField(
        source="want.kind",
        help_text="How a clause says it: in (any of), has (all of), span (min, max), is (a flag), near (zip, miles).",
    )
    parameters = serializers.ListField(child=serializers.CharField(), help_text="Names in a query string.")
    choices = serializers.DictField(source="want.choices", child=serializers.CharField(), allow_null=True)
    unit = serializers.CharField(source="want.unit")


class VerticalSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    open_for_resale = serializers.BooleanField()
    stock = CountField()
    price = PriceRangeSerializer()
    fields = FieldSerializer(many=True)  # type: ignore[assignment]
    filters = FilterSerializer(many=True)


class VerticalsSerializer(serializers.Serializer[Any]):
    results = VerticalSerializer(many=True)


class SourceSerializer(serializers.Serializer[Any]):
    legal_name = serializers.CharField()
    site = serializers.SerializerMethodField(help_text="Null when the supplier masks it, or has none.")
    masked = serializers.BooleanField(source="site_masked")
    kind = serializers.CharField()
    grade = serializers.CharField()
    incentive = serializers.BooleanField(help_text="People got a reward for asking.")

    def get_site(self, source: Any) -> str | None:
        return None if source.site_masked else source.site or None


class LegsSerializer(serializers.Serializer[Any]):
    authorized = serializers.IntegerField(source="legs_authorized")
    sold = serializers.IntegerField(source="times_sold", help_text="By us or by others before us.")
    left = serializers.IntegerField(source="legs_left")


class ListingSerializer(serializers.Serializer[Lead]):
    """A lead as it may be read before it is sold. Context: ``now``, and ``schema``, the vertical's fields."""

    id = serializers.UUIDField(source="public_id")
    vertical = serializers.CharField(source="vertical.slug")
    age_days = serializers.SerializerMethodField()
    state = serializers.CharField()
    area = serializers.CharField(help_text="The first three digits of the ZIP, as in 454xx; empty when not known.")
    phone_type = serializers.CharField()
    attributes = serializers.SerializerMethodField(help_text="Answers in words; amounts as bands.")
    source = SourceSerializer()  # type: ignore[assignment]
    legs = LegsSerializer(source="*")
    proof = serializers.SerializerMethodField(help_text="retained, lapsing, lapsed or none.")
    channels = serializers.ListField(source="consent.text.channels", child=serializers.CharField())
    price_cents = serializers.IntegerField(allow_null=True)

    def get_age_days(self, lead: Lead) -> int:
        return lead.age_days(self.context["now"])

    def get_attributes(self, lead: Lead) -> dict[str, str]:
        return {answer.name: answer.text for answer in shown_answers(lead.attributes, self.context["schema"])}

    def get_proof(self, lead: Lead) -> str:
        return lead.consent.proof_state(self.context["now"])


class LegSerializer(serializers.Serializer[Leg]):
    """One line of the legs ledger: a company that may call, or might have."""

    number = serializers.IntegerField()
    market = serializers.CharField()
    status = serializers.CharField()
    closed_reason = serializers.CharField(help_text="Empty unless closed.")
    counts_as_sold = serializers.BooleanField()
    date = serializers.SerializerMethodField(help_text="When it was sold or closed, where we know.")

    def get_date(self, leg: Leg) -> datetime.date | None:
        return leg.ended_at.date() if leg.ended_at else None


class ConsentSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(source="text.version")
    wording = serializers.CharField(source="text.wording")
    sha256 = serializers.CharField(source="text.sha256", help_text="Of the wording.")
    most_companies = serializers.IntegerField(source="text.most_companies")
    retained_until = serializers.DateField(allow_null=True, help_text="Until when a recording of the form is kept.")


class CardSerializer(ListingSerializer):
    """The provenance card. ``price_cents`` is null when the lead is no longer for sale to this buyer."""

    consent = ConsentSerializer()
    ledger = LegSerializer(many=True, source="legs.all")
    unknown = serializers.SerializerMethodField(help_text="What we do not know, in sentences.")
    bought = serializers.SerializerMethodField(help_text="Whether your company bought it.")
    stopped = serializers.SerializerMethodField(help_text="Whether the person stopped it: nobody may call any more.")

    def get_unknown(self, lead: Lead) -> list[str]:
        return list(unknowns_of(lead))

    def get_bought(self, lead: Lead) -> bool:
        return bool(self.context["bought"])

    def get_stopped(self, lead: Lead) -> bool:
        return lead.withdrawn_at is not None


class ListingsSerializer(serializers.Serializer[Any]):
    count = CountField()
    facets = serializers.DictField(
        child=serializers.ListField(child=serializers.DictField()),
        help_text="By field: {value, label, count} of choices, {from, to, count} of amounts and ages.",
    )
    price = PriceRangeSerializer()
    results = ListingSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class QuoteRequestSerializer(serializers.Serializer[Any]):
    """Either so many of what criteria select, or leads by their ids."""

    vertical = serializers.SlugField(required=False)
    criteria = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="Clauses, all of which must hold; none is anything."
    )
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=MOST_LEADS)
    sort = serializers.CharField(required=False, help_text="newest (if nothing is said), oldest or cheapest.")
    max_price_cents = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    leads = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    exclusive = serializers.BooleanField(required=False, help_text="Only leads nobody bought, for you alone.")


class QuoteLineSerializer(serializers.Serializer[Any]):
    quantity = serializers.IntegerField()
    unit_cents = serializers.IntegerField()
    amount_cents = serializers.IntegerField()
    youngest_days = serializers.IntegerField()
    oldest_days = serializers.IntegerField()
    lead = serializers.UUIDField(allow_null=True, help_text="Only in a quote for named leads.")


class UnavailableSerializer(serializers.Serializer[Any]):
    lead = serializers.UUIDField()
    reason = serializers.CharField(
        help_text="held, own_customer, same_person, sold_out, being_paid, not_exclusive, unknown or no_price."
    )


class QuoteSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="What an order takes; good for your company only.")
    quantity = serializers.IntegerField(help_text="May be less than asked for; 0 cannot be ordered.")
    total_cents = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    lines = QuoteLineSerializer(many=True)
    unavailable = UnavailableSerializer(many=True)


class OrderRequestSerializer(serializers.Serializer[Any]):
    quote = serializers.CharField(help_text="A quote's token.")
    allow_partial = serializers.BooleanField(
        required=False, help_text="Take what is left if some of it was sold meanwhile; otherwise all or nothing."
    )


class RefusedSerializer(serializers.Serializer[Any]):
    lead = serializers.UUIDField(allow_null=True, help_text="Null when none was named: see “quantity”.")
    reason = serializers.CharField()
    quantity = serializers.IntegerField(required=False)


class OrderSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    number = serializers.CharField(help_text="The short name on receipts and files.")
    status = serializers.CharField(help_text="filled or partial.")
    quantity = serializers.IntegerField(help_text="Leads quoted.")
    filled = serializers.IntegerField(help_text="Leads sold.")
    replaced = serializers.IntegerField(
        help_text="Leads of the quote that were gone by then; the next best came instead."
    )
    refused = RefusedSerializer(many=True)
    quoted_cents = serializers.IntegerField()
    total_cents = serializers.IntegerField()
    placed_at = serializers.DateTimeField()


class OrderLineSerializer(serializers.Serializer[Any]):
    vertical = serializers.CharField(help_text="Its name.")
    exclusive = serializers.BooleanField()
    quantity = serializers.IntegerField()
    unit_cents = serializers.IntegerField()
    amount_cents = serializers.IntegerField()


class PlacedOrderSerializer(OrderSerializer):
    lines = serializers.SerializerMethodField(help_text="What was sold, by price; adds up to the total.")

    @extend_schema_field(OrderLineSerializer(many=True))
    def get_lines(self, order: Order) -> Any:
        return OrderLineSerializer(lines_of(order), many=True).data


class PlacingSerializer(serializers.Serializer[Any]):
    """A large order on its way."""

    id = serializers.UUIDField(
        source="public_id", help_text="The id of this background order, not of the order it becomes."
    )
    status = serializers.CharField(help_text="waiting, working, done or refused.")
    done = serializers.IntegerField(help_text="Leads sold so far; counts only once the status is done.")
    total = serializers.IntegerField(help_text="Leads quoted.")
    order = serializers.UUIDField(source="order.public_id", allow_null=True, help_text="The order, once it is done.")
    code = serializers.CharField(help_text="Why it was refused, as an order's refusal says it; else empty.")
    message = serializers.CharField(source="problem", help_text="The same in a sentence.")


class OrdersSerializer(serializers.Serializer[Any]):
    results = OrderSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class WalletEntrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(source="transaction.posted_at")
    kind = serializers.CharField(source="transaction.kind")
    cents = serializers.IntegerField(help_text="Negative when money went out.")
    reference = serializers.CharField(source="transaction.reference", help_text="For an order, its id.")
    memo = serializers.CharField(source="transaction.memo")


class WalletSerializer(serializers.Serializer[Any]):
    balance_cents = serializers.IntegerField()
    entries = WalletEntrySerializer(many=True, help_text="The last twenty, newest first.")


class ManifestSerializer(serializers.Serializer[Any]):
    rows = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
