"""The shapes of what the API returns, field by field; what is not named here does not leave."""

import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.models import Transaction
from leads.criteria.clauses import CLAUSE_KINDS
from leads.criteria.common_fields import PROOF
from leads.models import Lead, Leg
from leads.models.consent import Channel
from leads.models.lead import PhoneType
from leads.models.leg import ClosedReason, LegStatus, Market
from leads.models.source import Grade, SourceKind
from leads.schema.fields import FieldType
from leads.schema.labels import shown_answers
from marketplace.api.errors import STATUS_OF_ORDER
from marketplace.api.strict import OneOfThese
from marketplace.inventory.small_counts import SMALLEST_SHOWN
from marketplace.models import BackgroundOrder, Order
from marketplace.orders.receipts import REASONS, lines_of
from marketplace.storefront.unknowns import unknowns_of

COUNT = {
    "oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "enum": [f"<{SMALLEST_SHOWN}"]}],
    "description": f"A whole number, or “<{SMALLEST_SHOWN}” for one to four.",
    "example": 1840,
}
PRICE_RANGE = {
    "type": "object",
    "properties": {
        "lowest_cents": {"type": "integer", "nullable": True, "example": 35},
        "highest_cents": {"type": "integer", "nullable": True, "example": 500},
    },
    "required": ["lowest_cents", "highest_cents"],
    "description": "Of one lead; null when there is none.",
}


@extend_schema_field(COUNT)
class CountField(serializers.Field):
    def to_representation(self, value: int | str) -> int | str:
        return value


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="What went wrong, for programs.")
    message = serializers.CharField(help_text="The same in a sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Sentences by what is invalid, such as “criteria[0]”; often empty.",
    )


@extend_schema_field(PRICE_RANGE)
class PriceRangeField(serializers.DictField):
    child = serializers.IntegerField(allow_null=True)


class FieldSerializer(serializers.Serializer[Any]):
    """A question that the vertical's forms ask."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    type = OneOfThese(FieldType.values)
    choices = serializers.DictField(child=serializers.CharField(), help_text="Values and their labels.")
    unit = serializers.CharField()
    filterable = serializers.BooleanField(source="can_filter")
    shown_before_sale = serializers.BooleanField()


class FilterSerializer(serializers.Serializer[Any]):
    """One way to filter leads, in a query string and in a clause of criteria."""

    field = serializers.CharField(source="filter_field.name", help_text="The clause's “field”.")
    label = serializers.CharField(source="filter_field.label")  # type: ignore[assignment]
    kind = OneOfThese(
        list(CLAUSE_KINDS),
        source="filter_field.kind",
        help_text="What its clause has: “in” (any of), “has” (all of), “min” and “max” for span, “is” (true or false),"
        " “zip” and “miles” for near.",
    )
    parameters = serializers.ListField(child=serializers.CharField(), help_text="Its names in a query string.")
    choices = serializers.DictField(source="filter_field.choices", child=serializers.CharField(), allow_null=True)
    unit = serializers.CharField(source="filter_field.unit")


class VerticalSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    open_for_resale = serializers.BooleanField()
    stock = CountField()
    price = PriceRangeField()
    fields = FieldSerializer(many=True)  # type: ignore[assignment]
    filters = FilterSerializer(many=True)


class VerticalsSerializer(serializers.Serializer[Any]):
    results = VerticalSerializer(many=True)


class SourceSerializer(serializers.Serializer[Any]):
    legal_name = serializers.CharField()
    site = serializers.SerializerMethodField(help_text="Null if the supplier masks it or has none.")
    masked = serializers.BooleanField(source="site_masked")
    kind = OneOfThese(SourceKind.values)
    grade = OneOfThese(Grade.values)
    incentive = serializers.BooleanField(help_text="Incentivized: people got a reward for filling in the form.")

    def get_site(self, source: Any) -> str | None:
        return None if source.site_masked else source.site or None


class LegsSerializer(serializers.Serializer[Any]):
    authorized = serializers.IntegerField(source="legs_authorized")
    sold = serializers.IntegerField(source="times_sold", help_text="Sold by us, or by others before us.")
    left = serializers.IntegerField(source="legs_left")


class ListingSerializer(serializers.Serializer[Any]):
    """A lead as it may be shown before it is sold."""  # context: ``now``, and ``schema``, the vertical's fields

    id = serializers.UUIDField(source="public_id")
    vertical = serializers.CharField(source="vertical.slug")
    age_days = serializers.SerializerMethodField()
    state = serializers.CharField()
    area = serializers.CharField(help_text="The first three digits of the ZIP, such as 454xx; empty if unknown.")
    phone_type = OneOfThese(PhoneType.values)
    attributes = serializers.SerializerMethodField(help_text="Answers in words; amounts as bands.")
    source = SourceSerializer()  # type: ignore[assignment]
    legs = LegsSerializer(source="*")
    proof = serializers.SerializerMethodField(help_text="Whether a recording of the form is kept.")
    channels = serializers.ListField(source="consent.text.channels", child=OneOfThese(Channel.values))
    price_cents = serializers.IntegerField(allow_null=True)

    def get_age_days(self, lead: Lead) -> int:
        return lead.age_days(self.context["now"])

    def get_attributes(self, lead: Lead) -> dict[str, str]:
        return {answer.name: answer.text for answer in shown_answers(lead.attributes, self.context["schema"])}

    @extend_schema_field(OneOfThese(list(PROOF)))
    def get_proof(self, lead: Lead) -> str:
        return lead.consent.proof_state(self.context["now"])


class LegSerializer(serializers.Serializer[Leg]):
    """One of the companies that may call, and what happened to its leg."""

    number = serializers.IntegerField()
    market = OneOfThese(Market.values)
    status = OneOfThese(LegStatus.values)
    closed_reason = OneOfThese(ClosedReason.values, allow_blank=True, help_text="Empty unless closed.")
    counts_as_sold = serializers.BooleanField()
    date = serializers.SerializerMethodField(help_text="When it was sold or closed, if known.")

    def get_date(self, leg: Leg) -> datetime.date | None:
        return leg.ended_at.date() if leg.ended_at else None


class ConsentSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(source="text.version")
    wording = serializers.CharField(source="text.wording")
    sha256 = serializers.CharField(source="text.sha256", help_text="Of the wording.")
    most_companies = serializers.IntegerField(source="text.most_companies")
    retained_until = serializers.DateField(allow_null=True, help_text="How long a recording of the form is kept.")


class CardSerializer(ListingSerializer):
    """The provenance card. “price_cents” is null if the lead is no longer for sale to you."""

    price_cents = serializers.SerializerMethodField()  # type: ignore[assignment]
    consent = ConsentSerializer()
    ledger = LegSerializer(many=True, source="legs.all")
    unknown = serializers.SerializerMethodField(help_text="What we do not know, in sentences.")
    bought = serializers.SerializerMethodField(help_text="Whether your company bought it.")
    stopped = serializers.SerializerMethodField(help_text="Whether the person opted out: nobody may call anymore.")

    def get_price_cents(self, lead: Lead) -> int | None:
        cents: int | None = self.context["price_cents"]
        return cents

    def get_unknown(self, lead: Lead) -> list[str]:
        return list(unknowns_of(lead))

    def get_bought(self, lead: Lead) -> bool:
        return bool(self.context["bought"])

    def get_stopped(self, lead: Lead) -> bool:
        return lead.withdrawn_at is not None


class QuoteLineSerializer(serializers.Serializer[Any]):
    quantity = serializers.IntegerField()
    unit_cents = serializers.IntegerField()
    amount_cents = serializers.IntegerField()
    youngest_days = serializers.IntegerField()
    oldest_days = serializers.IntegerField()
    lead = serializers.UUIDField(allow_null=True, help_text="Null unless you named the leads.")


class UnavailableSerializer(serializers.Serializer[Any]):
    lead = serializers.UUIDField()
    reason = OneOfThese(list(REASONS))


class QuoteSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="Send it with the order; it works for your company only.")
    quantity = serializers.IntegerField(help_text="May be less than you asked for; 0 cannot be ordered.")
    total_cents = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    lines = QuoteLineSerializer(many=True)
    unavailable = UnavailableSerializer(many=True)


class RefusedSerializer(serializers.Serializer[Any]):
    lead = serializers.UUIDField(allow_null=True, help_text="Null unless you named the leads: see “quantity”.")
    reason = OneOfThese(list(REASONS))
    quantity = serializers.IntegerField(required=False)


class OrderSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    number = serializers.CharField(help_text="The short name on receipts and files.")
    status = OneOfThese(Order.Status.values)
    quantity = serializers.IntegerField(help_text="Leads quoted.")
    filled = serializers.IntegerField(help_text="Leads sold.")
    replaced = serializers.IntegerField(help_text="Leads of the quote that were sold meanwhile and replaced.")
    refused = RefusedSerializer(many=True)
    quoted_cents = serializers.IntegerField()
    total_cents = serializers.IntegerField()
    placed_at = serializers.DateTimeField()


class OrderLineSerializer(serializers.Serializer[Any]):
    vertical = serializers.CharField(help_text="The vertical's name.")
    exclusive = serializers.BooleanField()
    quantity = serializers.IntegerField()
    unit_cents = serializers.IntegerField()
    amount_cents = serializers.IntegerField()


class PlacedOrderSerializer(OrderSerializer):
    lines = serializers.SerializerMethodField(help_text="What was sold, by price. It adds up to the total.")

    @extend_schema_field(OrderLineSerializer(many=True))
    def get_lines(self, order: Order) -> Any:
        return OrderLineSerializer(lines_of(order), many=True).data


class BackgroundOrderSerializer(serializers.Serializer[Any]):
    """A large order in progress."""

    id = serializers.UUIDField(
        source="public_id", help_text="The id of this background order, not of the order it becomes."
    )
    status = OneOfThese(BackgroundOrder.Status.values)
    done = serializers.IntegerField(help_text="Leads bought so far; final once the status is “done”.")
    total = serializers.IntegerField(help_text="Leads quoted.")
    order = serializers.UUIDField(source="order.public_id", allow_null=True, help_text="The order, once it is done.")
    code = OneOfThese(
        [*STATUS_OF_ORDER, "not_enough_money", "bad_quote"], allow_blank=True, help_text="Why it was refused, or empty."
    )
    message = serializers.CharField(source="problem", help_text="The same in a sentence.")


class WalletEntrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(source="transaction.posted_at")
    kind = OneOfThese(Transaction.Kind.values, source="transaction.kind")
    cents = serializers.IntegerField(help_text="Negative if money went out.")
    reference = serializers.CharField(source="transaction.reference", help_text="For an order, its id.")
    memo = serializers.CharField(source="transaction.memo")


class WalletSerializer(serializers.Serializer[Any]):
    balance_cents = serializers.IntegerField()
    entries = WalletEntrySerializer(many=True, help_text="The last twenty, newest first.")


class ManifestSerializer(serializers.Serializer[Any]):
    rows = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
