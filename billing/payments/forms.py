"""What people say about money: how much, from when to when, and under which terms. Amounts are typed in dollars."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator

from billing.auto_topup.charges import AutomaticRefused, Terms, check_terms
from billing.money import dollars
from billing.statements import Period

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
FIRST_INSTANT, LAST_INSTANT = datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)
DIGITS = {"max_digits": 10, "decimal_places": 2}
NO_AMOUNT = {
    "required": "Say how much.",
    "invalid": "An amount in dollars, as in 250 or 99.50.",
    "max_decimal_places": "Dollars and cents: at most two places after the point.",
    "max_digits": "That is more than we can take.",
    "max_whole_digits": "That is more than we can take.",
}


class DollarsField(forms.DecimalField):
    """Typed in dollars, cleaned to whole cents; what people write around an amount is let be."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"error_messages": NO_AMOUNT, **DIGITS, **kwargs})

    def to_python(self, value: Any) -> Any:
        return super().to_python(str(value).strip().removeprefix("$").replace(",", "") if value else value)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        return None if cleaned is None else int(cleaned * 100)


class TopUpForm(forms.Form):
    amount = DollarsField(label="Amount in US dollars")
    keep_card = forms.BooleanField(
        required=False,
        label="Keep this card for later",
        help_text="Stripe keeps it; its number never reaches us. You need it for automatic top-up, and can remove it at"
        " any time.",
    )
    key = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
        if cents < least:
            raise forms.ValidationError(f"The smallest top-up is {dollars(least)}.")
        if cents > most:
            raise forms.ValidationError(f"The largest top-up is {dollars(most)} at a time.")
        return cents

    def clean_key(self) -> str:
        """One form is one payment, however often it is sent."""
        key: str = self.cleaned_data["key"]
        return key if key and key.isprintable() else uuid.uuid4().hex


class AutomaticForm(forms.Form):
    threshold = DollarsField(label="When the wallet holds less than", help_text="US dollars.")
    amount = DollarsField(label="Charge each time", help_text="US dollars.")
    daily_ceiling = DollarsField(label="At most a day", help_text="US dollars. Days are UTC.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                check_terms(self.terms)
            except AutomaticRefused as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return cleaned

    @property
    def terms(self) -> Terms:
        said = self.cleaned_data
        return Terms(said["threshold"], said["amount"], said["daily_ceiling"])


class PeriodForm(forms.Form):
    """The days of a statement."""

    first = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if not all(FIRST_DAY <= day <= LAST_DAY for day in (first, last) if day):
            raise forms.ValidationError("We have no books of that time.")
        if first and last and first > last:
            raise forms.ValidationError("The first day comes before the last one.")
        return cleaned

    @property
    def period(self) -> Period:
        return Period(self.cleaned_data.get("first"), self.cleaned_data.get("last"))


class InstantForm(forms.Form):
    """An instant to know the balance of, in UTC."""

    at = forms.DateTimeField(
        label="Balance on, UTC",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        validators=[MinValueValidator(FIRST_INSTANT), MaxValueValidator(LAST_INSTANT)],
    )
