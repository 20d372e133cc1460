"""Forms for the days of a statement and for the balance at a given time."""

from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from billing.statements import Period

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
FIRST_INSTANT, LAST_INSTANT = datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)


class PeriodForm(forms.Form):
    """The days of a statement."""

    first = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if not all(FIRST_DAY <= day <= LAST_DAY for day in (first, last) if day):
            raise forms.ValidationError("Enter dates from 2000 to 2199.")
        if first and last and first > last:
            raise forms.ValidationError("Enter a start date on or before the end date.")
        return cleaned

    @property
    def period(self) -> Period:
        return Period(self.cleaned_data.get("first"), self.cleaned_data.get("last"))


class InstantForm(forms.Form):
    """A date and time, in UTC, to show the balance of."""

    at = forms.DateTimeField(
        label="Date and time, UTC",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        validators=[MinValueValidator(FIRST_INSTANT), MaxValueValidator(LAST_INSTANT)],
    )
