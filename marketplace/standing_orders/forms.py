"""The form for a standing order's terms. Amounts are typed in dollars."""

from typing import Any

from django import forms

from billing.money import typed
from billing.payments.forms import DollarsField
from buyers.form_fields import OneLineField
from buyers.models import StandingOrder
from buyers.models.standing_order import CAPS, EVERY_DAY, TIME_ZONES
from marketplace.standing_orders.terms import LONGEST_NAME, StandingOrderTerms, TermsRefused, check_terms

DAYS = list(zip(EVERY_DAY, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], strict=True))
AROUND_THE_CLOCK = ("", "Any hour")
# The form's names for the terms that have another name there.
NAMED = {"max_price_cents": "max_price", "budget_cents": "budget"}


def clock(hour: int) -> str:
    """Return an hour as text: ``5 pm`` for 17. Both 0 and 24 are midnight."""
    return "midnight" if hour in (0, 24) else "noon" if hour == 12 else f"{hour % 12} {'am' if hour < 12 else 'pm'}"


def _hours(first: int) -> list[tuple[str | int, str]]:
    return [AROUND_THE_CLOCK, *((hour, clock(hour)) for hour in range(first, first + 24))]


def _hour(label: str, *, first: int) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, choices=_hours(first), coerce=int, empty_value=None, required=False)


def _cap(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"})
    )


class TermsForm(forms.Form):
    """The fields of both kinds. ``check_terms`` validates them, and its messages appear beside the fields."""

    kind: str
    name = OneLineField(label="Name", max_length=LONGEST_NAME, help_text="Shown in your lists and alerts.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                check_terms(self.terms, self.kind)
            except TermsRefused as refusal:
                self.add_error(NAMED.get(refusal.field, refusal.field), refusal.message)
        return cleaned

    @property
    def terms(self) -> StandingOrderTerms:
        return StandingOrderTerms(self.cleaned_data["name"])


class SearchForm(TermsForm):
    kind = StandingOrder.Kind.ALERT


class BuyForm(TermsForm):
    kind = StandingOrder.Kind.BUY

    max_price = DollarsField(
        label="Max price per lead", help_text="In US dollars. We buy a lead once its price drops to this or lower."
    )
    sort = forms.ChoiceField(label="Buy first", choices=StandingOrder.Sort.choices, initial="newest")
    exclusive = forms.BooleanField(
        label="Exclusive leads only",
        required=False,
        help_text="Leads nobody has bought yet, and nobody else can buy after you. They cost more.",
    )
    hourly_cap = _cap("Max leads per hour")
    daily_cap = _cap("Max leads per day")
    weekly_cap = _cap("Max leads per week")
    total_cap = _cap("Max leads in total")
    budget = DollarsField(label="Total budget", required=False, help_text="In US dollars.")
    from_hour = _hour("Start buying at", first=0)
    to_hour = _hour("Stop buying at", first=1)
    weekdays = forms.TypedMultipleChoiceField(
        label="Days", choices=DAYS, coerce=int, initial=EVERY_DAY, widget=forms.CheckboxSelectMultiple
    )
    time_zone = forms.ChoiceField(label="Time zone", choices=list(TIME_ZONES.items()))

    @property
    def terms(self) -> StandingOrderTerms:
        said = self.cleaned_data
        return StandingOrderTerms(
            name=said["name"],
            max_price_cents=said["max_price"],
            **{name: said[name] for name in CAPS},
            budget_cents=said["budget"],
            from_hour=said["from_hour"],
            to_hour=said["to_hour"],
            weekdays=tuple(said["weekdays"]),
            time_zone=said["time_zone"],
            exclusive=said["exclusive"],
            sort=said["sort"],
        )


def form_of(kind: str) -> type[TermsForm]:
    return BuyForm if kind == StandingOrder.Kind.BUY else SearchForm


def initial_of(order: StandingOrder) -> dict[str, Any]:
    """Return the order's terms as initial values of its form."""
    plain = ("name", "sort", "exclusive", *CAPS, "from_hour", "to_hour", "weekdays", "time_zone")
    amounts = {"max_price": order.max_price_cents, "budget": order.budget_cents}
    return {
        **{name: getattr(order, name) for name in plain},
        **{name: typed(cents) for name, cents in amounts.items() if cents is not None},
    }
