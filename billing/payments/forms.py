"""How much to pay in by card."""

import uuid

from django import forms
from django.conf import settings

from billing.form_fields import DollarsField
from billing.money import dollars


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


def suggested_amounts() -> list[int]:
    """The amounts on offer, in cents, within the limits."""
    least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
    return [cents for cents in settings.TOP_UP_SUGGESTED_CENTS if least <= cents <= most]
