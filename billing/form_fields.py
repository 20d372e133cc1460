"""Form fields that several features use."""

from typing import Any

from django import forms

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
