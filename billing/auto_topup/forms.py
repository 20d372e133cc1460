"""The form for the terms of automatic top-up. Amounts are typed in dollars."""

from typing import Any

from django import forms

from billing.auto_topup.consent import AutomaticRefused, AutoTopUpTerms, check_terms
from billing.form_fields import DollarsField


class AutomaticForm(forms.Form):
    threshold = DollarsField(label="When the balance is below", help_text="US dollars.")
    amount = DollarsField(label="Charge this amount", help_text="US dollars.")
    daily_ceiling = DollarsField(label="Daily limit", help_text="US dollars. Days are in UTC.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                check_terms(self.terms)
            except AutomaticRefused as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
        return cleaned

    @property
    def terms(self) -> AutoTopUpTerms:
        said = self.cleaned_data
        return AutoTopUpTerms(said["threshold"], said["amount"], said["daily_ceiling"])
