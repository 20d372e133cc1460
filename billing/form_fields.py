"""Form fields that several features share."""

from typing import Any

from django import forms

DIGITS = {"max_digits": 10, "decimal_places": 2}
NO_AMOUNT = {
    "required": "Enter an amount.",
    "invalid": "Enter an amount in dollars, such as 250 or 99.50.",
    "max_decimal_places": "Enter dollars and cents, with at most two decimal places.",
    "max_digits": "Enter a smaller amount.",
    "max_whole_digits": "Enter a smaller amount.",
}


class DollarsField(forms.DecimalField):
    """An amount typed in dollars, cleaned to whole cents; a dollar sign, commas and spaces are ignored."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"error_messages": NO_AMOUNT, **DIGITS, **kwargs})

    def to_python(self, value: Any) -> Any:
        return super().to_python(str(value).strip().removeprefix("$").replace(",", "") if value else value)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        return None if cleaned is None else int(cleaned * 100)
