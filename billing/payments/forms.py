"""The form to top up by card."""

import uuid

from django import forms
from django.conf import settings

from billing.form_fields import DollarsField
from billing.money import dollars


class TopUpForm(forms.Form):
    amount = DollarsField(label="Amount in US dollars")
    keep_card = forms.BooleanField(
        required=False,
        label="Save this card for later",
        help_text="Stripe stores it; we never see the number. Automatic top-up needs a saved card."
        " You can remove it at any time.",
    )
    key = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def clean_amount(self) -> int:
        cents: int = self.cleaned_data["amount"]
        least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
        if cents < least:
            raise forms.ValidationError(f"Enter at least {dollars(least)}.")
        if cents > most:
            raise forms.ValidationError(f"Enter at most {dollars(most)}.")
        return cents

    def clean_key(self) -> str:
        """Return the form's key: one form makes one payment, however often it is sent."""
        key: str = self.cleaned_data["key"]
        return key if key and key.isprintable() else uuid.uuid4().hex


def suggested_amounts() -> list[int]:
    """Return the suggested amounts in cents, within the limits."""
    least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
    return [cents for cents in settings.TOP_UP_SUGGESTED_CENTS if least <= cents <= most]
